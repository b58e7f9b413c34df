//! The page that asks which user.

use std::{fmt::Write as _, time::Duration};

use super::{Code, Desk, Parameters, Reply, Request, random_text};
use crate::{simorg::http::encode, xml::escape};

/// How long a code is good.
///
/// Source: Salesforce Help, "OAuth 2.0 Web Server Flow": 15 minutes.
const CODE_LIFETIME: Duration = Duration::from_mins(15);

/// Answers `/services/oauth2/authorize`.
///
/// Without `user` it shows the page; with it, as the page's links have it, it
/// sends the browser back with a code. `deny` sends it back without one.
pub(super) fn answer(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let parameters = Parameters::of(request);
    let client_id = parameters.get("client_id").unwrap_or("");
    if !desk.logins.is_client(client_id) {
        return refusal("invalid_client_id", "client identifier invalid");
    }
    let redirect_uri = parameters.get("redirect_uri").unwrap_or("");
    if !is_loopback(redirect_uri) {
        return refusal(
            "redirect_uri_mismatch",
            "redirect_uri must match configuration",
        );
    }
    let back = |answer: &str| {
        let separator = if redirect_uri.contains('?') { '&' } else { '?' };
        let mut target = format!("{redirect_uri}{separator}{answer}");
        if let Some(state) = parameters.get("state") {
            let _ = write!(target, "&state={}", encode(state));
        }
        Reply::empty(302).with("Location", &target)
    };
    if parameters.get("response_type") != Some("code") {
        let description = encode("response type not supported");
        return back(&format!(
            "error=unsupported_response_type&error_description={description}"
        ));
    }
    if parameters.get("deny").is_some() {
        return back("error=access_denied&error_description=end-user+denied+authorization");
    }
    let Some(username) = parameters.get("user") else {
        return page(desk, request);
    };
    let Some(user) = desk.org.user_named(username).filter(|it| it.is_active) else {
        return refusal("invalid_request", "no such user");
    };
    let code = format!("aPrx{}==", random_text(60));
    let given = Code {
        user: user.id,
        client_id: client_id.to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        challenge: parameters.get("code_challenge").map(str::to_owned),
        until: desk.org.now().after(CODE_LIFETIME),
    };
    let now = desk.org.now();
    desk.logins.codes.retain(|_, it| now <= it.until);
    desk.logins.codes.insert(code.clone(), given);
    back(&format!("code={}", encode(&code)))
}

/// Whether a browser sent there stays on this machine.
fn is_loopback(uri: &str) -> bool {
    let Some(rest) = uri
        .strip_prefix("http://")
        .or_else(|| uri.strip_prefix("https://"))
    else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
        _ => authority,
    };
    let is_sane = !uri.chars().any(|it| it.is_control() || it.is_whitespace());
    is_sane && matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// Looks of the page, with nothing to load.
const STYLE: &str = "<style>:root{color-scheme:light dark}\
    body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:10vh auto;padding:0 1rem}\
    ul{list-style:none;padding:0}li{padding:.3rem 0}</style>";

fn page(desk: &Desk<'_>, request: &Request) -> Reply {
    let mut query = String::new();
    for (name, value) in &Parameters::of(request).0 {
        let _ = write!(query, "{}={}&", encode(name), encode(value));
    }
    let mut body = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Log in | {org}</title>{STYLE}</head>\
         <body><main><h1>Log in to {org}</h1><p>This org is simulated. Who are you?</p><ul>",
        org = escape(&desk.org.config.name)
    );
    for user in desk.org.users.values().filter(|it| it.is_active) {
        let target = format!(
            "/services/oauth2/authorize?{query}user={}",
            encode(&user.username)
        );
        let _ = write!(
            body,
            "<li><a href=\"{}\">{}</a> ({})</li>",
            escape(&target),
            escape(&user.name),
            escape(&user.username)
        );
    }
    let target = format!("/services/oauth2/authorize?{query}deny=1");
    let _ = write!(
        body,
        "</ul><p><a href=\"{}\">Deny</a></p></main></body></html>",
        escape(&target)
    );
    Reply::new(200, "text/html;charset=UTF-8", body.into_bytes())
}

/// A mistake of which the browser's target cannot be told.
fn refusal(error: &str, description: &str) -> Reply {
    let text = format!("error={error}&error_description={}", encode(description));
    Reply::new(400, "text/html;charset=UTF-8", text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browser_is_sent_nowhere_but_to_this_machine() {
        assert!(is_loopback("http://localhost:1717/OauthRedirect"));
        assert!(is_loopback("http://127.0.0.1:8000"));
        for uri in [
            "",
            "ftp://localhost/",
            "http://localhost.evil.example/",
            "http://evil.example/?http://localhost",
            "http://localhost@evil.example/",
            "http://localhost:80@evil.example/",
            "http://localhost/\r\nX: y",
        ] {
            assert!(!is_loopback(uri), "{uri}");
        }
    }
}
