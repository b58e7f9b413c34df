//! What a secret looks like, whatever element it stands in.
//!
//! Sources: the formats that the issuers of keys publish so that scanners find them.

use std::ops::Range;

use super::{MARK, rules::sounds_secret, tags};

/// A kind of key that is known by its first characters.
struct Shape {
    what: &'static str,
    prefixes: &'static [&'static str],
    /// What may follow, and how much of it at least.
    of: fn(u8) -> bool,
    fewest: usize,
    /// Number of dots that must be in it.
    dots: usize,
}

fn is_word(it: u8) -> bool {
    it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-')
}

fn is_dotted(it: u8) -> bool {
    is_word(it) || it == b'.'
}

fn is_hex(it: u8) -> bool {
    it.is_ascii_digit() || (b'a'..=b'f').contains(&it)
}

fn is_path(it: u8) -> bool {
    is_word(it) || it == b'/'
}

/// What stands in the value of a header or of a query.
fn is_value(it: u8) -> bool {
    is_dotted(it) || matches!(it, b'~' | b'%' | b'+' | b'/' | b'=')
}

fn is_upper(it: u8) -> bool {
    it.is_ascii_uppercase() || it.is_ascii_digit()
}

const fn shape(
    what: &'static str,
    prefixes: &'static [&'static str],
    of: fn(u8) -> bool,
    fewest: usize,
) -> Shape {
    Shape {
        what,
        prefixes,
        of,
        fewest,
        dots: 0,
    }
}

const SHAPES: &[Shape] = &[
    shape("an access key of AWS", &["AKIA", "ASIA"], is_upper, 16),
    shape("a token of Atlassian", &["ATATT3"], is_value, 100),
    shape("a token of Databricks", &["dapi"], is_hex, 32),
    shape("a token of DigitalOcean", &["dop_v1_"], is_hex, 64),
    shape(
        "a token of GitHub",
        &["ghp_", "gho_", "ghs_", "ghr_", "ghu_", "github_pat_"],
        is_word,
        30,
    ),
    shape("a token of GitLab", &["glpat-"], is_word, 20),
    shape(
        "a token of Slack",
        &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xapp-"],
        is_word,
        20,
    ),
    shape(
        "a URL of Slack that posts",
        &["https://hooks.slack.com/services/"],
        is_path,
        30,
    ),
    shape(
        "a key of Stripe",
        &["sk_live_", "rk_live_", "whsec_"],
        is_word,
        16,
    ),
    shape("a token of Square", &["sq0atp-", "sq0csp-"], is_word, 22),
    shape("a key of Twilio", &["SK"], is_hex, 32),
    shape("a key of Google", &["AIza"], is_word, 35),
    shape("a secret of an app of Google", &["GOCSPX-"], is_word, 24),
    shape("a token of Hugging Face", &["hf_"], is_word, 34),
    shape("a key of Mailgun", &["key-"], is_hex, 32),
    shape("a key of OpenAI", &["sk-proj-", "sk-ant-"], is_word, 32),
    shape("a token of Google", &["ya29."], is_dotted, 30),
    shape("a key of SendGrid", &["SG."], is_dotted, 60),
    shape("a token of npm", &["npm_"], is_word, 36),
    shape("a token of Shopify", &["shpat_"], is_word, 32),
    shape("a refresh token of Salesforce", &["5Aep861"], is_dotted, 40),
    Shape {
        what: "a signed token",
        prefixes: &["eyJ"],
        of: is_dotted,
        fewest: 60,
        dots: 2,
    },
];

/// What is known by its shape, in words.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    SHAPES.iter().map(|it| it.what).chain([
        "a session of Salesforce",
        "a private key",
        "the password of a URL",
        "a secret in a URL",
        "the credentials of a header",
    ])
}

/// The part of a session id of Salesforce behind the id of the org.
const FEWEST_OF_SESSION: usize = 60;

/// Something that looks like a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Its bytes.
    pub at: Range<usize>,
    /// What it looks like.
    pub what: &'static str,
}

/// What in `bytes` has the shape of a key, is the password of a URL, or stands in the
/// place of one that was taken out; in order, without overlaps.
pub(super) fn find(bytes: &[u8]) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match begins(bytes, at) {
            Some(it) => {
                at = it.at.end;
                seen.push(it);
            }
            None => at += 1,
        }
    }
    seen
}

/// What begins at this byte.
fn begins(bytes: &[u8], at: usize) -> Option<Seen> {
    let rest = &bytes[at..];
    match rest[0] {
        b':' => password(bytes, at),
        b'-' => private_key(rest).map(|length| Seen {
            at: at..at + length,
            what: "a private key",
        }),
        b'!' => {
            let length = MARK.len() + tags::DIGITS;
            super::is_placeholder_first(rest).then(|| Seen {
                at: at..at + length,
                what: "a placeholder",
            })
        }
        b'=' => query(bytes, at),
        b'A' | b'B' | b'G' | b'S' | b'd' | b'e' | b'g' | b'h' | b'k' | b'n' | b'r' | b's'
        | b'w' | b'x' | b'y' | b'0' | b'5' => {
            let is_inside = at > 0 && is_word(bytes[at - 1]);
            if is_inside { None } else { key(bytes, at) }
        }
        _ => None,
    }
}

fn key(bytes: &[u8], at: usize) -> Option<Seen> {
    let rest = &bytes[at..];
    if rest.starts_with(b"00D") {
        let id = rest
            .iter()
            .take_while(|it| it.is_ascii_alphanumeric())
            .count();
        let behind = rest.get(id..)?.strip_prefix(b"!")?;
        let length = behind.iter().take_while(|it| is_dotted(**it)).count();
        let is_session = matches!(id, 15 | 18) && FEWEST_OF_SESSION <= length;
        return is_session.then(|| Seen {
            at: at..at + id + 1 + length,
            what: "a session of Salesforce",
        });
    }
    if let Some(behind) = rest
        .strip_prefix(b"Bearer ")
        .or_else(|| rest.strip_prefix(b"Basic "))
    {
        let length = behind.iter().take_while(|it| is_value(**it)).count();
        let from = at + rest.len() - behind.len();
        return is_random(&behind[..length]).then_some(Seen {
            at: from..from + length,
            what: "the credentials of a header",
        });
    }
    SHAPES.iter().find_map(|shape| {
        let prefix = shape
            .prefixes
            .iter()
            .find(|it| rest.starts_with(it.as_bytes()))?;
        let behind = &rest[prefix.len()..];
        let length = behind.iter().take_while(|it| (shape.of)(**it)).count();
        let dots = behind[..length].iter().filter(|it| **it == b'.').count();
        (shape.fewest <= length && shape.dots <= dots).then(|| Seen {
            at: at..at + prefix.len() + length,
            what: shape.what,
        })
    })
}

/// The value of a secret in the query of a URL or in a connection string, whose `=` stands
/// at `at`: `?api_key=…`, `&amp;sig=…`, `;AccountKey=…`.
fn query(bytes: &[u8], at: usize) -> Option<Seen> {
    let from = bytes[..at].iter().rposition(|it| !is_word(*it))?;
    let name = std::str::from_utf8(&bytes[from + 1..at]).ok()?;
    let is_named = matches!(bytes[from], b'?' | b'&' | b';')
        && (sounds_secret(name)
            || ["key", "sig", "pwd", "accountkey"]
                .iter()
                .any(|it| name.eq_ignore_ascii_case(it)));
    if !is_named {
        return None;
    }
    let behind = &bytes[at + 1..];
    let length = behind.iter().take_while(|it| is_value(**it)).count();
    is_random(&behind[..length]).then_some(Seen {
        at: at + 1..at + 1 + length,
        what: "a secret in a URL",
    })
}

fn is_random(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(looks_random)
}

/// The password of a URL whose `://` begins at `at`.
fn password(bytes: &[u8], at: usize) -> Option<Seen> {
    let behind = bytes[at..].strip_prefix(b"://")?;
    let ends = |it: &u8| {
        it.is_ascii_whitespace() || matches!(it, b'/' | b'<' | b'"' | b'\'' | b'?' | b'{' | b'}')
    };
    let authority = behind.iter().position(ends).unwrap_or(behind.len());
    let authority = &behind[..authority];
    let host = authority.iter().rposition(|it| *it == b'@')?;
    let user = authority[..host].iter().position(|it| *it == b':')?;
    let from = at + 3 + user + 1;
    let to = at + 3 + host;
    (user > 0 && from < to).then_some(Seen {
        at: from..to,
        what: "the password of a URL",
    })
}

/// Length of a private key in PEM that begins here.
fn private_key(rest: &[u8]) -> Option<usize> {
    let behind = rest.strip_prefix(b"-----BEGIN ")?;
    let line = behind.iter().take(40).position(|it| *it == b'-')?;
    if !behind[..line].ends_with(b"PRIVATE KEY") {
        return None;
    }
    let tail = b"-----END";
    let end = rest.windows(tail.len()).position(|it| it == tail)?;
    let line = rest[end..].iter().position(|it| matches!(it, b'\n' | b'<'));
    Some(end + line.unwrap_or(rest.len() - end))
}

/// Whether a value that is called a secret can be one: one word, no number, no switch.
pub(super) fn could_be_secret(value: &str) -> bool {
    let value = value.trim();
    let is_plain = value.len() < 6
        || value.contains(char::is_whitespace)
        || value.eq_ignore_ascii_case("false")
        || value.parse::<f64>().is_ok()
        || value.ends_with("__c")
        || value.ends_with("__mdt");
    let is_place = ["http:", "https:", "callout:", "/", "{!"];
    !is_plain && !is_place.iter().any(|it| value.starts_with(it))
}

/// Whether a value looks as if it had been drawn by lot.
pub(super) fn looks_random(value: &str) -> bool {
    let value = value.trim();
    let has = |of: fn(&char) -> bool| value.chars().any(|it| of(&it));
    could_be_secret(value)
        && 12 <= value.len()
        && has(char::is_ascii_digit)
        && has(char::is_ascii_alphabetic)
        && 3.0 <= bits(value)
}

/// Whether a text with no name beside it can hardly be anything but a secret: long, one
/// word, small letters, capitals and digits, and hardly a letter twice.
///
/// Ids of Salesforce have 15 or 18 characters, numbers of the universe only small letters.
pub(super) fn can_hardly_be_else(word: &str) -> bool {
    let has = |of: fn(&u8) -> bool| word.bytes().filter(of).count();
    (24..=200).contains(&word.len())
        && word.bytes().all(is_value)
        && !word.contains('.')
        && 3 <= has(u8::is_ascii_digit)
        && 3 <= has(u8::is_ascii_lowercase)
        && 3 <= has(u8::is_ascii_uppercase)
        && word.matches(['/', '-', '_', '%']).count() * 8 <= word.len()
        && 4.0 <= bits(word)
}

/// Bits of information of each byte, by how often each occurs (Shannon).
pub(super) fn bits(value: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let n = f64::from(u32::try_from(value.len()).unwrap_or(u32::MAX));
    let parts = counts.iter().filter(|it| **it > 0);
    parts
        .map(|it| f64::from(*it) / n)
        .map(|share| -share * share.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Vec<(String, &'static str)> {
        let found = find(text.as_bytes());
        found
            .into_iter()
            .map(|it| (text[it.at].to_owned(), it.what))
            .collect()
    }

    #[test]
    fn keys_are_known_by_their_shape_and_their_ends() {
        let jwt = format!(
            "eyJ{}.eyJ{}.{}",
            "a".repeat(20),
            "b".repeat(30),
            "c".repeat(20)
        );
        let session = format!("00D5f000006TdUJ!AQ{}", "x".repeat(70));
        let aws = format!("AKIA{}", "Z2".repeat(8));
        for key in [jwt, session, aws] {
            let text = format!("set '{key}' here");
            assert_eq!(seen(&text)[0].0, key);
        }
        assert_eq!(
            seen("see https://admin:pa:ss@host.example/x?y"),
            [("pa:ss".to_owned(), "the password of a URL")]
        );
    }

    #[test]
    fn values_of_queries_headers_and_connection_strings_are_seen() {
        let value = "q8Zr41kPw0sX2v/T+6b==";
        for (text, what) in [
            ("https://h.example/x?a=1&amp;api_key=@", "a secret in a URL"),
            ("https://h.example/x?sig=@&amp;se=2027", "a secret in a URL"),
            ("Endpoint=sb://h;SharedAccessKey=@", "a secret in a URL"),
            ("Authorization: Basic @", "the credentials of a header"),
            ("Authorization: Bearer @", "the credentials of a header"),
        ] {
            let text = text.replace('@', value);
            assert_eq!(seen(&text), [(value.to_owned(), what)], "{text}");
        }
    }

    #[test]
    fn what_only_resembles_a_key_is_none() {
        for text in [
            "https://h.example/x?token={!Token}&amp;key=Account_Key",
            "?retURL=%2F001&amp;key=a0B5f000006TdUJ",
            "Bearer of the token",
            "SKU of 32 letters",
            "MAKIAZZZZZZZZZZZZZZZZZ",
            "AKIA",
            "https://host.example:8443/a@b",
            "https://host.example/path:x@y",
            "mailto:a@b.c",
            "eyJhbGciOiJIUzI1NiJ9",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        ] {
            assert_eq!(seen(text), [], "{text}");
        }
    }

    #[test]
    fn values_that_cannot_be_secrets_are_told_from_those_that_can() {
        for plain in [
            "true",
            "12345678",
            "Enter your password",
            "My_Field__c",
            "https://x.example/token",
        ] {
            assert!(!could_be_secret(plain), "{plain}");
        }
        for secret in ["hunter2!", "s3cr3t-Value", "!redacted:0123456789ab"] {
            assert!(could_be_secret(secret), "{secret}");
        }
        assert!(can_hardly_be_else("q8Zr41kPw0sX2vT6bYh3LmN9"));
        for other in [
            "0015f00000ABCDEAA4",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "MCFKNBBKBLHVDG7PLIPBQWMZYVBM",
            "force-app/Main/Default/Classes/A1b2C3",
            "IHaveALongNameWithoutAnyDigitAtAll",
        ] {
            assert!(!can_hardly_be_else(other), "{other}");
        }
        assert!(looks_random("q8Zr-41kPw0s"));
        assert!(!looks_random("PasswordReset"));
    }
}
