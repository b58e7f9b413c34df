//! What the org tells of its objects.
//!
//! Source of the keys: `DescribeSObjectResult` and `Field` of the partner WSDL
//! 66.0, and recorded answers of describe calls; all keys are present.

use serde_json::{Value, json};

use super::{Desk, Reply, not_found};
use crate::simorg::soql::{Catalog as _, Field, Kind, Object};

/// Answers `GET …/sobjects`.
pub(super) fn global(desk: &Desk<'_>, tooling: bool) -> Reply {
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
pub(super) fn object(desk: &Desk<'_>, name: &str, is_brief: bool, tooling: bool) -> Reply {
    let Some(object) = desk.view(tooling).object(name) else {
        return not_found();
    };
    let body = summary(&object, &desk.base(tooling));
    if is_brief {
        return Reply::json(200, &json!({"objectDescribe": body, "recentItems": []}));
    }
    let fields: Vec<Value> = object.fields.iter().map(|it| field(&object, it)).collect();
    let more = json!({
        "actionOverrides": [],
        "childRelationships": [],
        "compactLayoutable": !object.setting,
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
        "recordTypeInfos": [],
        "searchLayoutable": !object.setting,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": "All", "name": "everything"}],
    });
    Reply::json(200, &both(body, more))
}

fn summary(object: &Object, base: &str) -> Value {
    let name = &object.name;
    let url = format!("{base}/sobjects/{name}");
    let is_record = !object.setting;
    let prefix = Some(object.prefix.as_str()).filter(|it| !it.is_empty());
    json!({
        "activateable": false,
        "associateEntityType": null,
        "associateParentEntity": null,
        "createable": object.writable,
        "custom": object.custom,
        "customSetting": false,
        "deepCloneable": false,
        "deletable": object.writable,
        "deprecatedAndHidden": false,
        "feedEnabled": false,
        "hasSubtypes": false,
        "isInterface": false,
        "isSubtype": false,
        "keyPrefix": prefix,
        "label": object.label,
        "labelPlural": format!("{}s", object.label),
        "layoutable": is_record,
        "mergeable": false,
        "mruEnabled": is_record,
        "name": name,
        "queryable": true,
        "replicateable": is_record,
        "retrieveable": true,
        "searchable": is_record,
        "triggerable": is_record,
        "undeletable": object.writable,
        "updateable": object.writable,
        "urls": {
            "sobject": url,
            "describe": format!("{url}/describe"),
            "rowTemplate": format!("{url}/{{ID}}"),
        },
    })
}

fn field(object: &Object, field: &Field) -> Value {
    let kind = field.kind;
    let is_text = kind.is_text() && !matches!(kind, Kind::Id | Kind::Reference);
    let is_filterable = !matches!(kind, Kind::TextArea | Kind::Complex);
    let is_name = matches!(field.name.as_str(), "Name" | "CaseNumber");
    let values: Vec<Value> = field
        .picklist
        .iter()
        .map(|it| {
            json!({"active": true, "defaultValue": false, "label": it, "validFor": null, "value": it})
        })
        .collect();
    let targets: Vec<&str> = field.reference.iter().map(|it| it.1.as_str()).collect();
    let digits = if kind == Kind::Int { 8 } else { 0 };
    let precision = if kind.is_number() && kind != Kind::Int {
        18
    } else {
        0
    };
    let first = json!({
        "aggregatable": is_filterable,
        "aiPredictionField": false,
        "autoNumber": field.name == "CaseNumber",
        "byteLength": if is_text { field.length.saturating_mul(3) } else { field.length },
        "calculated": field.formula.is_some(),
        "calculatedFormula": field.formula,
        "cascadeDelete": false,
        "caseSensitive": false,
        "compoundFieldName": null,
        "controllerName": null,
        "createable": field.writable && object.writable,
        "custom": field.custom,
        "defaultValue": if kind == Kind::Boolean { Value::Bool(false) } else { Value::Null },
        "defaultValueFormula": null,
        "defaultedOnCreate": !field.writable || matches!(field.name.as_str(), "OwnerId"),
        "dependentPicklist": false,
        "deprecatedAndHidden": false,
        "digits": digits,
        "displayLocationInDecimal": false,
        "encrypted": false,
        "externalId": false,
        "extraTypeInfo": if kind == Kind::TextArea { Value::from("plaintextarea") } else { Value::Null },
        "filterable": is_filterable,
        "filteredLookupInfo": null,
        "formulaTreatNullNumberAsZero": false,
        "groupable": is_filterable && kind != Kind::DateTime,
    });
    let second = json!({
        "highScaleNumber": false,
        "htmlFormatted": false,
        "idLookup": kind == Kind::Id,
        "inlineHelpText": null,
        "label": field.label,
        "length": field.length,
        "mask": null,
        "maskType": null,
        "name": field.name,
        "nameField": is_name,
        "namePointing": false,
        "nillable": field.nillable,
        "permissionable": field.custom,
        "picklistValues": values,
        "polymorphicForeignKey": targets.len() > 1,
        "precision": precision,
        "queryByDistance": false,
        "referenceTargetField": null,
        "referenceTo": targets,
        "relationshipName": field.reference.as_ref().map(|it| it.0.as_str()),
        "relationshipOrder": null,
        "restrictedDelete": false,
        "restrictedPicklist": false,
        "scale": if precision > 0 { 2 } else { 0 },
        "searchPrefilterable": false,
        "soapType": soap_type(kind),
        "sortable": is_filterable,
        "type": kind.name(),
        "unique": false,
        "updateable": field.writable && object.writable,
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
        _ => "xsd:string",
    }
}
