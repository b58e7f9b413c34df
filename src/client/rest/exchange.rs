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

impl Org {
    /// Makes one call that reads JSON; `path` begins with a slash.
    pub(crate) async fn get_json(
        &self,
        call: Call,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Value, Error> {
        let mut tries = self.tries(call);
        loop {
            let session = tries.next().await?;
            match self.try_get(call, path, query, &session).await {
                Ok(value) => return Ok(value),
                Err(failed) => tries.failed(failed, &session).await?,
            }
        }
    }

    async fn try_get(
        &self,
        call: Call,
        path: &str,
        query: &[(&str, &str)],
        session: &Session,
    ) -> Result<Value, Failed> {
        let request = Request {
            call: call.name,
            method: Method::Get,
            url: session.instance.at(path, query),
            bearer: Some(&session.token),
            headers: &[
                ("accept", "application/json"),
                ("sforce-call-options", "client=orgkeep"),
            ],
            body: Body::Empty,
        };
        let max_bytes = self.options().sizes.answer_bytes;
        let mut answer = self
            .http()
            .send(&session.instance, request, max_bytes)
            .await?;
        self.heard(&answer);
        json(&mut answer).await
    }
}

/// The JSON of an answer, or the error in it.
async fn json(answer: &mut Answer) -> Result<Value, Failed> {
    let bytes = answer.bytes().await?;
    if !answer.is_success() {
        return Err(Failed {
            error: refusal(answer, &bytes),
            retry_after: answer.retry_after,
        });
    }
    serde_json::from_slice(&bytes)
        .map_err(|err| answer.unreadable(format!("it is no JSON: {err}")).into())
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
