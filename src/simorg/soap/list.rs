//! listMetadata.

use std::collections::BTreeSet;

use super::{
    Asking, Reply, Request,
    envelope::reply,
    properties::{Properties, PropertiesWriter},
};
use crate::{
    model::{ApiVersion, TypeName},
    simorg::{
        SimOrg,
        catalogue::{Shape, child_type_named, type_named},
        fault::Fault,
        load::namespace_in,
        noise,
        state::Component,
    },
};

/// From this version on a flow is listed without its versions.
///
/// Source: Metadata API Developer Guide, `Flow`, "API version 44.0".
const FLOWS_WITHOUT_VERSIONS: ApiVersion = ApiVersion::new(44);

/// Types whose components are there and are not listed.
///
/// Source: seen in orgs; value sets are found by their known names, bot
/// versions by SOQL.
const NEVER_LISTED: &[&str] = &["StandardValueSet", "BotVersion"];

pub(super) fn list(org: &SimOrg, asking: &Asking, request: &Request) -> Result<Reply, Fault> {
    let queries: Vec<_> = request.element().elements_named("queries").collect();
    if org.config.limits.list_queries < queries.len() {
        let limit = org.config.limits.list_queries;
        return Err(Fault::new(
            "EXCEEDED_ID_LIMIT",
            format!(
                "record limit reached. cannot submit more than {limit} records in this operation"
            ),
        ));
    }
    let mut wanted = Vec::new();
    for query in queries {
        let type_name = query
            .child_text("type")
            .unwrap_or_default()
            .trim()
            .to_owned();
        let folder = query
            .child_text("folder")
            .map(|it| it.trim().trim_end_matches('/').to_owned());
        wanted.push((
            known_type(org, &type_name)?,
            folder.filter(|it| !it.is_empty()),
        ));
    }
    let noise = noise::begin(org, "listMetadata");
    let user = asking.user(org)?;
    let writer = PropertiesWriter::new(org, asking).with_noise(noise);
    let mut out = String::new();
    for (type_name, folder) in wanted {
        if user.sees(type_name.as_str()) && !NEVER_LISTED.contains(&type_name.as_str()) {
            let lister = Lister {
                org,
                writer: &writer,
                version: asking.version,
            };
            lister.list(&mut out, &type_name, folder.as_deref());
        }
    }
    Ok(reply("listMetadata", &out))
}

/// The type `name` if this org knows it: official, a child type, or its own.
fn known_type(org: &SimOrg, name: &str) -> Result<TypeName, Fault> {
    let is_known = |it: &TypeName| {
        type_named(it.as_str()).is_some()
            || child_type_named(it.as_str()).is_some()
            || org.metadata().type_entry(it).is_some()
    };
    let found = name.parse::<TypeName>().ok().filter(is_known);
    found.ok_or_else(|| {
        let why = "This type of metadata is not available for this organization";
        Fault::new("INVALID_TYPE", why)
    })
}

struct Lister<'a> {
    org: &'a SimOrg,
    writer: &'a PropertiesWriter,
    version: ApiVersion,
}

impl Lister<'_> {
    fn list(&self, out: &mut String, type_name: &TypeName, folder: Option<&str>) {
        if child_type_named(type_name.as_str()).is_some() {
            return self.list_children(out, type_name);
        }
        let entry = self.org.metadata().type_entry(type_name);
        let in_folder = entry.as_ref().is_some_and(|it| it.in_folder);
        let shape = entry.as_ref().map_or(Shape::Document, |it| it.shape);
        let metadata = self.org.metadata();
        if in_folder {
            // A query without a folder finds nothing of a type in folders.
            for (name, component) in folder
                .iter()
                .flat_map(|it| metadata.in_folder(type_name, it))
            {
                let file_name = listed_file_name(component, shape, name.as_str());
                let it = Properties::of(component, type_name.as_str(), name.as_str(), &file_name);
                self.writer.write(out, "result", &it);
            }
            return;
        }
        for (name, component) in metadata.of_type(type_name) {
            if type_name.as_str() == "Flow" && self.version < FLOWS_WITHOUT_VERSIONS {
                self.list_versions(out, name.as_str(), component);
                continue;
            }
            let file_name = listed_file_name(component, shape, name.as_str());
            let it = Properties::of(component, type_name.as_str(), name.as_str(), &file_name);
            self.writer.write(out, "result", &it);
        }
    }

    fn list_children(&self, out: &mut String, type_name: &TypeName) {
        let namespaces = installed_namespaces(self.org);
        for (owner, key, child) in self.org.metadata().children_of_type(type_name) {
            let parent = self.org.metadata().get(&owner);
            let file = parent.and_then(Component::document);
            let file_name = file.map_or("", |it| it.path.as_str());
            let full_name = key.name.as_str();
            let namespace = namespace_in(full_name, &namespaces);
            let mut it = Properties::of_child(child, type_name.as_str(), full_name, file_name);
            if let Some(namespace) = &namespace {
                it.namespace = Some(namespace);
                it.manageable_state = Some("installed");
            }
            self.writer.write(out, "result", &it);
        }
    }

    fn list_versions(&self, out: &mut String, name: &str, component: &Component) {
        for (number, version) in component.flow.iter().flat_map(|it| &it.versions) {
            let full_name = format!("{name}-{number}");
            let file_name = format!("flows/{full_name}.flow");
            let it = Properties {
                created: &version.created,
                modified: &version.modified,
                id: Some(version.id),
                ..Properties::of(component, "Flow", &full_name, &file_name)
            };
            self.writer.write(out, "result", &it);
        }
    }
}

/// The path that listMetadata gives: the content's, and a folder's for what is one.
fn listed_file_name(component: &Component, shape: Shape, name: &str) -> String {
    let Some(first) = component.files.first() else {
        return String::new();
    };
    let path = first.path.as_str();
    let directory = path.split('/').next().unwrap_or_default();
    match shape {
        Shape::Bundle => format!("{directory}/{name}"),
        _ => match path.strip_suffix("-meta.xml") {
            Some(base) => base.to_owned(),
            None => path.to_owned(),
        },
    }
}

/// Namespaces of the packages in the org.
pub(super) fn installed_namespaces(org: &SimOrg) -> BTreeSet<String> {
    org.metadata()
        .of_type(&TypeName::known("InstalledPackage"))
        .map(|(name, _)| name.to_string())
        .collect()
}
