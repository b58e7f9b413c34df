//! One HTTP exchange. Hides `reqwest`.
//!
//! Invariant: no redirect is followed, loopback is never reached through a proxy,
//! every wait ends, every answer has a longest length, and no error holds a URL.

use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

use futures_util::stream::BoxStream;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::{
    Error, InstanceUrl, Secret, Timeouts,
    options::{Options, ProxyChoice},
    retry::{http_date, retry_after},
};
use crate::model::Timestamp;

/// Makes exchanges; cheap to clone.
#[derive(Clone, Debug)]
pub struct Http {
    outside: reqwest::Client,
    loopback: reqwest::Client,
    timeouts: Timeouts,
}

/// Method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Patch,
    Put,
    Delete,
}

/// What a request carries.
pub(crate) enum Body {
    Empty,
    /// Text of a media type.
    Text(&'static str, String),
    /// Text of a known length, made while it is sent.
    Stream {
        media_type: Cow<'static, str>,
        length: u64,
        pieces: BoxStream<'static, std::io::Result<Vec<u8>>>,
    },
}

/// One request.
pub(crate) struct Request<'a> {
    pub(crate) call: &'static str,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) bearer: Option<&'a Secret>,
    pub(crate) headers: &'a [(&'static str, &'a str)],
    pub(crate) body: Body,
}

/// The head of an answer; its body comes piece by piece.
pub(crate) struct Answer {
    pub(crate) call: &'static str,
    pub(crate) host: String,
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) limit_info: Option<String>,
    pub(crate) date: Option<Timestamp>,
    response: reqwest::Response,
    began: Instant,
    timeouts: Timeouts,
    max_bytes: u64,
    n_bytes: u64,
}

impl Http {
    /// Prepares exchanges.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] when the proxy or the trust store cannot be used.
    pub fn new(options: &Options) -> Result<Self, Error> {
        let base = || {
            reqwest::Client::builder()
                .user_agent(concat!("orgkeep/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(options.timeouts.connect)
                .tcp_keepalive(Duration::from_mins(1))
                .pool_max_idle_per_host(16)
        };
        let failed = |host: &str, err: reqwest::Error| Error::Unreachable {
            host: host.to_owned(),
            source: err.without_url().into(),
        };
        let outside = match &options.proxy {
            ProxyChoice::System => base(),
            ProxyChoice::Direct => base().no_proxy(),
            ProxyChoice::Url(url) => {
                let proxy = reqwest::Proxy::all(url).map_err(|err| failed("the proxy", err))?;
                base().proxy(proxy)
            }
        };
        Ok(Self {
            outside: outside.build().map_err(|err| failed("any host", err))?,
            loopback: base()
                .no_proxy()
                .build()
                .map_err(|err| failed("this machine", err))?,
            timeouts: options.timeouts,
        })
    }

    /// Sends `request` to `instance` and waits for the head of the answer.
    pub(crate) async fn send(
        &self,
        instance: &InstanceUrl,
        request: Request<'_>,
        max_bytes: u64,
    ) -> Result<Answer, Error> {
        let call = request.call;
        let host = instance.host().to_owned();
        let began = Instant::now();
        let client = if instance.is_loopback() {
            &self.loopback
        } else {
            &self.outside
        };
        let request = build(client, request).map_err(|err| unsent(&host, err))?;
        let sent = tokio::time::timeout(self.timeouts.answer, client.execute(request)).await;
        let response = match sent {
            Err(_) => {
                return Err(Error::TooSlow {
                    call,
                    host,
                    waited: self.timeouts.answer,
                });
            }
            Ok(Err(err)) if err.is_connect() => return Err(unsent(&host, err)),
            Ok(Err(err)) => return Err(broken(call, &host, err)),
            Ok(Ok(response)) => response,
        };
        let headers = response.headers();
        let date = text(headers, "date").and_then(|it| http_date(&it));
        let status = response.status().as_u16();
        if (300..400).contains(&status) && status != 300 {
            let to = text(headers, "location")
                .and_then(|it| response.url().join(&it).ok())
                .and_then(|it| it.host_str().map(str::to_owned))
                .unwrap_or_else(|| "nowhere".to_owned());
            return Err(Error::Redirected { call, host, to });
        }
        Ok(Answer {
            call,
            status,
            retry_after: text(headers, "retry-after").and_then(|it| retry_after(&it, date)),
            limit_info: text(headers, "sforce-limit-info").map(Cow::into_owned),
            date,
            host,
            response,
            began,
            timeouts: self.timeouts,
            max_bytes,
            n_bytes: 0,
        })
    }
}

impl Answer {
    /// Whether the status is one of success.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header of the answer; its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        text(self.response.headers(), name).map(Cow::into_owned)
    }

    /// The next piece of the body, unpacked; `None` at its end.
    pub(crate) async fn piece(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>, Error> {
        let too_slow = |waited| Error::TooSlow {
            call: self.call,
            host: self.host.clone(),
            waited,
        };
        let left = self.timeouts.whole.saturating_sub(self.began.elapsed());
        let wait = self.timeouts.idle.min(left);
        let piece = tokio::time::timeout(wait, self.response.chunk())
            .await
            .map_err(|_| {
                too_slow(if left < self.timeouts.idle {
                    self.timeouts.whole
                } else {
                    self.timeouts.idle
                })
            })?
            .map_err(|err| broken(self.call, &self.host, err))?;
        if let Some(piece) = &piece {
            self.n_bytes += u64::try_from(piece.len()).unwrap_or(u64::MAX);
            if self.n_bytes > self.max_bytes {
                return Err(Error::TooLarge {
                    call: self.call,
                    host: self.host.clone(),
                    max_bytes: self.max_bytes,
                });
            }
        }
        Ok(piece)
    }

    /// The whole body.
    pub(crate) async fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.piece().await? {
            bytes.extend_from_slice(piece.as_ref());
        }
        Ok(bytes)
    }

    /// The error of an answer that no API wrote.
    pub(crate) fn no_api(&self) -> Error {
        Error::NoApi {
            call: self.call,
            host: self.host.clone(),
            status: self.status,
        }
    }

    /// The error of an answer that makes no sense.
    pub(crate) fn unreadable(&self, reason: impl Into<String>) -> Error {
        Error::Unreadable {
            call: self.call,
            host: self.host.clone(),
            reason: reason.into(),
        }
    }
}

fn build(
    client: &reqwest::Client,
    request: Request<'_>,
) -> Result<reqwest::Request, reqwest::Error> {
    let method = match request.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Patch => reqwest::Method::PATCH,
        Method::Put => reqwest::Method::PUT,
        Method::Delete => reqwest::Method::DELETE,
    };
    let mut builder = client.request(method, request.url);
    for (name, value) in request.headers {
        builder = builder.header(HeaderName::from_static(name), *value);
    }
    if let Some(token) = request.bearer {
        let value = format!("Bearer {}", token.expose());
        if let Ok(mut value) = HeaderValue::from_str(&value) {
            value.set_sensitive(true);
            builder = builder.header(reqwest::header::AUTHORIZATION, value);
        }
    }
    match request.body {
        Body::Empty => builder,
        Body::Text(media_type, text) => builder
            .header(reqwest::header::CONTENT_TYPE, media_type)
            .body(text),
        // Not every edge before an org takes a chunked request: the length is said.
        Body::Stream {
            media_type,
            length,
            pieces,
        } => builder
            .header(reqwest::header::CONTENT_TYPE, media_type.as_ref())
            .header(reqwest::header::CONTENT_LENGTH, length)
            .body(reqwest::Body::wrap_stream(pieces)),
    }
    .build()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
}

fn unsent(host: &str, err: reqwest::Error) -> Error {
    Error::Unreachable {
        host: host.to_owned(),
        source: err.without_url().into(),
    }
}

fn broken(call: &'static str, host: &str, err: reqwest::Error) -> Error {
    Error::BrokenOff {
        call,
        host: host.to_owned(),
        source: err.without_url().into(),
    }
}
