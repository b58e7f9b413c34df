//! Envelopes of the partner API.
//!
//! Source: recorded answers of `query` and recorded faults.

use crate::{
    simorg::{fault::Fault, soap::Reply},
    xml::escape,
};

const PROLOG: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
                      xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"";
const XSI: &str = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
const END: &str = "</soapenv:Body></soapenv:Envelope>";

/// The reply of `call` with `content` in it.
pub(super) fn reply(call: &str, content: &str) -> Reply {
    let sobject = if content.contains("sf:") {
        " xmlns:sf=\"urn:sobject.partner.soap.sforce.com\""
    } else {
        ""
    };
    let body = format!(
        "{PROLOG} xmlns=\"urn:partner.soap.sforce.com\" {XSI}{sobject}><soapenv:Body>\
         <{call}Response>{content}</{call}Response>{END}"
    );
    Reply {
        status: 200,
        body: body.into_bytes(),
    }
}

/// The reply that says `fault`: the code, the text, and both again in the detail.
#[must_use]
pub fn fault_reply(fault: &Fault) -> Reply {
    if fault.code.contains(':') {
        let body = format!(
            "{PROLOG}><soapenv:Body><soapenv:Fault><faultcode>{}</faultcode><faultstring>{}\
             </faultstring></soapenv:Fault>{END}",
            fault.code,
            escape(&fault.message)
        );
        return Reply {
            status: 500,
            body: body.into_bytes(),
        };
    }
    let kind = match fault.code.as_str() {
        "INVALID_FIELD" => "InvalidFieldFault",
        "INVALID_TYPE" => "InvalidSObjectFault",
        "MALFORMED_QUERY" => "MalformedQueryFault",
        "INVALID_QUERY_LOCATOR" => "InvalidQueryLocatorFault",
        "MALFORMED_ID" => "InvalidIdFault",
        _ => "UnexpectedErrorFault",
    };
    let place = match kind {
        "InvalidFieldFault" | "InvalidSObjectFault" | "MalformedQueryFault" => {
            let number = |name: &str| {
                let rest = fault.message.split(name).nth(1).unwrap_or("-1");
                let end = rest.find(|it: char| !it.is_ascii_digit() && it != '-');
                rest[..end.unwrap_or(rest.len())].to_owned()
            };
            format!(
                "<sf:row>{}</sf:row><sf:column>{}</sf:column>",
                number("Row:"),
                number("Column:")
            )
        }
        _ => String::new(),
    };
    let message = escape(&fault.message);
    let code = &fault.code;
    let body = format!(
        "{PROLOG} xmlns:sf=\"urn:fault.partner.soap.sforce.com\" {XSI}><soapenv:Body><soapenv:Fault>\
         <faultcode>sf:{code}</faultcode><faultstring>{code}: {message}</faultstring><detail>\
         <sf:{kind} xsi:type=\"sf:{kind}\"><sf:exceptionCode>{code}</sf:exceptionCode>\
         <sf:exceptionMessage>{message}</sf:exceptionMessage>{place}</sf:{kind}></detail></soapenv:Fault>{END}"
    );
    Reply {
        status: 500,
        body: body.into_bytes(),
    }
}

/// Appends `<name>text</name>`, `text` not yet escaped.
pub(super) fn push(out: &mut String, name: &str, text: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    out.push_str(&escape(text));
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Appends an element that says that there is nothing.
pub(super) fn push_nil(out: &mut String, name: &str) {
    out.push('<');
    out.push_str(name);
    out.push_str(" xsi:nil=\"true\"/>");
}
