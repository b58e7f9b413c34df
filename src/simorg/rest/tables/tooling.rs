//! Objects of the Tooling API, and those that describe objects.

use serde_json::{Value, json};

use super::{
    Api, Definition, View,
    define::{AUDITED, audited, child, id, object, text, time},
    metadata::{document, own_name},
    org::named,
};
use crate::{
    model::TypeName,
    simorg::{
        records,
        soql::{Catalog, Row},
        state::{FlowVersions, made_id},
    },
    xml,
};

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition {
        name: "EntityDefinition",
        api: Api::Both,
        object: |_| {
            object(
                "EntityDefinition",
                "",
                "Id DurableId QualifiedApiName DeveloperName NamespacePrefix Label PluralLabel KeyPrefix \
                 IsCustomizable? IsQueryable? IsCustomSetting? LastModifiedDate@ LastModifiedById>User",
            )
        },
        rows: entities,
    },
    Definition {
        name: "FieldDefinition",
        api: Api::Both,
        object: |_| {
            object(
                "FieldDefinition",
                "",
                "Id DurableId QualifiedApiName DeveloperName EntityDefinitionId>EntityDefinition NamespacePrefix \
                 Label DataType Length# LastModifiedDate@ LastModifiedById>User",
            )
        },
        rows: field_definitions,
    },
    Definition {
        name: "CustomObject",
        api: Api::Tooling,
        object: |_| {
            let own = "Id DeveloperName NamespacePrefix ManageableState| Description";
            object("CustomObject", "01I", &format!("{own}{AUDITED}"))
        },
        rows: |view| {
            let mut rows = named(view, "CustomObject", |name, component| {
                let own = own_name(name, component);
                let stem = own.rsplit_once("__").map_or(own, |(stem, _)| stem);
                let mut row = vec![
                    id(component.id),
                    Value::from(stem),
                    json!(component.namespace),
                    json!(component.manageable_state),
                    child(document(component).as_ref(), "description"),
                ];
                audited(&mut row, &component.created, &component.modified);
                row
            });
            rows.retain(|row| !row[0].is_null());
            rows
        },
    },
    Definition {
        name: "CustomField",
        api: Api::Tooling,
        object: |_| {
            let own = "Id DeveloperName NamespacePrefix TableEnumOrId| ManageableState| FullName Metadata*";
            object("CustomField", "00N", &format!("{own}{AUDITED}"))
        },
        rows: |view| {
            children(view, "CustomField", |own| {
                own.trim_end_matches("__c").to_owned()
            })
        },
    },
    Definition {
        name: "ValidationRule",
        api: Api::Tooling,
        object: |_| {
            let own = "Id ValidationName NamespacePrefix EntityDefinitionId>EntityDefinition ManageableState| FullName Metadata*";
            object("ValidationRule", "03d", &format!("{own}{AUDITED}"))
        },
        rows: |view| children(view, "ValidationRule", str::to_owned),
    },
    Definition {
        name: "Layout",
        api: Api::Tooling,
        object: |_| {
            let own = "Id Name TableEnumOrId| NamespacePrefix ManageableState|";
            object("Layout", "00h", &format!("{own}{AUDITED}"))
        },
        rows: |view| {
            named(view, "Layout", |name, component| {
                let decoded = name.decoded();
                let (object, label) = decoded.split_once('-').unwrap_or(("", &decoded));
                let mut row = vec![
                    id(component.id),
                    Value::from(label),
                    text(object),
                    json!(component.namespace),
                    json!(component.manageable_state),
                ];
                audited(&mut row, &component.created, &component.modified);
                row
            })
        },
    },
    Definition {
        name: "FlowDefinition",
        api: Api::Tooling,
        object: |_| {
            let own = "Id DeveloperName NamespacePrefix MasterLabel Description ManageableState| \
                       ActiveVersionId>Flow LatestVersionId>Flow";
            object("FlowDefinition", "300", &format!("{own}{AUDITED}"))
        },
        rows: flow_definitions,
    },
    Definition {
        name: "Flow",
        api: Api::Tooling,
        object: |_| {
            let own = "Id DefinitionId>FlowDefinition MasterLabel ManageableState| ProcessType| Status| VersionNumber# \
                       ApiVersion# Description FullName Metadata*";
            object("Flow", "301", &format!("{own}{AUDITED}"))
        },
        rows: flows,
    },
    Definition {
        name: "StandardValueSet",
        api: Api::Tooling,
        object: |_| {
            object(
                "StandardValueSet",
                "0Nv",
                "Id MasterLabel FullName Metadata*",
            )
        },
        rows: |view| {
            named(view, "StandardValueSet", |name, _| {
                vec![
                    Value::from(made_id("0Nv", name.as_str()).as_str()),
                    Value::from(name.as_str()),
                    Value::from(name.as_str()),
                    Value::Null,
                ]
            })
        },
    },
    Definition {
        name: "InstalledSubscriberPackage",
        api: Api::Tooling,
        object: |_| {
            object(
                "InstalledSubscriberPackage",
                "0A3",
                "Id SubscriberPackageId NamespacePrefix VersionNumber",
            )
        },
        rows: |view| {
            named(view, "InstalledPackage", |name, component| {
                vec![
                    id(component.id),
                    Value::from(made_id("033", name.as_str()).as_str()),
                    Value::from(name.as_str()),
                    child(document(component).as_ref(), "versionNumber"),
                ]
            })
        },
    },
    Definition {
        name: "DeployRequest",
        api: Api::Tooling,
        object: |_| {
            object(
                "DeployRequest",
                "0Af",
                "Id Status| StartDate@ CompletedDate@ CreatedDate@ CreatedById>User CheckOnly? \
                 NumberComponentErrors# NumberComponentsDeployed# NumberComponentsTotal# \
                 NumberTestErrors# NumberTestsCompleted# NumberTestsTotal#",
            )
        },
        rows: deploy_requests,
    },
];

/// Names of all objects of the REST API, for those that describe objects.
fn described<'a>(view: &View<'a>) -> View<'a> {
    View {
        tooling: false,
        ..*view
    }
}

fn entities(view: &View<'_>) -> Vec<Row> {
    let rest = described(view);
    rest.names()
        .iter()
        .filter_map(|name| {
            let object = rest.object(name)?;
            let component = records::component(view.org, name);
            let stem = name.trim_end_matches("__c");
            Some(vec![
                Value::from(entity_id(view, name)),
                Value::from(entity_id(view, name)),
                Value::from(name.as_str()),
                Value::from(stem),
                json!(component.and_then(|it| it.namespace.clone())),
                Value::from(object.label.as_str()),
                Value::from(object.plural.as_str()),
                text(&object.prefix),
                Value::from(object.can.create),
                Value::from(true),
                Value::from(object.custom_setting.is_some()),
                component.map_or(Value::Null, |it| time(it.modified.at)),
                id(component.and_then(|it| it.modified.by.id)),
            ])
        })
        .collect()
}

/// `EntityDefinitionId`: the name of a standard object, the id of a custom one.
fn entity_id(view: &View<'_>, name: &str) -> String {
    let own = records::component(view.org, name).and_then(|it| it.id);
    own.map_or_else(|| name.to_owned(), |it| it.short().to_owned())
}

fn field_definitions(view: &View<'_>) -> Vec<Row> {
    let rest = described(view);
    let mut rows = Vec::new();
    for name in rest.names() {
        let Some(object) = rest.object(&name) else {
            continue;
        };
        for field in &object.fields {
            let key = format!("CustomField:{name}.{}", field.name).parse().ok();
            let own = key.and_then(|key| view.org.metadata().child(&key));
            let durable = format!("{}.{}", entity_id(view, &name), field.name);
            rows.push(vec![
                Value::from(durable.as_str()),
                Value::from(durable.as_str()),
                Value::from(field.name.as_str()),
                Value::from(field.name.trim_end_matches("__c")),
                Value::from(entity_id(view, &name)),
                Value::Null,
                Value::from(field.label.as_str()),
                Value::from(field.kind.name()),
                Value::from(field.length),
                own.map_or(Value::Null, |it| time(it.modified.at)),
                id(own.and_then(|it| it.modified.by.id)),
            ]);
        }
    }
    rows
}

fn children(view: &View<'_>, type_name: &'static str, name: impl Fn(&str) -> String) -> Vec<Row> {
    view.org
        .metadata()
        .children_of_type(&TypeName::known(type_name))
        .filter(|(_, _, it)| it.id.is_some())
        .map(|(_, key, it)| {
            let (object, own) = key.name.as_str().split_once('.').unwrap_or_default();
            let mut row = vec![
                id(it.id),
                Value::from(name(own)),
                Value::Null,
                Value::from(entity_id(view, object)),
                Value::from("unmanaged"),
                Value::from(key.name.as_str()),
                Value::Null,
            ];
            audited(&mut row, &it.created, &it.modified);
            row
        })
        .collect()
}

fn flow_definitions(view: &View<'_>) -> Vec<Row> {
    named(view, "Flow", |name, component| {
        let flow = component.flow.as_ref();
        let latest = flow.and_then(FlowVersions::latest);
        let active = flow.and_then(|it| it.versions.get(&it.active?));
        let root = latest.and_then(|(_, it)| Some(xml::parse(&it.content).ok()?.root));
        let mut row = vec![
            Value::from(FlowVersions::definition_id(name.as_str()).as_str()),
            Value::from(own_name(name, component)),
            json!(component.namespace),
            child(root.as_ref(), "label"),
            child(root.as_ref(), "description"),
            json!(component.manageable_state),
            id(active.map(|it| it.id)),
            id(latest.map(|(_, it)| it.id)),
        ];
        audited(&mut row, &component.created, &component.modified);
        row
    })
}

fn flows(view: &View<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, component) in view.org.metadata().of_type(&TypeName::known("Flow")) {
        let Some(flow) = &component.flow else {
            continue;
        };
        for (number, version) in &flow.versions {
            let root = xml::parse(&version.content).ok().map(|it| it.root);
            let api_version = root.as_ref().and_then(|it| it.child_text("apiVersion"));
            let api_version = api_version.and_then(|it| it.trim().parse::<f64>().ok());
            let mut row = vec![
                Value::from(version.id.as_str()),
                Value::from(FlowVersions::definition_id(name.as_str()).as_str()),
                child(root.as_ref(), "label"),
                json!(component.manageable_state),
                child(root.as_ref(), "processType"),
                Value::from(version.status.as_str()),
                Value::from(*number),
                json!(api_version),
                child(root.as_ref(), "description"),
                Value::from(format!("{name}-{number}")),
                Value::Null,
            ];
            audited(&mut row, &version.created, &version.modified);
            rows.push(row);
        }
    }
    rows
}

fn deploy_requests(view: &View<'_>) -> Vec<Row> {
    let at = |it: Option<crate::model::Timestamp>| it.map_or(Value::Null, time);
    view.org
        .jobs
        .deploys
        .iter()
        .map(|(own, job)| {
            let result = &job.result;
            vec![
                Value::from(own.as_str()),
                Value::from(result.status.as_str()),
                at(result.start_date),
                at(result.completed_date),
                time(result.created_date),
                id(job.created.by.id),
                Value::from(result.check_only),
                Value::from(result.number_component_errors),
                Value::from(result.number_components_deployed),
                Value::from(result.number_components_total),
                Value::from(result.number_test_errors),
                Value::from(result.number_tests_completed),
                Value::from(result.number_tests_total),
            ]
        })
        .collect()
}
