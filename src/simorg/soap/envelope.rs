//! Envelopes as the platform writes them: on one line, metadata's namespace as
//! the default one, `xsi` declared only where it is used.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{simorg::fault::Fault, xml};

const PROLOG: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
const ENVELOPE: &str =
    "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"";
const METADATA: &str = "\"http://soap.sforce.com/2006/04/metadata\"";
const XSI: &str = " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";

/// What goes back: an HTTP status and a body of `text/xml;charset=UTF-8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200, or 500 for a fault.
    pub status: u16,
    /// The envelope.
    pub body: Vec<u8>,
}

/// The reply that says `fault`.
///
/// Source: recorded faults of the metadata endpoint: no `detail`, the code in
/// the text again.
#[must_use]
pub fn fault_reply(fault: &Fault) -> Reply {
    let (code, text) = match fault.code.split_once(':') {
        Some(_) => (fault.code.clone(), fault.message.clone()),
        None => (format!("sf:{}", fault.code), fault.to_string()),
    };
    let xsi = if fault.code == "INVALID_SESSION_ID" {
        XSI
    } else {
        ""
    };
    let sf = if code.starts_with("sf:") {
        format!(" xmlns:sf={METADATA}")
    } else {
        String::new()
    };
    let body = format!(
        "{PROLOG}{ENVELOPE}{sf}{xsi}><soapenv:Body><soapenv:Fault><faultcode>{code}</faultcode>\
         <faultstring>{}</faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>",
        xml::escape(&text)
    );
    Reply {
        status: 500,
        body: body.into_bytes(),
    }
}

/// The reply of `call` with `content` in it; an empty one is self-closed.
pub(super) fn reply(call: &str, content: &str) -> Reply {
    let (start, end) = frame(call, content.contains("xsi:"));
    let body = if content.is_empty() {
        format!(
            "{}/>{}",
            start.trim_end_matches('>'),
            &end[call.len() + 11..]
        )
    } else {
        format!("{start}{content}{end}")
    };
    Reply {
        status: 200,
        body: body.into_bytes(),
    }
}

/// The reply of `call` with `before`, then `bytes` in base64, then `after`.
///
/// Encodes straight into the body: a zip is in memory once, and once encoded.
pub(super) fn reply_with_bytes(call: &str, before: &str, bytes: &[u8], after: &str) -> Reply {
    let (start, end) = frame(call, before.contains("xsi:"));
    let room = start.len() + before.len() + bytes.len().div_ceil(3) * 4 + after.len() + end.len();
    let mut body = String::with_capacity(room);
    body.push_str(&start);
    body.push_str(before);
    STANDARD.encode_string(bytes, &mut body);
    body.push_str(after);
    body.push_str(&end);
    Reply {
        status: 200,
        body: body.into_bytes(),
    }
}

fn frame(call: &str, uses_xsi: bool) -> (String, String) {
    let xsi = if uses_xsi { XSI } else { "" };
    (
        format!("{PROLOG}{ENVELOPE} xmlns={METADATA}{xsi}><soapenv:Body><{call}Response>"),
        format!("</{call}Response></soapenv:Body></soapenv:Envelope>"),
    )
}

/// Decodes base64 that may be broken into lines.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    if text.contains(|it: char| it.is_ascii_whitespace()) {
        let text: String = text.split_ascii_whitespace().collect();
        return STANDARD.decode(text).ok();
    }
    STANDARD.decode(text).ok()
}

/// Appends `<name>text</name>`, `text` not yet escaped.
pub(super) fn push(out: &mut String, name: &str, text: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    out.push_str(&xml::escape(text));
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Appends `<name>true</name>` or false.
pub(super) fn push_bool(out: &mut String, name: &str, value: bool) {
    push(out, name, if value { "true" } else { "false" });
}

/// Appends an element where there is a value for it.
pub(super) fn push_some(out: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        push(out, name, value);
    }
}
