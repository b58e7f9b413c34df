//! Standard value sets, and what their values mean.

use super::{super::custom::choice, Stage, maker::Maker};
use crate::{
    model::ComponentKey,
    simorg::soql::Choice,
    xml::{self, Element},
};

/// Stages of a new org: name, probability, forecast category.
///
/// Source: recorded describe of Opportunity and the stages of a Developer Edition.
pub(super) const STAGES: [(&str, u8, &str); 10] = [
    ("Prospecting", 10, "Pipeline"),
    ("Qualification", 10, "Pipeline"),
    ("Needs Analysis", 20, "Pipeline"),
    ("Value Proposition", 50, "Pipeline"),
    ("Id. Decision Makers", 60, "Pipeline"),
    ("Perception Analysis", 70, "Pipeline"),
    ("Proposal/Price Quote", 75, "Pipeline"),
    ("Negotiation/Review", 90, "Pipeline"),
    ("Closed Won", 100, "Closed"),
    ("Closed Lost", 0, "Omitted"),
];

/// Standard value sets and the fields that take their values.
///
/// Source: Metadata API Developer Guide, "`StandardValueSet` Names and Standard Picklist Fields".
const VALUE_SETS: [(&str, &[&str]); 22] = [
    ("AccountOwnership", &["Account.Ownership"]),
    ("AccountRating", &["Account.Rating", "Lead.Rating"]),
    ("AccountType", &["Account.Type"]),
    ("AssetStatus", &["Asset.Status"]),
    ("CampaignStatus", &["Campaign.Status"]),
    ("CampaignMemberStatus", &["CampaignMember.Status"]),
    ("CampaignType", &["Campaign.Type"]),
    ("CaseOrigin", &["Case.Origin"]),
    ("CasePriority", &["Case.Priority"]),
    ("CaseReason", &["Case.Reason"]),
    ("CaseStatus", &["Case.Status"]),
    ("CaseType", &["Case.Type"]),
    ("ContactRole", &["OpportunityContactRole.Role"]),
    ("ContractStatus", &["Contract.Status"]),
    ("EventSubject", &["Event.Subject"]),
    ("Industry", &["Account.Industry", "Lead.Industry"]),
    (
        "LeadSource",
        &[
            "Contact.LeadSource",
            "Lead.LeadSource",
            "Opportunity.LeadSource",
            "Account.AccountSource",
        ],
    ),
    ("LeadStatus", &["Lead.Status"]),
    ("OpportunityStage", &["Opportunity.StageName"]),
    ("OpportunityType", &["Opportunity.Type"]),
    ("TaskPriority", &["Task.Priority"]),
    ("TaskStatus", &["Task.Status"]),
];

impl Maker<'_> {
    /// Reads the standard value sets of the org.
    pub(super) fn value_sets(&mut self) {
        for (name, fields) in VALUE_SETS {
            let key = ComponentKey::parse("StandardValueSet", name).ok();
            let file = key.and_then(|it| self.org.metadata().get(&it)?.document());
            let Some(root) = file.and_then(|it| xml::parse(&it.content).ok()) else {
                continue;
            };
            let values: Vec<&Element> = root.root.elements_named("standardValue").collect();
            let choices: Vec<Choice> = values.iter().filter_map(|it| choice(it)).collect();
            for field in fields {
                self.values.insert(field, choices.clone());
            }
            let is = |it: &Element, name: &str| it.child_text(name).is_some_and(|it| it == "true");
            if name == "OpportunityStage" {
                self.stages = values
                    .iter()
                    .filter_map(|it| {
                        let number = it.child_text("probability");
                        let stage = Stage {
                            is_closed: is(it, "closed"),
                            is_won: is(it, "won"),
                            probability: number
                                .and_then(|it| it.trim().parse().ok())
                                .unwrap_or(0.0),
                            forecast: it.child_text("forecastCategory")?.into_owned(),
                        };
                        Some((choice(it)?.value.to_lowercase(), stage))
                    })
                    .collect();
            }
            let over = [
                ("CaseStatus", "Case"),
                ("TaskStatus", "Task"),
                ("LeadStatus", "Lead"),
            ];
            if let Some((_, object)) = over.iter().find(|it| it.0 == name) {
                let mark = if *object == "Lead" {
                    "converted"
                } else {
                    "closed"
                };
                let closed = values
                    .iter()
                    .filter(|it| is(it, mark))
                    .filter_map(|it| Some(choice(it)?.value));
                self.closed.insert(object, closed.collect());
            }
        }
    }

    /// Values of a global value set.
    pub(super) fn shared_values(&self, name: &str) -> Vec<Choice> {
        let key = ComponentKey::parse("GlobalValueSet", name).ok();
        let file = key.and_then(|it| self.org.metadata().get(&it)?.document());
        let Some(doc) = file.and_then(|it| xml::parse(&it.content).ok()) else {
            return Vec::new();
        };
        let values = doc.root.elements_named("customValue");
        values.filter_map(choice).collect()
    }
}
