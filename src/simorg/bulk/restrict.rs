//! What the Bulk API does not let one query.
//!
//! Source: Bulk API 2.0 Developer Guide, "SOQL Considerations"; the texts of
//! compound fields, aggregate relationships and entities as clients quote
//! them, the others are ours.

use crate::simorg::{
    fault::Fault,
    soql::{Item, Kind, Object, Query},
};

/// Objects that no job reads although they can be queried.
///
/// Source: what exporters that use the Bulk API leave out, after its refusals.
const UNSUPPORTED: [&str; 21] = [
    "AcceptedEventRelation",
    "AggregateResult",
    "AppMenuItem",
    "CaseStatus",
    "ContentBody",
    "ContractStatus",
    "DeclinedEventRelation",
    "EntityDefinition",
    "FieldDefinition",
    "FieldSecurityClassification",
    "KnowledgeArticle",
    "OrderStatus",
    "PartnerRole",
    "RecentlyViewed",
    "SetupAuditTrail",
    "SolutionStatus",
    "TaskPriority",
    "TaskStatus",
    "UndecidedEventRelation",
    "UserRecordAccess",
    "WorkOrderStatus",
];

/// Refuses a query that no job can carry out; `object` is the one asked, where
/// it holds records.
///
/// # Errors
///
/// [`Fault`] as the call that would make the job gives it.
pub(super) fn check(query: &Query, object: Option<&Object>) -> Result<(), Fault> {
    let refuse = |message: &str| Err(Fault::new("FUNCTIONALITY_NOT_ENABLED", message));
    let name = object.map_or(query.from.as_str(), |it| it.name.as_str());
    let is_unsupported = UNSUPPORTED.iter().any(|it| it.eq_ignore_ascii_case(name));
    if is_unsupported || name.ends_with("__x") {
        let message = format!("Entity '{name}' is not supported by the Bulk API.");
        return Err(Fault::new("INVALIDENTITY", message));
    }
    if query.offset > 0 {
        return refuse("Offset not supported in Bulk Query");
    }
    if !query.group_by.is_empty() {
        return refuse("Group By not supported in Bulk Query");
    }
    for item in &query.items {
        match item {
            Item::CountAll | Item::Aggregate { .. } => {
                return refuse("Aggregate functions not supported in Bulk Query");
            }
            Item::Field(path) => {
                let last = path.parts.last().map_or("", String::as_str);
                let field = object.and_then(|it| it.field(last));
                let field = field.filter(|_| path.parts.len() == 1);
                if field.is_some_and(|(_, it)| it.kind.is_compound()) {
                    return refuse("Selecting compound data not supported in Bulk Query");
                }
            }
            Item::Children(_) => {
                return refuse("Aggregate Relationships not supported in Bulk Query");
            }
            Item::TypeOf { .. } => return refuse("TYPEOF not supported in Bulk Query"),
            Item::Fields(..) | Item::Rendered(..) | Item::Aliased(..) => (),
        }
    }
    Ok(())
}

/// The base64 fields among the columns: the job that asks for one fails.
pub(super) fn binary<'a>(query: &Query, object: &'a Object) -> Option<&'a str> {
    query.items.iter().find_map(|item| {
        let Item::Field(path) = item else { return None };
        let (_, field) = object.field(path.parts.last()?)?;
        let is_binary = path.parts.len() == 1 && field.kind == Kind::Base64;
        is_binary.then_some(field.name.as_str())
    })
}

/// Whether the rows come in one piece, in the order of the query.
///
/// Source: Bulk API 2.0 Developer Guide: a query with `ORDER BY` or `LIMIT` is
/// not cut into chunks.
pub(super) fn is_whole(query: &Query) -> bool {
    !query.order_by.is_empty() || query.limit.is_some()
}
