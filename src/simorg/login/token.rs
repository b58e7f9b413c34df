//! The token endpoint, and giving tokens back.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Desk, Parameters, Reply, Request, error, jwt, open_session, random_text, refused};
use crate::model::RecordId;

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Answers `POST /services/oauth2/token`.
pub(super) fn answer(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let parameters = Parameters::of(request);
    let granted = match parameters.get("grant_type") {
        Some(JWT_BEARER) => by_assertion(desk, &parameters),
        Some("refresh_token") => by_refresh_token(desk, &parameters),
        Some("client_credentials") => by_client_credentials(desk, &parameters, request),
        Some("authorization_code") => by_code(desk, &parameters),
        Some("password") => Err(refused("invalid_grant", "authentication failure")),
        Some(_) => Err(refused(
            "unsupported_grant_type",
            "grant type not supported",
        )),
        None => Err(refused("invalid_request", "must provide grant_type")),
    };
    match granted {
        Ok(granted) => success(desk, &granted),
        Err(reply) => reply,
    }
}

/// Answers `POST /services/oauth2/revoke`: ends a session, or a refresh token.
pub(super) fn revoke(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let parameters = Parameters::of(request);
    let Some(token) = parameters.get("token") else {
        return refused("invalid_request", "must provide token");
    };
    let was_session = desk.org.sessions.close(token);
    let owner = desk.logins.refresh_tokens.remove(token);
    if let Some(user) = owner {
        // The sessions that came from it end with it.
        desk.org.sessions.expire_of(user);
    }
    if was_session || owner.is_some() {
        return Reply::empty(200);
    }
    refused("invalid_token", "token is invalid or has been revoked")
}

struct Granted {
    user: RecordId,
    scope: &'static str,
    refresh_token: Option<String>,
}

fn by_assertion(desk: &mut Desk<'_>, parameters: &Parameters) -> Result<Granted, Reply> {
    let grant = |description| refused("invalid_grant", description);
    let assertion = parameters
        .get("assertion")
        .ok_or_else(|| refused("invalid_request", "must provide assertion"))?;
    let claims = jwt::verify(assertion, &desk.logins.public_key_pem, desk.clock).map_err(grant)?;
    if claims.client_id != desk.logins.client_id {
        return Err(refused("invalid_client_id", "client identifier invalid"));
    }
    let audience = claims.audience.trim_end_matches('/');
    let known = [
        "https://login.salesforce.com",
        "https://test.salesforce.com",
        desk.url,
    ];
    let own_token_url = format!("{}/services/oauth2/token", desk.url);
    if !known.contains(&audience) && audience != own_token_url {
        return Err(grant("audience is invalid"));
    }
    let Some(user) = desk.org.user_named(&claims.username) else {
        return Err(grant("user hasn't approved this consumer"));
    };
    if !user.is_active {
        return Err(grant("inactive user"));
    }
    Ok(Granted {
        user: user.id,
        scope: "web api",
        refresh_token: None,
    })
}

fn by_refresh_token(desk: &mut Desk<'_>, parameters: &Parameters) -> Result<Granted, Reply> {
    check_client(desk, parameters)?;
    let token = parameters
        .get("refresh_token")
        .ok_or_else(|| refused("invalid_request", "must provide refresh_token"))?;
    let user = desk.logins.refresh_tokens.get(token).copied();
    let user = user.ok_or_else(|| refused("invalid_grant", "expired access/refresh token"))?;
    match desk.org.users.get(&user) {
        Some(it) if it.is_active => Ok(Granted {
            user,
            scope: "refresh_token web api",
            refresh_token: None,
        }),
        _ => Err(refused("invalid_grant", "inactive user")),
    }
}

fn by_client_credentials(
    desk: &mut Desk<'_>,
    parameters: &Parameters,
    request: &Request,
) -> Result<Granted, Reply> {
    let basic = request.header("authorization").and_then(|it| {
        let (scheme, value) = it.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
        let (id, secret) = text.split_once(':')?;
        Some((id.to_owned(), secret.to_owned()))
    });
    let (id, secret) = basic.unwrap_or_else(|| {
        let get = |name| parameters.get(name).unwrap_or("").to_owned();
        (get("client_id"), get("client_secret"))
    });
    if id != desk.logins.client_id {
        return Err(refused("invalid_client_id", "client identifier invalid"));
    }
    if secret != desk.logins.client_secret {
        return Err(refused("invalid_client", "invalid client credentials"));
    }
    match desk.logins.run_as {
        Some(user) if desk.org.users.get(&user).is_some_and(|it| it.is_active) => Ok(Granted {
            user,
            scope: "api",
            refresh_token: None,
        }),
        _ => Err(refused(
            "invalid_grant",
            "no client credentials user enabled",
        )),
    }
}

fn by_code(desk: &mut Desk<'_>, parameters: &Parameters) -> Result<Granted, Reply> {
    check_client(desk, parameters)?;
    let code = parameters
        .get("code")
        .ok_or_else(|| refused("invalid_request", "must provide code"))?;
    // Taken out at the first try, whatever comes of it: a code is good once.
    let expired = || refused("invalid_grant", "expired authorization code");
    let code = desk.logins.codes.remove(code).ok_or_else(expired)?;
    if code.until < desk.org.now() {
        return Err(expired());
    }
    if parameters.get("client_id") != Some(code.client_id.as_str()) {
        return Err(refused("invalid_grant", "authentication failure"));
    }
    if parameters.get("redirect_uri") != Some(code.redirect_uri.as_str()) {
        return Err(refused(
            "redirect_uri_mismatch",
            "redirect_uri must match configuration",
        ));
    }
    if let Some(challenge) = &code.challenge {
        let verifier = parameters.get("code_verifier").unwrap_or("");
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        if digest != challenge.trim_end_matches('=') {
            return Err(refused("invalid_grant", "invalid code verifier"));
        }
    }
    let refresh_token = desk.logins.give_refresh_token(code.user);
    Ok(Granted {
        user: code.user,
        scope: "refresh_token web api",
        refresh_token: Some(refresh_token),
    })
}

/// Public clients send no secret; one that is sent must be right.
fn check_client(desk: &Desk<'_>, parameters: &Parameters) -> Result<(), Reply> {
    match parameters.get("client_id") {
        Some(id) if desk.logins.is_client(id) => (),
        Some(_) => return Err(refused("invalid_client_id", "client identifier invalid")),
        None => return Err(refused("invalid_request", "must provide client_id")),
    }
    match parameters.get("client_secret") {
        Some(secret) if secret != desk.logins.client_secret => {
            Err(error(400, "invalid_client", "invalid client credentials"))
        }
        _ => Ok(()),
    }
}

fn success(desk: &mut Desk<'_>, granted: &Granted) -> Reply {
    let token = open_session(desk.org, granted.user, None);
    let org_id = desk.org.config.org_id;
    let mut body = json!({
        "access_token": token,
        "signature": STANDARD.encode(random_text(32)),
        "scope": granted.scope,
        "instance_url": desk.url,
        "id": format!("{}/id/{org_id}/{}", desk.url, granted.user),
        "token_type": "Bearer",
        "issued_at": desk.org.now().as_millis().to_string(),
    });
    if let Some(refresh_token) = &granted.refresh_token {
        body["refresh_token"] = Value::from(refresh_token.clone());
    }
    Reply::json(200, &body)
        .with("Cache-Control", "no-cache, no-store")
        .with("Pragma", "no-cache")
}
