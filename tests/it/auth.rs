//! Logins against a login server whose answers are written by hand.

use std::{collections::BTreeMap, time::Duration};

use orgkeep::{
    auth::{
        App, Credential, Error, Key, Kind, LoginSource, Secret, Vault, WebLogin,
        login_of_environment, revoke,
    },
    client::{
        HostPolicy, Http, Identity, InstanceUrl, Options, OrgInfo, Permissions, UserInfo,
        parse_query,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::script_server::{Asked, Reply, ScriptServer};

const ORG: &str = "00D000000000001EAA";

fn url(server: &ScriptServer) -> InstanceUrl {
    InstanceUrl::parse(&server.url, &HostPolicy::default()).unwrap()
}

fn granted(server: &ScriptServer, org: &str, token: &str, refresh: Option<&str>) -> Reply {
    let refresh = refresh.map_or(String::new(), |it| format!(r#""refresh_token":"{it}","#));
    Reply::ok(format!(
        r#"{{"access_token":"{token}",{refresh}"signature":"c2ln","scope":"api",
        "instance_url":"{}","id":"https://login.salesforce.com/id/{org}/005000000000001AAA",
        "token_type":"Bearer","issued_at":"1693475473000"}}"#,
        server.url
    ))
}

fn fields(asked: &Asked) -> BTreeMap<String, String> {
    parse_query(&asked.text()).into_iter().collect()
}

fn by_refresh(server: &ScriptServer) -> Credential {
    Credential::Refresh {
        login: url(server),
        app: App::of_the_cli(),
        refresh_token: Secret::new("refresh-1"),
    }
}

fn identity() -> Identity {
    Identity {
        org: OrgInfo {
            id: ORG.parse().unwrap(),
            name: "ACME".to_owned(),
            instance: None,
            is_sandbox: true,
            edition: None,
            namespace: None,
            ends: None,
        },
        user: UserInfo {
            id: "005000000000001AAA".parse().unwrap(),
            username: "jane@acme.com".to_owned(),
            name: "Jane Doe".to_owned(),
        },
        permissions: Permissions::default(),
    }
}

/// A vault with the login `acme`, and sessions from it.
fn stored(server: &ScriptServer, dir: &std::path::Path) -> (Vault, LoginSource) {
    let vault = Vault::at(dir, false);
    let made = "2026-11-22T10:00:00Z".parse().unwrap();
    let credential = by_refresh(server);
    let login = vault
        .put(
            "acme",
            Kind::Web,
            &identity(),
            &url(server),
            &credential,
            made,
        )
        .unwrap();
    let source = LoginSource::stored(vault.clone(), login, &Options::default()).unwrap();
    (vault, source)
}

fn stored_token(vault: &Vault) -> String {
    let login = vault.login("acme").unwrap();
    match vault.credential(&login, &HostPolicy::default()).unwrap() {
        Credential::Refresh { refresh_token, .. } => refresh_token.expose().to_owned(),
        _ => panic!("a refresh token was stored"),
    }
}

#[tokio::test]
async fn refresh_token_gives_sessions_and_shows_nothing() {
    let server = ScriptServer::start([]).await;
    server.then(granted(&server, ORG, "00D000000000001!a", None));
    let source = LoginSource::new(by_refresh(&server), &Options::default()).unwrap();
    let session = source.take(None).await.unwrap();
    assert_eq!(session.token.expose(), "00D000000000001!a");
    let asked = server.asked().pop().unwrap();
    assert_eq!(asked.line, "POST /services/oauth2/token HTTP/1.1");
    assert_eq!(
        asked.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    let expected = [
        ("grant_type", "refresh_token"),
        ("client_id", "PlatformCLI"),
        ("refresh_token", "refresh-1"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(fields(&asked), BTreeMap::from(expected));

    server.then(Reply::status(
        400,
        r#"{"error":"invalid_grant","error_description":"expired access/refresh token"}"#,
    ));
    let err = source.take(Some(&session.token)).await.unwrap_err();
    assert_eq!(
        err.to_string(),
        "127.0.0.1 refused the login by refresh token: invalid_grant: expired access/refresh token"
    );
    assert_eq!(err.hint().unwrap(), "run `orgkeep login` again");
    assert!(!format!("{err:?}").contains("refresh-1"));
}

#[tokio::test]
async fn refresh_token_that_is_replaced_is_stored_before_it_is_used() {
    let dir = crate::support::tempdir();
    let server = ScriptServer::start([]).await;
    let (vault, source) = stored(&server, dir.path());
    server.then(granted(
        &server,
        ORG,
        "00D000000000001!a",
        Some("refresh-2"),
    ));
    let session = source.take(None).await.unwrap();
    assert_eq!(stored_token(&vault), "refresh-2");

    server.then(granted(&server, ORG, "00D000000000001!b", None));
    source.take(Some(&session.token)).await.unwrap();
    assert_eq!(fields(&server.asked()[1])["refresh_token"], "refresh-2");
}

#[tokio::test]
async fn refresh_token_that_another_process_replaced_is_taken_from_the_store() {
    let dir = crate::support::tempdir();
    let server = ScriptServer::start([]).await;
    let (vault, source) = stored(&server, dir.path());
    let login = vault.login("acme").unwrap();
    let newer = Credential::Refresh {
        login: url(&server),
        app: App::of_the_cli(),
        refresh_token: Secret::new("refresh-2"),
    };
    vault.rotate(&login, &newer).unwrap();
    server.then(Reply::status(400, r#"{"error":"invalid_grant"}"#));
    server.then(granted(&server, ORG, "00D000000000001!a", None));
    source.take(None).await.unwrap();
    assert_eq!(fields(&server.asked()[1])["refresh_token"], "refresh-2");
}

#[tokio::test]
async fn stored_login_that_leads_to_another_org_is_refused() {
    let dir = crate::support::tempdir();
    let server = ScriptServer::start([]).await;
    let (_, source) = stored(&server, dir.path());
    server.then(granted(
        &server,
        "00D000000000002EAA",
        "00D000000000002!a",
        None,
    ));
    let err = source.take(None).await.unwrap_err();
    assert!(matches!(err, Error::OtherOrg { .. }), "{err}");
}

#[tokio::test]
async fn answer_that_names_a_foreign_host_gives_no_session() {
    let server = ScriptServer::start([]).await;
    let source = LoginSource::new(by_refresh(&server), &Options::default()).unwrap();
    for instance in ["https://evil.example", "https://acme.my.salesforce.com"] {
        server.then(Reply::ok(format!(
            r#"{{"access_token":"00D000000000001!a","instance_url":"{instance}"}}"#
        )));
        let err = source.take(None).await.unwrap_err();
        assert!(matches!(err, Error::Host(_)), "{instance}: {err}");
    }
    for reply in [
        Reply::ok("{}"),
        Reply::ok(r#"{"access_token":"x"}"#),
        Reply::ok("<html>"),
        Reply::status(503, "<html>"),
        Reply::status(302, "").header("location", "https://evil.example/"),
    ] {
        server.then(reply);
        assert!(source.take(None).await.is_err());
    }
}

#[tokio::test]
async fn assertion_is_signed_for_a_short_time() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let server = ScriptServer::start([]).await;
    server.then(granted(&server, ORG, "00D000000000001!a", None));
    let variables = BTreeMap::from(
        [
            ("SF_JWT_KEY", key.serialize_pem().replace('\n', "\\n")),
            ("SF_CLIENT_ID", "3MVG9".to_owned()),
            ("SF_USERNAME", "jane@acme.com".to_owned()),
            ("SF_LOGIN_URL", server.url.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let (kind, credential) = login_of_environment(&variables, &HostPolicy::default())
        .unwrap()
        .unwrap();
    assert_eq!(kind, Kind::Jwt);
    let source = LoginSource::new(credential, &Options::default()).unwrap();
    source.take(None).await.unwrap();

    let sent = fields(&server.asked()[0]);
    assert_eq!(
        sent["grant_type"],
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
    );
    let public = jsonwebtoken::DecodingKey::from_rsa_pem(key.public_key_pem().as_bytes()).unwrap();
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    rules.set_audience(&[&server.url]);
    let claims: serde_json::Value = jsonwebtoken::decode(&sent["assertion"], &public, &rules)
        .unwrap()
        .claims;
    assert_eq!(claims["iss"], "3MVG9");
    assert_eq!(claims["sub"], "jane@acme.com");
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let left = claims["exp"].as_u64().unwrap() - now;
    assert!((100..=300).contains(&left), "{left} s");
}

#[tokio::test]
async fn key_file_is_read_for_each_signature() {
    let dir = crate::support::tempdir();
    let path = dir.path().join("jwt.key");
    let server = ScriptServer::start([]).await;
    let credential = Credential::Jwt {
        login: url(&server),
        client_id: "3MVG9".to_owned(),
        username: "jane@acme.com".to_owned(),
        audience: None,
        key: Key::File(path.clone()),
    };
    let source = LoginSource::new(credential, &Options::default()).unwrap();
    assert!(matches!(
        source.take(None).await,
        Err(Error::KeyFile { .. })
    ));
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    std::fs::write(&path, key.serialize_pem()).unwrap();
    server.then(granted(&server, ORG, "00D000000000001!a", None));
    source.take(None).await.unwrap();
    assert_eq!(server.asked().len(), 1, "nothing is sent without a key");
}

#[tokio::test]
async fn app_logs_in_with_its_own_secret() {
    let server = ScriptServer::start([]).await;
    server.then(granted(&server, ORG, "00D000000000001!a", None));
    let credential = Credential::ClientCredentials {
        login: url(&server),
        app: App {
            id: "3MVG9".to_owned(),
            secret: Some(Secret::new("s&cret")),
        },
    };
    let source = LoginSource::new(credential, &Options::default()).unwrap();
    source.take(None).await.unwrap();
    let sent = fields(&server.asked()[0]);
    assert_eq!(sent["grant_type"], "client_credentials");
    assert_eq!(sent["client_secret"], "s&cret");
}

#[tokio::test]
async fn token_is_given_once_and_never_renewed() {
    let server = ScriptServer::start([]).await;
    let credential = Credential::Token {
        instance: url(&server),
        token: Secret::new("00D000000000001!a"),
    };
    let source = LoginSource::new(credential, &Options::default()).unwrap();
    let session = source.take(None).await.unwrap();
    let again = source.take(Some(&session.token)).await;
    assert!(matches!(again, Err(Error::TokenEnded)));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn revocation_sends_the_token_and_takes_any_good_answer() {
    let server = ScriptServer::start([Reply::ok(""), Reply::ok("ok=1")]).await;
    let http = Http::new(&Options::default()).unwrap();
    let token = Secret::new("refresh-1");
    for _ in 0..2 {
        revoke(&http, &url(&server), &token).await.unwrap();
    }
    assert_eq!(
        server.asked()[0].line,
        "POST /services/oauth2/revoke HTTP/1.1"
    );
    assert_eq!(server.asked()[0].text(), "token=refresh-1");
    server.then(Reply::status(400, "error=unsupported_token_type"));
    assert!(revoke(&http, &url(&server), &token).await.is_err());
}

/// What a browser gets from the listener.
async fn browse(redirect_uri: &str, target: &str) -> String {
    let port = redirect_uri.rsplit(':').next().unwrap();
    let port: u16 = port.split('/').next().unwrap().parse().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn browser_brings_one_code_and_everything_else_is_turned_away() {
    let server = ScriptServer::start([]).await;
    server.then(granted(
        &server,
        ORG,
        "00D000000000001!a",
        Some("refresh-1"),
    ));
    let login = WebLogin::begin(url(&server), App::of_the_cli(), 0)
        .await
        .unwrap();
    let page: BTreeMap<_, _> = parse_query(login.url().split_once('?').unwrap().1)
        .into_iter()
        .collect();
    let (redirect, state) = (page["redirect_uri"].clone(), page["state"].clone());
    let waiting = tokio::spawn(async move {
        let options = Options::default();
        let http = Http::new(&options).unwrap();
        login
            .finish(&http, &options.hosts, Duration::from_secs(20))
            .await
    });

    // A browser opens connections ahead of time and says nothing on them.
    let port = redirect
        .rsplit(':')
        .next()
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    let _silent = TcpStream::connect(format!("127.0.0.1:{port}"))
        .await
        .unwrap();
    let favicon = browse(&redirect, "/favicon.ico").await;
    assert!(favicon.starts_with("HTTP/1.1 204 "), "{favicon}");
    let forged = browse(&redirect, "/OauthRedirect?code=evil&state=guess").await;
    assert!(forged.starts_with("HTTP/1.1 400 "), "{forged}");
    let good = browse(
        &redirect,
        &format!("/OauthRedirect?code=aPrx%3D%3D&state={state}"),
    )
    .await;
    assert!(good.starts_with("HTTP/1.1 200 ") && good.contains("Logged in"));

    let credential = waiting.await.unwrap().unwrap();
    assert!(credential == by_refresh(&server));
    let sent = fields(&server.asked()[0]);
    assert_eq!(sent["grant_type"], "authorization_code");
    assert_eq!(sent["code"], "aPrx==");
    assert_eq!(sent["redirect_uri"], redirect);
    let digest = <sha2::Sha256 as sha2::Digest>::digest(sent["code_verifier"].as_bytes());
    assert_eq!(
        page["code_challenge"],
        orgkeep::client::encode_for_url(&digest)
    );
    let gone = TcpStream::connect(format!("127.0.0.1:{port}")).await;
    assert!(gone.is_err(), "the listener has ended");
}

#[tokio::test]
async fn browser_that_declines_or_never_comes_ends_the_login() {
    let server = ScriptServer::start([]).await;
    let options = Options::default();
    let http = Http::new(&options).unwrap();
    let login = WebLogin::begin(url(&server), App::of_the_cli(), 0)
        .await
        .unwrap();
    let err = login
        .finish(&http, &options.hosts, Duration::from_millis(50))
        .await
        .unwrap_err();
    assert!(matches!(err, Error::BrowserTimeout { .. }));

    let login = WebLogin::begin(url(&server), App::of_the_cli(), 0)
        .await
        .unwrap();
    let page: BTreeMap<_, _> = parse_query(login.url().split_once('?').unwrap().1)
        .into_iter()
        .collect();
    let (redirect, state) = (page["redirect_uri"].clone(), page["state"].clone());
    let declined = tokio::spawn(async move {
        browse(
            &redirect,
            &format!("/OauthRedirect?error=access_denied&error_description=no&state={state}"),
        )
        .await
    });
    let err = login
        .finish(&http, &options.hosts, Duration::from_secs(20))
        .await
        .unwrap_err();
    assert_eq!(
        err.to_string(),
        "127.0.0.1 refused the login by browser: access_denied: no"
    );
    assert!(declined.await.unwrap().contains("Not logged in"));
    assert!(server.asked().is_empty());
}
