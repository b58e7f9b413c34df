//! A login in a browser: PKCE, and a listener that takes one callback. Hides `webbrowser`.
//!
//! Invariant: the listener is on loopback only, takes the one callback that
//! carries our `state`, answers everything else with a refusal, and ends.

use std::time::Duration;

use futures_util::{StreamExt, stream::FuturesUnordered};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{
    App, Credential, Error,
    oauth::{Granted, LoginServer},
};
use crate::client::{HostPolicy, Http, InstanceUrl, Secret, encode_for_url, parse_query};

/// Port and path that the CLI's own app has as a callback.
///
/// Source: sfdx-core, `webOauthServer.ts`.
const CALLBACK_PATH: &str = "/OauthRedirect";

/// Longest head of a request that is read.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// How long one connection may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// A login that waits for a browser.
pub struct WebLogin {
    login: InstanceUrl,
    app: App,
    listener: TcpListener,
    redirect_uri: String,
    state: Secret,
    verifier: Secret,
}

impl WebLogin {
    /// Begins to listen on `port` of loopback; 0 takes any.
    ///
    /// # Errors
    ///
    /// [`Error::Port`] where it is not free.
    pub async fn begin(login: InstanceUrl, app: App, port: u16) -> Result<Self, Error> {
        let failed = |source| Error::Port { port, source };
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        Ok(Self {
            login,
            app,
            listener,
            redirect_uri: format!("http://localhost:{port}{CALLBACK_PATH}"),
            state: random(24),
            verifier: random(64),
        })
    }

    /// The page where the user logs in; it holds no secret that outlives this login.
    #[must_use]
    pub fn url(&self) -> String {
        let challenge = encode_for_url(&Sha256::digest(self.verifier.expose().as_bytes()));
        self.login.link(
            "/services/oauth2/authorize",
            &[
                ("response_type", "code"),
                ("client_id", &self.app.id),
                ("redirect_uri", &self.redirect_uri),
                ("scope", "refresh_token api web"),
                ("state", self.state.expose()),
                ("prompt", "login"),
                ("code_challenge", &challenge),
            ],
        )
    }

    /// Waits for the browser and takes the login.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] where the user declined or the server does not take the
    /// code, [`Error::BrowserTimeout`] after `patience`.
    pub async fn finish(
        self,
        http: &Http,
        hosts: &HostPolicy,
        patience: Duration,
    ) -> Result<Credential, Error> {
        let answer = tokio::time::timeout(patience, self.callback())
            .await
            .map_err(|_| Error::BrowserTimeout {
                seconds: patience.as_secs(),
            })??;
        let code = answer.map_err(|(code, message)| Error::Refused {
            host: self.login.host().to_owned(),
            grant: "browser",
            code,
            message,
        })?;
        let server = LoginServer {
            http,
            hosts,
            login: &self.login,
        };
        let granted = server
            .code(&self.app, &code, &self.verifier, &self.redirect_uri)
            .await?;
        Ok(credential(self.app, granted))
    }

    /// The code of the first callback that carries our state, or its refusal.
    async fn callback(&self) -> Result<Result<String, (String, String)>, Error> {
        let port = self.listener.local_addr().map_or(0, |it| it.port());
        let mut open = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    let (stream, _) = accepted.map_err(|source| Error::Port { port, source })?;
                    open.push(tokio::time::timeout(PATIENCE, self.hear(stream, port)));
                }
                Some(heard) = open.next() => {
                    if let Ok(Some(answer)) = heard {
                        return Ok(answer);
                    }
                }
            }
        }
    }

    async fn hear(
        &self,
        mut stream: TcpStream,
        port: u16,
    ) -> Option<Result<String, (String, String)>> {
        let head = read_head(&mut stream).await?;
        let (status, page, answer) = match self.judge(&head, port) {
            Heard::Other(status) => (status, "", None),
            Heard::Code(code) => ("200 OK", DONE_PAGE, Some(Ok(code))),
            Heard::Refusal(code, words) => ("200 OK", FAILED_PAGE, Some(Err((code, words)))),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nContent-Security-Policy: default-src 'none'\r\n\
             Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n",
            page.len()
        );
        // Whether the browser still listens does not matter any more.
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(page.as_bytes()).await;
        let _ = stream.shutdown().await;
        answer
    }

    /// What a request is, by its head.
    fn judge(&self, head: &str, port: u16) -> Heard {
        let mut lines = head.lines();
        let mut first = lines.next().unwrap_or_default().split(' ');
        let (method, target) = (
            first.next().unwrap_or_default(),
            first.next().unwrap_or_default(),
        );
        // A page elsewhere could have its own name point here.
        let host = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("host"))
            .map(|(_, value)| value.trim().to_owned());
        let is_here = [format!("localhost:{port}"), format!("127.0.0.1:{port}")]
            .iter()
            .any(|it| host.as_deref() == Some(it));
        if !is_here {
            return Heard::Other("400 Bad Request");
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        match (method, path) {
            ("GET", CALLBACK_PATH) => (),
            ("GET" | "HEAD", "/favicon.ico") => return Heard::Other("204 No Content"),
            ("GET", _) => return Heard::Other("404 Not Found"),
            _ => return Heard::Other("405 Method Not Allowed"),
        }
        let pairs = parse_query(query);
        let get = |name: &str| {
            let found = pairs.iter().find(|(it, _)| it == name);
            found.map(|(_, value)| value.clone())
        };
        if get("state").as_deref() != Some(self.state.expose()) {
            return Heard::Other("400 Bad Request");
        }
        match (get("code"), get("error")) {
            (_, Some(error)) => Heard::Refusal(error, get("error_description").unwrap_or_default()),
            (Some(code), None) if !code.is_empty() => Heard::Code(code),
            _ => Heard::Other("400 Bad Request"),
        }
    }
}

enum Heard {
    Code(String),
    Refusal(String, String),
    Other(&'static str),
}

/// Both pages, up to their text: readable on a phone and in the dark, with nothing to load.
macro_rules! page {
    ($text:literal) => {
        concat!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">",
            "<meta name=\"viewport\" content=\"width=device-width\"><title>orgkeep</title>",
            "<style>:root{color-scheme:light dark}",
            "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem}",
            "</style></head><body><main>",
            $text,
            "</main></body></html>"
        )
    };
}

const DONE_PAGE: &str =
    page!("<h1>Logged in</h1><p>You can close this window and go back to the terminal.</p>");
const FAILED_PAGE: &str = page!("<h1>Not logged in</h1><p>The terminal has the reason.</p>");

/// Opens `url` in the user's browser; says whether that worked.
#[must_use]
pub fn open_browser(url: &str) -> bool {
    webbrowser::open(url).is_ok()
}

/// The login that is kept: by refresh token, or the bare token where the app gives none.
fn credential(app: App, granted: Granted) -> Credential {
    match granted.refresh_token {
        Some(refresh_token) => Credential::Refresh {
            login: granted.session.instance,
            app,
            refresh_token,
        },
        None => Credential::Token {
            instance: granted.session.instance,
            token: granted.session.token,
        },
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut piece = [0; 2048];
    while !head.windows(4).any(|it| it == b"\r\n\r\n") {
        let n = stream.read(&mut piece).await.ok().filter(|it| *it > 0)?;
        head.extend_from_slice(&piece[..n]);
        if head.len() > MAX_HEAD_BYTES {
            return None;
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

fn random(n_bytes: usize) -> Secret {
    Secret::new(encode_for_url(&crate::client::random_bytes(n_bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn login() -> WebLogin {
        let host = InstanceUrl::parse("https://login.salesforce.com", &HostPolicy::default());
        WebLogin::begin(host.unwrap(), App::of_the_cli(), 0)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn page_to_log_in_has_a_challenge_and_no_verifier() {
        let login = login().await;
        let url = login.url();
        assert!(url.starts_with("https://login.salesforce.com/services/oauth2/authorize?"));
        let pairs = parse_query(url.split_once('?').unwrap().1);
        let get = |name: &str| pairs.iter().find(|(it, _)| it == name).map(|it| &*it.1);
        assert_eq!(get("client_id"), Some("PlatformCLI"));
        assert_eq!(get("state"), Some(login.state.expose()));
        assert_eq!(get("code_challenge").unwrap().len(), 43);
        assert!(get("redirect_uri").unwrap().ends_with("/OauthRedirect"));
        assert!(!url.contains(login.verifier.expose()));
    }

    #[tokio::test]
    async fn only_the_callback_with_our_state_is_taken() {
        let login = login().await;
        let state = login.state.expose();
        let judge = |line: &str, host: &str| match login
            .judge(&format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n"), 1717)
        {
            Heard::Code(code) => code,
            Heard::Refusal(code, words) => format!("{code}: {words}"),
            Heard::Other(status) => status.to_owned(),
        };
        let here = "localhost:1717";
        let good = format!("GET /OauthRedirect?code=aPrx%3D%3D&state={state}");
        assert_eq!(judge(&good, here), "aPrx==");
        assert_eq!(judge(&good, "127.0.0.1:1717"), "aPrx==");
        assert_eq!(judge(&good, "evil.example:1717"), "400 Bad Request");
        let declined = format!(
            "GET /OauthRedirect?error=access_denied&error_description=end-user+denied&state={state}"
        );
        assert_eq!(judge(&declined, here), "access_denied: end-user denied");
        for (line, status) in [
            (
                "GET /OauthRedirect?code=x&state=other".to_owned(),
                "400 Bad Request",
            ),
            ("GET /OauthRedirect?code=x".to_owned(), "400 Bad Request"),
            (
                format!("GET /OauthRedirect?code=&state={state}"),
                "400 Bad Request",
            ),
            (
                format!("POST /OauthRedirect?code=x&state={state}"),
                "405 Method Not Allowed",
            ),
            ("GET /favicon.ico".to_owned(), "204 No Content"),
            ("GET /".to_owned(), "404 Not Found"),
            ("nonsense".to_owned(), "405 Method Not Allowed"),
        ] {
            assert_eq!(judge(&line, here), status, "{line}");
        }
    }
}
