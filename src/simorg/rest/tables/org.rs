//! The org and its people.

use serde_json::{Value, json};

use super::{
    Api, Definition, View,
    define::{AUDITED, audited, id, object, text, time},
};
use crate::{
    model::{ComponentName, RecordId, Stamp, Timestamp, TypeName},
    simorg::{
        SimOrg,
        soql::{Object, Row},
        state::{Component, OrgKind, made_id},
    },
};

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition {
        name: "Organization",
        api: Api::Both,
        object: |_| {
            let own = "Id Name OrganizationType| InstanceName IsSandbox? TrialExpirationDate@ NamespacePrefix \
                 LanguageLocaleKey| DefaultLocaleSidKey| TimeZoneSidKey| Country PrimaryContact \
                 FiscalYearStartMonth# IsReadOnly?";
            object("Organization", "00D", &format!("{own}{AUDITED}"))
        },
        rows: organization,
    },
    Definition {
        name: "User",
        api: Api::Both,
        object: user_object,
        rows: users,
    },
    Definition {
        name: "Profile",
        api: Api::Both,
        object: |_| {
            let own = "Id Name Description UserType| UserLicenseId";
            object("Profile", "00e", &format!("{own}{AUDITED}"))
        },
        rows: profiles,
    },
    Definition {
        name: "UserRole",
        api: Api::Rest,
        object: |_| {
            object(
                "UserRole",
                "00E",
                "Id Name DeveloperName LastModifiedDate@ SystemModstamp@",
            )
        },
        rows: |view| {
            named(view, "Role", |name, component| {
                vec![
                    id(component.id),
                    Value::from(name.as_str()),
                    Value::from(name.as_str()),
                    time(component.modified.at),
                    time(component.modified.at),
                ]
            })
        },
    },
    Definition {
        name: "Group",
        api: Api::Rest,
        object: |_| {
            object(
                "Group",
                "00G",
                &format!("Id Name DeveloperName Type|{AUDITED}"),
            )
        },
        rows: groups,
    },
    Definition {
        name: "QueueSobject",
        api: Api::Rest,
        object: |_| {
            let own = "Id QueueId>Group SobjectType| CreatedById>User SystemModstamp@";
            object("QueueSobject", "03g", own)
        },
        rows: queue_objects,
    },
    Definition {
        name: "SetupAuditTrail",
        api: Api::Rest,
        object: |_| {
            object(
                "SetupAuditTrail",
                "0Ym",
                "Id Action Section Display CreatedDate@ CreatedById>User CreatedByContext \
                 CreatedByIssuer DelegateUser ResponsibleNamespacePrefix",
            )
        },
        rows: audit_trail,
    },
];

fn user_object(_: &View<'_>) -> Object {
    let own = "Id Username Name FirstName LastName Email Alias CommunityNickname ProfileId>Profile \
         UserRoleId>UserRole UserType| IsActive? LanguageLocaleKey| LocaleSidKey| TimeZoneSidKey| \
         FederationIdentifier LastLoginDate@";
    object("User", "005", &format!("{own}{AUDITED}"))
}

/// Rows of all components of a type.
pub(super) fn named(
    view: &View<'_>,
    type_name: &'static str,
    row: impl Fn(&ComponentName, &Component) -> Row,
) -> Vec<Row> {
    view.org
        .metadata()
        .of_type(&TypeName::known(type_name))
        .map(|(name, component)| row(name, component))
        .collect()
}

/// When the org was founded.
fn founded() -> Timestamp {
    Timestamp::from_millis(1_577_836_800_000).unwrap_or(Timestamp::UNKNOWN)
}

fn by_nobody(view: &View<'_>) -> Stamp {
    let first = view.org.users.keys().next().copied();
    view.org.stamp(
        first.unwrap_or_else(|| made_id("005", "autoproc")),
        founded(),
    )
}

fn organization(view: &View<'_>) -> Vec<Row> {
    let config = &view.org.config;
    let is_sandbox = config.kind == OrgKind::Sandbox;
    let contact = view.org.users.values().next().map(|it| it.name.as_str());
    let mut row = vec![
        Value::from(config.org_id.as_str()),
        Value::from(config.name.as_str()),
        Value::from("Enterprise Edition"),
        Value::from(config.instance.as_str()),
        Value::from(is_sandbox),
        Value::Null,
        Value::Null,
        Value::from("en_US"),
        Value::from("en_US"),
        Value::from("GMT"),
        Value::from("US"),
        json!(contact),
        Value::from(1),
        Value::from(false),
    ];
    let stamp = by_nobody(view);
    audited(&mut row, &stamp, &stamp);
    vec![row]
}

fn users(view: &View<'_>) -> Vec<Row> {
    let stamp = by_nobody(view);
    let mut rows: Vec<Row> = view
        .org
        .users
        .values()
        .map(|user| {
            let nickname = user.username.split('@').next().unwrap_or("");
            let mut row = vec![
                Value::from(user.id.as_str()),
                Value::from(user.username.as_str()),
                Value::from(user.name.as_str()),
                text(&user.first_name),
                Value::from(user.last_name.as_str()),
                Value::from(user.email.as_str()),
                Value::from(nickname.chars().take(8).collect::<String>()),
                Value::from(nickname),
                Value::from(profile_id(view.org, &user.profile).as_str()),
                Value::Null,
                Value::from("Standard"),
                Value::from(user.is_active),
                Value::from("en_US"),
                Value::from("en_US"),
                Value::from("GMT"),
                Value::Null,
                Value::Null,
            ];
            audited(&mut row, &stamp, &stamp);
            row
        })
        .collect();
    let mut automated = vec![
        Value::from(made_id("005", "autoproc").as_str()),
        Value::from(format!(
            "autoproc@{}",
            view.org.config.org_id.as_str().to_lowercase()
        )),
        Value::from("Automated Process"),
        Value::from("Automated"),
        Value::from("Process"),
        Value::from("noreply@example.com"),
        Value::from("autoproc"),
        Value::from("autoproc"),
        Value::Null,
        Value::Null,
        Value::from("AutomatedProcess"),
        Value::from(true),
        Value::from("en_US"),
        Value::from("en_US"),
        Value::from("GMT"),
        Value::Null,
        Value::Null,
    ];
    audited(&mut automated, &stamp, &stamp);
    rows.push(automated);
    rows
}

/// Id of the profile that the metadata calls `name`, whether it is there or not.
pub(super) fn profile_id(org: &SimOrg, name: &str) -> RecordId {
    let found = name.parse::<ComponentName>().ok().and_then(|name| {
        let key = crate::model::ComponentKey::new(TypeName::known("Profile"), name);
        org.metadata().get(&key)?.id
    });
    found.unwrap_or_else(|| made_id("00e", name))
}

/// What SOQL calls the profile that the metadata calls `name`.
///
/// Source: `Profile.fullName` and `Profile.Name` of new orgs differ for the
/// standard profiles.
pub(super) fn profile_label(name: &str) -> String {
    match name {
        "Admin" => "System Administrator".to_owned(),
        "Standard" => "Standard User".to_owned(),
        "ReadOnly" => "Read Only".to_owned(),
        "SolutionManager" => "Solution Manager".to_owned(),
        "MarketingProfile" => "Marketing User".to_owned(),
        "ContractManager" => "Contract Manager".to_owned(),
        "StandardAul" => "Standard Platform User".to_owned(),
        "MinimumAccess" => "Minimum Access - Salesforce".to_owned(),
        other => crate::model::component::percent_decoded(other).into_owned(),
    }
}

fn profiles(view: &View<'_>) -> Vec<Row> {
    let mut rows = named(view, "Profile", |name, component| {
        let mut row = vec![
            Value::from(profile_id(view.org, name.as_str()).as_str()),
            Value::from(profile_label(name.as_str())),
            Value::Null,
            Value::from("Standard"),
            Value::Null,
        ];
        audited(&mut row, &component.created, &component.modified);
        row
    });
    // Users may have a profile that was not loaded.
    let stamp = by_nobody(view);
    for user in view.org.users.values() {
        let own = Value::from(profile_id(view.org, &user.profile).as_str());
        if rows.iter().all(|row| row[0] != own) {
            let label = Value::from(profile_label(&user.profile));
            let mut row = vec![
                own,
                label,
                Value::Null,
                Value::from("Standard"),
                Value::Null,
            ];
            audited(&mut row, &stamp, &stamp);
            rows.push(row);
        }
    }
    rows
}

fn groups(view: &View<'_>) -> Vec<Row> {
    let of = |type_name: &'static str, kind: &'static str| {
        named(view, type_name, |name, component| {
            let mut row = vec![
                id(component.id),
                Value::from(name.as_str()),
                Value::from(name.as_str()),
                Value::from(kind),
            ];
            audited(&mut row, &component.created, &component.modified);
            row
        })
    };
    let mut rows = of("Group", "Regular");
    rows.extend(of("Queue", "Queue"));
    rows
}

/// What each queue takes.
fn queue_objects(view: &View<'_>) -> Vec<Row> {
    let queues = named(view, "Queue", |name, component| {
        let root = component
            .document()
            .and_then(|it| crate::xml::parse(&it.content).ok())
            .map(|it| it.root);
        let objects = root.iter().flat_map(|it| it.elements_named("queueSobject"));
        let rows = objects.filter_map(|it| {
            let object = it.child_text("sobjectType")?.trim().to_owned();
            Some(json!([
                made_id("03g", &format!("{name}:{object}")),
                component.id,
                object,
                component.created.by.id,
                component.modified.at.to_rest(),
            ]))
        });
        rows.collect()
    });
    let rows = queues.into_iter().flatten();
    rows.filter_map(|row| match row {
        Value::Array(row) => Some(row),
        _ => None,
    })
    .collect()
}

/// How far back the trail goes.
///
/// Source: Salesforce Help, "Monitor Setup Changes with Setup Audit Trail": 180 days.
const TRAIL: std::time::Duration = std::time::Duration::from_hours(180 * 24);

fn audit_trail(view: &View<'_>) -> Vec<Row> {
    let oldest = view.org.now().before(TRAIL);
    view.org
        .audit
        .iter()
        .rev()
        .filter(|it| oldest <= it.stamp.at)
        .map(|it| {
            vec![
                Value::from(it.id.as_str()),
                Value::from(it.action.as_str()),
                Value::from(it.section.as_str()),
                Value::from(it.display.as_str()),
                time(it.stamp.at),
                id(it.stamp.by.id),
                Value::Null,
                Value::Null,
                json!(it.delegate_user),
                Value::Null,
            ]
        })
        .collect()
}
