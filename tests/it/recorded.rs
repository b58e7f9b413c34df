//! The client reads what real orgs answered.
//!
//! The recordings are not part of the repository; see `shared`.

use std::{fs, path::Path};

use orgkeep::{
    client::{
        DeployStatus, Error, FixedSession, HostPolicy, InstanceUrl, ListQuery, Options, Org,
        RetryPolicy, Secret, Session,
    },
    model::TypeName,
};

use crate::{
    shared::shared,
    support::script_server::{Reply, ScriptServer},
};

/// An org that answers with the recordings, in order.
async fn org(dir: &Path, answers: &[(u16, &str)]) -> Org {
    let server = ScriptServer::start([Reply::ok(r#"[{"version":"66.0"}]"#)]).await;
    for (status, name) in answers {
        server.then(Reply::status(*status, fs::read(dir.join(name)).unwrap()));
    }
    let source = FixedSession(Session {
        instance: InstanceUrl::parse(&server.url, &HostPolicy::default()).unwrap(),
        token: Secret::new("00D000000000001!AQ.x"),
    });
    let options = Options {
        retry: RetryPolicy {
            tries: 1,
            ..RetryPolicy::default()
        },
        ..Options::default()
    };
    Org::connect(source, options).await.unwrap()
}

#[tokio::test]
async fn descriptions_and_listings_are_read() {
    let Some(dir) = shared("recorded answers").map(|it| it.join("recorded")) else {
        return;
    };
    let org = org(
        &dir,
        &[
            (
                200,
                "soap/jetstream_callout-adapter__SOAP_DESCRIBE_METADATA.xml",
            ),
            (200, "soap/metaforce_describe_metadata__success.xml"),
            (
                200,
                "soap/jetstream_callout-adapter__SOAP_LIST_METADATA_WITH_RESULTS.xml",
            ),
            (200, "soap/metaforce_list_metadata__objects.xml"),
            (
                200,
                "soap/jetstream_callout-adapter__SOAP_EMPTY_LIST_METADATA.xml",
            ),
            (200, "soap/metaforce_list_metadata__no_result.xml"),
        ],
    )
    .await;
    let described = org.describe().await.unwrap();
    assert_eq!(described.types[1].children, ["CustomLabel"]);
    let described = org.describe().await.unwrap();
    assert!(described.types.len() > 20 && described.unreadable.is_empty());

    let query = [ListQuery::new(TypeName::known("ApexClass"))];
    let listed = org.list_metadata(&query).await.unwrap();
    assert_eq!(listed.components.len(), 2);
    assert!(listed.components[0].is_installed() && !listed.components[1].is_installed());
    assert_eq!(listed.components[0].namespace.as_deref(), Some("SBQQ"));
    let listed = org.list_metadata(&query).await.unwrap();
    assert_eq!(listed.components[1].key.to_string(), "CustomObject:Site");
    assert_eq!(listed.components[1].id, None);
    for _ in 0..2 {
        let listed = org.list_metadata(&query).await.unwrap();
        assert!(listed.components.is_empty() && listed.unnamed.is_empty());
    }
}

#[tokio::test]
async fn retrieves_are_read_with_their_zips() {
    let Some(dir) = shared("recorded answers").map(|it| it.join("recorded")) else {
        return;
    };
    for name in [
        "soap/cumulusci_test_Deploy__str1.xml",
        "soap/cumulusci_test_Deploy__str2.xml",
    ] {
        let org = org(&dir, &[(200, name), (200, name)]).await;
        let mut spool = tempfile::tempfile().unwrap();
        let policy = org.options().poll;
        let found = org
            .finish_retrieve("09S1", policy, &mut spool)
            .await
            .unwrap();
        assert!(!found.messages.is_empty());
        assert!(found.messages[0].problem.contains("cannot be found"));
        assert!(found.components.is_empty(), "the manifest is no component");
        let mut zip = zip::ZipArchive::new(&mut spool).unwrap();
        assert!(zip.by_name("unpackaged/package.xml").unwrap().size() > 0);
    }
    // Its zip was cut off by hand, within a group of four characters.
    let name = "soap/rust_checkRetrieveStatus_2026.xml";
    let org = org(
        &dir,
        &[
            (200, name),
            (200, "soap/cumulusci_test_UninstallPackaged__str1.xml"),
        ],
    )
    .await;
    let err = org.check_retrieve("09S1").await.unwrap_err();
    assert!(matches!(err, Error::Unreadable { .. }), "{err}");
    let failed = org.check_retrieve("09S1").await.unwrap();
    let (code, message) = failed.failure.unwrap();
    assert_eq!(code, "INVALID_CROSS_REFERENCE_KEY");
    assert_eq!(message, "No package named 'Abacus' found");
}

#[tokio::test]
async fn deploys_are_read_in_each_state() {
    let Some(dir) = shared("recorded answers").map(|it| it.join("recorded")) else {
        return;
    };
    let name = |n: u32| format!("soap/simple-salesforce_test_api__{n}.xml");
    let names = [2, 5, 3, 4].map(name);
    let answers: Vec<_> = names.iter().map(|it| (200, it.as_str())).collect();
    let org = org(&dir, &answers).await;
    for status in [
        DeployStatus::Pending,
        DeployStatus::InProgress,
        DeployStatus::Succeeded,
        DeployStatus::Failed,
    ] {
        let result = org.check_deploy("0Af1").await.unwrap();
        assert_eq!(result.status, status);
        if status == DeployStatus::Succeeded {
            assert!(result.succeeded() && result.messages.iter().all(|it| it.success));
            assert!(result.manifest_messages.is_empty());
        }
        if status == DeployStatus::Failed {
            let problems: Vec<_> = result.failures().map(|it| it.problem.clone()).collect();
            assert_eq!(problems, [Some("No package.xml found".to_owned())]);
            assert_eq!(result.tests.unwrap().n_run, 0);
        }
    }
}

#[tokio::test]
async fn faults_are_read_by_their_code() {
    let Some(dir) = shared("recorded answers").map(|it| it.join("recorded")) else {
        return;
    };
    let query = [ListQuery::new(TypeName::known("ApexClass"))];
    for (name, code) in [
        ("soap/salto_client_test__fault1.xml", "INSUFFICIENT_ACCESS"),
        (
            "soap/jetstream_callout-adapter__SOAP_ERROR_GENERIC.xml",
            "Client",
        ),
        ("soap/simple-salesforce_test_login__1.xml", "INVALID_LOGIN"),
    ] {
        let org = org(&dir, &[(500, name)]).await;
        let err = org.list_metadata(&query).await.unwrap_err();
        assert_eq!(err.code(), Some(code), "{name}");
    }
    for name in [
        "soap/jetstream_callout-adapter__SOAP_ERROR_INVALID_SESSION.xml",
        "soap/metaforce_foo__invalid_session.xml",
        "soap/cumulusci_test_profiles__RESPONSE_FAULT.xml",
    ] {
        // A fixed token cannot be renewed, so that it was tried is seen.
        let org = org(&dir, &[(500, name)]).await;
        let err = org.list_metadata(&query).await.unwrap_err();
        assert!(matches!(err, Error::LoginEnded { .. }), "{name}: {err}");
    }
    let org = org(
        &dir,
        &[(401, "rest/restforce_expired_session_response.json")],
    )
    .await;
    let err = org.query("SELECT Id FROM User").await.unwrap_err();
    assert!(matches!(err, Error::LoginEnded { .. }), "{err}");
}

#[tokio::test]
async fn queries_and_limits_are_read() {
    let Some(dir) = shared("recorded answers").map(|it| it.join("recorded")) else {
        return;
    };
    let org = org(
        &dir,
        &[
            (
                200,
                "rest/restforce_sobject__query_paginated_first_page_response.json",
            ),
            (
                200,
                "rest/restforce_sobject__query_paginated_last_page_response.json",
            ),
            (200, "rest/restforce_sobject__query_empty_response.json"),
            (400, "rest/restforce_sobject__query_error_response.json"),
            (200, "rest/camel_limits.json"),
        ],
    )
    .await;
    assert!(org.query("SELECT Id FROM User").await.unwrap().len() > 1);
    assert!(org.query("SELECT Id FROM User").await.unwrap().is_empty());
    let err = org.query("SELECT Id FROM User").await.unwrap_err();
    assert_eq!(err.code(), Some("INVALID_FIELD"));
    assert!(org.limits().await.unwrap().contains_key("DailyApiRequests"));
}
