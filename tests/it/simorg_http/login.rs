//! How tokens are got and lost.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use orgkeep::simorg::http::{SigningKey, form};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::site::{Answer, Site};

const TOKEN: &str = "/services/oauth2/token";
const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

fn seconds() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn assertion(key_pem: &str, claims: &Value) -> String {
    let key = EncodingKey::from_rsa_pem(key_pem.as_bytes()).unwrap();
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).unwrap()
}

fn claims(site: &Site, change: &Value) -> Value {
    let mut claims = json!({
        "iss": site.ready().client_id,
        "sub": "jane@acme.example",
        "aud": "https://login.salesforce.com",
        "exp": seconds() + 180,
    });
    claims
        .as_object_mut()
        .unwrap()
        .extend(change.as_object().unwrap().clone());
    claims
}

fn by_jwt(site: &Site, change: &Value) -> Answer {
    let key = std::fs::read_to_string(&site.ready().jwt_key_file).unwrap();
    let assertion = assertion(&key, &claims(site, change));
    site.form(TOKEN, &[("grant_type", BEARER), ("assertion", &assertion)])
}

fn refusal(answer: &Answer) -> String {
    assert_eq!(answer.status, 400, "{}", answer.text);
    let body = answer.json();
    format!(
        "{}: {}",
        body["error"].as_str().unwrap(),
        body["error_description"].as_str().unwrap()
    )
}

fn username(site: &Site, token: &str) -> Value {
    site.get(token, "/services/oauth2/userinfo").json()["preferred_username"].clone()
}

#[test]
fn assertion_is_taken_in_the_spellings_that_clients_have() {
    let site = Site::acme();
    let own = site.ready().url.clone();
    for change in [
        json!({}),
        json!({"aud": "https://test.salesforce.com"}),
        json!({"aud": own.clone()}),
        json!({"aud": format!("{own}/")}),
        json!({"exp": seconds() * 1000 + 300}),
        json!({"sub": "JANE@acme.example"}),
    ] {
        let answer = by_jwt(&site, &change);
        assert_eq!(answer.status, 200, "{change}: {}", answer.text);
        let body = answer.json();
        assert_eq!(body["instance_url"], own);
        assert_eq!(body["token_type"], "Bearer");
        assert!(body["issued_at"].is_string());
        assert!(body.get("refresh_token").is_none());
        assert_eq!(
            username(&site, body["access_token"].as_str().unwrap()),
            "jane@acme.example"
        );
    }
}

#[test]
fn assertion_that_is_wrong_is_refused_with_its_reason() {
    let site = Site::acme();
    for (change, expected) in [
        (
            json!({"exp": seconds() - 10}),
            "invalid_grant: assertion expired",
        ),
        (
            json!({"aud": "https://evil.example"}),
            "invalid_grant: audience is invalid",
        ),
        (
            json!({"sub": "nobody@nowhere.example"}),
            "invalid_grant: user hasn't approved this consumer",
        ),
        (
            json!({"iss": "another"}),
            "invalid_client_id: client identifier invalid",
        ),
        (json!({"exp": null}), "invalid_grant: invalid assertion"),
    ] {
        assert_eq!(refusal(&by_jwt(&site, &change)), expected);
    }
    let other = SigningKey::generate().unwrap();
    let forged = assertion(&other.private_pem, &claims(&site, &json!({})));
    let answer = site.form(TOKEN, &[("grant_type", BEARER), ("assertion", &forged)]);
    assert_eq!(refusal(&answer), "invalid_grant: invalid assertion");
}

#[test]
fn refresh_token_gives_a_session_until_it_is_revoked() {
    let site = Site::acme();
    let refresh = |token: &str, client: &str| {
        let pairs = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", client),
        ];
        site.form(TOKEN, &pairs)
    };
    let own = site.ready().refresh_token.clone();
    let answer = refresh(&own, "PlatformCLI");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(username(&site, &token), "admin@acme.example");
    assert_eq!(
        refusal(&refresh("5AepWrong.Token", "PlatformCLI")),
        "invalid_grant: expired access/refresh token"
    );
    assert_eq!(
        refusal(&refresh(&own, "nobody")),
        "invalid_client_id: client identifier invalid"
    );

    assert_eq!(
        site.form("/services/oauth2/revoke", &[("token", &own)])
            .status,
        200
    );
    assert_eq!(
        refusal(&refresh(&own, "PlatformCLI")),
        "invalid_grant: expired access/refresh token"
    );
    assert_eq!(site.get(&token, "/services/oauth2/userinfo").status, 403);
}

#[test]
fn client_credentials_run_as_the_first_user() {
    let site = Site::acme();
    let (id, secret) = (
        site.ready().client_id.clone(),
        site.ready().client_secret.clone(),
    );
    let grant = ("grant_type", "client_credentials");
    let in_body = site.form(
        TOKEN,
        &[grant, ("client_id", &id), ("client_secret", &secret)],
    );
    let in_header = site.send(|it| {
        it.post(site.url(TOKEN))
            .basic_auth(&id, Some(&secret))
            .form(&[grant])
    });
    for answer in [in_body, in_header] {
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(username(&site, &token), "admin@acme.example");
    }
    let wrong = site.form(TOKEN, &[grant, ("client_id", &id), ("client_secret", "x")]);
    assert_eq!(
        refusal(&wrong),
        "invalid_client: invalid client credentials"
    );
}

#[test]
fn passwords_and_unknown_grants_are_refused() {
    let site = Site::acme();
    assert_eq!(
        refusal(&site.form(TOKEN, &[("grant_type", "password")])),
        "invalid_grant: authentication failure"
    );
    assert_eq!(
        refusal(&site.form(TOKEN, &[("grant_type", "magic")])),
        "unsupported_grant_type: grant type not supported"
    );
    assert_eq!(
        refusal(&site.form(TOKEN, &[])),
        "invalid_request: must provide grant_type"
    );
}

const REDIRECT: &str = "http://localhost:1717/OauthRedirect";

/// Where the browser is sent for `more`.
fn authorize(site: &Site, more: &[(&str, &str)]) -> Answer {
    let mut query = vec![
        ("response_type", "code"),
        ("client_id", "PlatformCLI"),
        ("redirect_uri", REDIRECT),
        ("state", "a b&c"),
    ];
    query.extend(more);
    site.send(|it| it.get(site.url("/services/oauth2/authorize")).query(&query))
}

fn sent_back(answer: &Answer) -> std::collections::BTreeMap<String, String> {
    assert_eq!(answer.status, 302, "{}", answer.text);
    let (target, query) = answer.header("location").split_once('?').unwrap();
    assert_eq!(target, REDIRECT);
    form(query).into_iter().collect()
}

#[test]
fn web_server_flow_gives_the_user_who_was_chosen() {
    let site = Site::acme();
    let page = authorize(&site, &[]);
    assert_eq!(page.status, 200);
    assert!(page.text.contains(">Omar Haddad</a>"), "{}", page.text);

    let verifier = "a verifier that nobody knows";
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let back = |more: &[(&str, &str)]| sent_back(&authorize(&site, more));
    let exchange = |code: &str, verifier: &str| {
        site.form(
            TOKEN,
            &[
                ("grant_type", "authorization_code"),
                ("code", code),
                ("client_id", "PlatformCLI"),
                ("redirect_uri", REDIRECT),
                ("code_verifier", verifier),
            ],
        )
    };
    let chosen = [
        ("user", "omar@acme.example"),
        ("code_challenge", challenge.as_str()),
    ];
    let given = back(&chosen);
    assert_eq!(given["state"], "a b&c");
    let answer = exchange(&given["code"], verifier);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    assert_eq!(
        username(&site, body["access_token"].as_str().unwrap()),
        "omar@acme.example"
    );
    assert!(
        body["refresh_token"]
            .as_str()
            .unwrap()
            .starts_with("5Aep861")
    );

    // A code is good once, and only with its verifier.
    assert_eq!(
        refusal(&exchange(&given["code"], verifier)),
        "invalid_grant: expired authorization code"
    );
    let given = back(&chosen);
    assert_eq!(
        refusal(&exchange(&given["code"], "another")),
        "invalid_grant: invalid code verifier"
    );
    let given = back(&chosen);
    site.control("POST", "/simorg/clock", &json!({"advance": "16m"}));
    assert_eq!(
        refusal(&exchange(&given["code"], verifier)),
        "invalid_grant: expired authorization code"
    );

    let denied = back(&[("deny", "1")]);
    assert_eq!(denied["error"], "access_denied");
    assert_eq!(denied["error_description"], "end-user denied authorization");
}

#[test]
fn browser_is_not_sent_to_another_machine() {
    let site = Site::acme();
    let query = [
        ("response_type", "code"),
        ("client_id", "PlatformCLI"),
        ("redirect_uri", "https://evil.example/"),
        ("user", "omar@acme.example"),
    ];
    let answer = site.send(|it| it.get(site.url("/services/oauth2/authorize")).query(&query));
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("redirect_uri_mismatch"));
}

#[test]
fn bad_token_is_told_in_the_words_of_each_api() {
    let site = Site::acme();
    let info = site.get("00D!bad", "/services/oauth2/userinfo");
    assert_eq!((info.status, info.text.as_str()), (403, "Bad_OAuth_Token"));
    let rest = site.get("00D!bad", "/services/data/v66.0/limits");
    assert_eq!(rest.status, 401);
    assert_eq!(
        rest.json(),
        json!([{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])
    );
    let soap = site.soap("00D!bad", "<describeMetadata/>").unwrap();
    assert_eq!(soap.status, 500);
    assert!(
        soap.text
            .contains("<faultcode>sf:INVALID_SESSION_ID</faultcode>")
    );
}

#[test]
fn identity_is_that_of_the_token() {
    let site = Site::acme();
    let sub = site
        .get(site.token("Jane Doe"), "/services/oauth2/userinfo")
        .json()["sub"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = sub.strip_prefix(&site.ready().url).unwrap();
    let own = site.get(site.token("Jane Doe"), path);
    assert_eq!(own.json()["username"], "jane@acme.example");
    let other = site.get(site.token("Omar Haddad"), path);
    assert_eq!((other.status, other.text.as_str()), (403, "Bad_Id"));
}

#[test]
fn sessions_end_on_request_and_by_a_fault() {
    let site = Site::acme();
    let jane = site.token("Jane Doe").to_owned();
    let works = |token: &str| site.get(token, "/services/data/v66.0/limits").status == 200;
    site.control(
        "POST",
        "/simorg/sessions/expire",
        &json!({"user": "jane@acme.example"}),
    );
    assert!(!works(&jane));
    assert!(works(site.admin()));
    site.control(
        "POST",
        "/simorg/faults",
        &json!({"call": "limits", "fault": "expired"}),
    );
    assert!(!works(site.admin()));
    assert!(!works(site.admin()));
    let ended = site.control("POST", "/simorg/sessions/expire", &Value::Null);
    assert_eq!(ended.json(), json!({"ended": 4}));
}

#[test]
fn login_by_soap_is_refused() {
    let site = Site::acme();
    for (version, expected) in [
        ("66.0", "UNSUPPORTED_API_VERSION"),
        ("60.0", "INVALID_OPERATION"),
    ] {
        let answer = site.send(|it| {
            it.post(site.url(&format!("/services/Soap/u/{version}")))
                .header("SOAPAction", "login")
                .header("Content-Type", "text/xml")
                .body("<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body><login/></e:Body></e:Envelope>")
        });
        assert_eq!(answer.status, 500);
        assert!(
            answer
                .text
                .contains(&format!("<faultcode>sf:{expected}</faultcode>")),
            "{}",
            answer.text
        );
    }
}
