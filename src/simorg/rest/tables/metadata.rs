//! Components that are objects of the REST API as well.

use serde_json::{Value, json};

use super::{
    Api, Definition, View,
    define::{AUDITED, audited, child, flag, id, object, text, time},
    org::named,
};
use crate::{
    model::{ComponentKey, ComponentName, RecordId, TypeName},
    simorg::{
        soql::Row,
        state::{Component, made_id},
    },
    xml::{self, Element},
};

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition {
        name: "ApexClass",
        api: Api::Both,
        object: |_| {
            let own =
                "Id NamespacePrefix Name ApiVersion# Status| IsValid? LengthWithoutComments# Body~";
            object("ApexClass", "01p", &format!("{own}{AUDITED}"))
        },
        rows: |view| code(view, "ApexClass"),
    },
    Definition {
        name: "ApexTrigger",
        api: Api::Both,
        object: |_| {
            let own =
                "Id NamespacePrefix Name ApiVersion# Status| IsValid? LengthWithoutComments# Body~";
            object("ApexTrigger", "01q", &format!("{own}{AUDITED}"))
        },
        rows: |view| code(view, "ApexTrigger"),
    },
    Definition {
        name: "ApexPage",
        api: Api::Both,
        object: |_| {
            let own = "Id NamespacePrefix Name ApiVersion# MasterLabel Markup~";
            object("ApexPage", "066", &format!("{own}{AUDITED}"))
        },
        rows: |view| markup(view, "ApexPage"),
    },
    Definition {
        name: "ApexComponent",
        api: Api::Both,
        object: |_| {
            let own = "Id NamespacePrefix Name ApiVersion# MasterLabel Markup~";
            object("ApexComponent", "099", &format!("{own}{AUDITED}"))
        },
        rows: |view| markup(view, "ApexComponent"),
    },
    Definition {
        name: "RecordType",
        api: Api::Both,
        object: |view| {
            let mut own = "Id Name DeveloperName NamespacePrefix Description SobjectType| IsActive? BusinessProcessId"
                .to_owned();
            if has_person_accounts(view) {
                own.push_str(" IsPersonType?");
            }
            object("RecordType", "012", &format!("{own}{AUDITED}"))
        },
        rows: record_types,
    },
    Definition {
        name: "Folder",
        api: Api::Both,
        object: |_| {
            let own = "Id ParentId>Folder Name DeveloperName AccessType| IsReadonly? Type| NamespacePrefix";
            object("Folder", "00l", &format!("{own}{AUDITED}"))
        },
        rows: folders,
    },
    Definition {
        name: "Report",
        api: Api::Both,
        object: |_| {
            let own = "Id OwnerId FolderName Name Description DeveloperName NamespacePrefix LastRunDate@ Format|";
            object("Report", "00O", &format!("{own}{AUDITED}"))
        },
        rows: reports,
    },
    Definition {
        name: "Dashboard",
        api: Api::Both,
        object: |_| {
            let own = "Id FolderId>Folder FolderName Title DeveloperName NamespacePrefix Description Type|";
            object("Dashboard", "01Z", &format!("{own}{AUDITED}"))
        },
        rows: dashboards,
    },
    Definition {
        name: "Report:allPrivate",
        api: Api::Both,
        object: |_| object("Report", "00O", "Id OwnerId FolderName Name"),
        rows: |view| private(view, "Report", "00O"),
    },
    Definition {
        name: "Dashboard:allPrivate",
        api: Api::Both,
        object: |_| object("Dashboard", "01Z", "Id RunningUserId FolderName Title"),
        rows: |view| private(view, "Dashboard", "01Z"),
    },
    Definition {
        name: "EmailTemplate",
        api: Api::Both,
        object: |_| {
            let own = "Id Name DeveloperName NamespacePrefix FolderId>Folder FolderName TemplateType| IsActive? Subject";
            object("EmailTemplate", "00X", &format!("{own}{AUDITED}"))
        },
        rows: email_templates,
    },
    Definition {
        name: "FlowDefinitionView",
        api: Api::Rest,
        object: |_| {
            object(
                "FlowDefinitionView",
                "3dd",
                "Id DurableId ApiName Label ProcessType| ActiveVersionId LatestVersionId IsActive? \
                 VersionNumber# NamespacePrefix ManageableState| LastModifiedDate@ LastModifiedBy",
            )
        },
        rows: flow_views,
    },
];

/// The parsed document of a component.
pub(super) fn document(component: &Component) -> Option<Element> {
    Some(xml::parse(&component.document()?.content).ok()?.root)
}

/// What stands before the namespace's two underscores is no part of `Name`.
pub(super) fn own_name<'a>(name: &'a ComponentName, component: &Component) -> &'a str {
    let text = name.as_str();
    let own = component
        .namespace
        .as_deref()
        .and_then(|it| text.strip_prefix(it)?.strip_prefix("__"));
    own.unwrap_or(text)
}

fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn version(element: Option<&Element>) -> Value {
    let text = element.and_then(|it| it.child_text("apiVersion"));
    let number = text.and_then(|it| it.trim().parse::<f64>().ok());
    number.map_or(Value::Null, Value::from)
}

/// The content file of a component: the one that is not its companion.
fn body(component: &Component) -> String {
    let file = component
        .files
        .iter()
        .find(|it| !it.path.ends_with("-meta.xml"));
    file.map_or_else(String::new, |it| {
        String::from_utf8_lossy(&it.content).into_owned()
    })
}

fn code(view: &View<'_>, type_name: &'static str) -> Vec<Row> {
    named(view, type_name, |name, component| {
        let meta = document(component);
        let body = body(component);
        let mut row = vec![
            id(component.id),
            json!(component.namespace),
            Value::from(own_name(name, component)),
            version(meta.as_ref()),
            match child(meta.as_ref(), "status") {
                Value::Null => Value::from("Active"),
                status => status,
            },
            Value::from(true),
            Value::from(body.chars().count()),
            Value::from(body),
        ];
        audited(&mut row, &component.created, &component.modified);
        row
    })
}

fn markup(view: &View<'_>, type_name: &'static str) -> Vec<Row> {
    named(view, type_name, |name, component| {
        let meta = document(component);
        let mut row = vec![
            id(component.id),
            json!(component.namespace),
            Value::from(own_name(name, component)),
            version(meta.as_ref()),
            child(meta.as_ref(), "label"),
            Value::from(body(component)),
        ];
        audited(&mut row, &component.created, &component.modified);
        row
    })
}

fn has_person_accounts(view: &View<'_>) -> bool {
    let named = |text: &str| {
        text.parse::<ComponentKey>()
            .is_ok_and(|key| view.org.metadata().contains(&key))
    };
    named("CustomObject:PersonAccount") || named("Settings:PersonAccount")
}

fn record_types(view: &View<'_>) -> Vec<Row> {
    let with_persons = has_person_accounts(view);
    let metadata = view.org.metadata();
    metadata
        .children_of_type(&TypeName::known("RecordType"))
        .map(|(_, key, it)| {
            let element = metadata.element(key);
            let (object, own) = key.name.as_str().split_once('.').unwrap_or_default();
            let is_person = object == "PersonAccount";
            let object = if is_person { "Account" } else { object };
            let mut row = vec![
                id(it.id),
                child(element.as_ref(), "label"),
                Value::from(own),
                Value::Null,
                child(element.as_ref(), "description"),
                Value::from(object),
                Value::from(element.as_ref().is_some_and(|it| flag(it, "active"))),
                Value::Null,
            ];
            if with_persons {
                row.push(Value::from(is_person));
            }
            audited(&mut row, &it.created, &it.modified);
            row
        })
        .collect()
}

/// Folder types, and what `Folder.Type` calls them.
const FOLDER_TYPES: [(&str, &str); 5] = [
    ("ReportFolder", "Report"),
    ("DashboardFolder", "Dashboard"),
    ("DocumentFolder", "Document"),
    ("EmailFolder", "Email"),
    ("EmailTemplateFolder", "EmailTemplate"),
];

fn folder_id(view: &View<'_>, type_name: &str, name: &str) -> Option<RecordId> {
    let key = ComponentKey::parse(type_name, name).ok()?;
    let component = view.org.metadata().get(&key)?;
    Some(
        component
            .id
            .unwrap_or_else(|| made_id("00l", &key.to_string())),
    )
}

fn folders(view: &View<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (type_name, kind) in FOLDER_TYPES {
        rows.extend(named(view, type_name, |name, component| {
            let meta = document(component);
            let parent = name.folder().and_then(|it| folder_id(view, type_name, it));
            let label = match child(meta.as_ref(), "name") {
                Value::Null => Value::from(last_part(name.as_str())),
                label => label,
            };
            let access = meta.as_ref().and_then(|it| it.child_text("accessType"));
            let mut row = vec![
                id(folder_id(view, type_name, name.as_str())),
                id(parent),
                label,
                Value::from(last_part(name.as_str())),
                Value::from(access.as_deref().unwrap_or("Public").to_owned()),
                Value::from(false),
                Value::from(kind),
                json!(component.namespace),
            ];
            audited(&mut row, &component.created, &component.modified);
            row
        }));
    }
    rows
}

/// Label of the folder that a component lies in.
fn folder_label(view: &View<'_>, type_name: &str, folder: &str) -> Value {
    let public = format!("Public {}s", type_name.trim_end_matches("Folder"));
    if folder == "unfiled$public" {
        return Value::from(if type_name == "ReportFolder" {
            "Unfiled Public Reports".to_owned()
        } else {
            public
        });
    }
    let key = ComponentKey::parse(type_name, folder).ok();
    let component = key.and_then(|key| view.org.metadata().get(&key));
    match child(component.and_then(document).as_ref(), "name") {
        Value::Null => text(last_part(folder)),
        label => label,
    }
}

/// What a component's folder field says: the folder, or the org for what is filed nowhere.
fn lies_in(view: &View<'_>, type_name: &str, folder: &str) -> Value {
    match folder_id(view, type_name, folder) {
        Some(it) => id(Some(it)),
        None => Value::from(view.org.config.org_id.as_str()),
    }
}

fn reports(view: &View<'_>) -> Vec<Row> {
    named(view, "Report", |name, component| {
        let meta = document(component);
        let folder = name.folder().unwrap_or("");
        let mut row = vec![
            id(component.id),
            lies_in(view, "ReportFolder", folder),
            folder_label(view, "ReportFolder", folder),
            child(meta.as_ref(), "name"),
            child(meta.as_ref(), "description"),
            Value::from(last_part(name.as_str())),
            json!(component.namespace),
            Value::Null,
            child(meta.as_ref(), "format"),
        ];
        audited(&mut row, &component.created, &component.modified);
        row
    })
}

/// What lies in folders that only their owners see: `USING SCOPE allPrivate`.
fn private(view: &View<'_>, of: &str, prefix: &str) -> Vec<Row> {
    let n = view.org.private.get(of).copied().unwrap_or(0);
    let owner = view.org.users.keys().next().copied();
    (0..n)
        .map(|n| {
            let name = format!("Private {n}");
            vec![
                id(Some(made_id(prefix, &format!("{of}:allPrivate:{n}")))),
                id(owner),
                Value::from("Private Reports"),
                Value::from(name),
            ]
        })
        .collect()
}

fn dashboards(view: &View<'_>) -> Vec<Row> {
    named(view, "Dashboard", |name, component| {
        let meta = document(component);
        let folder = name.folder().unwrap_or("");
        let mut row = vec![
            id(component.id),
            id(folder_id(view, "DashboardFolder", folder)),
            folder_label(view, "DashboardFolder", folder),
            child(meta.as_ref(), "title"),
            Value::from(last_part(name.as_str())),
            json!(component.namespace),
            child(meta.as_ref(), "description"),
            child(meta.as_ref(), "dashboardType"),
        ];
        audited(&mut row, &component.created, &component.modified);
        row
    })
}

fn email_templates(view: &View<'_>) -> Vec<Row> {
    named(view, "EmailTemplate", |name, component| {
        let meta = document(component);
        let folder = name.folder().unwrap_or("");
        let kind = if folder_id(view, "EmailTemplateFolder", folder).is_some() {
            "EmailTemplateFolder"
        } else {
            "EmailFolder"
        };
        let mut row = vec![
            id(component.id),
            child(meta.as_ref(), "name"),
            Value::from(last_part(name.as_str())),
            json!(component.namespace),
            lies_in(view, kind, folder),
            folder_label(view, kind, folder),
            child(meta.as_ref(), "type"),
            Value::from(meta.as_ref().is_some_and(|it| flag(it, "available"))),
            child(meta.as_ref(), "subject"),
        ];
        audited(&mut row, &component.created, &component.modified);
        row
    })
}

fn flow_views(view: &View<'_>) -> Vec<Row> {
    named(view, "Flow", |name, component| {
        let flow = component.flow.as_ref();
        let latest = flow.and_then(|it| it.latest());
        let active = flow.and_then(|it| it.versions.get(&it.active?));
        let shown = active.or(latest.map(|(_, it)| it));
        let root = shown.and_then(|it| Some(xml::parse(&it.content).ok()?.root));
        let durable = component.id.map(|it| it.as_str().to_owned());
        vec![
            json!(durable),
            json!(durable),
            Value::from(name.as_str()),
            child(root.as_ref(), "label"),
            child(root.as_ref(), "processType"),
            id(active.map(|it| it.id)),
            id(latest.map(|(_, it)| it.id)),
            Value::from(active.is_some()),
            json!(latest.map(|(number, _)| number)),
            json!(component.namespace),
            json!(component.manageable_state),
            time(component.modified.at),
            Value::from(component.modified.by.name.as_str()),
        ]
    })
}
