//! One REST call: tries, the answer, the error in it.

use serde_json::Value;

use crate::{
    client::{
        Budget, Call, Error, Http, InstanceUrl, Options, Org, Session,
        http::{Answer, Body, Method, Request},
        retry::{self, Failed, Next},
    },
    model::ApiVersion,
};

/// One REST call.
pub(crate) struct Ask<'a> {
    pub(crate) call: Call,
    pub(crate) method: Method,
    /// Begins with a slash.
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(&'a str, &'a str)],
    /// Headers beside those of every call.
    pub(crate) headers: &'a [(&'static str, &'a str)],
    /// Media type and bytes of the body.
    pub(crate) body: Option<(&'static str, &'a str)>,
    /// Longest answer.
    pub(crate) max_bytes: u64,
}

impl Org {
    /// Makes one call that reads JSON; `path` begins with a slash.
    pub(crate) async fn get_json(
        &self,
        call: Call,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Value, Error> {
        let ask = Ask {
            call,
            method: Method::Get,
            path,
            query,
            headers: &[("accept", "application/json")],
            body: None,
            max_bytes: self.options().sizes.answer_bytes,
        };
        self.exchange(&ask, json).await
    }

    /// Makes one call that sends JSON, or nothing where `body` is null, and reads
    /// JSON; null where the answer is empty.
    pub(crate) async fn send_json(
        &self,
        call: Call,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Value, Error> {
        let text = body.to_string();
        let ask = Ask {
            call,
            method,
            path,
            query: &[],
            headers: &[("accept", "application/json")],
            body: (!body.is_null()).then_some(("application/json", text.as_str())),
            max_bytes: self.options().sizes.answer_bytes,
        };
        self.exchange(&ask, json).await
    }

    /// Makes one call and hands its answer to `take`, which reads the body.
    ///
    /// Where the body breaks off and the call may be repeated, `take` is called
    /// again with the next answer: it must begin anew.
    pub(crate) async fn exchange<T>(
        &self,
        ask: &Ask<'_>,
        take: impl AsyncFnMut(&mut Answer) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let body = || {
            Ok(match ask.body {
                Some((media_type, text)) => Body::Text(media_type, text.to_owned()),
                None => Body::Empty,
            })
        };
        self.exchange_with(ask, body, take).await
    }

    /// The same with a body that is made anew for each try.
    pub(super) async fn exchange_with<T>(
        &self,
        ask: &Ask<'_>,
        body: impl Fn() -> Result<Body, Error>,
        mut take: impl AsyncFnMut(&mut Answer) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut tries = self.tries(ask.call);
        loop {
            let session = tries.next().await?;
            let outcome = match self.try_open(ask, body()?, &session).await {
                Ok(mut answer) => take(&mut answer).await.map_err(Failed::from),
                Err(failed) => Err(failed),
            };
            match outcome {
                Ok(value) => return Ok(value),
                Err(failed) => tries.failed(failed, &session).await?,
            }
        }
    }

    /// The answer of one try, where its head tells of success.
    async fn try_open(
        &self,
        ask: &Ask<'_>,
        body: Body,
        session: &Session,
    ) -> Result<Answer, Failed> {
        let mut headers = ask.headers.to_vec();
        headers.push(("sforce-call-options", "client=orgkeep"));
        let request = Request {
            call: ask.call.name,
            method: ask.method,
            url: session.instance.at(ask.path, ask.query),
            bearer: Some(&session.token),
            headers: &headers,
            body,
        };
        let sent = self.http().send(&session.instance, request, ask.max_bytes);
        let mut answer = sent.await?;
        self.heard(&answer);
        succeeded(&mut answer).await?;
        Ok(answer)
    }
}

/// Reads the error of an answer that is not one of success.
async fn succeeded(answer: &mut Answer) -> Result<(), Failed> {
    if answer.is_success() {
        return Ok(());
    }
    let bytes = answer.bytes().await?;
    Err(Failed {
        error: refusal(answer, &bytes),
        retry_after: answer.retry_after,
    })
}

/// The JSON of an answer; null where it is empty.
pub(super) async fn json(answer: &mut Answer) -> Result<Value, Error> {
    let bytes = answer.bytes().await?;
    if bytes.is_empty() && answer.status == 204 {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes).map_err(|err| answer.unreadable(format!("it is no JSON: {err}")))
}

/// The error of an answer that is not one of success.
fn refusal(answer: &Answer, bytes: &[u8]) -> Error {
    match api_error(bytes) {
        Some((code, message))
            if code == "REQUEST_LIMIT_EXCEEDED" && message.starts_with("Concurrent") =>
        {
            Error::Busy {
                call: answer.call,
                host: answer.host.clone(),
                message,
            }
        }
        Some((code, message)) => Error::Fault {
            call: answer.call,
            host: answer.host.clone(),
            code,
            message,
        },
        None => answer.no_api(),
    }
}

/// Code and message of an error, in each of the forms that the APIs have.
///
/// REST has an array, OAuth an object, userinfo and the identity URL plain words.
pub(crate) fn api_error(bytes: &[u8]) -> Option<(String, String)> {
    if let Ok(word @ ("Bad_OAuth_Token" | "Missing_OAuth_Token" | "Bad_Id")) =
        std::str::from_utf8(bytes.trim_ascii())
    {
        return Some((word.to_owned(), "the access token is not taken".to_owned()));
    }
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let error = value.as_array().map_or(Some(&value), |it| it.first())?;
    let text = |name: &str| error.get(name).and_then(Value::as_str);
    let code = text("errorCode").or_else(|| text("error"))?;
    let message = text("message").or_else(|| text("error_description"));
    Some((
        code.to_owned(),
        message.unwrap_or_default().trim().to_owned(),
    ))
}

/// Versions of the API that the org has, ascending; needs no session.
pub(crate) async fn versions(
    http: &Http,
    instance: &InstanceUrl,
    budget: &Budget,
    options: &Options,
) -> Result<Vec<ApiVersion>, Error> {
    let call = Call::read("versions");
    let mut n_tries = 0;
    loop {
        budget.note(call.name);
        n_tries += 1;
        let request = Request {
            call: call.name,
            method: Method::Get,
            url: instance.at("/services/data/", &[]),
            bearer: None,
            headers: &[("accept", "application/json")],
            body: Body::Empty,
        };
        let failed = match try_versions(http, instance, request, options).await {
            Ok(versions) => return Ok(versions),
            Err(failed) => failed,
        };
        match retry::decide(
            &options.retry,
            call,
            &failed,
            n_tries,
            true,
            retry::jitter(),
        ) {
            Next::Wait(wait) => tokio::time::sleep(wait).await,
            _ => return Err(failed.error),
        }
    }
}

async fn try_versions(
    http: &Http,
    instance: &InstanceUrl,
    request: Request<'_>,
    options: &Options,
) -> Result<Vec<ApiVersion>, Failed> {
    let mut answer = http
        .send(instance, request, options.sizes.answer_bytes)
        .await?;
    succeeded(&mut answer).await?;
    let value = json(&mut answer).await?;
    let mut versions: Vec<ApiVersion> = value
        .as_array()
        .ok_or_else(|| answer.unreadable("it is no list of versions"))?
        .iter()
        .filter_map(|it| it.get("version")?.as_str()?.parse().ok())
        .collect();
    versions.sort_unstable();
    Ok(versions)
}

/// Posts a form, once, and gives the JSON of the answer; for logins.
///
/// # Errors
///
/// [`Error`]; a refusal has the code of its `error`. What the form holds is in no
/// error.
pub(crate) async fn form(
    http: &Http,
    host: &InstanceUrl,
    path: &str,
    call: &'static str,
    fields: &[(&str, &str)],
) -> Result<Value, Error> {
    const MAX_BYTES: u64 = 1 << 20;
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let request = Request {
        call,
        method: Method::Post,
        url: host.at(path, &[]),
        bearer: None,
        headers: &[("accept", "application/json")],
        body: Body::Text("application/x-www-form-urlencoded", body),
    };
    let mut answer = http.send(host, request, MAX_BYTES).await?;
    let bytes = answer.bytes().await?;
    if !answer.is_success() {
        return Err(refusal(&answer, &bytes));
    }
    if bytes.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes)
        // The reason of serde_json quotes nothing of the text.
        .map_err(|err| answer.unreadable(format!("it is no JSON: {err}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_read_in_each_form() {
        let of = |text: &str| api_error(text.as_bytes());
        let pair = |code: &str, message: &str| Some((code.to_owned(), message.to_owned()));
        assert_eq!(
            of(r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#),
            pair("INVALID_SESSION_ID", "Session expired or invalid")
        );
        assert_eq!(
            of(r#"{"error":"invalid_grant","error_description":"expired access/refresh token"}"#),
            pair("invalid_grant", "expired access/refresh token")
        );
        assert_eq!(of("Bad_OAuth_Token\n").unwrap().0, "Bad_OAuth_Token");
        for text in ["<html>Down</html>", "[]", "{}", "\"x\"", "", "null"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
