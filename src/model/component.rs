//! Names of metadata types and components.
//!
//! Invariant: a name that exists is one component's, and is safe as a path
//! inside the folder of its type, so no later module checks it again.

use std::{borrow::Cow, cmp::Ordering, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// Name of a metadata type, such as `CustomField`.
///
/// Spelled as the API spells it. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TypeName(Arc<str>);

/// Full name of one component within its type, such as `Account.Region__c`.
///
/// Spelled as the API spells it, and compared by bytes. A name in a folder has
/// slashes: `Sales/Pipeline`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ComponentName(Arc<str>);

/// One component of an org: its type and its full name.
///
/// Written `CustomField:Account.Region__c`; ordered by type, then by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ComponentKey {
    /// Its metadata type.
    pub type_name: TypeName,
    /// Its full name within the type.
    pub name: ComponentName,
}

/// A string refused as a component or type name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid metadata name `{}`: {reason}", text.escape_debug())]
pub struct InvalidName {
    text: String,
    reason: &'static str,
}

impl InvalidName {
    fn new(text: &str, reason: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            reason,
        }
    }
}

impl TypeName {
    /// The name as the API spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A type name known at compile time.
    ///
    /// # Panics
    ///
    /// If `text` is not a type name.
    #[must_use]
    pub fn known(text: &'static str) -> Self {
        text.parse().expect("a literal type name is valid")
    }
}

impl FromStr for TypeName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let mut chars = text.chars();
        match chars.next() {
            None => return Err(InvalidName::new(text, "it is empty")),
            Some(first) if !first.is_ascii_alphabetic() => {
                return Err(InvalidName::new(text, "a type begins with a letter"));
            }
            Some(_) => (),
        }
        if !chars.all(|it| it.is_ascii_alphanumeric() || it == '_') {
            return Err(InvalidName::new(text, "a type has letters and digits only"));
        }
        Ok(Self(text.into()))
    }
}

impl ComponentName {
    /// The name as the API spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name with Salesforce's percent-encoding undone.
    ///
    /// listMetadata writes `Account-Account %28Sales%29 Layout`, other calls the
    /// same name with parentheses: names are matched by this spelling. A `%`
    /// that begins no valid sequence stays as it is.
    #[must_use]
    pub fn decoded(&self) -> Cow<'_, str> {
        percent_decoded(&self.0)
    }

    /// What stands before the first dot: the object of `Account.Region__c`.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.0.split_once('.').map(|(parent, _)| parent)
    }

    /// What stands before the last slash: the folder of `Sales/Pipeline`.
    #[must_use]
    pub fn folder(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(folder, _)| folder)
    }
}

/// Undoes percent-encoding where it is valid UTF-8, and leaves the rest alone.
#[must_use]
pub fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |it: Option<&u8>| it.and_then(|&it| char::from(it).to_digit(16));
        match (bytes[at], hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).expect("two hex digits are a byte"));
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).map_or(Cow::Borrowed(text), Cow::Owned)
}

impl FromStr for ComponentName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let refuse = |reason| Err(InvalidName::new(text, reason));
        if text.is_empty() {
            return refuse("it is empty");
        }
        if text == "*" {
            return refuse("`*` selects components, it does not name one");
        }
        if text
            .split('/')
            .any(|part| part.is_empty() || part == "." || part == "..")
        {
            return refuse("it would escape the folder of its type");
        }
        if text.chars().any(char::is_control) {
            return refuse("it has a control character");
        }
        Ok(Self(text.into()))
    }
}

impl ComponentKey {
    /// The component `name` of type `type_name`.
    #[must_use]
    pub fn new(type_name: TypeName, name: ComponentName) -> Self {
        Self { type_name, name }
    }

    /// Parses a type and a name that came apart.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] for the first of the two that is not one.
    pub fn parse(type_name: &str, name: &str) -> Result<Self, InvalidName> {
        Ok(Self::new(type_name.parse()?, name.parse()?))
    }
}

impl FromStr for ComponentKey {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (type_name, name) = text
            .split_once(':')
            .ok_or_else(|| InvalidName::new(text, "a component is written `Type:FullName`"))?;
        Self::parse(type_name, name)
    }
}

impl Ord for ComponentKey {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.type_name, &self.name).cmp(&(&other.type_name, &other.name))
    }
}

impl PartialOrd for ComponentKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ComponentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.type_name, self.name)
    }
}

macro_rules! as_string {
    ($($name:ty),*) => {$(
        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(it: $name) -> String {
                it.to_string()
            }
        }
    )*};
}
as_string!(TypeName, ComponentName, ComponentKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_written_type_colon_name() {
        let key: ComponentKey = "CustomField:Account.Region__c".parse().unwrap();
        assert_eq!(key.type_name.as_str(), "CustomField");
        assert_eq!(key.name.parent(), Some("Account"));
        assert_eq!(key.to_string(), "CustomField:Account.Region__c");
    }

    #[test]
    fn name_that_would_leave_its_folder_is_refused() {
        let err = "Sales/../../x".parse::<ComponentName>().unwrap_err();
        assert_eq!(
            err.to_string(),
            "invalid metadata name `Sales/../../x`: it would escape the folder of its type"
        );
    }

    #[test]
    fn percent_encoding_is_undone_where_it_is_valid() {
        let name: ComponentName = "Account-A %28S%29 100%25%zz".parse().unwrap();
        assert_eq!(name.decoded(), "Account-A (S) 100%%zz");
        let broken: ComponentName = "%ff".parse().unwrap();
        assert_eq!(broken.decoded(), "%ff");
    }
}
