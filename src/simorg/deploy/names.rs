//! What exists, as a reference finds it.
//!
//! Invariant: what no org can be asked about is taken for granted: standard
//! fields, standard objects, and whatever has a namespace.

use std::{
    cell::{OnceCell, RefCell},
    collections::{HashMap, HashSet},
};

use crate::{
    model::{ComponentKey, TypeName},
    simorg::SimOrg,
};

/// What a reference points at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Target {
    /// A field of an object.
    Field { object: String, field: String },
    /// A component of a type; a user where the type is `User`.
    Named {
        type_name: &'static str,
        name: String,
    },
}

impl Target {
    pub(super) fn field(object: &str, field: &str) -> Self {
        Self::Field {
            object: object.to_owned(),
            field: field.to_owned(),
        }
    }

    pub(super) fn named(type_name: &'static str, name: &str) -> Self {
        Self::Named {
            type_name,
            name: name.to_owned(),
        }
    }

    /// The type as the platform's messages name it.
    pub(super) fn type_name(&self) -> &str {
        match self {
            Self::Field { .. } => "CustomField",
            Self::Named { type_name, .. } => type_name,
        }
    }

    /// The full name as the platform's messages name it.
    pub(super) fn full_name(&self) -> String {
        match self {
            Self::Field { object, field } => format!("{object}.{field}"),
            Self::Named { name, .. } => name.clone(),
        }
    }
}

/// Type of a Lightning component of which only the name is known: LWC or Aura.
pub(super) const LIGHTNING: &str = "LightningComponent";

/// Whether a name is that of something custom without a namespace.
pub(super) fn is_own_custom(name: &str) -> bool {
    let Some((stem, suffix)) = name.rsplit_once("__") else {
        return false;
    };
    !stem.is_empty() && !stem.contains("__") && !suffix.is_empty()
}

/// Whether a name is a custom field's: `X__c`.
pub(super) fn is_own_field(name: &str) -> bool {
    is_own_custom(name) && name.to_ascii_lowercase().ends_with("__c")
}

/// Finds what exists in an org.
pub(super) struct Names<'a> {
    org: &'a SimOrg,
    /// All names in lower case, made when an exact one was not found.
    lower: OnceCell<HashSet<String>>,
    /// What was asked before: many components name the same fields.
    answers: RefCell<HashMap<Target, bool>>,
    /// The last parts of all names in lower case.
    own: OnceCell<HashSet<String>>,
}

impl<'a> Names<'a> {
    pub(super) fn new(org: &'a SimOrg) -> Self {
        Self {
            org,
            lower: OnceCell::new(),
            answers: RefCell::default(),
            own: OnceCell::new(),
        }
    }

    /// Whether what a reference points at is there, or must be taken for granted.
    pub(super) fn has(&self, target: &Target) -> bool {
        if let Some(answer) = self.answers.borrow().get(target) {
            return *answer;
        }
        let answer = self.look_up(target);
        self.answers.borrow_mut().insert(target.clone(), answer);
        answer
    }

    fn look_up(&self, target: &Target) -> bool {
        match target {
            Target::Field { object, field } => self.has_field(object, field),
            Target::Named { type_name, name } => match *type_name {
                "User" => self.org.user_named(name).is_some(),
                "CustomObject" => self.has_object(name),
                LIGHTNING => {
                    self.contains("LightningComponentBundle", name)
                        || self.contains("AuraDefinitionBundle", name)
                }
                _ => self.takes_for_granted(type_name, name) || self.contains(type_name, name),
            },
        }
    }

    fn takes_for_granted(&self, type_name: &str, name: &str) -> bool {
        let own = name.rsplit(['.', '-', '/', ':']).next().unwrap_or(name);
        let has_namespace = {
            let mut parts = own.split("__");
            let (first, second) = (parts.next(), parts.next());
            let is_package = |ns: &str| {
                let installed = ComponentKey::parse("InstalledPackage", ns);
                installed.is_ok_and(|it| self.org.metadata().contains(&it))
            };
            match (first, second, parts.next()) {
                (Some(_), Some(_), Some(_)) => true,
                (Some(ns), Some(rest), None) if !rest.is_empty() => is_package(ns),
                _ => false,
            }
        };
        has_namespace
            || match type_name {
                "CustomTab" => name.starts_with("standard-") || !name.contains('_'),
                "CustomApplication" => name.starts_with("standard__"),
                "QuickAction" => !own.contains('_') && !is_own_custom(object_of(name)),
                "RecordType" => name.ends_with(".__Master__") || name == "__Master__",
                "CompactLayout" => own == "SYSTEM" || own == "CompactLayout",
                "Layout" => !is_own_custom(keys_object(name)) && self.no_layout_of(name),
                "Flow" => name.contains("__") || is_standard_flow(name),
                "Profile" => self
                    .org
                    .metadata()
                    .of_type(&TypeName::known("Profile"))
                    .next()
                    .is_none(),
                "EmailTemplate" | "Report" => name.starts_with("unfiled$public/"),
                _ => false,
            }
    }

    /// A layout of an object of which the org holds none: nobody loaded them.
    fn no_layout_of(&self, name: &str) -> bool {
        let object = keys_object(name);
        let type_name = TypeName::known("Layout");
        let mut layouts = self.org.metadata().of_type(&type_name);
        !layouts.any(|(it, _)| keys_object(it.as_str()) == object)
    }

    pub(super) fn has_object(&self, name: &str) -> bool {
        let Some((stem, suffix)) = name.rsplit_once("__") else {
            return true;
        };
        if stem.is_empty() || stem.contains("__") {
            return true;
        }
        match suffix.to_ascii_lowercase().as_str() {
            "c" | "mdt" | "e" | "b" | "x" | "kav" => self.contains("CustomObject", name),
            "share" | "history" | "feed" | "tag" | "changeevent" => {
                self.contains("CustomObject", &format!("{stem}__c"))
            }
            _ => true,
        }
    }

    pub(super) fn has_field(&self, object: &str, field: &str) -> bool {
        if let Some((relation, rest)) = field.split_once('.') {
            // A path: its first step must be there; where it leads is not followed
            // when the lookup points at a standard object.
            return !is_own_custom(relation) || self.has_field(object, relation) || rest.is_empty();
        }
        if !is_own_custom(field) {
            return true;
        }
        let lower = field.to_ascii_lowercase();
        let Some((stem, suffix)) = lower.rsplit_once("__") else {
            return true;
        };
        let stem = &field[..stem.len()];
        match suffix {
            "c" => self.has_field_named(object, field),
            "pc" => self.has_field_named("Contact", &format!("{stem}__c")),
            _ => true,
        }
    }

    fn has_field_named(&self, object: &str, field: &str) -> bool {
        let of = |object: &str| self.contains("CustomField", &format!("{object}.{field}"));
        match object {
            "Task" | "Event" => of(object) || of("Activity"),
            // The layout for closing a case.
            "CaseClose" => of("Case"),
            "PersonAccount" => of("Account") || of("Contact"),
            _ => of(object),
        }
    }

    pub(super) fn contains(&self, type_name: &str, name: &str) -> bool {
        let Ok(key) = ComponentKey::parse(type_name, name) else {
            return false;
        };
        if self.org.metadata().contains(&key) {
            return true;
        }
        self.lower().contains(&lower_key(&key))
    }

    fn lower(&self) -> &HashSet<String> {
        self.lower.get_or_init(|| {
            let mut all = HashSet::new();
            for (key, component) in self.org.metadata().iter() {
                all.insert(lower_key(&key));
                all.extend(component.children.keys().map(lower_key));
            }
            all
        })
    }

    /// Whether anything in the org has the custom name `name`, as its own or as a field.
    pub(super) fn has_anywhere(&self, name: &str) -> bool {
        let own = self.own.get_or_init(|| {
            let mut all = HashSet::new();
            for (key, component) in self.org.metadata().iter() {
                all.insert(key.name.as_str().to_lowercase());
                for child in component.children.keys() {
                    let name = child.name.as_str().to_lowercase();
                    let own = name.split_once('.').map_or(name.as_str(), |(_, own)| own);
                    all.insert(own.to_owned());
                }
            }
            all
        });
        own.contains(&name.to_ascii_lowercase())
    }
}

fn lower_key(key: &ComponentKey) -> String {
    format!("{}:{}", key.type_name, key.name.decoded().to_lowercase())
}

/// The object before the first dot of a full name.
pub(super) fn object_of(name: &str) -> &str {
    name.split_once('.').map_or(name, |(object, _)| object)
}

fn keys_object(layout: &str) -> &str {
    super::keys::object_of_layout(layout)
}

/// Whether a name is a standard flow's: those have dots and slashes, custom ones never.
fn is_standard_flow(name: &str) -> bool {
    name.contains(['/', '.'])
}
