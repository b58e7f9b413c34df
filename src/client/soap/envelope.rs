//! Writes the envelope around a call.

use crate::{
    client::{Secret, base64},
    model::manifest::METADATA_NAMESPACE,
    xml::escape,
};

/// Name that the org's logs know us by.
const CLIENT: &str = "orgkeep";

/// Where the zip goes in a message whose body is made while it is sent.
pub(crate) struct Halves {
    pub(crate) before: String,
    pub(crate) after: String,
}

/// The envelope of a call of the Metadata API whose elements are `body`.
pub(crate) fn envelope(token: &Secret, body: &str) -> String {
    envelope_in(METADATA_NAMESPACE, token, body)
}

/// The same of a call whose elements are of `namespace`.
pub(crate) fn envelope_in(namespace: &str, token: &Secret, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
         <soapenv:Header xmlns=\"{namespace}\">\
         <SessionHeader><sessionId>{}</sessionId></SessionHeader>\
         <CallOptions><client>{CLIENT}</client></CallOptions>\
         </soapenv:Header>\
         <soapenv:Body xmlns=\"{namespace}\">{body}</soapenv:Body>\
         </soapenv:Envelope>",
        escape(token.expose())
    )
}

/// The envelope of a call whose elements are `before`, a zip and `after`.
pub(crate) fn halves(token: &Secret, before: &str, after: &str) -> Halves {
    // A mark that no escaped text can hold.
    const ZIP: &str = "<\u{1}/>";
    let whole = envelope(token, &format!("{before}{ZIP}{after}"));
    let (before, after) = whole
        .split_once(ZIP)
        .expect("the mark was just put between the two");
    Halves {
        before: before.to_owned(),
        after: after.to_owned(),
    }
}

impl Halves {
    /// Length of the message around a zip of `zip_bytes` bytes.
    pub(crate) fn length(&self, zip_bytes: u64) -> u64 {
        let around = self.before.len() + self.after.len();
        u64::try_from(around).unwrap_or(u64::MAX) + base64::encoded_length(zip_bytes)
    }
}

/// Appends `<name>text</name>`, escaped.
pub(crate) fn push(body: &mut String, name: &str, text: &str) {
    body.push('<');
    body.push_str(name);
    body.push('>');
    body.push_str(&escape(text));
    body.push_str("</");
    body.push_str(name);
    body.push('>');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        let mut body = String::new();
        push(&mut body, "type", "A</type><evil>&");
        let text = envelope(&Secret::new("t<o>k"), &body);
        assert!(
            text.contains("<type>A&lt;/type&gt;&lt;evil&gt;&amp;</type>"),
            "{text}"
        );
        assert!(text.contains("<sessionId>t&lt;o&gt;k</sessionId>"));
        crate::xml::parse(text.as_bytes()).unwrap();
    }

    #[test]
    fn halves_have_the_length_they_say() {
        let halves = halves(
            &Secret::new("t"),
            "<deploy><ZipFile>",
            "</ZipFile></deploy>",
        );
        let text = format!(
            "{}{}{}",
            halves.before,
            base64::encode(b"PK\x03\x04"),
            halves.after
        );
        assert_eq!(halves.length(4), text.len() as u64);
        crate::xml::parse(text.as_bytes()).unwrap();
    }
}
