//! Text that must not be seen. Hides `zeroize`.
//!
//! Invariant: no formatting, serialisation or comparison of a [`Secret`] shows a
//! character of it; whoever needs the text says [`Secret::expose`].

use std::fmt;

use zeroize::Zeroizing;

/// A token, key or password: never printed, wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes `text` in.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for the one place that sends or stores it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this is an access token in JWT format, which the SOAP API may refuse.
    ///
    /// Such a token has three parts between dots and begins with `eyJ`; an opaque
    /// one has `!` behind the id of its org.
    #[must_use]
    pub fn is_jwt(&self) -> bool {
        self.0.starts_with("eyJ") && self.0.split('.').count() == 3
    }

    /// The first 15 characters of the org's id, which an opaque access token begins with.
    #[must_use]
    pub fn org_prefix(&self) -> Option<&str> {
        let (org, _) = self.0.split_once('!')?;
        let is_id = org.starts_with("00D")
            && matches!(org.len(), 15 | 18)
            && org.bytes().all(|it| it.is_ascii_alphanumeric());
        is_id.then(|| &org[..15])
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_never_printed() {
        let secret = Secret::new("00D000000000001!AQ.hidden");
        let shown = format!("{secret} {secret:?} {:?}", Some(&secret));
        assert_eq!(shown, "[secret] Secret(…) Some(Secret(…))");
    }

    #[test]
    fn format_of_a_token_is_known() {
        assert!(Secret::new("eyJh.eyJi.c2ln").is_jwt());
        let opaque = Secret::new("00D000000000001!AQ.a.b");
        assert!(!opaque.is_jwt());
        assert_eq!(opaque.org_prefix(), Some("00D000000000001"));
        assert_eq!(Secret::new("00Dä0000000001!x").org_prefix(), None);
    }
}
