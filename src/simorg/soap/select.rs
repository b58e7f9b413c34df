//! Which components a retrieve's manifest means.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    model::{ApiVersion, ComponentKey, ComponentName, TypeName, component::percent_decoded},
    simorg::{
        SimOrg,
        catalogue::{TypeEntry, child_type_named, type_named},
        state::{Component, User},
    },
    xml::Element,
};

/// Types of which `*` means nothing.
///
/// Source: Metadata API Developer Guide, "Metadata Types"; contents of folders
/// come on top.
const WITHOUT_WILDCARD: &[&str] = &["StandardValueSet", "BotVersion"];

/// Types of which `*` means installed components too.
const WILDCARD_WITH_INSTALLED: &[&str] = &["CustomObject", "InstalledPackage"];

/// From this version on a permission set is given whole.
///
/// Source: Metadata API Developer Guide, `PermissionSet`, "API version 40.0".
pub(super) const WHOLE_PERMISSION_SETS: ApiVersion = ApiVersion::new(40);

/// What a manifest came to.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// Components with files of their own.
    pub components: BTreeSet<ComponentKey>,
    /// Versions of flows asked for by number.
    pub flow_versions: BTreeSet<(ComponentName, u32)>,
    /// Children asked for by name, by the component that holds them.
    pub children: BTreeMap<ComponentKey, BTreeSet<ComponentKey>>,
    /// Members for the manifest in the answer: what was asked for, `*` written out.
    pub members: BTreeMap<String, BTreeSet<String>>,
    /// What is wrong with single members.
    pub problems: Vec<String>,
}

impl Selection {
    /// Whether the component, or the child by itself or with its parent, is selected.
    pub(super) fn holds(&self, key: &ComponentKey) -> bool {
        if self.components.contains(key) {
            return true;
        }
        let Some(child) = child_type_named(key.type_name.as_str()) else {
            return false;
        };
        let parent = child.parent_name(key.name.as_str());
        let Some(Ok(parent)) = parent.map(|it| ComponentKey::parse(child.parent, it)) else {
            return false;
        };
        self.components.contains(&parent)
            || self
                .children
                .get(&parent)
                .is_some_and(|it| it.contains(key))
    }
}

/// Resolves the `types` of a manifest.
pub(super) fn select(org: &SimOrg, user: &User, manifest: Option<&Element>) -> Selection {
    let mut selector = Selector {
        org,
        selection: Selection::default(),
        spellings: HashMap::new(),
    };
    for types in manifest.iter().flat_map(|it| it.elements_named("types")) {
        let type_name = types
            .child_text("name")
            .unwrap_or_default()
            .trim()
            .to_owned();
        let members: Vec<String> = types
            .elements_named("members")
            .map(|it| it.text().trim().to_owned())
            .collect();
        selector.add(user, &type_name, &members);
    }
    selector.selection
}

struct Selector<'a> {
    org: &'a SimOrg,
    selection: Selection,
    /// Of each type that was searched: the names by their decoded spelling.
    spellings: HashMap<TypeName, HashMap<String, ComponentName>>,
}

impl Selector<'_> {
    fn add(&mut self, user: &User, type_name: &str, members: &[String]) {
        let listed = self
            .selection
            .members
            .entry(type_name.to_owned())
            .or_default();
        listed.extend(members.iter().filter(|it| *it != "*").cloned());
        let known = type_name.parse::<TypeName>().ok().and_then(|it| {
            let entry = self.org.metadata().type_entry(&it);
            let is_child = child_type_named(type_name).is_some();
            (is_child || entry.is_some()).then_some((it, entry))
        });
        let Some((type_name, entry)) = known else {
            let problem = format!("Entity type '{type_name}' is unknown");
            self.selection.problems.push(problem);
            return;
        };
        if !user.sees(type_name.as_str()) {
            let problem = format!("You do not have the proper permissions to access {type_name}.");
            self.selection.problems.push(problem);
            return;
        }
        for member in members {
            match (member.as_str(), &entry) {
                ("*", Some(entry)) => self.add_all(&type_name, entry),
                ("*", None) => self.add_all_children(&type_name),
                (name, Some(entry)) => self.add_named(&type_name, entry, name),
                (name, None) => self.add_child(&type_name, name),
            }
        }
    }

    fn add_all(&mut self, type_name: &TypeName, entry: &TypeEntry) {
        if entry.in_folder || WITHOUT_WILDCARD.contains(&type_name.as_str()) {
            return;
        }
        let with_installed = WILDCARD_WITH_INSTALLED.contains(&type_name.as_str());
        for (name, component) in self.org.metadata().of_type(type_name) {
            // A standard object has no id; others of its kind are only found by name.
            let is_meant = match type_name.as_str() {
                "CustomObject" => component.id.is_some(),
                _ => with_installed || component.namespace.is_none(),
            };
            if is_meant {
                let key = ComponentKey::new(type_name.clone(), name.clone());
                self.list(type_name, name.as_str());
                self.selection.components.insert(key);
            }
        }
    }

    fn add_all_children(&mut self, type_name: &TypeName) {
        if WITHOUT_WILDCARD.contains(&type_name.as_str()) {
            return;
        }
        let metadata = self.org.metadata();
        for (owner, key, _) in metadata.children_of_type(type_name) {
            let is_standard = owner.type_name.as_str() == "CustomObject"
                && metadata.get(&owner).is_none_or(|it| it.id.is_none());
            if is_standard {
                continue;
            }
            let name = key.name.as_str().to_owned();
            self.selection
                .children
                .entry(owner)
                .or_default()
                .insert(key.clone());
            self.list(type_name, &name);
        }
    }

    fn add_named(&mut self, type_name: &TypeName, entry: &TypeEntry, member: &str) {
        let bare = member.trim_end_matches('/');
        if type_name.as_str() == "Flow" && self.add_flow_version(bare) {
            return;
        }
        let found = self.find(type_name, bare);
        // A folder is named like what lies in it, with or without a slash.
        let folders: &[&str] = match entry.name.as_str() {
            "EmailTemplate" => &["EmailFolder", "EmailTemplateFolder"],
            _ => entry.folder.as_deref().map_or(&[], |it| match it {
                "ReportFolder" => &["ReportFolder"],
                "DashboardFolder" => &["DashboardFolder"],
                "DocumentFolder" => &["DocumentFolder"],
                _ => &[],
            }),
        };
        let folder = if entry.in_folder && found.is_none() {
            folders.iter().find_map(|it| {
                let folder_type = type_named(it)?.name.parse().ok()?;
                self.find(&folder_type, bare)
            })
        } else {
            None
        };
        match found.or(folder) {
            Some(key) => {
                self.selection.components.insert(key);
            }
            None => self.miss(type_name, member),
        }
    }

    /// Adds the version that `X-3` names, if it names one.
    fn add_flow_version(&mut self, member: &str) -> bool {
        let Some((name, number)) = member.rsplit_once('-') else {
            return false;
        };
        let (Ok(name), Ok(number)) = (name.parse::<ComponentName>(), number.parse()) else {
            return false;
        };
        let key = ComponentKey::new(TypeName::known("Flow"), name.clone());
        let flow = self
            .org
            .metadata()
            .get(&key)
            .and_then(|it| it.flow.as_ref());
        if flow.is_some_and(|it| it.versions.contains_key(&number)) {
            return self.selection.flow_versions.insert((name, number));
        }
        false
    }

    fn add_child(&mut self, type_name: &TypeName, member: &str) {
        let key = member
            .parse()
            .ok()
            .map(|name| ComponentKey::new(type_name.clone(), name))
            .filter(|it| self.org.metadata().child(it).is_some());
        let found = key.and_then(|it| Some((self.org.metadata().holder_of(&it)?, it)));
        match found {
            Some((holder, key)) => {
                self.selection
                    .children
                    .entry(holder)
                    .or_default()
                    .insert(key);
            }
            None => self.miss(type_name, member),
        }
    }

    fn miss(&mut self, type_name: &TypeName, member: &str) {
        let problem = format!("Entity of type '{type_name}' named '{member}' cannot be found");
        self.selection.problems.push(problem);
    }

    fn list(&mut self, type_name: &TypeName, member: &str) {
        let members = self
            .selection
            .members
            .entry(type_name.to_string())
            .or_default();
        members.insert(member.to_owned());
    }

    /// The component of that name, spelled as asked or with other percent-encoding.
    fn find(&mut self, type_name: &TypeName, member: &str) -> Option<ComponentKey> {
        let metadata = self.org.metadata();
        let exact: ComponentName = member.parse().ok()?;
        let exact = ComponentKey::new(type_name.clone(), exact);
        if metadata.get(&exact).is_some() {
            return Some(exact);
        }
        let spellings = self.spellings.entry(type_name.clone()).or_insert_with(|| {
            metadata
                .of_type(type_name)
                .map(|(name, _)| (name.decoded().into_owned(), name.clone()))
                .collect()
        });
        let name = spellings.get(percent_decoded(member).as_ref())?.clone();
        Some(ComponentKey::new(type_name.clone(), name))
    }
}

/// Files of a component that stand in the answer's list, with the name each goes by.
///
/// A companion is not listed beside its content.
pub(super) fn listed_files(component: &Component) -> impl Iterator<Item = &str> {
    component.files.iter().enumerate().filter_map(|(n, file)| {
        let base = file.path.strip_suffix("-meta.xml");
        let is_companion =
            base.is_some_and(|base| component.files.iter().any(|it| it.path == base));
        (!is_companion || (n == 0 && component.files.len() == 1)).then_some(file.path.as_str())
    })
}
