//! Where secrets stand, as data.
//!
//! Sources: the WSDL of the Metadata API 66.0 for the elements; for what they
//! hold, the Metadata API Developer Guide on each type.

/// A secret's place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// The type, which is the root element's name too.
    pub type_name: &'static str,
    /// Elements from below the root to the value; `*` in front: at any depth.
    pub path: &'static [&'static str],
    /// Elements beside the value that tell it from others of its kind.
    pub told_by: &'static [&'static str],
    /// When it is one; always without.
    pub only_if: Option<OnlyIf>,
}

/// A condition on what stands beside a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum OnlyIf {
    /// The element has one of these texts.
    Is(&'static str, &'static [&'static str]),
    /// The element's text has the sound of a secret's name.
    SoundsSecret(&'static str),
    /// The same, and the value can be one: a text that people name may be anything.
    NamesSecret(&'static str),
    /// The same, and the value looks drawn by lot: it may be a text about a secret.
    NamesRandom(&'static str),
    /// The element below the root has the sound of a secret's name, and the value looks
    /// drawn by lot: a record that is called "Stripe API key" and keeps it in a field `Value`.
    RootNamesRandom(&'static str),
    /// The value's own element has the sound of a secret's name, and it looks drawn by lot.
    IsNamedRandom,
}

const fn always(type_name: &'static str, path: &'static [&'static str]) -> Rule {
    Rule {
        type_name,
        path,
        told_by: &[],
        only_if: None,
    }
}

/// Values that the platform encrypts anew for each answer: two of them tell
/// nothing about whether the secret is another.
///
/// Source: `field.md` §3.
pub(super) const ENCRYPTED_ANEW: &[(&str, &str)] = &[("AuthProvider", "consumerSecret")];

pub(super) const RULES: &[Rule] = &[
    always("AuthProvider", &["consumerKey"]),
    always("AuthProvider", &["consumerSecret"]),
    always("AuthProvider", &["ecKey"]),
    Rule {
        type_name: "CallCenter",
        path: &["sections", "items", "value"],
        told_by: &["name"],
        only_if: Some(OnlyIf::NamesSecret("name")),
    },
    always("ComputeExtension", &["extensionAuthCredentials"]),
    always("ConnectedApp", &["oauthConfig", "consumerKey"]),
    always("ConnectedApp", &["oauthConfig", "consumerSecret"]),
    always("ConnectedApp", &["*", "password"]),
    always("ConnectedApp", &["*", "secretKey"]),
    always("ConnectedApp", &["*", "serverKey"]),
    always("ConnectedApp", &["*", "serviceAccount"]),
    always("ConnectedApp", &["*", "signingKey"]),
    Rule {
        type_name: "CustomLabel",
        path: &["value"],
        told_by: &["fullName"],
        only_if: Some(OnlyIf::NamesRandom("fullName")),
    },
    Rule {
        type_name: "CustomLabels",
        path: &["labels", "value"],
        told_by: &["fullName"],
        only_if: Some(OnlyIf::NamesRandom("fullName")),
    },
    Rule {
        type_name: "CustomMetadata",
        path: &["values", "value"],
        told_by: &["field"],
        only_if: Some(OnlyIf::NamesSecret("field")),
    },
    Rule {
        type_name: "CustomMetadata",
        path: &["values", "value"],
        told_by: &["field"],
        only_if: Some(OnlyIf::RootNamesRandom("label")),
    },
    always("DataConnectorS3", &["s3AccessKey"]),
    always("DataConnectorS3", &["s3SecretKey"]),
    always("ExtlClntAppGlobalOauthSettings", &["consumerKey"]),
    always("ExtlClntAppGlobalOauthSettings", &["consumerSecret"]),
    always("ExtlClntAppOauthSecuritySettings", &["*", "consumerKey"]),
    always("ExtlClntAppOauthSecuritySettings", &["*", "consumerSecret"]),
    always("ExtlClntAppPushSettings", &["*", "password"]),
    always("ExtlClntAppPushSettings", &["*", "signingKey"]),
    always("ExtlClntAppPushSettings", &["*", "secretKey"]),
    always("ExtlClntAppPushSettings", &["*", "serverKey"]),
    always("ExtlClntAppPushSettings", &["*", "serviceAccount"]),
    always("ExtlClntAppPushConfigurablePolicies", &["*", "password"]),
    always("ExtlClntAppPushConfigurablePolicies", &["*", "signingKey"]),
    always("ExternalDataSource", &["oauthRefreshToken"]),
    always("ExternalDataSource", &["oauthToken"]),
    always("ExternalDataSource", &["password"]),
    Rule {
        type_name: "ExternalDataSource",
        path: &["customHttpHeaders", "headerFieldValue"],
        told_by: &["headerFieldName"],
        only_if: Some(OnlyIf::SoundsSecret("headerFieldName")),
    },
    Rule {
        type_name: "ExternalCredential",
        path: &["externalCredentialParameters", "parameterValue"],
        told_by: &["parameterType", "parameterGroup", "parameterName"],
        only_if: Some(OnlyIf::Is("parameterType", &["AuthHeader"])),
    },
    Rule {
        type_name: "ExternalCredential",
        path: &["externalCredentialParameters", "parameterValue"],
        told_by: &["parameterType", "parameterGroup", "parameterName"],
        only_if: Some(OnlyIf::SoundsSecret("parameterName")),
    },
    Rule {
        type_name: "ExternalAuthIdentityProvider",
        path: &["externalAuthIdentityProviderParameters", "parameterValue"],
        told_by: &["parameterType", "parameterName"],
        only_if: Some(OnlyIf::SoundsSecret("parameterName")),
    },
    always("InstalledPackage", &["password"]),
    Rule {
        type_name: "MktDataConnection",
        path: &["credentials", "value"],
        told_by: &["credentialName"],
        only_if: None,
    },
    Rule {
        type_name: "MktDataConnection",
        path: &["parameters", "value"],
        told_by: &["paramName"],
        only_if: Some(OnlyIf::SoundsSecret("paramName")),
    },
    always("NamedCredential", &["awsAccessKey"]),
    always("NamedCredential", &["awsAccessSecret"]),
    always("NamedCredential", &["oauthRefreshToken"]),
    always("NamedCredential", &["oauthToken"]),
    always("NamedCredential", &["password"]),
    Rule {
        type_name: "NamedCredential",
        path: &["namedCredentialParameters", "parameterValue"],
        told_by: &["parameterType", "parameterName"],
        only_if: Some(OnlyIf::SoundsSecret("parameterName")),
    },
    always("Network", &["*", "recaptchaSecretKey"]),
    Rule {
        type_name: "Settings",
        path: &["*"],
        told_by: &[],
        only_if: Some(OnlyIf::IsNamedRandom),
    },
    always("SlackApp", &["appToken"]),
    always("SlackApp", &["clientSecret"]),
    always("SlackApp", &["signingSecret"]),
    Rule {
        type_name: "Translations",
        path: &["customLabels", "label"],
        told_by: &["name"],
        only_if: Some(OnlyIf::NamesRandom("name")),
    },
];

/// Where the rules look: a type, the elements from below its root (`*`: at any depth),
/// and in words when the value there is one; in the order of the rules.
pub fn places() -> impl Iterator<Item = (&'static str, String, String)> {
    RULES.iter().map(|rule| {
        let when = match rule.only_if {
            None => "always".to_owned(),
            Some(OnlyIf::Is(name, values)) => format!("`{name}` is {}", values.join(" or ")),
            Some(OnlyIf::SoundsSecret(name)) => format!("`{name}` sounds like a secret"),
            Some(OnlyIf::NamesSecret(name)) => {
                format!("`{name}` sounds like a secret, and the value can be one")
            }
            Some(OnlyIf::NamesRandom(name)) => {
                format!("`{name}` sounds like a secret, and the value looks drawn by lot")
            }
            Some(OnlyIf::RootNamesRandom(name)) => {
                format!(
                    "the `{name}` of all sounds like a secret, and the value looks drawn by lot"
                )
            }
            Some(OnlyIf::IsNamedRandom) => {
                "the element sounds like a secret, and the value looks drawn by lot".to_owned()
            }
        };
        (rule.type_name, rule.path.join("."), when)
    })
}

/// Whether a name is one that people give to secrets.
pub(super) fn sounds_secret(name: &str) -> bool {
    let name = name.strip_suffix("__c").unwrap_or(name);
    let name: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|it| it.to_ascii_lowercase())
        .collect();
    let parts = [
        "secret",
        "password",
        "passwd",
        "token",
        "apikey",
        "accesskey",
        "privatekey",
        "authorization",
        "authkey",
        "subscriptionkey",
        "credential",
        "signature",
        "cookie",
    ];
    parts.iter().any(|it| name.contains(it))
        // An endpoint where a token is got is no token.
        && !name.ends_with("url")
        && !name.ends_with("uri")
        && !name.ends_with("endpoint")
}
