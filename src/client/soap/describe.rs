//! What an org has: describeMetadata and listMetadata.

use std::io;

use super::{
    envelope::push,
    exchange::Message,
    reply::{self, Unnamed, file_properties, flag, optional, required, text},
    scan::{Sink, Whole},
};
use crate::{
    client::{Call, Error, Org},
    model::{RemoteComponent, TypeName},
    xml::Element,
};

/// Most queries of one listMetadata.
///
/// Source: Metadata API Developer Guide, `meta_listmetadata`.
pub const MAX_LIST_QUERIES: usize = 3;

/// What describeMetadata tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgDescription {
    /// Types, in the org's order, which is no alphabetical one.
    pub types: Vec<DescribedType>,
    /// Types whose names are none, as the org spells them.
    pub unreadable: Vec<String>,
    /// Namespace of the org itself.
    pub namespace: Option<String>,
    /// Whether a deploy may keep what succeeded when something failed.
    pub partial_save_allowed: bool,
    /// Whether a deploy runs tests by default: production.
    pub test_required: bool,
}

/// One top-level type, as the org describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedType {
    /// Its name.
    pub name: TypeName,
    /// Directory in a retrieve.
    pub directory: String,
    /// Suffix of its files; absent for bundles.
    pub suffix: Option<String>,
    /// Whether its components lie in folders.
    pub in_folder: bool,
    /// Whether its files have a `-meta.xml` beside them.
    pub meta_file: bool,
    /// Types of its children.
    pub children: Vec<String>,
}

/// One query of listMetadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// Type to list.
    pub type_name: TypeName,
    /// Folder to list; required for types in folders.
    pub folder: Option<String>,
}

impl ListQuery {
    /// Lists a type.
    #[must_use]
    pub fn new(type_name: TypeName) -> Self {
        Self {
            type_name,
            folder: None,
        }
    }

    /// Lists one folder of a type.
    #[must_use]
    pub fn in_folder(type_name: TypeName, folder: impl Into<String>) -> Self {
        Self {
            type_name,
            folder: Some(folder.into()),
        }
    }
}

/// What listMetadata tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Components, in the org's order.
    pub components: Vec<RemoteComponent>,
    /// Entries that name no component, so that they can stand in the ledger.
    pub unnamed: Vec<Unnamed>,
}

impl Org {
    /// Describes the types that the org has for this user.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call; `INSUFFICIENT_ACCESS` where the user may not use the
    /// Metadata API.
    pub async fn describe(&self) -> Result<OrgDescription, Error> {
        let call = Call::read("describeMetadata");
        let mut body = String::new();
        push(&mut body, "asOfVersion", &self.version().to_string());
        let body = format!("<describeMetadata>{body}</describeMetadata>");
        let max_bytes = self.options().sizes.answer_bytes;
        let response = self
            .soap(call, &Message::Elements(&body), max_bytes, &mut Whole)
            .await?;
        let result = response
            .child("result")
            .ok_or_else(|| self.unreadable(call, "`result` is missing in it"))?;
        let description = description(result).map_err(|reason| self.unreadable(call, &reason))?;
        if description.types.is_empty() {
            return Err(self.unreadable(call, "it describes no type"));
        }
        Ok(description)
    }

    /// Lists the components that `queries` are about, [`MAX_LIST_QUERIES`] at most.
    ///
    /// One query that the org refuses fails the whole call, so ask for a type that
    /// may be refused alone. An empty listing is one that the org gave: an answer
    /// that did not come is an error.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call.
    pub async fn list_metadata(&self, queries: &[ListQuery]) -> Result<Listing, Error> {
        let mut body = String::from("<listMetadata>");
        for query in queries {
            body.push_str("<queries>");
            if let Some(folder) = &query.folder {
                push(&mut body, "folder", folder);
            }
            push(&mut body, "type", query.type_name.as_str());
            body.push_str("</queries>");
        }
        push(&mut body, "asOfVersion", &self.version().to_string());
        body.push_str("</listMetadata>");
        let mut sink = ListSink {
            asked_type: match queries {
                [query] => Some(query.type_name.clone()),
                _ => None,
            },
            listing: Listing::default(),
        };
        let call = Call::read("listMetadata");
        let max_bytes = self.options().sizes.listing_bytes;
        let response = self
            .soap(call, &Message::Elements(&body), max_bytes, &mut sink)
            .await?;
        if response.local_name() != "listMetadataResponse" {
            return Err(self.unreadable(call, "it is the answer of another call"));
        }
        Ok(sink.listing)
    }

    pub(in crate::client) fn unreadable(&self, call: Call, reason: &str) -> Error {
        Error::Unreadable {
            call: call.name,
            host: self.instance().host().to_owned(),
            reason: reason.to_owned(),
        }
    }
}

struct ListSink {
    asked_type: Option<TypeName>,
    listing: Listing,
}

impl Sink for ListSink {
    const RECORDS: &'static [&'static str] = &["result"];

    fn restart(&mut self) -> io::Result<()> {
        self.listing = Listing::default();
        Ok(())
    }

    fn record(&mut self, record: &Element) -> Result<(), String> {
        let asked_type = self.asked_type.as_ref().map(TypeName::as_str);
        match file_properties(record, asked_type) {
            Ok(component) => self.listing.components.push(component),
            Err(unnamed) => self.listing.unnamed.push(unnamed),
        }
        Ok(())
    }
}

fn description(result: &Element) -> Result<OrgDescription, String> {
    let mut types = Vec::new();
    let mut unreadable = Vec::new();
    for object in result.elements_named("metadataObjects") {
        let name = required(object, "xmlName")?;
        let Ok(type_name) = name.parse() else {
            unreadable.push(name);
            continue;
        };
        types.push(DescribedType {
            name: type_name,
            directory: reply::text(object, "directoryName"),
            suffix: optional(object, "suffix"),
            in_folder: flag(object, "inFolder"),
            meta_file: flag(object, "metaFile"),
            children: object
                .elements_named("childXmlNames")
                .map(|it| it.text().into_owned())
                .filter(|it| !it.is_empty())
                .collect(),
        });
    }
    Ok(OrgDescription {
        types,
        unreadable,
        namespace: Some(text(result, "organizationNamespace")).filter(|it| !it.is_empty()),
        partial_save_allowed: flag(result, "partialSaveAllowed"),
        test_required: flag(result, "testRequired"),
    })
}

#[cfg(test)]
pub(super) fn description_of(result: &Element) -> Result<OrgDescription, String> {
    description(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    #[test]
    fn description_has_types_with_and_without_suffix() {
        let doc = xml::parse(
            b"<result><metadataObjects><directoryName>lwc</directoryName><inFolder>false</inFolder>\
              <metaFile>false</metaFile><xmlName>LightningComponentBundle</xmlName></metadataObjects>\
              <metadataObjects><childXmlNames>CustomLabel</childXmlNames><directoryName>labels\
              </directoryName><inFolder>false</inFolder><metaFile>false</metaFile><suffix>labels\
              </suffix><xmlName>CustomLabels</xmlName></metadataObjects><organizationNamespace>\
              </organizationNamespace><partialSaveAllowed>true</partialSaveAllowed>\
              <testRequired>false</testRequired></result>",
        )
        .unwrap();
        let found = description_of(&doc.root).unwrap();
        assert_eq!(found.types[0].suffix, None);
        assert_eq!(found.types[1].children, ["CustomLabel"]);
        assert_eq!(found.types[1].suffix.as_deref(), Some("labels"));
        assert_eq!(found.namespace, None);
        assert!(found.partial_save_allowed && !found.test_required);
    }
}
