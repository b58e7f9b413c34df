//! Names of objects and of their fields, as the data APIs spell them.
//!
//! Invariant: a name that exists is one identifier of letters, digits and
//! underscores: it can stand in SOQL, in a path and in a header as it is.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// Name of an object: `Account`, `Invoice__c`, `acme__Deal__Share`.
///
/// Spelled as the describe spells it, and compared by bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectName(Arc<str>);

/// Name of a field within its object: `Name`, `Region__c`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FieldName(Arc<str>);

/// A string refused as the name of an object or a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not the API name of {what}", text.escape_debug())]
pub struct InvalidApiName {
    text: String,
    what: &'static str,
}

/// Longest API name, with namespace and suffix.
///
/// Source: Object Reference, "Custom Objects": 40 characters of a name, 15 of a
/// namespace, and the suffixes; `__DataCategorySelection` is the longest.
const MAX_NAME: usize = 100;

fn is_api_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|it: char| it.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || it == b'_')
}

macro_rules! api_name {
    ($name:ident, $what:literal) => {
        impl $name {
            /// The name itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidApiName;

            fn from_str(text: &str) -> Result<Self, InvalidApiName> {
                if is_api_name(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidApiName {
                        text: text.to_owned(),
                        what: $what,
                    })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidApiName;
            fn try_from(text: String) -> Result<Self, InvalidApiName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(it: $name) -> String {
                it.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                *self.0 == *other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                *self.0 == **other
            }
        }
    };
}
api_name!(ObjectName, "an object");
api_name!(FieldName, "a field");

impl FieldName {
    /// The field that every object has.
    #[must_use]
    pub fn id() -> Self {
        Self("Id".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_that_could_leave_a_query_or_a_folder_is_refused() {
        for name in ["Account", "acme__Deal__c", "X1"] {
            assert!(name.parse::<ObjectName>().is_ok(), "{name}");
        }
        for name in ["", "1X", "A B", "A/B", "..", "A'B", "A.B", "Ä"] {
            let err = name.parse::<ObjectName>().unwrap_err();
            assert!(
                err.to_string()
                    .ends_with("is not the API name of an object")
            );
        }
        assert!("a".repeat(101).parse::<FieldName>().is_err());
    }
}
