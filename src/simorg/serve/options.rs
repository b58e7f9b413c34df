//! What can be chosen.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    model::OrgId,
    simorg::{
        company::CompanyOptions,
        faults::Rule,
        host::Log,
        state::{Feature, Limits, OrgKind},
    },
};

/// Options of a simulated org.
#[derive(Clone)]
pub struct Options {
    /// Projects to load: folders or zips; the fixture company where there is none.
    pub load: Vec<PathBuf>,
    /// Port; 0 for any.
    pub port: u16,
    /// File with a list of users.
    pub users: Option<PathBuf>,
    /// Shortest and longest time by which each answer is late.
    pub latency: (Duration, Duration),
    /// Faults.
    pub faults: Vec<Rule>,
    /// Seed of the noise; none for an org that answers the same each time.
    pub noise: Option<u64>,
    /// Sandbox or production.
    pub kind: OrgKind,
    /// Folder that keeps the state between runs.
    pub state: Option<PathBuf>,
    /// Limits, none higher than the platform's.
    pub limits: Limits,
    /// Whether to serve TLS.
    pub tls: bool,
    /// Id of the org.
    pub org_id: Option<OrgId>,
    /// What is switched on.
    pub features: Vec<Feature>,
    /// A made-up company to fill it with.
    pub company: Option<CompanyOptions>,
    /// Whether profiles and permission sets decide who sees what of records.
    pub field_security: bool,
    /// Where the log goes.
    pub log: Log,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            load: Vec::new(),
            port: 0,
            users: None,
            latency: (Duration::ZERO, Duration::ZERO),
            faults: Vec::new(),
            noise: None,
            kind: OrgKind::Sandbox,
            state: None,
            limits: Limits::default(),
            tls: false,
            org_id: None,
            features: Vec::new(),
            company: None,
            field_security: false,
            log: Arc::new(|_| ()),
        }
    }
}

/// An option that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not {wanted}", text.escape_debug())]
pub struct InvalidOption {
    text: String,
    wanted: &'static str,
}

fn refuse(text: &str, wanted: &'static str) -> InvalidOption {
    InvalidOption {
        text: text.to_owned(),
        wanted,
    }
}

/// Reads the name of a feature: `person-accounts` or `multi-currency`.
///
/// # Errors
///
/// [`InvalidOption`] for another name.
pub fn parse_feature(text: &str) -> Result<Feature, InvalidOption> {
    match text {
        "person-accounts" => Ok(Feature::PersonAccounts),
        "multi-currency" => Ok(Feature::MultiCurrency),
        _ => Err(refuse(text, "`person-accounts` or `multi-currency`")),
    }
}

/// Reads a latency in milliseconds: `50`, or `20..200` for a time between.
///
/// # Errors
///
/// [`InvalidOption`].
pub fn parse_latency(text: &str) -> Result<(Duration, Duration), InvalidOption> {
    let invalid = || refuse(text, "a latency in milliseconds: `50`, or `20..200`");
    let millis = |it: &str| it.parse().map(Duration::from_millis).map_err(|_| invalid());
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    let (least, most) = (millis(least)?, millis(most)?);
    if most < least {
        return Err(invalid());
    }
    Ok((least, most))
}

/// Reads `files=500,daily_api_requests=100`: limits below the platform's.
///
/// # Errors
///
/// [`InvalidOption`] for a name that is none, and for a limit above the platform's.
pub fn parse_limits(text: &str) -> Result<Limits, InvalidOption> {
    let mut limits = Limits::default();
    for part in text.split(',').filter(|it| !it.is_empty()) {
        let invalid = || {
            refuse(
                part,
                "a limit: `files`, `zip_bytes`, `content_bytes`, `list_queries`, \
                 `daily_api_requests`, `daily_query_jobs`, `daily_query_bytes`, `daily_batches`, \
                 `ingest_bytes` or `file_bytes`, `=` and a number",
            )
        };
        let (name, number) = part.split_once('=').ok_or_else(invalid)?;
        let number: u64 = number.trim().parse().map_err(|_| invalid())?;
        let lower = |limit: &mut u64| {
            if *limit < number {
                return Err(refuse(part, "a limit at or below the platform's"));
            }
            *limit = number;
            Ok(())
        };
        let lower_count = |limit: &mut usize| {
            let mut wide = u64::try_from(*limit).unwrap_or(u64::MAX);
            lower(&mut wide)?;
            *limit = usize::try_from(wide).unwrap_or(*limit);
            Ok(())
        };
        match name.trim() {
            "files" => lower_count(&mut limits.files)?,
            "zip_bytes" => lower(&mut limits.zip_bytes)?,
            "content_bytes" => lower(&mut limits.content_bytes)?,
            "list_queries" => lower_count(&mut limits.list_queries)?,
            "daily_api_requests" => lower(&mut limits.daily_api_requests)?,
            "daily_query_jobs" => lower(&mut limits.daily_query_jobs)?,
            "daily_query_bytes" => lower(&mut limits.daily_query_bytes)?,
            "daily_batches" => lower(&mut limits.daily_batches)?,
            "ingest_bytes" => lower(&mut limits.ingest_bytes)?,
            "file_bytes" => lower(&mut limits.file_bytes)?,
            _ => return Err(invalid()),
        }
    }
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_go_down_only() {
        let limits = parse_limits("files=500, daily_api_requests=100").unwrap();
        assert_eq!((limits.files, limits.daily_api_requests), (500, 100));
        assert_eq!(limits.zip_bytes, Limits::default().zip_bytes);
        let err = parse_limits("files=10001").unwrap_err();
        assert_eq!(
            err.to_string(),
            "`files=10001` is not a limit at or below the platform's"
        );
        for text in ["files", "files=x", "fish=1"] {
            assert!(parse_limits(text).is_err(), "{text}");
        }
    }

    #[test]
    fn latency_is_a_time_or_a_range() {
        let ms = Duration::from_millis;
        assert_eq!(parse_latency("50"), Ok((ms(50), ms(50))));
        assert_eq!(parse_latency("20..200"), Ok((ms(20), ms(200))));
        for text in ["", "x", "200..20", "-1"] {
            assert!(parse_latency(text).is_err(), "{text}");
        }
    }
}
