//! Queries by the partner API, page by page.

use orgkeep::simorg::serve::Options;
use serde_json::json;

use super::library::{library, library_of};
use super::site::Site;

/// The text of the first element `name` in an answer.
fn text_of<'a>(answer: &'a str, name: &str) -> &'a str {
    let rest = answer.split(&format!("<{name}>")).nth(1);
    rest.and_then(|it| it.split('<').next()).unwrap_or_default()
}

fn make_accounts(site: &Site, count: usize) {
    for chunk in (0..count).collect::<Vec<_>>().chunks(200) {
        let records: Vec<_> = chunk
            .iter()
            .map(|it| json!({"attributes": {"type": "Account"}, "Name": format!("A{it:04}")}))
            .collect();
        let made = site.call("POST", "/composite/sobjects", &json!({"records": records}));
        assert_eq!(made.status, 200, "{}", made.text);
    }
}

#[test]
fn query_more_goes_on_where_the_page_before_ended() {
    let site = library();
    make_accounts(&site, 1_201);
    let soql = "<queryString>SELECT Name FROM Account ORDER BY Name</queryString>";
    let mut answer = site.partner(&format!("<query>{soql}</query>")).text;
    let mut names = Vec::new();
    let mut pages = Vec::new();
    loop {
        let page: Vec<String> = answer
            .split("<sf:Name>")
            .skip(1)
            .map(|it| it.split('<').next().unwrap().to_owned())
            .collect();
        pages.push(page.len());
        names.extend(page);
        assert_eq!(text_of(&answer, "size"), "1201");
        if text_of(&answer, "done") == "true" {
            break;
        }
        let next = text_of(&answer, "queryLocator").to_owned();
        let ask = format!("<queryMore><queryLocator>{next}</queryLocator></queryMore>");
        answer = site.partner(&ask).text;
    }
    assert_eq!(pages, [500, 500, 201]);
    let expected: Vec<String> = (0..1_201).map(|it| format!("A{it:04}")).collect();
    assert_eq!(names, expected);
}

#[test]
fn locator_that_is_none_is_refused() {
    let site = library();
    let fault = site.partner("<queryMore><queryLocator>01gNone-500</queryLocator></queryMore>");
    assert_eq!(fault.status, 500);
    assert!(
        fault
            .text
            .contains("<faultcode>sf:INVALID_QUERY_LOCATOR</faultcode>"),
        "{}",
        fault.text
    );
}

#[test]
fn count_is_a_size_without_rows() {
    let site = library();
    make_accounts(&site, 600);
    let ask = "<query><queryString>SELECT count() FROM Account</queryString></query>";
    let answer = site.partner(ask).text;
    assert!(
        answer.contains("<done>true</done><queryLocator xsi:nil=\"true\"/><size>600</size>"),
        "{answer}"
    );
}

#[test]
fn children_and_addresses_have_the_shapes_of_the_wsdl() {
    let site = library();
    let account = site.make(
        "Account",
        &json!({"Name": "Harbour", "BillingCity": "Bergen"}),
    );
    site.make(
        "Contact",
        &json!({"LastName": "Lund", "AccountId": account}),
    );
    let ask = "<query><queryString>SELECT BillingAddress, (SELECT LastName FROM Contacts) FROM Account\
               </queryString></query>";
    let answer = site.partner(ask).text;
    assert!(
        answer.contains(
            "<sf:BillingAddress xsi:type=\"address\"><latitude xsi:nil=\"true\"/><longitude xsi:nil=\"true\"/>\
             <city>Bergen</city>"
        ),
        "{answer}"
    );
    assert!(
        answer.contains(
            "<sf:Contacts xsi:type=\"QueryResult\"><done>true</done><queryLocator xsi:nil=\"true\"/>\
             <records xsi:type=\"sf:sObject\"><sf:type>Contact</sf:type>"
        ),
        "{answer}"
    );
}

#[test]
fn user_info_tells_what_is_switched_on() {
    let features = ["person-accounts", "multi-currency"];
    let features = features.map(|it| orgkeep::simorg::serve::parse_feature(it).unwrap());
    let site = library_of(Options {
        features: features.to_vec(),
        ..Options::default()
    });
    let rich = site.partner("<getUserInfo/>").text;
    let plain = library().partner("<getUserInfo/>").text;
    for name in ["orgHasPersonAccounts", "organizationMultiCurrency"] {
        assert_eq!(text_of(&rich, name), "true", "{name}");
        assert_eq!(text_of(&plain, name), "false", "{name}");
    }
}
