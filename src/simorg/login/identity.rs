//! Who a token belongs to.

use serde_json::{Value, json};

use super::{Desk, Reply, Request};
use crate::simorg::state::User;

/// Answers `/services/oauth2/userinfo`.
pub(super) fn userinfo(desk: &mut Desk<'_>, request: &Request) -> Reply {
    match user(desk, request) {
        Ok(user) => Reply::json(200, &describe(desk, user)),
        Err(reply) => reply,
    }
}

/// Answers `/id/<org>/<user>`.
pub(super) fn identity(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let asking = match user(desk, request) {
        Ok(user) => user,
        Err(reply) => return reply,
    };
    let [_, org_id, user_id] = request.path.as_slice() else {
        return plain("Bad_Id");
    };
    let fits = |given: &str, id: &str| given == id || given == &id[..15];
    if !fits(org_id, desk.org.config.org_id.as_str()) || !fits(user_id, asking.id.as_str()) {
        return plain("Bad_Id");
    }
    let mut body = describe(desk, asking);
    let more = json!({
        "id": body["sub"],
        "asserted_user": true,
        "username": asking.username,
        "display_name": asking.name,
        "nick_name": body["nickname"],
        "is_app_installed": true,
        "last_modified_date": body["updated_at"],
    });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    Reply::json(200, &body)
}

/// Answers `/.well-known/openid-configuration`.
pub(super) fn configuration(desk: &Desk<'_>) -> Reply {
    let url = desk.url;
    Reply::json(
        200,
        &json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/services/oauth2/authorize"),
            "token_endpoint": format!("{url}/services/oauth2/token"),
            "revocation_endpoint": format!("{url}/services/oauth2/revoke"),
            "userinfo_endpoint": format!("{url}/services/oauth2/userinfo"),
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["api", "web", "refresh_token"],
        }),
    )
}

fn user<'a>(desk: &'a Desk<'_>, request: &Request) -> Result<&'a User, Reply> {
    let parameters = super::Parameters::of(request);
    let token = request
        .bearer()
        .or_else(|| parameters.get("access_token"))
        .ok_or_else(|| plain("Missing_OAuth_Token"))?;
    desk.org.user_of(token).ok_or_else(|| bad_token(request))
}

/// A token of nobody: 403 and plain text.
///
/// `sf` says on its GET that it sends JSON, and its conformance check wants to
/// read of the session in the error: it is told so in REST's words. What the
/// platform answers to that header is not recorded.
fn bad_token(request: &Request) -> Reply {
    let says_json = request
        .header("content-type")
        .is_some_and(|it| it.starts_with("application/json"));
    if says_json {
        let body = json!([{
            "message": "Session expired or invalid",
            "errorCode": "INVALID_SESSION_ID",
        }]);
        return Reply::json(401, &body);
    }
    plain("Bad_OAuth_Token")
}

/// A refusal: 403 and plain text, not JSON.
fn plain(text: &str) -> Reply {
    Reply::new(403, "text/html;charset=UTF-8", text.as_bytes().to_vec())
}

fn describe(desk: &Desk<'_>, user: &User) -> Value {
    let url = desk.url;
    let org_id = desk.org.config.org_id;
    let soap = |kind: &str| {
        format!(
            "{url}/services/Soap/{kind}/{{version}}/{}",
            &org_id.as_str()[..15]
        )
    };
    let rest = |path: &str| format!("{url}/services/data/v{{version}}/{path}");
    let nickname = user.username.split('@').next().unwrap_or("");
    json!({
        "sub": format!("{url}/id/{org_id}/{}", user.id),
        "user_id": user.id,
        "organization_id": org_id,
        "preferred_username": user.username,
        "nickname": nickname,
        "name": user.name,
        "email": user.email,
        "email_verified": true,
        "given_name": user.first_name,
        "family_name": user.last_name,
        "zoneinfo": "GMT",
        "photos": {},
        "profile": format!("{url}/{}", user.id),
        "picture": "",
        "address": {},
        "is_salesforce_integration_user": false,
        "urls": {
            "enterprise": soap("c"),
            "metadata": soap("m"),
            "partner": soap("u"),
            "rest": rest(""),
            "sobjects": rest("sobjects/"),
            "search": rest("search/"),
            "query": rest("query/"),
            "recent": rest("recent/"),
            "tooling_soap": soap("T"),
            "tooling_rest": rest("tooling/"),
            "profile": format!("{url}/{}", user.id),
            "custom_domain": url,
        },
        "active": user.is_active,
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_US",
        "utcOffset": 0,
        "updated_at": desk.org.now().to_rest(),
    })
}
