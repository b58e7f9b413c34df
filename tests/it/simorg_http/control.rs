//! Faults, clock, counts, state kept between runs.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use orgkeep::simorg::serve::Options;
use serde_json::{Value, json};

use super::site::Site;

fn fault(site: &Site, rule: &Value) {
    site.control("POST", "/simorg/faults", rule);
}

fn calls(site: &Site) -> Value {
    site.control("GET", "/simorg/calls", &Value::Null).json()
}

#[test]
fn each_fault_is_what_it_is_called() {
    let site = Site::acme();
    let limits = "/services/data/v66.0/limits";
    let ask = || site.try_send(|it| it.get(site.url(limits)).bearer_auth(site.admin()));

    fault(&site, &json!({"call": "limits", "fault": "503"}));
    let answer = ask().unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    assert!(answer.header("content-type").starts_with("text/html"));

    fault(
        &site,
        &json!({"call": "limits", "fault": "error:UNABLE_TO_LOCK_ROW"}),
    );
    let answer = ask().unwrap();
    assert_eq!(
        (answer.status, &answer.json()[0]["errorCode"]),
        (400, &json!("UNABLE_TO_LOCK_ROW"))
    );

    fault(&site, &json!({"call": "limits", "fault": "fail"}));
    assert_eq!(ask().unwrap().json()[0]["errorCode"], "UNKNOWN_EXCEPTION");

    fault(&site, &json!({"call": "limits", "fault": "drop"}));
    assert!(ask().err().unwrap().is_request());

    fault(&site, &json!({"call": "limits", "fault": "truncate"}));
    let err = ask().err().unwrap();
    assert!(err.is_body() || err.is_decode(), "{err:?}");

    fault(&site, &json!({"call": "limits", "fault": "hang"}));
    let waited = site.try_send(|it| {
        it.get(site.url(limits))
            .bearer_auth(site.admin())
            .timeout(Duration::from_millis(200))
    });
    assert!(waited.err().unwrap().is_timeout());

    assert_eq!(ask().unwrap().status, 200);
    assert_eq!(calls(&site)["limits"], 7);
}

#[test]
fn fault_strikes_only_what_it_is_about() {
    let site = Site::acme();
    fault(
        &site,
        &json!({"call": "listMetadata", "of": "ApexClass", "fault": "error:INVALID_TYPE", "after": 1}),
    );
    assert_eq!(site.list("Layout").unwrap().status, 200);
    assert_eq!(site.list("ApexClass").unwrap().status, 200);
    let struck = site.list("ApexClass").unwrap();
    assert_eq!(struck.status, 500);
    assert!(struck.text.contains(
        "<faultcode>sf:INVALID_TYPE</faultcode><faultstring>INVALID_TYPE: This type of metadata is not available for this organization</faultstring>"
    ), "{}", struck.text);
    assert_eq!(site.list("ApexClass").unwrap().status, 200);

    fault(
        &site,
        &json!({"call": "query", "of": "Account", "fault": "503", "times": 0}),
    );
    assert_eq!(site.query(site.admin(), "SELECT Id FROM User").status, 200);
    for _ in 0..3 {
        assert_eq!(
            site.query(site.admin(), "SELECT Id FROM Account").status,
            503
        );
    }
    site.control("DELETE", "/simorg/faults", &Value::Null);
    assert_eq!(
        site.query(site.admin(), "SELECT Id FROM Account").status,
        200
    );

    fault(
        &site,
        &json!({"call": "token", "of": "refresh_token", "fault": "expired"}),
    );
    let refresh = || {
        let token = site.ready().refresh_token.clone();
        let pairs = [
            ("grant_type", "refresh_token"),
            ("client_id", "PlatformCLI"),
            ("refresh_token", &token),
        ];
        site.form("/services/oauth2/token", &pairs)
    };
    assert_eq!(refresh().json()["error"], "invalid_grant");
    assert_eq!(refresh().status, 200);
}

const RETRIEVE: &str = "<retrieve><retrieveRequest><apiVersion>66.0</apiVersion><singlePackage>false</singlePackage>\
    <unpackaged><types><members>*</members><name>ApexClass</name></types><version>66.0</version></unpackaged></retrieveRequest></retrieve>";

fn text_of<'a>(xml: &'a str, element: &str) -> &'a str {
    let start = xml
        .find(&format!("<{element}>"))
        .unwrap_or_else(|| panic!("no {element} in {xml}"));
    let rest = &xml[start + element.len() + 2..];
    &rest[..rest.find('<').unwrap()]
}

/// Retrieves all Apex classes; gives the final status.
fn retrieve(site: &Site) -> String {
    let begun = site.soap(site.admin(), RETRIEVE).unwrap();
    assert_eq!(begun.status, 200, "{}", begun.text);
    let id = text_of(&begun.text, "id").to_owned();
    for _ in 0..10 {
        let check = format!(
            "<checkRetrieveStatus><asyncProcessId>{id}</asyncProcessId><includeZip>true</includeZip></checkRetrieveStatus>"
        );
        let answer = site.soap(site.admin(), &check).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text);
        if text_of(&answer.text, "done") == "true" {
            return text_of(&answer.text, "status").to_owned();
        }
    }
    panic!("the retrieve does not end");
}

#[test]
fn jobs_fail_by_themselves_by_their_status_and_by_what_is_in_them() {
    let site = Site::acme();
    assert_eq!(retrieve(&site), "Succeeded");
    for rule in [
        json!({"call": "retrieve", "fault": "fail"}),
        json!({"call": "retrieve", "of": "ApexClass:OpportunityService", "fault": "fail"}),
        json!({"call": "retrieve", "of": "OpportunityService", "fault": "fail"}),
        json!({"call": "checkRetrieveStatus", "fault": "fail"}),
        json!({"call": "checkRetrieveStatus", "of": "ApexClass", "fault": "fail"}),
    ] {
        fault(&site, &rule);
        assert_eq!(retrieve(&site), "Failed", "{rule}");
        assert_eq!(retrieve(&site), "Succeeded", "after {rule}");
    }
    fault(
        &site,
        &json!({"call": "retrieve", "of": "Layout", "fault": "fail"}),
    );
    assert_eq!(retrieve(&site), "Succeeded");
}

#[test]
fn calls_are_counted_by_name_once() {
    let site = Site::acme();
    retrieve(&site);
    site.list("ApexClass").unwrap();
    site.query(site.admin(), "SELECT Id FROM User");
    site.query("bad token", "SELECT Id FROM User");
    fault(&site, &json!({"call": "listMetadata", "fault": "503"}));
    site.list("ApexClass").unwrap();
    let counted = calls(&site);
    assert_eq!(counted["retrieve"], 1);
    assert_eq!(counted["listMetadata"], 2);
    assert_eq!(counted["query"], 2);
    assert!(counted.get("noise").is_none());
    site.control("DELETE", "/simorg/calls", &Value::Null);
    assert_eq!(calls(&site), json!({}));
}

#[test]
fn clock_is_set_and_goes_on() {
    let site = Site::acme();
    let now = |answer: &Value| answer["now"].as_str().unwrap().to_owned();
    let set = site
        .control(
            "POST",
            "/simorg/clock",
            &json!({"now": "2030-05-01T08:00:00Z"}),
        )
        .json();
    assert!(now(&set).starts_with("2030-05-01T08:00:0"), "{set}");
    let moved = site
        .control("POST", "/simorg/clock", &json!({"advance": "15d"}))
        .json();
    assert!(now(&moved).starts_with("2030-05-16T08:00:0"), "{moved}");
}

#[test]
fn control_call_that_makes_no_sense_is_refused() {
    let site = Site::acme();
    for (method, path, body, status) in [
        ("POST", "/simorg/faults", "{\"call\":\"query\"}", 400),
        (
            "POST",
            "/simorg/faults",
            "{\"call\":\"query\",\"fault\":\"boom\"}",
            400,
        ),
        (
            "POST",
            "/simorg/faults",
            "{\"call\":\"query\",\"fault\":\"503\",\"tmies\":2}",
            400,
        ),
        ("POST", "/simorg/clock", "{\"advance\":\"a while\"}", 400),
        ("POST", "/simorg/load", "{\"path\":\"/no/such/place\"}", 400),
        (
            "POST",
            "/simorg/load",
            "{\"path\":\"fixtures\",\"user\":\"nobody\"}",
            400,
        ),
        (
            "POST",
            "/simorg/sessions/expire",
            "{\"user\":\"nobody\"}",
            400,
        ),
        ("PUT", "/simorg/clock", "{}", 405),
        ("GET", "/simorg/nonsense", "", 404),
    ] {
        let answer = site.send(|it| {
            it.request(method.parse().unwrap(), site.url(path))
                .body(body)
        });
        assert_eq!(
            answer.status, status,
            "{method} {path} {body}: {}",
            answer.text
        );
        assert!(answer.json()["error"].is_string());
    }
    for (name, value) in [("Origin", "https://evil.example"), ("Host", "evil.example")] {
        let answer = site.send(|it| it.get(site.url("/simorg/state")).header(name, value));
        assert_eq!(answer.status, 403, "{name}");
    }
}

#[test]
fn load_records_the_difference_as_changes_of_a_user() {
    let site = Site::acme();
    let now = json!({"now": "2026-03-01T08:00:00Z"});
    site.control("POST", "/simorg/clock", &now);
    let dir = crate::support::tempdir();
    fs::create_dir(dir.path().join("classes")).unwrap();
    fs::write(dir.path().join("package.xml"), "<Package/>").unwrap();
    fs::write(dir.path().join("classes/Only.cls"), "public class Only { }").unwrap();
    fs::write(dir.path().join("classes/Only.cls-meta.xml"), "<ApexClass/>").unwrap();
    let body =
        json!({"path": dir.path(), "user": "omar@acme.example", "at": "2026-02-03T04:05:06Z"});
    let report = site.control("POST", "/simorg/load", &body).json();
    assert_eq!(report["created"], 1);
    assert!(report["deleted"].as_u64().unwrap() > 100);
    let state = site.control("GET", "/simorg/state", &Value::Null).json();
    let components = state["components"].as_array().unwrap();
    assert_eq!(components.len(), 1);
    assert_eq!(components[0]["name"], "Only");
    assert_eq!(
        components[0]["modified"],
        json!({"by": "Omar Haddad", "at": "2026-02-03T04:05:06Z"})
    );
    let rows = |condition: &str| {
        let soql = format!("SELECT count() FROM SetupAuditTrail WHERE {condition}");
        site.query(site.admin(), &soql).json()["totalSize"].clone()
    };
    assert_eq!(rows("CreatedBy.Name != 'Omar Haddad'"), 0);
    assert_eq!(rows("Display = 'Created Only Apex Class code'"), 1);
    assert_ne!(rows("Display LIKE 'Deleted%'"), 0);
}

#[test]
fn state_is_kept_between_runs() {
    let dir = crate::support::tempdir();
    let options = Options {
        state: Some(dir.path().to_owned()),
        ..Options::default()
    };
    let site = Site::start(&options);
    let token = site.admin().to_owned();
    let (refresh, key) = (
        site.ready().refresh_token.clone(),
        fs::read(&site.ready().jwt_key_file).unwrap(),
    );
    site.control("POST", "/simorg/clock", &json!({"advance": "100d"}));
    let path = "/services/data/v66.0/sobjects/Account";
    site.send(|it| {
        it.post(site.url(path))
            .bearer_auth(&token)
            .json(&json!({"Name": "Kept"}))
    });
    site.shut_down();

    let site = Site::start(&options);
    assert_eq!(
        site.query(&token, "SELECT Id FROM Account WHERE Name = 'Kept'")
            .json()["totalSize"],
        1
    );
    assert_eq!(site.ready().refresh_token, refresh);
    assert_eq!(fs::read(&site.ready().jwt_key_file).unwrap(), key);
    let now = site.control("GET", "/simorg/clock", &Value::Null).json();
    let now: orgkeep::model::Timestamp = now["now"].as_str().unwrap().parse().unwrap();
    let real = orgkeep::simorg::host::real_now();
    assert!(real.after(Duration::from_hours(99 * 24)) < now);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let modes: BTreeSet<u32> = fs::read_dir(dir.path())
            .unwrap()
            .map(|it| it.unwrap().metadata().unwrap().permissions().mode() & 0o777)
            .collect();
        assert_eq!(modes, [0o600].into());
    }
}

#[test]
fn state_that_cannot_be_read_is_an_error() {
    let dir = crate::support::tempdir();
    fs::write(dir.path().join("org.json"), "{").unwrap();
    let options = Options {
        state: Some(dir.path().to_owned()),
        ..Options::default()
    };
    let err = orgkeep::simorg::serve::start(&options).err().unwrap();
    assert!(err.to_string().starts_with("cannot go on from "), "{err}");
    let options = Options {
        load: vec![Path::new("/no/such/place").to_owned()],
        ..Options::default()
    };
    let err = orgkeep::simorg::serve::start(&options).err().unwrap();
    assert_eq!(err.to_string(), "cannot load /no/such/place");
}

#[test]
fn latency_delays_each_answer() {
    let latency = Duration::from_millis(60);
    let site = Site::start(&Options {
        latency: (latency, latency),
        ..Options::default()
    });
    let begun = std::time::Instant::now();
    site.get(site.admin(), "/services/data/v66.0/limits");
    assert!(latency <= begun.elapsed());
}
