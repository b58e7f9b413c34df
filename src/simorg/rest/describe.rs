//! What the org tells of its objects.
//!
//! Source of the keys: `DescribeSObjectResult` and `Field` of the partner WSDL
//! 66.0, and recorded answers of describe calls; all keys are present.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Desk, Reply, Request, not_found};
use crate::{
    model::{Timestamp, TypeName},
    simorg::{
        records::{Bench, Link},
        soql::{Catalog as _, Computed, Field, Kind, Object, OnDelete},
    },
};

/// Answers `GET …/sobjects`.
pub(super) fn global(desk: &Desk<'_>, request: &Request, tooling: bool) -> Reply {
    if let Some(reply) = unchanged(desk, request) {
        return reply;
    }
    let view = desk.view(tooling);
    let base = desk.base(tooling);
    let all: Vec<Value> = view
        .names()
        .iter()
        .filter_map(|name| Some(summary(&*view.object(name)?, &base)))
        .collect();
    Reply::json(
        200,
        &json!({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": all}),
    )
}

/// Answers `GET …/sobjects/X/describe`, or `GET …/sobjects/X` where it is brief.
pub(super) fn object(
    desk: &Desk<'_>,
    request: &Request,
    name: &str,
    is_brief: bool,
    tooling: bool,
) -> Reply {
    let view = desk.view(tooling);
    let bench = desk.bench();
    let found = match tooling || view.is_setup(name) {
        true => view.object(name),
        false => bench.object(name),
    };
    let Some(object) = found else {
        return not_found();
    };
    let base = desk.base(tooling);
    let body = summary(&object, &base);
    if is_brief {
        return Reply::json(200, &json!({"objectDescribe": body, "recentItems": []}));
    }
    if let Some(reply) = unchanged(desk, request) {
        return reply;
    }
    let fields: Vec<Value> = object.fields.iter().map(|it| field(&object, it)).collect();
    let children = if tooling {
        Vec::new()
    } else {
        children(&bench, &object)
    };
    let more = json!({
        "actionOverrides": [],
        "childRelationships": children,
        "compactLayoutable": object.can.layout,
        "defaultImplementation": null,
        "extendedBy": null,
        "extendsInterfaces": null,
        "fields": fields,
        "implementedBy": null,
        "implementsInterfaces": null,
        "listviewable": null,
        "lookupLayoutable": null,
        "namedLayoutInfos": [],
        "networkScopeFieldName": null,
        "recordTypeInfos": record_types(&object, &base),
        "searchLayoutable": object.can.layout && object.can.search,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": "All", "name": "everything"}],
    });
    let reply = Reply::json(200, &both(body, more));
    reply.with(
        "Last-Modified",
        &crate::simorg::host::http_date(changed(desk)),
    )
}

/// 304 where nothing changed since the caller asked last.
fn unchanged(desk: &Desk<'_>, request: &Request) -> Option<Reply> {
    let since = crate::simorg::host::parse_http_date(request.header("if-modified-since")?)?;
    (changed(desk).as_seconds() <= since.as_seconds()).then(|| Reply::empty(304))
}

/// When an object or a field was changed last.
fn changed(desk: &Desk<'_>) -> Timestamp {
    let metadata = desk.org.metadata();
    let type_name = TypeName::known("CustomObject");
    let objects = metadata.of_type(&type_name);
    let dates = objects.map(|(_, it)| it.modified.at);
    dates.max().unwrap_or(Timestamp::UNKNOWN)
}

/// The references of other objects that lead to `object`.
fn children(bench: &Bench<'_>, object: &Arc<Object>) -> Vec<Value> {
    let mut links: Vec<&Link> = bench.links_to(&object.name);
    links.sort_by_key(|it| (it.child.name.clone(), it.field().name.clone()));
    let child = |link: &&Link| {
        let act = link.on_delete();
        json!({
            "cascadeDelete": matches!(act, OnDelete::Cascade | OnDelete::RestrictActive),
            "childSObject": link.child.name,
            "deprecatedAndHidden": false,
            "field": link.field().name,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": link.name(),
            "restrictedDelete": matches!(act, OnDelete::Restrict | OnDelete::RestrictActive),
        })
    };
    links.iter().map(child).collect()
}

/// Id of the record type that stands for none.
const MASTER: &str = "012000000000000AAA";

fn record_types(object: &Object, base: &str) -> Vec<Value> {
    if !object.can.layout {
        return Vec::new();
    }
    let url = |id: &str| json!({"layout": format!("{base}/sobjects/{}/describe/layouts/{id}", object.name)});
    let mut all: Vec<Value> = object
        .record_types
        .iter()
        .enumerate()
        .map(|(n, it)| {
            json!({
                "active": it.is_active,
                "available": it.is_active,
                "defaultRecordTypeMapping": n == 0,
                "developerName": it.developer_name,
                "master": false,
                "name": it.label,
                "recordTypeId": it.id,
                "urls": url(it.id.as_str()),
            })
        })
        .collect();
    all.push(json!({
        "active": true,
        "available": true,
        "defaultRecordTypeMapping": object.record_types.is_empty(),
        "developerName": "Master",
        "master": true,
        "name": "Master",
        "recordTypeId": MASTER,
        "urls": url(MASTER),
    }));
    all
}

fn summary(object: &Object, base: &str) -> Value {
    let name = &object.name;
    let url = format!("{base}/sobjects/{name}");
    let can = &object.can;
    let prefix = Some(object.prefix.as_str()).filter(|it| !it.is_empty());
    let shared_prefix = matches!(object.prefix.as_str(), "017" | "02c");
    json!({
        "activateable": false,
        "associateEntityType": associate(name).map(|it| it.0),
        "associateParentEntity": associate(name).map(|it| it.1),
        "createable": can.create,
        "custom": object.custom,
        "customSetting": object.custom_setting.is_some(),
        "deepCloneable": false,
        "deletable": can.delete,
        "deprecatedAndHidden": false,
        "feedEnabled": can.feed,
        "hasSubtypes": false,
        "isInterface": false,
        "isSubtype": false,
        "keyPrefix": prefix.filter(|_| !shared_prefix),
        "label": object.label,
        "labelPlural": object.plural,
        "layoutable": can.layout,
        "mergeable": can.merge,
        "mruEnabled": can.recent,
        "name": name,
        "queryable": !name.ends_with("__e"),
        "replicateable": can.replicate,
        "retrieveable": true,
        "searchable": can.search,
        "triggerable": can.trigger,
        "undeletable": can.undelete,
        "updateable": can.update,
        "urls": {
            "sobject": url,
            "describe": format!("{url}/describe"),
            "rowTemplate": format!("{url}/{{ID}}"),
        },
    })
}

/// What kind of companion an object is, and of which.
fn associate(name: &str) -> Option<(&'static str, String)> {
    let custom = |stem: &str| format!("{stem}__c");
    if let Some(stem) = name.strip_suffix("__History") {
        return Some(("History", custom(stem)));
    }
    if let Some(stem) = name.strip_suffix("__Share") {
        return Some(("Share", custom(stem)));
    }
    if let Some(stem) = name.strip_suffix("History") {
        return Some(("History", stem.trim_end_matches("Field").to_owned()));
    }
    name.strip_suffix("Share")
        .map(|stem| ("Share", stem.to_owned()))
}

#[expect(clippy::too_many_lines, reason = "every key that describe has")]
fn field(object: &Object, field: &Field) -> Value {
    let kind = field.kind;
    let is_text = kind.is_text() && !matches!(kind, Kind::Id | Kind::Reference);
    let is_filterable = kind.is_filterable();
    let values: Vec<Value> = field
        .picklist
        .iter()
        .map(|it| {
            json!({
                "active": it.is_active,
                "defaultValue": it.is_default,
                "label": it.label,
                "validFor": null,
                "value": it.value,
            })
        })
        .collect();
    let reference = field.reference.as_ref();
    let targets: Vec<&str> = reference
        .iter()
        .flat_map(|it| it.targets.iter().map(String::as_str))
        .collect();
    let act = reference.map_or(OnDelete::Keep, |it| it.on_delete);
    let (precision, scale) = if kind.is_number() && kind != Kind::Int {
        field.digits
    } else {
        (0, 0)
    };
    let formula = match &field.computed {
        Some(Computed::Formula(text)) => Value::from(text.as_str()),
        _ => Value::Null,
    };
    let is_computed = matches!(
        field.computed,
        Some(Computed::Formula(_) | Computed::RollUp { .. })
    );
    let default = match (kind, field.default.as_deref()) {
        (Kind::Boolean, value) => Value::Bool(value == Some("true")),
        (_, value) => json!(value),
    };
    let first = json!({
        "aggregatable": is_filterable && kind != Kind::Boolean && kind != Kind::MultiPicklist,
        "aiPredictionField": false,
        "autoNumber": field.auto_number.is_some(),
        "byteLength": if is_text { field.length.saturating_mul(3) } else { field.length },
        "calculated": is_computed,
        "calculatedFormula": formula,
        "cascadeDelete": act == OnDelete::Cascade && field.custom,
        "caseSensitive": field.case_sensitive,
        "compoundFieldName": field.compound,
        "controllerName": field.controller,
        "createable": field.createable && object.can.create,
        "custom": field.custom,
        "defaultValue": default,
        "defaultValueFormula": field.default_formula,
        "defaultedOnCreate": field.defaulted || (!field.nillable && !field.createable),
        "dependentPicklist": field.controller.is_some(),
        "deprecatedAndHidden": false,
        "digits": if kind == Kind::Int { 8 } else { 0 },
        "displayLocationInDecimal": kind == Kind::Location,
        "encrypted": field.mask.is_some(),
        "externalId": field.external_id,
        "extraTypeInfo": field.extra,
        "filterable": is_filterable,
        "filteredLookupInfo": null,
        "formulaTreatNullNumberAsZero": false,
        "groupable": is_filterable
            && !matches!(kind, Kind::DateTime | Kind::Double | Kind::Currency | Kind::Percent | Kind::MultiPicklist),
    });
    let second = json!({
        "highScaleNumber": false,
        "htmlFormatted": field.html,
        "idLookup": field.id_lookup,
        "inlineHelpText": field.help,
        "label": field.label,
        "length": field.length,
        "mask": field.mask.as_ref().map(|it| it.1.as_str()),
        "maskType": field.mask.as_ref().map(|it| it.0.as_str()),
        "name": field.name,
        "nameField": field.is_name,
        "namePointing": targets.len() > 1,
        "nillable": field.nillable,
        "permissionable": field.permissionable,
        "picklistValues": values,
        "polymorphicForeignKey": targets.len() > 1,
        "precision": precision,
        "queryByDistance": kind == Kind::Location,
        "referenceTargetField": null,
        "referenceTo": targets,
        "relationshipName": reference.and_then(|it| it.relationship.as_deref()),
        "relationshipOrder": reference.and_then(|it| it.order),
        "restrictedDelete": act == OnDelete::Restrict && field.custom,
        "restrictedPicklist": field.restricted,
        "scale": scale,
        "searchPrefilterable": kind == Kind::Reference && field.updateable,
        "soapType": soap_type(kind),
        "sortable": is_filterable && kind != Kind::MultiPicklist,
        "type": kind.name(),
        "unique": field.unique,
        "updateable": field.updateable && object.can.update,
        "writeRequiresMasterRead": false,
    });
    both(first, second)
}

/// The keys of two objects, for `json!` cannot take so many at once.
fn both(mut first: Value, second: Value) -> Value {
    if let (Value::Object(first), Value::Object(second)) = (&mut first, second) {
        first.extend(second);
    }
    first
}

fn soap_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Id | Kind::Reference => "tns:ID",
        Kind::Boolean => "xsd:boolean",
        Kind::Int => "xsd:int",
        Kind::Double | Kind::Currency | Kind::Percent => "xsd:double",
        Kind::Date => "xsd:date",
        Kind::DateTime => "xsd:dateTime",
        Kind::Time => "xsd:time",
        Kind::Complex => "mns:Metadata",
        Kind::Base64 => "xsd:base64Binary",
        Kind::Address => "urn:address",
        Kind::Location => "urn:location",
        _ => "xsd:string",
    }
}
