//! The partner API in SOAP 1.1: what REST does not have, and a little more.
//!
//! Knows `undelete`, `emptyRecycleBin`, `merge` and `convertLead`, and of what
//! REST has too `query`, `queryAll`, `queryMore`, `create`, `update`, `upsert`, `delete`,
//! `getUserInfo` and `getServerTimestamp`.
//!
//! Invariant: elements of an answer stand in the order of the WSDL.

mod envelope;
mod query;
mod rows;

use super::{
    fault::Fault,
    records::{Act, Item, Options, RowError, Saved},
    rest::Desk,
    soap::{Reply, Request},
    state::{Feature, Permission},
};
use crate::xml::Element;
pub use envelope::fault_reply as refuse;
use envelope::{fault_reply, push, push_nil, reply};

/// Most ids or records of one call.
///
/// Source: SOAP API Developer Guide, "`undelete()`", "create()": 200.
const MAX_ROWS: usize = 200;

/// Answers a call made to `/services/Soap/u/<version>`; session and allowance
/// were checked.
#[must_use]
pub fn answer(desk: &mut Desk<'_>, request: &Request) -> Reply {
    match serve(desk, request) {
        Ok(reply) => reply,
        Err(fault) => fault_reply(&fault),
    }
}

fn serve(desk: &mut Desk<'_>, request: &Request) -> Result<Reply, Fault> {
    if !desk.user.may(Permission::ApiEnabled) {
        let message = "The API is not enabled for this Organization or Partner";
        return Err(Fault::new("API_DISABLED_FOR_ORG", message));
    }
    let call = request.call();
    let options = options(request);
    let content = match call {
        "undelete" => results(desk, &Act::Undelete, &ids(request)?, options),
        "delete" => results(desk, &Act::Delete, &ids(request)?, options),
        "emptyRecycleBin" => results(desk, &Act::Empty, &ids(request)?, options),
        "create" => results(desk, &Act::Insert, &rows::items(request)?, options),
        "update" => results(desk, &Act::Update, &rows::items(request)?, options),
        "upsert" => {
            let key = request
                .named_text("externalIDFieldName")
                .unwrap_or_default();
            results(desk, &Act::Upsert(key), &rows::items(request)?, options)
        }
        "merge" => merge(desk, request)?,
        "convertLead" => convert(desk, request)?,
        "query" => query::first(desk, request, false)?,
        "queryAll" => query::first(desk, request, true)?,
        "queryMore" => query::more(desk, request)?,
        "getUserInfo" => user_info(desk),
        "getServerTimestamp" => {
            let mut out = String::new();
            push(&mut out, "timestamp", &desk.org.now().to_soap());
            format!("<result>{out}</result>")
        }
        other => {
            let message = format!("No operation available for request {other}");
            return Err(Fault::new("soapenv:Client", message));
        }
    };
    Ok(reply(call, &content))
}

/// How the headers of a call want rows to be written.
fn options(request: &Request) -> Options {
    let says = |header: &str, name: &str| {
        let header = request.header(header);
        let text = header.and_then(|it| it.child_text(name).map(|it| it.trim().to_owned()));
        text.as_deref() == Some("true")
    };
    Options {
        all_or_none: says("AllOrNoneHeader", "allOrNone"),
        allow_duplicates: says("DuplicateRuleHeader", "allowSave"),
    }
}

fn ids(request: &Request) -> Result<Vec<Item>, Fault> {
    let all: Vec<Item> = request
        .element()
        .elements()
        .filter(|it| it.local_name().eq_ignore_ascii_case("ids"))
        .map(|it| Item::existing("", it.text().trim()))
        .collect();
    bounded(all)
}

fn bounded(items: Vec<Item>) -> Result<Vec<Item>, Fault> {
    if items.len() > MAX_ROWS {
        let message = "record limit reached. cannot submit more than 200 records in this request";
        return Err(Fault::new("EXCEEDED_ID_LIMIT", message));
    }
    Ok(items)
}

fn results(desk: &Desk<'_>, act: &Act, items: &[Item], options: Options) -> String {
    let results = desk.bench().run(act, items, options);
    let mut out = String::new();
    for result in &results {
        out.push_str("<result>");
        if matches!(act, Act::Upsert(_)) {
            let created = result.as_ref().is_ok_and(|it| it.created);
            push(&mut out, "created", if created { "true" } else { "false" });
        }
        outcome(&mut out, result);
        out.push_str("</result>");
    }
    out
}

/// `errors`, `id`, `success` of one row.
fn outcome(out: &mut String, result: &Result<Saved, RowError>) {
    match result {
        Ok(saved) => {
            push(out, "id", saved.id.as_str());
            push(out, "success", "true");
        }
        Err(err) => {
            let err = err.among_others();
            out.push_str("<errors>");
            for field in &err.fields {
                push(out, "fields", field);
            }
            push(out, "message", &err.message);
            push(out, "statusCode", &err.code);
            out.push_str("</errors>");
            push_nil(out, "id");
            push(out, "success", "false");
        }
    }
}

/// `merge`: each request has a master and up to two records that go into it.
fn merge(desk: &Desk<'_>, request: &Request) -> Result<String, Fault> {
    let bench = desk.bench();
    let mut out = String::new();
    for asked in named(request.element(), "request") {
        let master = asked.child("masterRecord").map(rows::item);
        let Some(master) = master else {
            return Err(Fault::new("MISSING_ARGUMENT", "masterRecord not specified"));
        };
        let losers: Vec<String> = named(asked, "recordToMergeIds")
            .map(|it| it.text().trim().to_owned())
            .collect();
        let merged = bench.merge(&master, &losers);
        out.push_str("<result>");
        match merged {
            Ok(merged) => {
                push(&mut out, "id", merged.id.as_str());
                for id in &merged.losers {
                    push(&mut out, "mergedRecordIds", id.as_str());
                }
                push(&mut out, "success", "true");
                for id in &merged.moved {
                    push(&mut out, "updatedRelatedIds", id.as_str());
                }
            }
            Err(err) => outcome(&mut out, &Err(err)),
        }
        out.push_str("</result>");
    }
    Ok(out)
}

/// `convertLead`: leads become accounts, contacts and opportunities.
#[expect(clippy::unnecessary_wraps, reason = "as every call of the API")]
fn convert(desk: &Desk<'_>, request: &Request) -> Result<String, Fault> {
    let bench = desk.bench();
    let mut out = String::new();
    for asked in named(request.element(), "leadConverts") {
        let text = |name: &str| {
            let text = asked.child_text(name).map(|it| it.trim().to_owned());
            text.filter(|it| !it.is_empty())
        };
        let wanted = super::records::Conversion {
            lead: text("leadId").unwrap_or_default(),
            status: text("convertedStatus").unwrap_or_default(),
            account: text("accountId"),
            contact: text("contactId"),
            owner: text("ownerId"),
            opportunity_name: text("opportunityName"),
            no_opportunity: text("doNotCreateOpportunity").as_deref() == Some("true"),
        };
        out.push_str("<result>");
        match bench.convert_lead(&wanted) {
            Ok(done) => {
                push(&mut out, "accountId", done.account.as_str());
                push(&mut out, "contactId", done.contact.as_str());
                push(&mut out, "leadId", done.lead.as_str());
                match done.opportunity {
                    Some(id) => push(&mut out, "opportunityId", id.as_str()),
                    None => push_nil(&mut out, "opportunityId"),
                }
                push(&mut out, "success", "true");
            }
            Err(err) => {
                for name in ["accountId", "contactId"] {
                    push_nil(&mut out, name);
                }
                out.push_str("<errors>");
                push(&mut out, "message", &err.message);
                push(&mut out, "statusCode", &err.code);
                out.push_str("</errors>");
                for name in ["leadId", "opportunityId"] {
                    push_nil(&mut out, name);
                }
                push(&mut out, "success", "false");
            }
        }
        out.push_str("</result>");
    }
    Ok(out)
}

fn named<'a>(element: &'a Element, name: &'a str) -> impl Iterator<Item = &'a Element> {
    element
        .elements()
        .filter(move |it| it.local_name().eq_ignore_ascii_case(name))
}

/// Source of names and order: `GetUserInfoResult` of the partner WSDL 66.0.
fn user_info(desk: &Desk<'_>) -> String {
    let org = &desk.org.config;
    let user = &desk.user;
    let schema = desk.store.schema(desk.org);
    let has = |feature| if schema.has(feature) { "true" } else { "false" };
    let mut out = String::from("<result>");
    for (name, value) in [
        ("accessibilityMode", "false"),
        ("chatterExternal", "false"),
        ("currencySymbol", "$"),
        ("orgAttachmentFileSizeLimit", "5242880"),
        ("orgDefaultCurrencyIsoCode", "USD"),
        ("orgDefaultCurrencyLocale", "en_US"),
        ("orgDisallowHtmlAttachments", "false"),
        ("orgHasPersonAccounts", has(Feature::PersonAccounts)),
        ("organizationId", org.org_id.as_str()),
        ("organizationMultiCurrency", has(Feature::MultiCurrency)),
        ("organizationName", &org.name),
        ("profileId", ""),
        ("roleId", ""),
        ("sessionSecondsValid", "7200"),
        ("userDefaultCurrencyIsoCode", ""),
        ("userEmail", &user.email),
        ("userFullName", &user.name),
        ("userId", user.id.as_str()),
        ("userLanguage", "en_US"),
        ("userLocale", "en_US"),
        ("userName", &user.username),
        ("userTimeZone", "GMT"),
        ("userType", "Standard"),
        ("userUiSkin", "Theme3"),
    ] {
        if value.is_empty() {
            push_nil(&mut out, name);
        } else {
            push(&mut out, name, value);
        }
    }
    out.push_str("</result>");
    out
}
