//! Auth URLs as `sf` writes them: `force://<client id>:<secret>:<refresh token>@<host>`.
//!
//! Source of the form: sfdx-core, `orgs/authInfo.ts`.

use super::{App, Credential, Error};
use crate::client::{HostPolicy, InstanceUrl, Secret};

/// Reads an auth URL, or the JSON of `sf` that holds one.
///
/// # Errors
///
/// [`Error::NotAnAuthUrl`], which quotes nothing; [`Error::Host`] where its host
/// may not see the token.
pub fn parse_auth_url(text: &str, hosts: &HostPolicy) -> Result<Credential, Error> {
    let text = text.trim();
    let found;
    let url = if text.starts_with('{') {
        found = in_json(text).ok_or(Error::NotAnAuthUrl)?;
        found.expose()
    } else {
        text
    };
    let (client_id, secret, token, host) = parts(url).ok_or(Error::NotAnAuthUrl)?;
    Ok(Credential::Refresh {
        login: InstanceUrl::parse(host, hosts)?,
        app: App {
            id: client_id.to_owned(),
            secret: (!secret.is_empty()).then(|| Secret::new(secret)),
        },
        refresh_token: Secret::new(token),
    })
}

fn parts(url: &str) -> Option<(&str, &str, &str, &str)> {
    let rest = url.strip_prefix("force://")?;
    let (credentials, host) = rest.rsplit_once('@')?;
    let mut parts = credentials.split(':');
    let (client_id, secret, token) = (parts.next()?, parts.next()?, parts.next()?);
    let is_word = |it: &str| {
        it.bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"._-=".contains(&it))
    };
    let is_host = |it: &u8| it.is_ascii_alphanumeric() || b":._-".contains(it);
    let fine = parts.next().is_none()
        && ![client_id, token, host].contains(&"")
        && [client_id, secret, token].into_iter().all(is_word)
        && host.bytes().all(|it| is_host(&it));
    fine.then_some((client_id, secret, token, host))
}

/// The `sfdxAuthUrl` of a file that `sf org display --verbose --json` wrote.
fn in_json(text: &str) -> Option<Secret> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let url = value
        .pointer("/result/sfdxAuthUrl")
        .or_else(|| value.get("sfdxAuthUrl"))?;
    url.as_str().map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Credential, Error> {
        parse_auth_url(text, &HostPolicy::default())
    }

    #[test]
    fn auth_url_is_read_with_and_without_a_secret() {
        let url = "force://PlatformCLI::5Aep861.x_y@acme--dev.sandbox.my.salesforce.com";
        let Credential::Refresh {
            login,
            app,
            refresh_token,
        } = parse(url).unwrap()
        else {
            panic!("an auth URL holds a refresh token");
        };
        assert_eq!(login.host(), "acme--dev.sandbox.my.salesforce.com");
        assert_eq!((app.id.as_str(), app.secret), ("PlatformCLI", None));
        assert_eq!(refresh_token.expose(), "5Aep861.x_y");
        let json = format!(r#"{{"status":0,"result":{{"sfdxAuthUrl":"{url}"}}}}"#);
        assert_eq!(parse(&json).unwrap(), parse(url).unwrap());
        assert!(parse("force://id:se.cret==:5Aep==@127.0.0.1:8788\n").is_ok());
    }

    #[test]
    fn text_that_is_none_is_not_quoted() {
        for text in [
            "",
            "5Aep861",
            "force://id:5Aep@acme.my.salesforce.com",
            "force://a:b:c:d@acme.my.salesforce.com",
            "force://id::@acme.my.salesforce.com",
            "force://id::5Aep@acme.my.salesforce.com/path?x",
            "https://acme.my.salesforce.com",
            "{}",
        ] {
            let err = parse(text).unwrap_err();
            assert_eq!(err.to_string(), "the text is no auth URL", "{text}");
        }
        assert!(matches!(
            parse("force://id::5Aep@evil.example"),
            Err(Error::Host(_))
        ));
    }
}
