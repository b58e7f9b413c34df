//! Assertions of the JWT bearer flow. Hides jsonwebtoken.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

use crate::model::Timestamp;

/// What an assertion claims.
#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    /// Salesforce still takes the old name of `sub`.
    prn: Option<String>,
    aud: Option<serde_json::Value>,
    exp: Option<f64>,
}

/// An assertion whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assertion {
    pub(super) client_id: String,
    pub(super) username: String,
    pub(super) audience: String,
}

/// Verifies an assertion; the error is OAuth's description.
///
/// `exp` is taken in seconds or, as `sf` sends it, in milliseconds.
pub(super) fn verify(
    assertion: &str,
    public_key_pem: &str,
    now: Timestamp,
) -> Result<Assertion, &'static str> {
    let invalid = "invalid assertion";
    let key = DecodingKey::from_rsa_pem(public_key_pem.as_bytes()).map_err(|_| invalid)?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims = decode::<Claims>(assertion, &key, &validation)
        .map_err(|_| invalid)?
        .claims;
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since 1970 are below 2^52"
    )]
    let seconds = now.as_millis() as f64 / 1_000.0;
    match claims.exp {
        Some(exp) if seconds < exp => (),
        Some(_) => return Err("assertion expired"),
        None => return Err(invalid),
    }
    let audience = match claims.aud {
        Some(serde_json::Value::String(it)) => it,
        Some(serde_json::Value::Array(all)) => match all.first().and_then(|it| it.as_str()) {
            Some(it) => it.to_owned(),
            None => return Err("audience is invalid"),
        },
        _ => return Err("audience is invalid"),
    };
    Ok(Assertion {
        client_id: claims.iss.ok_or(invalid)?,
        username: claims.sub.or(claims.prn).ok_or(invalid)?,
        audience,
    })
}
