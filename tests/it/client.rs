//! The client against answers written by hand: what it sends, reads and refuses.

use std::{
    io::{Read, Seek, Write},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use orgkeep::{
    client::{
        BudgetSpent, DeployOptions, Error, FixedSession, HostPolicy, InstanceUrl, ListQuery,
        NoSession, Options, Org, PollPolicy, RetrieveOptions, RetryPolicy, Secret, Session,
        SessionSource, Sizes, Timeouts,
    },
    model::{ApiVersion, Manifest, TypeName},
};

use crate::support::script_server::{Reply, ScriptServer};

const VERSIONS: &str = r#"[{"label":"Winter '26","url":"/services/data/v65.0","version":"65.0"},
    {"label":"Spring '26","url":"/services/data/v66.0","version":"66.0"}]"#;
const TOKEN: &str = "00D000000000001!AQ.first";

fn options() -> Options {
    Options {
        retry: RetryPolicy {
            tries: 3,
            first: Duration::from_millis(1),
            longest: Duration::from_millis(2),
            longest_asked: Duration::from_secs(5),
        },
        poll: PollPolicy {
            first: Duration::from_millis(1),
            longest: Duration::from_millis(2),
            patience: Duration::from_secs(5),
            most_failures: 3,
        },
        ..Options::default()
    }
}

fn session(server: &ScriptServer, token: &str) -> Session {
    Session {
        instance: InstanceUrl::parse(&server.url, &HostPolicy::default()).unwrap(),
        token: Secret::new(token),
    }
}

async fn org_with(options: Options, replies: Vec<Reply>) -> (Org, ScriptServer) {
    let server = ScriptServer::start([Reply::ok(VERSIONS)]).await;
    for reply in replies {
        server.then(reply);
    }
    let source = FixedSession(session(&server, TOKEN));
    let org = Org::connect(source, options).await.unwrap();
    (org, server)
}

async fn org(replies: Vec<Reply>) -> (Org, ScriptServer) {
    org_with(options(), replies).await
}

fn envelope(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
         xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns=\"http://soap.sforce.com/2006/04/metadata\"><soapenv:Body>{body}</soapenv:Body>\
         </soapenv:Envelope>"
    )
}

fn fault(code: &str, message: &str) -> Reply {
    let text = envelope(&format!(
        "<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {message}\
         </faultstring></soapenv:Fault>"
    ));
    Reply::status(500, text)
}

fn listing(names: &[&str]) -> Reply {
    let results: Vec<String> = names
        .iter()
        .map(|name| {
            format!(
                "<result><createdById>005000000000001</createdById><createdByName>Jane Doe\
                 </createdByName><createdDate>2026-08-24T09:23:38.614Z</createdDate><fileName>\
                 classes/{name}.cls</fileName><fullName>{name}</fullName><id>01p000000000001</id>\
                 <lastModifiedById>005000000000002</lastModifiedById><lastModifiedByName>Omar\
                 </lastModifiedByName><lastModifiedDate>2026-08-25T09:23:38.614Z</lastModifiedDate>\
                 <manageableState>unmanaged</manageableState><type>ApexClass</type></result>"
            )
        })
        .collect();
    Reply::ok(envelope(&format!(
        "<listMetadataResponse>{}</listMetadataResponse>",
        results.concat()
    )))
}

fn classes() -> [ListQuery; 1] {
    [ListQuery::new(TypeName::known("ApexClass"))]
}

fn manifest() -> Manifest {
    let mut manifest = Manifest::new(ApiVersion::new(66));
    manifest.insert(&"ApexClass:A".parse().unwrap());
    manifest
}

fn status_reply(status: &str, done: bool, more: &str) -> Reply {
    Reply::ok(envelope(&format!(
        "<checkRetrieveStatusResponse><result><done>{done}</done>{more}<id>09S1</id>\
         <status>{status}</status><success>{done}</success></result></checkRetrieveStatusResponse>"
    )))
}

fn zip_answer(zip: &[u8]) -> String {
    envelope(&format!(
        "<checkRetrieveStatusResponse><result><done>true</done><fileProperties><fileName>unpackaged/\
         classes/A.cls</fileName><fullName>A</fullName><id/><type>ApexClass</type></fileProperties>\
         <fileProperties><fileName>unpackaged/package.xml</fileName><fullName>unpackaged/package.xml\
         </fullName><id/><type>Package</type></fileProperties><id>09S1</id><messages><fileName>\
         unpackaged/package.xml</fileName><problem>Entity of type &apos;ApexClass&apos; named \
         &apos;B&apos; cannot be found</problem></messages><status>Succeeded</status><success>true\
         </success><zipFile>{}</zipFile></result></checkRetrieveStatusResponse>",
        STANDARD.encode(zip)
    ))
}

fn started() -> Reply {
    Reply::ok(envelope(
        "<retrieveResponse><result><done>false</done><id>09S1</id><state>Queued</state></result>\
         </retrieveResponse>",
    ))
}

/// Bytes without order, so that packing and cutting them means something.
fn noise(n_bytes: usize) -> Vec<u8> {
    let mut state = 1_u32;
    (0..n_bytes)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            u8::try_from(state >> 24).unwrap()
        })
        .collect()
}

fn content(file: &mut std::fs::File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

/// Gives tokens `…!1`, `…!2`, …; counts them.
#[derive(Clone)]
struct Renewing {
    instance: InstanceUrl,
    n_given: Arc<AtomicU32>,
    later_org: &'static str,
}

impl SessionSource for Renewing {
    fn session<'a>(
        &'a self,
        stale: Option<&'a Secret>,
    ) -> futures_util::future::BoxFuture<'a, Result<Session, NoSession>> {
        let n = 1 + self.n_given.fetch_add(1, Ordering::SeqCst);
        let org = stale.map_or("00D000000000001", |_| self.later_org);
        let session = Session {
            instance: self.instance.clone(),
            token: Secret::new(format!("{org}!{n}")),
        };
        Box::pin(std::future::ready(Ok(session)))
    }

    fn host(&self) -> String {
        self.instance.host().to_owned()
    }
}

async fn renewing(replies: Vec<Reply>) -> (Org, ScriptServer, Arc<AtomicU32>) {
    renewing_for("00D000000000001", replies).await
}

async fn renewing_for(
    later_org: &'static str,
    replies: Vec<Reply>,
) -> (Org, ScriptServer, Arc<AtomicU32>) {
    let server = ScriptServer::start([Reply::ok(VERSIONS)]).await;
    for reply in replies {
        server.then(reply);
    }
    let n_given = Arc::new(AtomicU32::new(0));
    let source = Renewing {
        instance: session(&server, TOKEN).instance,
        n_given: Arc::clone(&n_given),
        later_org,
    };
    let org = Org::connect(source, options()).await.unwrap();
    (org, server, n_given)
}

#[tokio::test]
async fn newest_version_is_used_unless_one_is_pinned() {
    let (org, _) = org(vec![]).await;
    assert_eq!(org.version(), ApiVersion::new(66));

    let server = ScriptServer::start([Reply::ok(VERSIONS)]).await;
    let pinned = Options {
        api_version: Some(ApiVersion::new(60)),
        ..options()
    };
    let source = FixedSession(session(&server, TOKEN));
    let err = Org::connect(source, pinned).await.err().unwrap();
    assert_eq!(
        err.to_string(),
        "127.0.0.1 has no API version 60.0: it has 65.0 to 66.0"
    );
    assert!(err.hint().unwrap().contains("66.0"));
}

#[tokio::test]
async fn listing_is_asked_for_and_read() {
    let (org, server) = org(vec![listing(&["A", "B"])]).await;
    let found = org.list_metadata(&classes()).await.unwrap();

    let names: Vec<_> = found
        .components
        .iter()
        .map(|it| it.key.to_string())
        .collect();
    assert_eq!(names, ["ApexClass:A", "ApexClass:B"]);
    assert_eq!(found.components[0].modified.by.name, "Omar");
    let asked = server.asked().pop().unwrap();
    assert_eq!(asked.line, "POST /services/Soap/m/66.0 HTTP/1.1");
    assert_eq!(asked.header("soapaction"), Some("\"\""));
    assert_eq!(asked.header("authorization"), None);
    assert!(
        asked
            .text()
            .contains(&format!("<sessionId>{TOKEN}</sessionId>"))
    );
    assert!(asked.text().contains(
        "<listMetadata><queries><type>ApexClass</type></queries><asOfVersion>66.0</asOfVersion>"
    ));
}

#[tokio::test]
async fn empty_listing_is_one_that_the_org_gave() {
    let (org, _) = org(vec![
        Reply::ok(envelope("<listMetadataResponse/>")),
        Reply::ok(""),
        Reply::ok(envelope("")),
        Reply::ok(envelope("<describeMetadataResponse/>")),
        Reply::ok("<html><body>Down for maintenance</body></html>"),
        Reply::ok("{}"),
    ])
    .await;
    let found = org.list_metadata(&classes()).await.unwrap();
    assert!(found.components.is_empty());
    for _ in 0..5 {
        let err = org.list_metadata(&classes()).await.unwrap_err();
        assert!(matches!(err, Error::Unreadable { .. }), "{err}");
    }
}

#[tokio::test]
async fn answer_is_decoded_as_it_streams_in_chunks_and_packed() {
    let zip = noise(700_000);
    let (org, server) = org(vec![
        started(),
        status_reply("Pending", false, "<zipFile xsi:nil=\"true\"/>"),
        status_reply("InProgress", false, ""),
        status_reply("Succeeded", true, ""),
        Reply::ChunkedGzip(200, zip_answer(&zip).into_bytes()),
    ])
    .await;
    let mut spool = tempfile::tempfile().unwrap();
    let found = org
        .retrieve(&manifest(), &RetrieveOptions::default(), &mut spool)
        .await
        .unwrap();

    assert_eq!(content(&mut spool), zip);
    assert_eq!(found.zip_bytes, 700_000);
    assert_eq!(found.components.len(), 1, "the manifest is no component");
    assert_eq!(found.components[0].file_name, "classes/A.cls");
    assert_eq!(
        found.messages[0].problem,
        "Entity of type 'ApexClass' named 'B' cannot be found"
    );
    let asked: Vec<_> = server
        .asked()
        .iter()
        .map(crate::support::script_server::Asked::text)
        .collect();
    let polls = asked.iter().filter(|it| it.contains("<includeZip>false<"));
    let fetches = asked.iter().filter(|it| it.contains("<includeZip>true<"));
    assert_eq!((polls.count(), fetches.count()), (3, 1));
    assert_eq!(org.budget().calls()["checkRetrieveStatus"], 4);
}

#[tokio::test]
async fn zip_that_broke_off_is_fetched_again_and_never_kept_half() {
    let zip = noise(300_000);
    let whole = zip_answer(&zip).into_bytes();
    let half = whole.len() / 2;
    let (org, _) = org(vec![
        status_reply("Succeeded", true, ""),
        Reply::Cut(whole.clone(), half),
        Reply::ok(&whole[..half]),
        Reply::ok(whole),
    ])
    .await;
    let mut spool = tempfile::tempfile().unwrap();
    let policy = options().poll;
    let found = org
        .finish_retrieve("09S1", policy, &mut spool)
        .await
        .unwrap();
    assert_eq!(content(&mut spool), zip);
    assert_eq!(found.components.len(), 1);
}

#[tokio::test]
async fn answer_given_before_is_told_as_such() {
    let (org, _) = org(vec![
        status_reply("Succeeded", true, ""),
        fault("INVALID_LOCATOR", "invalid locator"),
    ])
    .await;
    let mut spool = tempfile::tempfile().unwrap();
    let policy = options().poll;
    let err = org
        .finish_retrieve("09S1", policy, &mut spool)
        .await
        .unwrap_err();
    assert_eq!(err.code(), Some("INVALID_LOCATOR"));
    assert_eq!(
        err.hint().unwrap(),
        "retrieve again: the org gives each answer once"
    );
}

#[tokio::test]
async fn failed_retrieve_has_the_code_to_decide_by() {
    let (org, _) = org(vec![status_reply(
        "Failed",
        true,
        "<errorMessage>LIMIT_EXCEEDED: Too many files in retrieve call, limit is: 10000\
         </errorMessage><errorStatusCode>LIMIT_EXCEEDED</errorStatusCode>",
    )])
    .await;
    let mut spool = tempfile::tempfile().unwrap();
    let policy = options().poll;
    let err = org
        .finish_retrieve("09S1", policy, &mut spool)
        .await
        .unwrap_err();
    assert_eq!(err.code(), Some("LIMIT_EXCEEDED"));
    assert_eq!(
        err.to_string(),
        "retrieve job 09S1 failed in 127.0.0.1: LIMIT_EXCEEDED: \
         Too many files in retrieve call, limit is: 10000"
    );
}

#[tokio::test]
async fn job_that_a_replica_does_not_know_yet_is_asked_for_again() {
    let zip = noise(100);
    let (org, _) = org(vec![
        fault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
        status_reply("Succeeded", true, ""),
        Reply::ok(zip_answer(&zip)),
    ])
    .await;
    let mut spool = tempfile::tempfile().unwrap();
    let policy = options().poll;
    org.finish_retrieve("09S1", policy, &mut spool)
        .await
        .unwrap();
    assert_eq!(content(&mut spool), zip);
}

#[tokio::test]
async fn passing_failures_are_tried_again_and_counted() {
    let (org, server) = org(vec![
        Reply::status(503, "<html>Service Unavailable</html>").header("retry-after", "0"),
        Reply::status(400, "Bad Message 400"),
        listing(&["A"]),
    ])
    .await;
    org.list_metadata(&classes()).await.unwrap();
    assert_eq!(server.asked().len(), 4, "the versions and three tries");
    assert_eq!(org.budget().total(), 3);

    server.then(Reply::Close).then(Reply::status(420, "<html>"));
    server.then(Reply::status(502, "")).then(listing(&["A"]));
    let err = org.list_metadata(&classes()).await.unwrap_err();
    assert!(matches!(err, Error::NoApi { status: 502, .. }), "{err}");
    assert_eq!(org.budget().total(), 6, "three tries and no more");
}

#[tokio::test]
async fn retry_after_that_is_too_long_is_not_waited_for() {
    let (org, server) = org(vec![
        Reply::status(503, "").header("retry-after", "6"),
        listing(&["A"]),
    ])
    .await;
    let err = org.list_metadata(&classes()).await.unwrap_err();
    assert!(matches!(err, Error::NoApi { status: 503, .. }), "{err}");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn refusals_are_not_tried_again() {
    let (org, server) = org(vec![
        fault(
            "INVALID_TYPE",
            "This type of metadata is not available for this organization",
        ),
        Reply::status(404, "<html>Not found</html>"),
        fault("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    ])
    .await;
    let err = org.list_metadata(&classes()).await.unwrap_err();
    assert_eq!(
        err.to_string(),
        "listMetadata was refused by 127.0.0.1: INVALID_TYPE: \
         This type of metadata is not available for this organization"
    );
    let err = org.list_metadata(&classes()).await.unwrap_err();
    assert!(matches!(err, Error::NoApi { status: 404, .. }), "{err}");
    let err = org.list_metadata(&classes()).await.unwrap_err();
    assert_eq!(err.code(), Some("REQUEST_LIMIT_EXCEEDED"));
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn too_many_calls_at_once_pass() {
    let (org, server) = org(vec![
        fault(
            "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        ),
        listing(&["A"]),
    ])
    .await;
    org.list_metadata(&classes()).await.unwrap();
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn expired_session_is_renewed_once() {
    let (org, server, n_given) = renewing(vec![
        fault(
            "INVALID_SESSION_ID",
            "Invalid Session ID found in SessionHeader",
        ),
        listing(&["A"]),
        Reply::status(
            401,
            r#"[{"message":"Session expired","errorCode":"INVALID_SESSION_ID"}]"#,
        ),
        Reply::ok(r#"{"totalSize":0,"done":true,"records":[]}"#),
    ])
    .await;
    org.list_metadata(&classes()).await.unwrap();
    assert_eq!(n_given.load(Ordering::SeqCst), 2);
    org.query("SELECT Id FROM User").await.unwrap();
    assert_eq!(n_given.load(Ordering::SeqCst), 3);
    let asked = server.asked();
    assert!(
        asked[2]
            .text()
            .contains("<sessionId>00D000000000001!2</sessionId>")
    );
    assert_eq!(
        asked[4].header("authorization"),
        Some("Bearer 00D000000000001!3")
    );

    server
        .then(fault("INVALID_SESSION_ID", "no"))
        .then(fault("INVALID_SESSION_ID", "no"));
    let err = org.list_metadata(&classes()).await.unwrap_err();
    assert_eq!(err.code(), Some("INVALID_SESSION_ID"));
    assert_eq!(n_given.load(Ordering::SeqCst), 4, "one renewal per request");
}

#[tokio::test]
async fn calls_at_once_share_one_renewal() {
    let (org, server, n_given) = renewing(vec![]).await;
    server.always(|asked| {
        if asked.text().contains("!1</sessionId>") {
            fault("INVALID_SESSION_ID", "no")
        } else {
            listing(&["A"])
        }
    });
    let calls = (0..8).map(|_| {
        let org = org.clone();
        tokio::spawn(async move { org.list_metadata(&classes()).await })
    });
    for call in futures_util::future::join_all(calls).await {
        assert_eq!(call.unwrap().unwrap().components.len(), 1);
    }
    assert_eq!(n_given.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn renewed_session_is_for_the_same_org() {
    let (org, server, _) =
        renewing_for("00D000000000002", vec![fault("INVALID_SESSION_ID", "no")]).await;
    let err = org.list_metadata(&classes()).await.unwrap_err();
    assert!(matches!(err, Error::OtherOrg { .. }), "{err}");
    assert_eq!(server.asked().len(), 2, "nothing was sent to the other org");
}

#[tokio::test]
async fn token_that_cannot_be_renewed_says_so() {
    let (org, _) = org(vec![fault("INVALID_SESSION_ID", "no")]).await;
    let err = org.list_metadata(&classes()).await.unwrap_err();
    assert!(matches!(err, Error::LoginEnded { .. }), "{err}");
    assert!(
        !format!("{err:?} {err}").contains("AQ.first"),
        "no token in errors"
    );
}

#[tokio::test]
async fn token_in_jwt_format_is_explained() {
    let server = ScriptServer::start([Reply::ok(VERSIONS)]).await;
    server.then(fault("INVALID_SESSION_ID", "no"));
    let source = FixedSession(session(&server, "eyJhbGciOi.eyJpc3MiOi.c2lnbmF0dXJl"));
    let org = Org::connect(source, options()).await.unwrap();
    let err = org.list_metadata(&classes()).await.unwrap_err();
    assert!(matches!(err, Error::TokenFormat { .. }), "{err}");
}

#[tokio::test]
async fn no_call_with_a_token_is_sent_on() {
    let other = ScriptServer::start([listing(&["A"])]).await;
    let location = format!("{}/services/Soap/m/66.0", other.url);
    let (org, server) = org(vec![
        Reply::status(302, "").header("location", location.clone()),
        Reply::status(307, "").header("location", location),
    ])
    .await;
    for _ in 0..2 {
        let err = org.list_metadata(&classes()).await.unwrap_err();
        assert_eq!(
            err.to_string(),
            "listMetadata was sent on by 127.0.0.1 to 127.0.0.1, and not followed"
        );
    }
    assert!(other.asked().is_empty());
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn call_that_the_budget_does_not_cover_is_not_sent() {
    let rows = r#"{"totalSize":0,"done":true,"records":[]}"#;
    let scarce = Options {
        floor: 100,
        ..options()
    };
    let reply = Reply::ok(rows).header("sforce-limit-info", "api-usage=14899/15000");
    let (org, server) = org_with(scarce, vec![reply, listing(&["A"]), listing(&["A"])]).await;
    org.query("SELECT Id FROM User").await.unwrap();
    assert_eq!(org.budget().allowance(), Some((14_899, 15_000)));
    assert_eq!(org.budget().left(), Some(1));
    org.list_metadata(&classes()).await.unwrap();
    let err = org.list_metadata(&classes()).await.unwrap_err();
    assert!(
        matches!(err, Error::Budget(BudgetSpent::Org { .. })),
        "{err}"
    );
    assert_eq!(server.asked().len(), 3);

    let few = Options {
        max_api_calls: Some(1),
        ..options()
    };
    let (org, server) = org_with(few, vec![Reply::status(503, ""), listing(&["A"])]).await;
    let err = org.list_metadata(&classes()).await.unwrap_err();
    assert!(
        matches!(err, Error::Budget(BudgetSpent::Run { .. })),
        "{err}"
    );
    assert_eq!(server.asked().len(), 2, "a second try is a second call");
}

#[tokio::test]
async fn slow_answers_end() {
    let quick = Options {
        timeouts: Timeouts {
            answer: Duration::from_millis(100),
            idle: Duration::from_millis(100),
            whole: Duration::from_millis(300),
            ..Timeouts::default()
        },
        retry: RetryPolicy {
            tries: 1,
            ..options().retry
        },
        ..options()
    };
    let body = envelope("<listMetadataResponse/>").into_bytes();
    let (org, _) = org_with(
        quick,
        vec![
            Reply::Hang,
            Reply::Trickle(body.clone(), Duration::from_millis(10)),
            Reply::Trickle(body, Duration::from_mins(1)),
        ],
    )
    .await;
    for waited in [100, 300, 100] {
        let err = org.list_metadata(&classes()).await.unwrap_err();
        assert!(
            matches!(err, Error::TooSlow { waited: it, .. } if it.as_millis() == waited),
            "{err}"
        );
        assert!(err.is_transient());
    }
}

#[tokio::test]
async fn answer_that_is_too_long_is_left() {
    let small = Options {
        sizes: Sizes {
            listing_bytes: 2_000,
            ..Sizes::default()
        },
        ..options()
    };
    let bomb = envelope(&" ".repeat(5_000_000)).into_bytes();
    let (org, _) = org_with(small, vec![Reply::ChunkedGzip(200, bomb)]).await;
    let err = org.list_metadata(&classes()).await.unwrap_err();
    assert!(
        matches!(
            err,
            Error::TooLarge {
                max_bytes: 2_000,
                ..
            }
        ),
        "{err}"
    );
}

#[tokio::test]
async fn zip_to_deploy_is_encoded_while_it_is_sent() {
    let (org, server) = org(vec![Reply::ok(envelope(
        "<deployResponse><result><done>false</done><id>0Af1</id><state>Queued</state></result>\
         </deployResponse>",
    ))])
    .await;
    let zip = noise(200_001);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&zip).unwrap();
    let id = org
        .start_deploy(file, &DeployOptions::default())
        .await
        .unwrap();
    assert_eq!(id, "0Af1");
    let asked = server.asked().pop().unwrap();
    assert_eq!(asked.header("transfer-encoding"), None);
    let text = asked.text();
    let (_, rest) = text.split_once("<ZipFile>").unwrap();
    let (encoded, rest) = rest.split_once("</ZipFile>").unwrap();
    assert_eq!(STANDARD.decode(encoded).unwrap(), zip);
    assert!(rest.starts_with("<DeployOptions>") && rest.ends_with("</soapenv:Envelope>"));
}

#[tokio::test]
async fn deploy_without_an_answer_is_not_sent_twice() {
    for reply in [Reply::Close, Reply::status(503, "<html>")] {
        let (org, server) = org(vec![reply]).await;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"PK").unwrap();
        let err = org
            .start_deploy(file, &DeployOptions::default())
            .await
            .unwrap_err();
        assert!(matches!(err, Error::Unconfirmed { .. }), "{err}");
        assert!(!err.is_transient());
        let sent = server.asked();
        assert_eq!(sent.len(), 2, "the versions and one deploy");

        server.then(Reply::ok(
            r#"{"size":1,"totalSize":1,"done":true,"records":[{"attributes":{},"Id":"0Af1",
            "Status":"InProgress","CheckOnly":false,"CreatedDate":"2026-08-24T09:23:38.000+0000"}]}"#,
        ));
        let user = "005000000000001".parse().unwrap();
        let since = "2026-08-24T09:23:00Z".parse().unwrap();
        let jobs = org.deploys_since(user, since).await.unwrap();
        assert_eq!(jobs[0].id, "0Af1");
    }
}

#[tokio::test]
async fn session_that_expired_before_a_deploy_is_renewed_and_the_zip_sent_again() {
    let (org, server, _) = renewing(vec![
        fault("INVALID_SESSION_ID", "no"),
        Reply::ok(envelope(
            "<deployResponse><result><id>0Af1</id></result></deployResponse>",
        )),
    ])
    .await;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"PK\x03\x04").unwrap();
    org.start_deploy(file, &DeployOptions::default())
        .await
        .unwrap();
    let asked = server.asked();
    assert!(asked[1].text().contains("<ZipFile>UEsDBA==</ZipFile>"));
    assert!(asked[2].text().contains("<ZipFile>UEsDBA==</ZipFile>"));
}

#[tokio::test]
async fn deploy_is_followed_to_its_end() {
    let state = |status: &str, done: bool, details: &str| {
        Reply::ok(envelope(&format!(
            "<checkDeployStatusResponse><result><checkOnly>false</checkOnly><details>{details}\
             </details><done>{done}</done><id>0Af1</id><numberComponentsDeployed>1\
             </numberComponentsDeployed><numberComponentsTotal>2</numberComponentsTotal>\
             <status>{status}</status><success>{done}</success></result></checkDeployStatusResponse>"
        )))
    };
    let message = "<componentSuccesses><changed>true</changed><componentType>ApexClass\
        </componentType><created>true</created><deleted>false</deleted><fileName>classes/A.cls\
        </fileName><fullName>A</fullName><success>true</success></componentSuccesses>";
    let (org, _) = org(vec![
        state("Pending", false, ""),
        Reply::status(503, ""),
        state("InProgress", false, ""),
        state("Succeeded", true, message),
    ])
    .await;
    let mut seen = Vec::new();
    let policy = options().poll;
    let result = org
        .finish_deploy("0Af1", policy, |it| seen.push(it.status))
        .await
        .unwrap();
    assert!(result.succeeded());
    assert_eq!(seen.len(), 3);
    assert!(result.messages[0].created);
    assert_eq!(result.tests, None);
}

#[tokio::test]
async fn quick_deploy_answers_with_a_bare_id_and_cancel_with_a_state() {
    let (org, server) = org(vec![
        Reply::ok(envelope(
            "<deployRecentValidationResponse><result>0Af2</result></deployRecentValidationResponse>",
        )),
        Reply::ok(envelope(
            "<cancelDeployResponse><result><done>false</done><id>0Af2</id></result>\
             </cancelDeployResponse>",
        )),
    ])
    .await;
    assert_eq!(org.deploy_recent_validation("0Af1").await.unwrap(), "0Af2");
    assert!(!org.cancel_deploy("0Af2").await.unwrap().done);
    assert!(
        server.asked()[2]
            .text()
            .contains("<cancelDeploy><String>0Af2</String>")
    );
}

#[tokio::test]
async fn component_that_is_absent_is_not_read() {
    let (org, server) = org(vec![Reply::ok(envelope(
        "<readMetadataResponse xmlns:xsi=\"x\"><result><records xsi:type=\"CustomObject\">\
         <fullName>A__c</fullName><label>A</label></records><records xsi:nil=\"true\"/><records/>\
         </result></readMetadataResponse>",
    ))])
    .await;
    let type_name = TypeName::known("CustomObject");
    let read = org
        .read_metadata(&type_name, &["A__c", "B__c", "C__c"])
        .await
        .unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].content.child_text("label").unwrap(), "A");
    assert!(
        server.asked()[1]
            .text()
            .contains("<fullNames>C__c</fullNames>")
    );
}

#[tokio::test]
async fn query_walks_its_pages_and_only_in_its_org() {
    let (org, server) = org(vec![
        Reply::ok(
            r#"{"totalSize":2,"done":false,"nextRecordsUrl":"/services/data/v66.0/query/01g1-1",
            "records":[{"attributes":{},"Id":"1"}]}"#,
        ),
        Reply::ok(r#"{"totalSize":2,"done":true,"records":[{"attributes":{},"Id":"2"}]}"#),
        Reply::ok(
            r#"{"totalSize":2,"done":false,"nextRecordsUrl":"https://evil.example/x","records":[]}"#,
        ),
        Reply::ok(r#"{"totalSize":2,"done":true,"records":[{"Id":"1"}]}"#),
    ])
    .await;
    let rows = org
        .query("SELECT Id FROM User WHERE Name = 'a&b +'")
        .await
        .unwrap();
    assert_eq!(rows.len(), 2);
    let asked = server.asked();
    assert_eq!(
        asked[1].line,
        "GET /services/data/v66.0/query?q=SELECT+Id+FROM+User+WHERE+Name+%3D+%27a%26b+%2B%27 HTTP/1.1"
    );
    assert_eq!(
        asked[2].line,
        "GET /services/data/v66.0/query/01g1-1 HTTP/1.1"
    );
    for _ in 0..2 {
        let err = org.query("SELECT Id FROM User").await.unwrap_err();
        assert!(matches!(err, Error::Unreadable { .. }), "{err}");
    }
    let long = format!("SELECT Id FROM User WHERE Name = '{}'", "x".repeat(17_000));
    assert!(org.query(&long).await.is_err());
    assert_eq!(server.asked().len(), 5, "a query too long is not sent");
}

#[tokio::test]
async fn identity_tells_org_user_and_what_the_user_may() {
    let one = |row: &str| format!(r#"{{"totalSize":1,"done":true,"records":[{row}]}}"#);
    let (org, server) = org(vec![
        Reply::status(403, "Bad_OAuth_Token"),
        Reply::ok(r#"{"identity":"https://login.salesforce.com/id/00D000000000001EAA/005000000000001AAA"}"#),
        Reply::ok(one(
            r#"{"Id":"00D000000000001EAA","Name":"ACME","InstanceName":"NA1","IsSandbox":false,
            "OrganizationType":"Enterprise Edition","NamespacePrefix":null,"TrialExpirationDate":null}"#,
        ))
        .header("date", "Mon, 24 Aug 2026 09:23:38 GMT"),
        Reply::ok(one(r#"{"Id":"005000000000001AAA","Username":"jane@acme.com","Name":"Jane Doe"}"#)),
        Reply::status(400, r#"[{"message":"no","errorCode":"INVALID_TYPE"}]"#),
        Reply::ok(one(
            r#"{"PermissionSet":{"PermissionsModifyAllData":false,"PermissionsModifyMetadata":false}}"#,
        )),
    ])
    .await;
    let identity = org.identity().await.unwrap();
    assert_eq!(identity.org.id.as_str(), "00D000000000001EAA");
    assert!(identity.org.is_production());
    assert_eq!(identity.user.username, "jane@acme.com");
    assert_eq!(identity.permissions.may_use_metadata(), Some(false));
    let asked = server.asked();
    assert_eq!(asked[1].line, "GET /services/oauth2/userinfo HTTP/1.1");
    assert_eq!(asked[2].line, "GET /services/data/v66.0/ HTTP/1.1");
}

#[tokio::test]
async fn clock_of_the_org_is_that_of_its_answers() {
    let (org, _) = org(vec![
        listing(&[]).header("date", "Mon, 24 Aug 2026 09:23:38 GMT"),
    ])
    .await;
    assert_eq!(org.now(), None);
    org.list_metadata(&classes()).await.unwrap();
    let now = org.now().unwrap();
    let told = "2026-08-24T09:23:38Z".parse().unwrap();
    assert!(now.since(told) < Duration::from_secs(5));
}

#[tokio::test]
async fn unreachable_host_is_named_and_its_url_is_not() {
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", dead.local_addr().unwrap());
    drop(dead);
    let source = FixedSession(Session {
        instance: InstanceUrl::parse(&url, &HostPolicy::default()).unwrap(),
        token: Secret::new(TOKEN),
    });
    let err = Org::connect(source, options()).await.err().unwrap();
    assert_eq!(err.to_string(), "cannot reach 127.0.0.1");
    assert!(!format!("{err:?}").contains("/services/"), "{err:?}");
}
