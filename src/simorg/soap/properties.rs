//! `FileProperties`: what is said of a component without giving it.

use super::{
    Asking,
    envelope::{push, push_some},
};
use crate::{
    model::{Author, RecordId, Stamp, Timestamp},
    simorg::{
        SimOrg,
        noise::{self, Noise},
        state::{Child, Component},
    },
};

/// The id of what has none and yet is said to have one.
///
/// Source: a recorded retrieve of custom labels.
const NO_ID: &str = "000000000000000AAA";

/// The values of one `FileProperties`.
#[derive(Clone, Debug)]
pub(super) struct Properties<'a> {
    pub created: &'a Stamp,
    pub modified: &'a Stamp,
    pub file_name: &'a str,
    pub full_name: &'a str,
    pub id: Option<RecordId>,
    pub manageable_state: Option<&'a str>,
    pub namespace: Option<&'a str>,
    pub type_name: &'a str,
}

impl<'a> Properties<'a> {
    /// Those of a component.
    pub(super) fn of(
        component: &'a Component,
        type_name: &'a str,
        full_name: &'a str,
        file_name: &'a str,
    ) -> Self {
        Self {
            created: &component.created,
            modified: &component.modified,
            file_name,
            full_name,
            id: component.id,
            manageable_state: component.manageable_state.as_deref(),
            namespace: component.namespace.as_deref(),
            type_name,
        }
    }

    /// Those of a child in the file `file_name`.
    pub(super) fn of_child(
        child: &'a Child,
        type_name: &'a str,
        full_name: &'a str,
        file_name: &'a str,
    ) -> Self {
        Self {
            created: &child.created,
            modified: &child.modified,
            file_name,
            full_name,
            id: child.id,
            manageable_state: Some("unmanaged"),
            namespace: None,
            type_name,
        }
    }
}

/// Writes `FileProperties` as one user sees them now.
pub(super) struct PropertiesWriter {
    user: Author,
    now: Timestamp,
    /// Whether dates move by themselves, by the noise.
    touched: Option<Noise>,
}

impl PropertiesWriter {
    pub(super) fn new(org: &SimOrg, asking: &Asking) -> Self {
        Self {
            user: org.stamp(asking.user, org.now()).by,
            now: org.now(),
            touched: None,
        }
    }

    /// The same, with dates that move where `noise` says so.
    pub(super) fn with_noise(mut self, noise: Option<Noise>) -> Self {
        self.touched = noise;
        self
    }

    /// Appends `<element>…</element>`.
    pub(super) fn write(&self, out: &mut String, element: &str, it: &Properties<'_>) {
        let is_container = it.type_name == "CustomLabels";
        let derived = Stamp {
            by: self.user.clone(),
            at: self.now,
        };
        let (created, modified) = if is_container {
            (&derived, &derived)
        } else {
            (it.created, it.modified)
        };
        let touched;
        let modified = match self.touched {
            Some(_) if noise::touches_date(it.type_name) && modified.at.is_known() => {
                touched = Stamp {
                    by: modified.by.clone(),
                    at: self.now,
                };
                &touched
            }
            _ => modified,
        };
        out.push('<');
        out.push_str(element);
        out.push('>');
        self.stamp(
            out,
            ["createdById", "createdByName", "createdDate"],
            created,
        );
        push(out, "fileName", it.file_name);
        push(out, "fullName", it.full_name);
        match it.id {
            Some(_) if is_container => push(out, "id", NO_ID),
            Some(id) => push(out, "id", id.as_str()),
            None => push(out, "id", ""),
        }
        let names = ["lastModifiedById", "lastModifiedByName", "lastModifiedDate"];
        self.stamp(out, names, modified);
        if !is_container {
            push_some(out, "manageableState", it.manageable_state);
        }
        push_some(out, "namespacePrefix", it.namespace);
        push(out, "type", it.type_name);
        out.push_str("</");
        out.push_str(element);
        out.push('>');
    }

    /// The properties of a package.xml: made by who asks, now.
    pub(super) fn write_manifest(&self, out: &mut String, path: &str) {
        let made = Stamp {
            by: self.user.clone(),
            at: self.now,
        };
        let it = Properties {
            created: &made,
            modified: &made,
            file_name: path,
            full_name: path,
            id: None,
            manageable_state: Some("unmanaged"),
            namespace: None,
            type_name: "Package",
        };
        self.write(out, "fileProperties", &it);
    }

    /// What nobody made is said to be made by who asks, in 1970.
    fn stamp(&self, out: &mut String, [id, name, date]: [&str; 3], stamp: &Stamp) {
        let by = if stamp.at.is_known() {
            &stamp.by
        } else {
            &self.user
        };
        push(out, id, by.id.as_ref().map_or("", RecordId::as_str));
        push(out, name, &by.name);
        push(out, date, &stamp.at.to_soap());
    }
}
