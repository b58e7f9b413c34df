//! The rows.
//!
//! Source of each: Object Reference, the page of the object; `field.md` §5.2 and
//! §5.3 for what restores of others ran into.

use super::{How, Rule, When};

const fn rule(of: &'static [&'static str], when: When, how: How, reason: &'static str) -> Rule {
    Rule {
        of,
        when,
        how: Some(how),
        leave: &[],
        reason,
    }
}

/// Fields that are not sent when a row is inserted.
const fn leave(of: &'static [&'static str], when: When, leave: &'static [&'static str]) -> Rule {
    Rule {
        of,
        when,
        how: None,
        leave,
        reason: "",
    }
}

use When::{Always, Is, Set};

pub(super) const RULES: &[Rule] = &[
    // Not data of the org, or not to be written.
    rule(
        &["*__x"],
        Always,
        How::Never,
        "its rows are in another system",
    ),
    rule(
        &["*__b"],
        Always,
        How::Never,
        "rows of a big object are never deleted one by one; load them again",
    ),
    rule(
        &["*__e", "*ChangeEvent"],
        Always,
        How::Never,
        "it is an event, not a row",
    ),
    rule(
        &["*__mdt"],
        Always,
        How::Never,
        "its rows are metadata: `orgkeep rollback` brings them back",
    ),
    rule(
        &["*History", "*__History", "FeedTrackedChange"],
        Always,
        How::Never,
        "the platform alone writes history; the snapshot keeps it for reading",
    ),
    rule(
        &[
            "*Feed",
            "*__Feed",
            "FeedItem",
            "FeedComment",
            "FeedAttachment",
            "FeedLike",
        ],
        Always,
        How::Never,
        "a post cannot be made again with its author and date; the snapshot keeps it for reading",
    ),
    rule(
        &[
            "Profile",
            "UserRole",
            "RecordType",
            "Organization",
            "PermissionSet",
            "BusinessHours",
            "CurrencyType",
            "DatedConversionRate",
            "Territory2",
            "EmailTemplate",
            "Folder",
            "Group",
        ],
        Always,
        How::Never,
        "it is set up, not entered: `orgkeep rollback` brings it back",
    ),
    rule(
        &["User"],
        Always,
        How::Never,
        "users are never deleted, and are made in Setup",
    ),
    rule(
        &["CronTrigger", "AsyncApexJob"],
        Always,
        How::Never,
        "jobs are scheduled again by hand",
    ),
    // Rows that the platform makes, all or some.
    rule(
        &["*Share", "*__Share"],
        Is(
            "RowCause",
            &[
                "Owner",
                "Rule",
                "ImplicitParent",
                "ImplicitChild",
                "ImplicitGrant",
                "ImplicitPerson",
                "PortalImplicit",
                "LpuImplicit",
                "Team",
                "Territory",
                "TerritoryRule",
                "Territory2Forecast",
                "Territory2AssociationManual",
            ],
        ),
        How::Never,
        "the platform makes such a share when its record, team or rule is there",
    ),
    rule(
        &["AccountContactRelation"],
        Always,
        How::Match(&["AccountId", "ContactId"]),
        "the platform relates a contact to its own account",
    ),
    rule(
        &["Pricebook2"],
        Is("IsStandard", &["true"]),
        How::Find(&["IsStandard"]),
        "there is one standard price book, which is never deleted",
    ),
    rule(
        &["Contact"],
        Is("IsPersonAccount", &["true"]),
        How::Find(&["AccountId"]),
        "the contact of a person account comes with its account",
    ),
    rule(
        &["ContentDocumentLink"],
        Is("ShareType", &["I"]),
        How::Match(&["ContentDocumentId", "LinkedEntityId"]),
        "the platform links a file to where it was put",
    ),
    rule(
        &["ContentDocumentLink"],
        Always,
        How::Match(&["ContentDocumentId", "LinkedEntityId"]),
        "the platform links a file to its owner",
    ),
    rule(
        &["CampaignMemberStatus"],
        Always,
        How::Match(&["CampaignId", "Label"]),
        "the platform gives a campaign its first statuses",
    ),
    rule(
        &["GroupMember"],
        Always,
        How::Match(&["GroupId", "UserOrGroupId"]),
        "a member is in a group once",
    ),
    rule(
        &["QueueSobject"],
        Always,
        How::Match(&["QueueId", "SobjectType"]),
        "a queue takes an object once",
    ),
    rule(
        &["PermissionSetAssignment"],
        Always,
        How::Match(&["AssigneeId", "PermissionSetId"]),
        "a permission set is assigned once",
    ),
    rule(
        &["UserTerritory2Association"],
        Always,
        How::Match(&["Territory2Id", "UserId"]),
        "a user is in a territory once",
    ),
    rule(
        &["EntitySubscription"],
        Always,
        How::Match(&["ParentId", "SubscriberId"]),
        "a record is followed once",
    ),
    rule(
        &["CollaborationGroupMember"],
        Always,
        How::Match(&["CollaborationGroupId", "MemberId"]),
        "the platform makes the owner a member",
    ),
    rule(
        &["AccountTeamMember"],
        Always,
        How::Match(&["AccountId", "UserId"]),
        "a user is in a team once",
    ),
    rule(
        &["OpportunityTeamMember"],
        Always,
        How::Match(&["OpportunityId", "UserId"]),
        "the platform puts the owner into the team",
    ),
    // Activities.
    rule(
        &["Task", "Event"],
        Set("RecurrenceActivityId"),
        How::Match(&["RecurrenceActivityId", "ActivityDate", "Subject"]),
        "the platform makes the occurrences of a series",
    ),
    // Files.
    rule(
        &["ContentDocument"],
        Always,
        How::Find(&["LatestPublishedVersionId"]),
        "it is made when its first version is uploaded",
    ),
    rule(
        &["ContentVersion"],
        Always,
        How::Upload {
            body: "VersionData",
        },
        "its body is uploaded again",
    ),
    rule(
        &["Attachment"],
        Always,
        How::Upload { body: "Body" },
        "its body is uploaded again",
    ),
    rule(
        &["Document"],
        Always,
        How::Upload { body: "Body" },
        "its body is uploaded again",
    ),
    // Rows that begin as a draft.
    rule(
        &["Order"],
        Is("StatusCode", &["A", "Activated"]),
        How::Draft {
            field: "Status",
            first: "Draft",
        },
        "an order is activated when its products are in",
    ),
    rule(
        &["Order"],
        Is("Status", &["Activated"]),
        How::Draft {
            field: "Status",
            first: "Draft",
        },
        "an order is activated when its products are in",
    ),
    rule(
        &["Contract"],
        Is("Status", &["Activated"]),
        How::Draft {
            field: "Status",
            first: "Draft",
        },
        "a contract is activated after it is made",
    ),
    rule(
        &["*__kav"],
        Is("PublishStatus", &["Online", "Archived"]),
        How::Draft {
            field: "PublishStatus",
            first: "Draft",
        },
        "an article is made as a draft, and published after that",
    ),
    // Fields that are refused together with others, or follow from them.
    leave(
        &["Account"],
        Is("IsPersonAccount", &["true"]),
        &["Name", "ParentId"],
    ),
    leave(
        &["Account"],
        Is("IsPersonAccount", &["false"]),
        &[
            "FirstName",
            "MiddleName",
            "LastName",
            "Suffix",
            "Salutation",
            "Person*",
            "*__pc",
        ],
    ),
    leave(
        &["OpportunityLineItem", "QuoteLineItem", "OrderItem"],
        Set("UnitPrice"),
        &["TotalPrice", "ListPrice"],
    ),
    leave(
        &["PricebookEntry"],
        Is("UseStandardPrice", &["true"]),
        &["UnitPrice"],
    ),
    leave(&["ContentVersion"], Always, &["ContentUrl"]),
    leave(
        &["Task", "Event"],
        Is("IsRecurrence", &["false"]),
        &["Recurrence*"],
    ),
    leave(&["Event"], Set("EndDateTime"), &["DurationInMinutes"]),
    leave(&["Lead"], Is("IsConverted", &["false"]), &["Converted*"]),
];

/// Object, field and why it stays as it is.
pub(super) const FIELDS: &[(&str, &str, &str)] = &[
    ("Lead", "IsConverted", "a converted lead stays converted"),
    ("Lead", "Converted*", "a converted lead stays converted"),
    (
        "Account",
        "IsPersonAccount",
        "an account becomes a person by its record type",
    ),
    (
        "Order",
        "Status*",
        "an order that was activated is not activated again by an update of its code",
    ),
    (
        "*",
        "MasterRecordId",
        "a merge is undone by bringing back the row and its children",
    ),
    ("Task", "IsArchived", "the platform archives activities"),
    ("Event", "IsArchived", "the platform archives activities"),
];
