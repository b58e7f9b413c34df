//! Which objects are exported, and which fields and rows of each.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::{
    client::ObjectInfo,
    config::{Privacy, Records},
    model::{FieldName, ObjectName, hex},
    ops::error::{Error, Refusal},
    plan::select::{Glob, nearest},
    records::{Choice, Disguise, FieldRules, body::BodyRule},
};

/// Setup records that metadata does not hold, with the fields that are kept of each.
///
/// Who has which permissions, who is in which queue, what is scheduled; small in
/// every org. Names of profiles, permission sets, roles and groups go along, so
/// that the Ids in them can be read.
///
/// Source: Object Reference, the objects of those names.
pub const SETUP_OBJECTS: [(&str, &[&str]); 11] = [
    (
        "CronTrigger",
        &[
            "CreatedById",
            "CreatedDate",
            "CronExpression",
            "CronJobDetailId",
            "EndTime",
            "OwnerId",
            "StartTime",
            "TimeZoneSidKey",
        ],
    ),
    ("Group", &["DeveloperName", "Name", "RelatedId", "Type"]),
    ("GroupMember", &["GroupId", "UserOrGroupId"]),
    (
        "PermissionSet",
        &[
            "IsOwnedByProfile",
            "Label",
            "Name",
            "NamespacePrefix",
            "ProfileId",
            "Type",
        ],
    ),
    (
        "PermissionSetAssignment",
        &[
            "AssigneeId",
            "ExpirationDate",
            "PermissionSetGroupId",
            "PermissionSetId",
        ],
    ),
    ("Profile", &["Name", "UserLicenseId", "UserType"]),
    ("QueueSobject", &["CreatedById", "QueueId", "SobjectType"]),
    (
        "Territory2",
        &["DeveloperName", "Name", "ParentTerritory2Id"],
    ),
    (
        "User",
        &[
            "CreatedById",
            "CreatedDate",
            "Email",
            "FederationIdentifier",
            "FirstName",
            "IsActive",
            "LastName",
            "ManagerId",
            "Name",
            "ProfileId",
            "UserRoleId",
            "UserType",
            "Username",
        ],
    ),
    ("UserRole", &["DeveloperName", "Name", "ParentRoleId"]),
    (
        "UserTerritory2Association",
        &["IsActive", "RoleInTerritory2", "Territory2Id", "UserId"],
    ),
];

/// Ends of names that a pattern does not reach: shares, feeds, histories and events.
const DERIVED: [&str; 6] = ["Share", "Feed", "History", "ChangeEvent", "__e", "__mdt"];

/// Objects that a pattern does not reach: logs, sessions, what only exists for a while.
const FLEETING: [&str; 14] = [
    "ApexLog",
    "AsyncApexJob",
    "AuthSession",
    "BackgroundOperation",
    "EventLogFile",
    "FlowInterview",
    "LoginEvent",
    "LoginGeo",
    "LoginHistory",
    "LoginIp",
    "OauthToken",
    "RecentlyViewed",
    "SetupAuditTrail",
    "VerificationHistory",
];

/// One object that is to be exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) name: ObjectName,
    /// The only fields to keep, where that is said.
    pub(super) only: Option<BTreeSet<FieldName>>,
    /// A condition in SOQL.
    pub(super) condition: Option<String>,
    /// Whether it is one of the setup records.
    pub(super) is_setup: bool,
    /// Whether the org has it no more: its rows stay as they were.
    pub(super) is_gone: bool,
}

/// The objects to export, by name.
///
/// `asked` are names and patterns of the command line, in the place of those of
/// the settings; setup records are taken only without them. An object of the settings
/// that `is_kept` knows and the org does not have any more stays one.
///
/// # Errors
///
/// A name, not a pattern, that the org does not have.
pub(super) fn targets(
    listed: &[ObjectInfo],
    records: &Records,
    asked: &[Glob],
    is_kept: &dyn Fn(&str) -> bool,
) -> Result<Vec<Target>, Error> {
    let mut targets: BTreeMap<ObjectName, Target> = BTreeMap::new();
    let wanted = if asked.is_empty() {
        &records.objects
    } else {
        asked
    };
    if asked.is_empty() && records.setup {
        for object in listed.iter().filter(|it| it.queryable) {
            let fields = SETUP_OBJECTS
                .iter()
                .find(|(name, _)| object.name == *name)
                .map(|(_, fields)| *fields);
            if fields.is_none() && !object.custom_setting {
                continue;
            }
            let only = fields.map(|it| {
                it.iter()
                    .filter_map(|field| field.parse().ok())
                    .collect::<BTreeSet<_>>()
            });
            let target = Target {
                name: object.name.clone(),
                only,
                condition: None,
                is_setup: true,
                is_gone: false,
            };
            targets.insert(object.name.clone(), target);
        }
    }
    for glob in wanted {
        let is_pattern = Glob::is_pattern(glob.as_str());
        let mut found = false;
        for object in listed {
            if !glob.matches(object.name.as_str()) {
                continue;
            }
            found = true;
            if is_pattern && !is_reached_by_pattern(object, glob, &records.exclude) {
                continue;
            }
            let target = Target {
                name: object.name.clone(),
                only: records.fields.get(&object.name).cloned(),
                condition: records.conditions.get(&object.name).cloned(),
                is_setup: false,
                is_gone: false,
            };
            targets.insert(object.name.clone(), target);
        }
        if !found
            && asked.is_empty()
            && is_kept(glob.as_str())
            && let Ok(name) = glob.as_str().parse::<ObjectName>()
        {
            let target = Target {
                name: name.clone(),
                only: None,
                condition: None,
                is_setup: false,
                is_gone: true,
            };
            targets.insert(name, target);
        } else if !found && !is_pattern {
            let names = listed.iter().map(|it| it.name.as_str());
            return Err(Refusal::NoSuchObject {
                name: glob.as_str().to_owned(),
                nearest: nearest(glob.as_str(), names)
                    .first()
                    .map(|it| (*it).to_owned()),
            }
            .into());
        }
    }
    Ok(targets.into_values().collect())
}

/// Whether a pattern means the object, too: derived and fleeting ones are to be named,
/// or asked for by a pattern that ends as they do.
fn is_reached_by_pattern(object: &ObjectInfo, glob: &Glob, exclude: &[Glob]) -> bool {
    let name = object.name.as_str();
    let is_derived = object.associate_parent_entity.is_some()
        || DERIVED
            .iter()
            .any(|end| name.ends_with(end) && !glob.as_str().ends_with(end));
    object.queryable
        && !object.deprecated_and_hidden
        && !is_derived
        && !FLEETING.contains(&name)
        && !exclude.iter().any(|it| it.matches(name))
}

/// What the settings say about the fields of one object.
pub(super) fn field_rules(
    target: &Target,
    records: &Records,
    hidden: BTreeSet<FieldName>,
    sees_masked: bool,
) -> FieldRules {
    let mut rules = FieldRules {
        formulas: records.formulas,
        only: target.only.clone(),
        hidden,
        sees_masked,
        ..FieldRules::default()
    };
    if let Some(rule) = BodyRule::of(target.name.as_str())
        && let Some(only) = &mut rules.only
        && only.contains(rule.field)
    {
        // A body is nothing without its length, its checksum and its name.
        only.extend(rule.columns().filter_map(|it| it.parse().ok()));
    }
    for ((object, field), how) in &records.privacy {
        if *object != target.name {
            continue;
        }
        match how {
            Privacy::Drop => {
                rules.drop.insert(field.clone());
            }
            Privacy::Hash => {
                rules.disguise.insert(field.clone(), Disguise::Hash);
            }
            Privacy::Encrypt => {
                rules.disguise.insert(field.clone(), Disguise::Encrypt);
            }
        }
    }
    rules
}

/// The query of all rows of an object that are kept, with more conditions.
pub(super) fn query(target: &Target, choice: &Choice, more: &[String]) -> String {
    let columns: Vec<_> = choice.columns.iter().map(FieldName::as_str).collect();
    select(&target.name, &columns.join(", "), target, more)
}

/// A query of `what` with the conditions of the object and more.
pub(super) fn select(object: &ObjectName, what: &str, target: &Target, more: &[String]) -> String {
    let mut soql = format!("SELECT {what} FROM {object}");
    let own = target.condition.iter().map(|it| format!("({it})"));
    let conditions: Vec<_> = own.chain(more.iter().cloned()).collect();
    if !conditions.is_empty() {
        soql.push_str(" WHERE ");
        soql.push_str(&conditions.join(" AND "));
    }
    soql
}

/// Digest of what is asked for: with another one, rows that did not change look different.
pub(super) fn digest(target: &Target, choice: &Choice) -> String {
    let mut text = query(target, choice, &[]);
    for (field, how) in &choice.schema.disguised {
        text.push('\n');
        text.push_str(field.as_str());
        let how = format!(" {how:?}");
        text.push_str(&how);
    }
    hex(&Sha256::digest(text.as_bytes())[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed() -> Vec<ObjectInfo> {
        let of = |text: &str| {
            let mut object: ObjectInfo = serde_json::from_value(serde_json::json!({
                "name": text.trim_end_matches('!'), "queryable": !text.ends_with('!'),
            }))
            .unwrap();
            object.custom_setting = object.name.as_str().starts_with("Setting");
            object
        };
        [
            "Account",
            "AccountShare",
            "Deal__c",
            "Deal__History",
            "LoginIp",
            "Name!",
            "User",
            "Setting__c",
        ]
        .map(of)
        .to_vec()
    }

    fn names(records: &Records, asked: &[&str]) -> Vec<String> {
        let asked: Vec<_> = asked.iter().map(|it| Glob::new(it)).collect();
        let targets = targets(&listed(), records, &asked, &|_| false).unwrap();
        targets.iter().map(|it| it.name.to_string()).collect()
    }

    #[test]
    fn only_what_is_named_is_exported_and_the_setup_records() {
        assert_eq!(names(&Records::default(), &[]), ["Setting__c", "User"]);
        let records = Records {
            setup: false,
            objects: vec![Glob::new("*")],
            exclude: vec![Glob::new("Deal*")],
            ..Records::default()
        };
        assert_eq!(names(&records, &[]), ["Account", "Setting__c", "User"]);
        assert_eq!(
            names(&records, &["Deal__History", "AccountShare"]),
            ["AccountShare", "Deal__History"]
        );
        assert_eq!(names(&records, &["*Share"]), ["AccountShare"]);
    }

    #[test]
    fn object_of_the_settings_that_was_deleted_keeps_its_rows() {
        let records = Records {
            setup: false,
            objects: vec![Glob::new("Gone__c")],
            ..Records::default()
        };
        let found = targets(&listed(), &records, &[], &|it| it == "Gone__c").unwrap();
        assert!(found[0].is_gone && found.len() == 1);
        assert!(targets(&listed(), &records, &[], &|_| false).is_err());
    }

    #[test]
    fn object_that_is_not_there_is_said() {
        let asked = [Glob::new("Acount")];
        let err = targets(&listed(), &Records::default(), &asked, &|_| true).unwrap_err();
        assert_eq!(err.to_string(), "the org has no object `Acount`");
        assert_eq!(err.hint().unwrap(), "did you mean `Account`?");
    }
}
