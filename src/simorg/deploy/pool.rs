//! The components of a package, and which of them its manifest names.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    model::{ComponentKey, ComponentName, TypeName},
    simorg::{
        catalogue::{Shape, child_type_named, child_types_of, type_named},
        state::NewComponent,
    },
    xml::{self, Element},
};

/// The type of what lies in a `DigitalExperienceBundle`, named `bundle.kind/name`.
pub(super) const DIGITAL: &str = "DigitalExperience";

/// A component of the zip that the manifest names, itself or by its children.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub new: NewComponent,
    /// Its file in the zip, for the rows.
    pub file_name: String,
    pub scope: Scope,
    pub document: Parsed,
}

impl Unit {
    /// All of a component.
    pub(super) fn whole(new: NewComponent) -> Self {
        Self {
            document: parse(&new),
            file_name: String::new(),
            scope: Scope::Whole,
            new,
        }
    }
}

/// How much of a component is deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Whole,
    Children(BTreeSet<ComponentKey>),
}

/// The XML of a component.
#[derive(Clone, Debug)]
pub(super) enum Parsed {
    /// It has none, or one that is no metadata.
    Opaque,
    Root(Element),
    Malformed {
        line: usize,
        reason: String,
    },
}

/// The components of a package, some of them named.
pub(super) struct Pool {
    pub(super) entries: BTreeMap<ComponentKey, Entry>,
    /// Decoded names without regard to case, and documents without their extension.
    aliases: HashMap<(TypeName, String), ComponentKey>,
    /// Parent and key of each child.
    child_index: HashMap<(TypeName, String), (ComponentKey, ComponentKey)>,
}

pub(super) struct Entry {
    pub(super) new: NewComponent,
    pub(super) document: Parsed,
    /// How much of it is named; nothing where absent.
    pub(super) scope: Option<Scope>,
}

impl Entry {
    /// The file that stands for the component in the rows.
    pub(super) fn file(&self) -> &str {
        let files = &self.new.files;
        let content = files.iter().find(|it| !it.path.ends_with("-meta.xml"));
        content.or(files.first()).map_or("", |it| it.path.as_str())
    }
}

impl Pool {
    pub(super) fn new(components: Vec<NewComponent>) -> Self {
        let mut entries = BTreeMap::new();
        let mut aliases = HashMap::new();
        let mut child_index = HashMap::new();
        for new in components {
            let key = new.key.clone();
            let mut names = vec![key.name.decoded().to_lowercase()];
            if key.type_name.as_str() == "Document"
                && let Some((stem, _)) = key.name.as_str().rsplit_once('.')
            {
                names.push(stem.to_lowercase());
            }
            for name in names {
                aliases
                    .entry((key.type_name.clone(), name))
                    .or_insert_with(|| key.clone());
            }
            let document = parse(&new);
            if let Parsed::Root(root) = &document {
                for (child, _) in children(&key, root) {
                    let alias = (child.type_name.clone(), child.name.as_str().to_lowercase());
                    child_index.insert(alias, (key.clone(), child));
                }
            }
            let entry = Entry {
                new,
                document,
                scope: None,
            };
            entries.insert(key, entry);
        }
        Self {
            entries,
            aliases,
            child_index,
        }
    }

    /// Marks what a member of the manifest names; `false` where that is nothing.
    pub(super) fn take(&mut self, type_name: &TypeName, member: &str) -> bool {
        if child_type_named(type_name.as_str()).is_some() {
            return self.take_children(type_name, member);
        }
        if type_name.as_str() == DIGITAL {
            let bundle = TypeName::known("DigitalExperienceBundle");
            let (member, _) = member.split_once('.').unwrap_or((member, ""));
            return self.take(&bundle, member);
        }
        if member == "*" {
            for (key, entry) in &mut self.entries {
                if is_of(&key.type_name, type_name) {
                    entry.scope = Some(Scope::Whole);
                }
            }
            return true;
        }
        let Some(key) = self.find(type_name, member.trim_end_matches('/')) else {
            return false;
        };
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.scope = Some(Scope::Whole);
        }
        true
    }

    fn find(&self, type_name: &TypeName, member: &str) -> Option<ComponentKey> {
        let alias = |type_name: &TypeName, name: &str| {
            let name = crate::model::component::percent_decoded(name).to_lowercase();
            self.aliases.get(&(type_name.clone(), name)).cloned()
        };
        if let Some(found) = alias(type_name, member) {
            return Some(found);
        }
        // A flow with the number of a version, a folder under the type it holds.
        if type_name.as_str() == "Flow"
            && let Some((name, number)) = member.rsplit_once('-')
            && number.bytes().all(|it| it.is_ascii_digit())
        {
            return alias(type_name, name);
        }
        folder_types(type_name)
            .into_iter()
            .find_map(|it| alias(&it, member))
    }

    fn take_children(&mut self, type_name: &TypeName, member: &str) -> bool {
        let found: Vec<(ComponentKey, ComponentKey)> = if member == "*" {
            let of_type = self.child_index.iter().filter(|(it, _)| it.0 == *type_name);
            of_type.map(|(_, it)| it.clone()).collect()
        } else {
            let alias = (type_name.clone(), member.to_lowercase());
            self.child_index.get(&alias).cloned().into_iter().collect()
        };
        for (parent, child) in &found {
            let Some(entry) = self.entries.get_mut(parent) else {
                continue;
            };
            match &mut entry.scope {
                Some(Scope::Whole) => (),
                Some(Scope::Children(keys)) => {
                    keys.insert(child.clone());
                }
                scope @ None => *scope = Some(Scope::Children([child.clone()].into())),
            }
        }
        member == "*" || !found.is_empty()
    }
}

/// Whether a component of type `own` is meant by a manifest's `named` type.
fn is_of(own: &TypeName, named: &TypeName) -> bool {
    own == named || folder_types(named).contains(own)
}

/// The types of the folders of a type.
pub(super) fn folder_types(type_name: &TypeName) -> Vec<TypeName> {
    let Some(entry) = type_named(type_name.as_str()).filter(|it| it.in_folder) else {
        return Vec::new();
    };
    let mut found: Vec<TypeName> = entry
        .folder
        .iter()
        .filter_map(|it| it.parse().ok())
        .collect();
    if type_name.as_str() == "EmailTemplate" {
        found.push(TypeName::known("EmailTemplateFolder"));
    }
    found
}

/// The children in the document of `parent`, in order.
pub(super) fn children<'a>(
    parent: &ComponentKey,
    root: &'a Element,
) -> Vec<(ComponentKey, &'a Element)> {
    let types: Vec<_> = child_types_of(parent.type_name.as_str()).collect();
    if types.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for element in root.elements() {
        let Some(child) = types.iter().find(|it| it.element == element.local_name()) else {
            continue;
        };
        let name = child.full_name(parent.name.as_str(), element);
        if let Some(Ok(name)) = name.map(|it| it.parse::<ComponentName>()) {
            let key = ComponentKey::new(TypeName::known(child.name), name);
            found.push((key, element));
        }
    }
    found
}

/// Parses the document of a component, where it has one of the Metadata API's.
fn parse(new: &NewComponent) -> Parsed {
    let meta = new.files.iter().find(|it| it.path.ends_with("-meta.xml"));
    let is_document =
        type_named(new.key.type_name.as_str()).is_none_or(|it| matches!(it.shape, Shape::Document));
    let file = meta.or(match new.files.as_slice() {
        [first, ..] if is_document => Some(first),
        _ => None,
    });
    let Some(file) = file else {
        return Parsed::Opaque;
    };
    if meta.is_none() && !looks_like_xml(&file.content) {
        return Parsed::Opaque;
    }
    match xml::parse(&file.content) {
        Ok(doc) => Parsed::Root(doc.root),
        Err(err) => Parsed::Malformed {
            line: line_of(&err),
            reason: err.to_string(),
        },
    }
}

fn looks_like_xml(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.trim_ascii_start().first() == Some(&b'<')
}

fn line_of(err: &xml::Error) -> usize {
    match err {
        xml::Error::Malformed { line, .. }
        | xml::Error::Refused { line, .. }
        | xml::Error::TooDeep { line } => *line,
    }
}
