//! Which hosts may be sent a credential. Hides `url`.
//!
//! Invariant: an [`InstanceUrl`] that exists is `https`, or `http` to loopback; it
//! has no user, path or query; and its host was allowed when it was made.

use std::{fmt, net::IpAddr};

use url::{Host, Url};

/// Domains that Salesforce keeps for itself and its customers' orgs.
///
/// Source: sfdx-core, `util/sfdcUrl.ts` (its list of Salesforce domains), and help
/// article "My Domain URL Formats"; the last two are Salesforce on Alibaba Cloud.
const SALESFORCE_DOMAINS: [&str; 8] = [
    "salesforce.com",
    "force.com",
    "cloudforce.com",
    "salesforce-setup.com",
    "salesforce.mil",
    "crmforce.mil",
    "sfcrmproducts.cn",
    "sfcrmapps.cn",
];

/// Hosts outside Salesforce's domains that the user allowed by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostPolicy {
    allowed: Vec<String>,
}

impl HostPolicy {
    /// Allows these hosts beside Salesforce's own and loopback; each a host name without port.
    #[must_use]
    pub fn allowing(hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let allowed = hosts
            .into_iter()
            .map(|it| it.into().to_ascii_lowercase())
            .collect();
        Self { allowed }
    }

    fn allows(&self, host: &str) -> bool {
        is_salesforce(host) || self.allowed.iter().any(|it| it == host)
    }
}

/// A URL that no credential is sent to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// It is no URL of a host.
    #[error("`{}` is not the URL of an org", text.escape_debug())]
    NotAUrl {
        /// What was given.
        text: String,
    },
    /// It would send the credential in the clear.
    #[error("`{host}` is to be reached by http, which would send the login in the clear")]
    PlainHttp {
        /// Its host.
        host: String,
    },
    /// It is neither Salesforce's nor loopback nor allowed.
    #[error("`{host}` is not one of Salesforce's hosts")]
    Foreign {
        /// Its host.
        host: String,
    },
    /// An answer leads from one kind of host to another.
    #[error("the answer of `{from}` names `{to}` as the org, which the login was not made for")]
    LedAstray {
        /// Host that answered.
        from: String,
        /// Host that it named.
        to: String,
    },
}

impl HostError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotAUrl { .. } => {
                "give the My Domain URL, such as https://acme.my.salesforce.com".to_owned()
            }
            Self::PlainHttp { host } => format!("use https://{host}"),
            Self::Foreign { host } => {
                format!("pass `--allow-host {host}` if that host may see the login")
            }
            Self::LedAstray { to, .. } => {
                format!("log in at https://{to} itself, or pass `--allow-host {to}`")
            }
        })
    }
}

/// Where an org answers: scheme, host and port.
#[derive(Clone, PartialEq, Eq)]
pub struct InstanceUrl(Url);

impl InstanceUrl {
    /// Reads a URL as a user, a variable or an answer gives it.
    ///
    /// Without a scheme it is `https`; path and query are dropped; the host of
    /// Lightning or Setup becomes the one where the API answers.
    ///
    /// # Errors
    ///
    /// [`HostError`]; nothing has been sent anywhere.
    pub fn parse(text: &str, policy: &HostPolicy) -> Result<Self, HostError> {
        let not_a_url = || HostError::NotAUrl {
            text: text.to_owned(),
        };
        let text = text.trim();
        let full = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let mut url = Url::parse(&full).map_err(|_| not_a_url())?;
        if !matches!(url.scheme(), "http" | "https")
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return Err(not_a_url());
        }
        url.set_path("/");
        url.set_query(None);
        url.set_fragment(None);
        let host = url.host_str().ok_or_else(not_a_url)?;
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let api_host = api_host(&host);
        url.set_host(Some(&api_host)).map_err(|_| not_a_url())?;

        let this = Self(url);
        if this.is_loopback() {
            return Ok(this);
        }
        if this.0.scheme() != "https" {
            return Err(HostError::PlainHttp { host: api_host });
        }
        if !policy.allows(&api_host) {
            return Err(HostError::Foreign { host: api_host });
        }
        Ok(this)
    }

    /// Reads the `instance_url` that this host answered a login with.
    ///
    /// A login stays where it was made: loopback answers for loopback, Salesforce
    /// for Salesforce, and every other host for itself or an allowed one.
    ///
    /// # Errors
    ///
    /// [`HostError`], [`HostError::LedAstray`] above all.
    pub fn answered(&self, text: &str, policy: &HostPolicy) -> Result<Self, HostError> {
        let to = Self::parse(text, policy)?;
        let may = self.is_loopback() == to.is_loopback()
            && (to.host() == self.host()
                || to.is_loopback()
                || is_salesforce(self.host()) == is_salesforce(to.host())
                || policy.allowed.iter().any(|it| it == to.host()));
        if may {
            Ok(to)
        } else {
            Err(HostError::LedAstray {
                from: self.host().to_owned(),
                to: to.host().to_owned(),
            })
        }
    }

    /// The host, without port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Whether it is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
            None => false,
        }
    }

    /// Whether it is Salesforce's own, and neither loopback nor merely allowed.
    #[must_use]
    pub fn is_salesforces(&self) -> bool {
        is_salesforce(self.host())
    }

    /// Whether the host's name says that it serves sandboxes.
    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        let host = self.host();
        host == "test.salesforce.com"
            || host.ends_with(".sandbox.my.salesforce.com")
            || (host.contains("--") && host.ends_with(".my.salesforce.com"))
    }

    /// Scheme, host and port, without a slash behind.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// A link for a browser: `path` below this host, with this query, encoded.
    #[must_use]
    pub fn link(&self, path: &str, query: &[(&str, &str)]) -> String {
        self.at(path, query).into()
    }

    /// The URL of `path`, which begins with a slash; with this query, encoded.
    pub(crate) fn at(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

impl fmt::Display for InstanceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for InstanceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads the query of a link: names and values, decoded.
#[must_use]
pub fn parse_query(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

fn is_salesforce(host: &str) -> bool {
    SALESFORCE_DOMAINS.iter().any(|domain| {
        host == *domain
            || host
                .strip_suffix(domain)
                .is_some_and(|start| start.ends_with('.'))
    })
}

/// The host where the API answers for the pages of `host`.
///
/// Source: help article "My Domain URL Formats".
fn api_host(host: &str) -> String {
    if let Some(start) = host.strip_suffix(".lightning.force.com") {
        return format!("{start}.my.salesforce.com");
    }
    if let Some(start) = host.strip_suffix(".my.salesforce-setup.com") {
        return format!("{start}.my.salesforce.com");
    }
    host.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<InstanceUrl, HostError> {
        InstanceUrl::parse(text, &HostPolicy::default())
    }

    #[test]
    fn only_salesforce_and_loopback_are_trusted() {
        for text in [
            "https://acme.my.salesforce.com",
            "https://acme--dev.sandbox.my.salesforce.com/",
            "acme.my.salesforce.mil",
            "https://acme.my.sfcrmproducts.cn",
            "http://127.0.0.1:8787",
            "http://localhost:1717/",
            "http://[::1]:9",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
        for text in [
            "https://salesforce.com.evil.example",
            "https://evilsalesforce.com",
            "https://127.0.0.1.evil.example",
            "https://acme.my.salesforce.com@evil.example",
            "https://localhost.evil.example",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn plain_http_leaves_this_machine_never() {
        assert_eq!(
            parse("http://acme.my.salesforce.com"),
            Err(HostError::PlainHttp {
                host: "acme.my.salesforce.com".to_owned()
            })
        );
        let policy = HostPolicy::allowing(["proxy.acme.example"]);
        assert!(InstanceUrl::parse("http://proxy.acme.example", &policy).is_err());
        assert!(InstanceUrl::parse("https://Proxy.Acme.example", &policy).is_ok());
    }

    #[test]
    fn page_of_lightning_leads_to_its_api() {
        let url = parse("https://acme--dev.sandbox.lightning.force.com/lightning/page/home?a=b#c");
        assert_eq!(
            url.unwrap().as_str(),
            "https://acme--dev.sandbox.my.salesforce.com"
        );
    }

    #[test]
    fn login_stays_where_it_was_made() {
        let policy = HostPolicy::allowing(["proxy.acme.example"]);
        let at = |text| InstanceUrl::parse(text, &policy).unwrap();
        let login = at("https://login.salesforce.com");
        assert!(
            login
                .answered("https://acme.my.salesforce.com", &policy)
                .is_ok()
        );
        assert!(
            login
                .answered("https://proxy.acme.example", &policy)
                .is_ok()
        );
        assert!(matches!(
            login.answered("http://127.0.0.1:80", &policy),
            Err(HostError::LedAstray { .. })
        ));
        assert!(matches!(
            login.answered("https://evil.example", &policy),
            Err(HostError::Foreign { .. })
        ));
        let local = at("https://127.0.0.1:8788");
        assert!(local.answered("http://127.0.0.1:8787", &policy).is_ok());
        assert!(
            local
                .answered("https://acme.my.salesforce.com", &policy)
                .is_err()
        );
        let proxy = at("https://proxy.acme.example");
        assert!(
            proxy
                .answered("https://acme.my.salesforce.com", &policy)
                .is_err()
        );
    }

    #[test]
    fn sandbox_shows_in_its_name() {
        for (text, is_sandbox) in [
            ("https://test.salesforce.com", true),
            ("https://acme--dev.sandbox.my.salesforce.com", true),
            ("https://acme.my.salesforce.com", false),
            ("https://login.salesforce.com", false),
        ] {
            assert_eq!(parse(text).unwrap().is_sandbox(), is_sandbox, "{text}");
        }
    }
}
