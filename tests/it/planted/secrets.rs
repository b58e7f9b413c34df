//! An org full of secrets: one for each rule, one for each shape, made from the rules' own table.

use std::{collections::BTreeMap, fs, path::Path};

use orgkeep::{
    registry::{Files, Registry},
    source::redact,
};

/// Which of its values each secret has.
#[derive(Clone, Copy)]
pub(super) enum Values {
    First,
    Second,
}

/// A secret and where it stands.
pub(super) struct Secret {
    /// The rule or the kind.
    pub(super) what: String,
    /// The file in the package that holds it.
    pub(super) file: String,
    /// The secret itself.
    pub(super) value: String,
}

/// A package in metadata format, and the secrets in it.
pub(super) struct Planted {
    pub(super) files: BTreeMap<String, String>,
    pub(super) secrets: Vec<Secret>,
    /// Components that no deploy takes: their rule looks in places that today's API has not.
    pub(super) of_other_versions: Vec<String>,
}

/// The element that is a component's label, where it is not `label`; empty where it has none.
///
/// Source: WSDL of the Metadata API 66.0, as what follows.
const LABELS: &[(&str, &str)] = &[
    ("AuthProvider", "friendlyName"),
    ("CallCenter", "displayName"),
    ("ComputeExtension", "masterLabel"),
    ("DataConnectorS3", "masterLabel"),
    ("MktDataConnection", "masterLabel"),
    ("Network", "description"),
    ("Settings", ""),
    ("SlackApp", "masterLabel"),
    ("Translations", ""),
];

/// What stands between the root and an element that a rule finds at any depth.
const BETWEEN: &[(&str, &str, &str)] = &[
    ("ExtlClntAppPushSettings", "password", "applePushConfig"),
    ("ExtlClntAppPushSettings", "signingKey", "applePushConfig"),
    (
        "ExtlClntAppPushSettings",
        "serviceAccount",
        "androidPushConfig",
    ),
    ("Network", "recaptchaSecretKey", "networkAuthApiSettings"),
    ("ExtlClntAppOauthSecuritySettings", "consumerKey", "anyPart"),
    (
        "ExtlClntAppOauthSecuritySettings",
        "consumerSecret",
        "anyPart",
    ),
];

impl Planted {
    /// All of them, in components whose labels say `label`.
    pub(super) fn all(values: Values, label: &str) -> Self {
        let mut planted = Self {
            files: BTreeMap::new(),
            secrets: Vec::new(),
            of_other_versions: Vec::new(),
        };
        let mut labels = String::new();
        for (n, (type_name, place, when)) in redact::places().enumerate() {
            let what = format!("{type_name} {place}, {when}");
            let value = drawn(n, values);
            match type_name {
                // One label is a component of its own only where a project asks for it.
                "CustomLabel" => {}
                "CustomLabels" => {
                    labels = format!(
                        "<labels><fullName>Api_Secret</fullName><language>en_US</language>\
                         <protected>true</protected><shortDescription>{label}</shortDescription>\
                         <value>{value}</value></labels>"
                    );
                    planted.plant(what, "labels/CustomLabels.labels".to_owned(), value);
                }
                _ => planted.plant_by_rule(n, (type_name, &place, &when), label, value),
            }
        }
        planted.files.insert(
            "labels/CustomLabels.labels".to_owned(),
            document("CustomLabels", &labels),
        );
        for (n, kind) in redact::kinds().enumerate() {
            let (secret, text) = shaped(kind, values);
            let file = format!("remoteSiteSettings/Kind_{n}.remoteSite");
            planted.files.insert(
                file.clone(),
                document(
                    "RemoteSiteSetting",
                    &format!(
                        "<description>{label}: {text}</description>\
                         <disableProtocolSecurity>false</disableProtocolSecurity>\
                         <isActive>true</isActive><url>https://{n}.acme.example</url>"
                    ),
                ),
            );
            planted.plant(kind.to_owned(), file, secret);
        }
        planted.files.insert(
            "certs/Acme.crt".to_owned(),
            format!(
                "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n",
                drawn(900, values)
            ),
        );
        planted.files.insert(
            "certs/Acme.crt-meta.xml".to_owned(),
            document(
                "Certificate",
                &format!("<masterLabel>{label}</masterLabel>"),
            ),
        );
        planted.plant(
            "the private key of a certificate".to_owned(),
            "certs/Acme.crt".to_owned(),
            drawn(900, values),
        );
        planted
    }

    fn plant(&mut self, what: String, file: String, value: String) {
        self.secrets.push(Secret { what, file, value });
    }

    fn plant_by_rule(
        &mut self,
        n: usize,
        (type_name, place, when): (&str, &str, &str),
        label: &str,
        value: String,
    ) {
        let ty = Registry::official().type_named(type_name).unwrap();
        let name = if type_name == "CustomMetadata" {
            format!("Setting.Rule_{n}")
        } else {
            format!("Rule_{n}")
        };
        let suffix = ty.suffix.as_deref().unwrap();
        let mut file = format!("{}/{name}.{suffix}", ty.directory);
        let root = match type_name {
            "Settings" => format!("{name}Settings"),
            other => other.to_owned(),
        };
        let last = place.rsplit('.').next().unwrap();
        let between = BETWEEN.iter().find(|it| (it.0, it.1) == (type_name, last));
        let any = between.map_or("anyPart", |it| it.2);
        let elements: Vec<&str> = place
            .split('.')
            .map(|it| if it == "*" { any } else { it })
            .collect();
        let (leaf, around) = elements.split_last().unwrap();
        if place.starts_with("*.") && between.is_none() {
            self.of_other_versions.push(format!("{type_name}:{name}"));
        }
        // The one place that a rule does not name: an element that sounds like a secret.
        let leaf = if *leaf == "anyPart" {
            "integrationToken"
        } else {
            leaf
        };
        let named = when.split('`').nth(1);
        let (beside, label) = match named {
            Some(_) if when.starts_with("the `label` of all") => {
                (String::new(), format!("{label} of the API key"))
            }
            Some(name) if when.contains(" is ") => {
                let is = when.rsplit(" is ").next().unwrap();
                (format!("<{name}>{is}</{name}>"), label.to_owned())
            }
            Some(name) => (format!("<{name}>Api_Secret</{name}>"), label.to_owned()),
            None => (String::new(), label.to_owned()),
        };
        let mut body = format!("{beside}<{leaf}>{value}</{leaf}>");
        for element in around.iter().rev() {
            body = format!("<{element}>{body}</{element}>");
        }
        let label = if root == "InstalledPackage" {
            format!("<versionNumber>1.{}</versionNumber>", label.len())
        } else {
            match LABELS.iter().find(|it| it.0 == type_name) {
                Some((_, "")) => String::new(),
                Some((_, element)) => format!("<{element}>{label}</{element}>"),
                None => format!("<label>{label}</label>"),
            }
        };
        if ty.files == Files::Content {
            self.files
                .insert(file.clone(), format!("displayName: {name}\n"));
            file.push_str("-meta.xml");
        }
        self.files
            .insert(file.clone(), document(&root, &format!("{label}{body}")));
        self.plant(format!("{type_name} {place}, {when}"), file, value);
    }

    /// Writes the package into a folder.
    pub(super) fn write(&self, folder: &Path) {
        for (path, text) in &self.files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
}

fn document(root: &str, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <{root} xmlns=\"http://soap.sforce.com/2006/04/metadata\">{body}</{root}>\n"
    )
}

/// A value like those that people draw by lot, another one for each `n`.
fn drawn(n: usize, values: Values) -> String {
    let other = match values {
        Values::First => "a",
        Values::Second => "b",
    };
    format!("q8Zr41kPw0sX2{other}vT6{n:03}")
}

/// A secret of a kind, and a text that it stands in; put together here, so that no
/// scanner takes this file for a leak.
fn shaped(kind: &str, values: Values) -> (String, String) {
    let one = match values {
        Values::First => "1",
        Values::Second => "2",
    };
    let word = |n: usize| "aB3dE5gH".chars().cycle().take(n - 1).collect::<String>() + one;
    let hex = |n: usize| "0f3a9c7e".chars().cycle().take(n - 1).collect::<String>() + one;
    let upper = |n: usize| "Z7QX".chars().cycle().take(n - 1).collect::<String>() + one;
    let plain = |secret: String| (secret.clone(), format!("see {secret} here"));
    match kind {
        "an access key of AWS" => plain(format!("AKIA{}", upper(16))),
        "a token of Atlassian" => plain(format!("ATATT3{}", word(120))),
        "a token of Databricks" => plain(format!("dapi{}", hex(32))),
        "a token of DigitalOcean" => plain(format!("dop_v1_{}", hex(64))),
        "a token of GitHub" => plain(format!("ghp_{}", word(36))),
        "a token of GitLab" => plain(format!("glpat-{}", word(20))),
        "a token of Slack" => plain(format!("xoxb-{}", word(24))),
        "a URL of Slack that posts" => plain(format!(
            "https://hooks.slack.com/services/T0/B0/{}",
            word(24)
        )),
        "a key of Stripe" => plain(format!("sk_live_{}", word(24))),
        "a token of Square" => plain(format!("sq0atp-{}", word(22))),
        "a key of Twilio" => plain(format!("SK{}", hex(32))),
        "a key of Google" => plain(format!("AIza{}", word(35))),
        "a token of Google" => plain(format!("ya29.{}", word(40))),
        "a secret of an app of Google" => plain(format!("GOCSPX-{}", word(28))),
        "a key of SendGrid" => plain(format!("SG.{}.{}", word(22), word(43))),
        "a token of Hugging Face" => plain(format!("hf_{}", word(34))),
        "a key of Mailgun" => plain(format!("key-{}", hex(32))),
        "a token of npm" => plain(format!("npm_{}", word(36))),
        "a key of OpenAI" => plain(format!("sk-proj-{}", word(40))),
        "a token of Shopify" => plain(format!("shpat_{}", hex(32))),
        "a refresh token of Salesforce" => plain(format!("5Aep861{}", word(60))),
        "a signed token" => plain(format!("eyJ{}.eyJ{}.{}", word(20), word(30), word(40))),
        "a session of Salesforce" => plain(format!("00D5f000006TdUJ!AQ{}", word(80))),
        "a private key" => {
            let body = word(64);
            let text = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----");
            (body, text)
        }
        "the password of a URL" => {
            let word = word(12);
            (
                word.clone(),
                format!("https://svc:{word}@maps.acme.example/x"),
            )
        }
        "a secret in a URL" => {
            let word = word(24);
            (
                word.clone(),
                format!("https://maps.acme.example/x?a=1&amp;api_key={word}"),
            )
        }
        "the credentials of a header" => {
            let word = word(28);
            (word.clone(), format!("Authorization: Bearer {word}"))
        }
        other => panic!("no secret of the kind `{other}` is planted"),
    }
}
