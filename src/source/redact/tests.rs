use proptest::prelude::*;

use super::*;
use crate::xml::escape;

const ORG: &str = "00D000000000001EAA";

fn key() -> RedactionKey {
    RedactionKey::parse("a key of this test").unwrap()
}

fn tags() -> Tags {
    Tags::keyed(ORG, key())
}

fn app(secret: &str, label: &str) -> String {
    format!(
        "<?xml version='1.0'?>\r\n<ConnectedApp xmlns=\"m\">\r\n\t<label>{label}</label><!-- <consumerSecret>no</consumerSecret> -->\n\
         <oauthConfig>\n  <consumerKey>3MVG9</consumerKey><consumerSecret>{secret}</consumerSecret>\n</oauthConfig></ConnectedApp>"
    )
}

const APP: &str = "connectedApps/A.connectedApp-meta.xml";

#[test]
fn secret_is_taken_out_and_no_other_byte_changes() {
    let file = app("s3cr&amp;t", "A &gt; B");
    let res = redact("ConnectedApp", APP, file.as_bytes(), &tags()).unwrap();
    let elements: Vec<_> = res.values.iter().map(|it| it.element.as_str()).collect();
    assert_eq!(
        elements,
        ["oauthConfig.consumerKey", "oauthConfig.consumerSecret"]
    );
    let told = format!("hmac-sha256:{}:", key().id());
    let tags: Vec<_> = res
        .values
        .iter()
        .map(|it| it.tag.strip_prefix(&told).unwrap().to_owned())
        .collect();
    let expected = file
        .replace("3MVG9", &format!("!redacted:{}", tags[0]))
        .replace("s3cr&amp;t", &format!("!redacted:{}", tags[1]));
    assert_eq!(String::from_utf8(res.bytes.to_vec()).unwrap(), expected);
    assert!(has_placeholder(&res.bytes) && !has_placeholder(file.as_bytes()));
    assert_eq!(
        tags[1],
        key().tag(ORG, "s3cr&t"),
        "the tag is over the value, not its escaping"
    );
    assert_eq!(tags[1].len(), 12);

    let again = redact("ConnectedApp", APP, &res.bytes, &self::tags()).unwrap();
    assert_eq!((&again.bytes, &again.values), (&res.bytes, &res.values));
}

#[test]
fn tag_is_equal_however_the_value_is_escaped_and_differs_by_key() {
    let one = redact("ConnectedApp", APP, app("a&amp;b", "x").as_bytes(), &tags())
        .unwrap()
        .values;
    let other = redact(
        "ConnectedApp",
        APP,
        app("<![CDATA[a&b]]>", "x").as_bytes(),
        &tags(),
    )
    .unwrap()
    .values;
    assert_eq!(one, other);
    let other = RedactionKey::parse("another key of this test").unwrap();
    assert_ne!(key().tag(ORG, "a"), other.tag(ORG, "a"));
    assert_ne!(key().tag(ORG, "a"), key().tag("00D000000000002EAA", "a"));
    assert_ne!(key().id(), other.id());
    assert_eq!(format!("{:?}", key()), "RedactionKey(..)");
}

#[test]
fn without_the_key_the_tags_of_the_tree_stay_and_new_secrets_have_none() {
    let (old, new) = (app("old", "x"), app("changed", "x"));
    let keyed = redact("ConnectedApp", APP, old.as_bytes(), &tags()).unwrap();
    let secret = keyed.values[1].clone();
    let kept = Tags::kept([((secret.path, secret.element), secret.tag.clone())].into());
    let res = redact("ConnectedApp", APP, new.as_bytes(), &kept).unwrap();
    assert_eq!(res.values[1].tag, secret.tag);
    assert_eq!(res.values[0].tag, "unseen:000000000000");
    assert!(has_placeholder(&res.bytes));
    let text = String::from_utf8(res.bytes.to_vec()).unwrap();
    assert!(
        !text.contains("changed") && !text.contains("3MVG9"),
        "{text}"
    );
}

#[test]
fn short_text_is_no_key() {
    assert_eq!(RedactionKey::parse(" 0123456789abcde \n"), Err(ShortKey));
    assert!(RedactionKey::parse("0123456789abcdef\n").is_ok());
}

#[test]
fn present_value_takes_the_placeholder_s_place() {
    let old = app("old", "old label");
    let redacted = redact("ConnectedApp", APP, old.as_bytes(), &tags())
        .unwrap()
        .bytes;
    let now = app("new&apos;1", "new label");
    let put_back = reinstate("ConnectedApp", APP, &redacted, now.as_bytes()).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&put_back),
        app("new&apos;1", "old label")
    );

    let none = app("", "x");
    let err = reinstate("ConnectedApp", APP, &redacted, none.as_bytes()).unwrap_err();
    assert_eq!(
        err,
        Error::Missing {
            element: "oauthConfig.consumerSecret".to_owned()
        }
    );
    let err = reinstate("ConnectedApp", APP, &redacted, &redacted).unwrap_err();
    assert!(
        matches!(err, Error::Missing { .. }),
        "a placeholder never goes to an org"
    );
}

#[test]
fn placeholder_where_no_rule_looks_is_never_sent() {
    let file = b"<CustomLabel><value>!redacted:0123456789ab</value></CustomLabel>";
    let err = reinstate("CustomLabel", "x-meta.xml", file, b"<CustomLabel/>").unwrap_err();
    assert!(matches!(err, Error::Missing { .. }));
}

fn headers(pairs: &[(&str, &str)]) -> String {
    let row = |(name, value): &(&str, &str)| {
        format!(
            "<customHttpHeaders><headerFieldName>{name}</headerFieldName>\
             <headerFieldValue>{value}</headerFieldValue></customHttpHeaders>"
        )
    };
    let rows = pairs.iter().map(row).collect::<Vec<_>>().concat();
    format!("<ExternalDataSource>{rows}<endpoint>https://x</endpoint></ExternalDataSource>")
}

#[test]
fn repeated_values_are_told_by_what_stands_beside_them() {
    let path = "dataSources/D.dataSource-meta.xml";
    let file = headers(&[
        ("Accept", "json"),
        ("X-Api-Key", "k1"),
        ("Authorization", "b1"),
        ("X-Api-Key", "k2"),
    ]);
    let res = redact("ExternalDataSource", path, file.as_bytes(), &tags()).unwrap();
    let elements: Vec<_> = res.values.iter().map(|it| it.element.as_str()).collect();
    insta::assert_snapshot!(elements.join("\n"), @r"
    customHttpHeaders.headerFieldValue[X-Api-Key]
    customHttpHeaders.headerFieldValue[Authorization]
    customHttpHeaders.headerFieldValue[X-Api-Key, 2]
    ");
    let now = headers(&[
        ("Authorization", "b9"),
        ("X-Api-Key", "k8"),
        ("X-Api-Key", "k9"),
    ]);
    let put_back = reinstate("ExternalDataSource", path, &res.bytes, now.as_bytes()).unwrap();
    let expected = headers(&[
        ("Accept", "json"),
        ("X-Api-Key", "k8"),
        ("Authorization", "b9"),
        ("X-Api-Key", "k9"),
    ]);
    assert_eq!(String::from_utf8_lossy(&put_back), expected);
}

#[test]
fn file_of_a_type_with_secrets_that_cannot_be_read_is_refused() {
    for file in [
        "<AuthProvider><consumerSecret>x</AuthProvider>",
        "<AuthProvider><a>",
        "",
        "<a/><b/>",
        "<a b='>",
    ] {
        let res = redact("AuthProvider", "a-meta.xml", file.as_bytes(), &tags());
        assert!(matches!(res, Err(Error::Unreadable { .. })), "{file}");
    }
    assert!(
        redact("Report", "a-meta.xml", b"<a", &tags()).is_ok(),
        "a report has none"
    );
}

#[test]
fn private_key_goes_and_the_certificate_stays() {
    let file = "-----BEGIN CERTIFICATE-----\nAAA=\n-----END CERTIFICATE-----\n\
                -----BEGIN RSA PRIVATE KEY-----\nBBB=\nCCC\n-----END RSA PRIVATE KEY-----\n";
    let res = redact("Certificate", "certs/C.crt", file.as_bytes(), &tags()).unwrap();
    let text = String::from_utf8(res.bytes.into_owned()).unwrap();
    assert_eq!(
        text,
        file.replace(
            "BBB=\nCCC",
            &format!(
                "!redacted:{}",
                res.values[0].tag.rsplit(':').next().unwrap()
            )
        )
    );
}

#[test]
fn every_rule_names_a_type_of_the_platform() {
    let registry = crate::registry::Registry::official();
    for rule in rules::RULES {
        assert!(
            registry.type_named(rule.type_name).is_some(),
            "{}",
            rule.type_name
        );
    }
}

proptest! {
    #[test]
    fn no_secret_stays_and_what_is_put_back_is_what_was(secret in "[^\\p{C}!]{4,20}", bytes in any::<Vec<u8>>()) {
        prop_assume!(!secret.trim().is_empty());
        let file = app(&escape(&secret), "label");
        let res = redact("ConnectedApp", APP, file.as_bytes(), &tags()).unwrap();
        prop_assert_eq!(res.values.len(), 2);
        let back = reinstate("ConnectedApp", APP, &res.bytes, file.as_bytes()).unwrap();
        prop_assert_eq!(&*back, file.as_bytes());
        let _ = redact("ConnectedApp", APP, &bytes, &tags());
    }
}

#[test]
fn secret_that_is_encrypted_anew_each_time_keeps_its_tag() {
    let path = "authproviders/A.authprovider-meta.xml";
    let tag = |key_of: &str, secret: &str| {
        let text = format!(
            "<AuthProvider><consumerKey>{key_of}</consumerKey><consumerSecret>{secret}</consumerSecret></AuthProvider>"
        );
        let redacted = redact("AuthProvider", path, text.as_bytes(), &tags()).unwrap();
        String::from_utf8(redacted.bytes.to_vec()).unwrap()
    };
    assert_eq!(tag("a", "one"), tag("a", "another"));
    assert_ne!(tag("a", "one"), tag("b", "one"));
    assert!(!tag("a", "one").contains(">one<"));
}
