//! describeMetadata and describeValueType.

use std::collections::BTreeMap;

use super::{
    Reply, Request,
    envelope::{push, push_bool, push_some, reply},
};
use crate::simorg::{
    SimOrg,
    catalogue::{TypeEntry, child_types_of, type_named, types},
    fault::Fault,
    state::{OrgKind, digest},
};

/// Types that every org describes, though no table of describes has them.
const ALWAYS: &[&str] = &["Settings"];

/// The types of the org: those that orgs have in common, and what it holds.
pub(super) fn describe(org: &SimOrg) -> Reply {
    let mut entries: BTreeMap<u64, TypeEntry> = BTreeMap::new();
    let mut insert = |entry: &TypeEntry| {
        if !entry.is_folder {
            // The platform's order is not the alphabet's.
            entries.insert(digest(entry.name.as_bytes()), entry.clone());
        }
    };
    for entry in types() {
        if entry.is_common || ALWAYS.contains(&entry.name.as_str()) {
            insert(entry);
        }
    }
    for type_name in org.metadata().type_names() {
        if let Some(entry) = org.metadata().type_entry(type_name) {
            insert(&entry);
        }
    }
    let mut out = String::from("<result>");
    for entry in entries.values() {
        out.push_str("<metadataObjects>");
        for child in child_types_of(&entry.name) {
            push(&mut out, "childXmlNames", child.name);
        }
        push(&mut out, "directoryName", &entry.directory);
        push_bool(&mut out, "inFolder", entry.in_folder);
        push_bool(&mut out, "metaFile", entry.meta_file);
        push_some(&mut out, "suffix", entry.suffix.as_deref());
        push(&mut out, "xmlName", &entry.name);
        out.push_str("</metadataObjects>");
    }
    let is_production = org.config.kind == OrgKind::Production;
    push(&mut out, "organizationNamespace", "");
    push_bool(&mut out, "partialSaveAllowed", true);
    push_bool(&mut out, "testRequired", is_production);
    out.push_str("</result>");
    reply("describeMetadata", &out)
}

/// The fields of a type: only that there is one of a name.
pub(super) fn value_type(request: &Request) -> Result<Reply, Fault> {
    let name = request.text("type", 0).unwrap_or_default();
    let name = name.rsplit('}').next().unwrap_or(&name);
    if type_named(name).is_none() {
        return Err(Fault::new("INVALID_TYPE", format!("Unknown type: {name}")));
    }
    let mut out = String::from("<result>");
    for flag in [
        "apiCreatable",
        "apiDeletable",
        "apiReadable",
        "apiUpdatable",
    ] {
        push_bool(&mut out, flag, true);
    }
    out.push_str("<valueTypeFields>");
    push_bool(&mut out, "isForeignKey", false);
    push_bool(&mut out, "isNameField", true);
    push(&mut out, "minOccurs", "0");
    push(&mut out, "name", "fullName");
    push(&mut out, "soapType", "string");
    push_bool(&mut out, "valueRequired", true);
    out.push_str("</valueTypeFields></result>");
    Ok(reply("describeValueType", &out))
}
