//! What `SetupAuditTrail` says about a component.
//!
//! Rows are text in the language of the org, with an action code. A row speaks of
//! a component when it names it, by full name, by its own name or by its label,
//! and either its words or its code say the type. Codes and texts differ between
//! types and releases, so they are matched by the fragments below, held as data.

use std::collections::HashMap;

use crate::model::{Author, ComponentKey, Stamp, Timestamp};

/// One row of the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// When.
    pub at: Timestamp,
    /// Code, such as `createdcf`.
    pub action: String,
    /// Section of Setup, such as `Customize Accounts`.
    pub section: String,
    /// What was done, in words.
    pub display: String,
    /// Who did it.
    pub by: Author,
    /// The user who was logged in as `by`.
    pub delegate: Option<String>,
}

/// The rows of a span of time, indexed.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    rows: Vec<Row>,
    by_word: HashMap<String, Vec<usize>>,
}

#[derive(Clone, Debug)]
struct Row {
    full: AuditRow,
    /// Display without markup, lower case.
    display: String,
    /// Action and section, lower case.
    rest: String,
    is_deletion: bool,
}

/// Words of a type in `Display` and `Section`, and fragments of its action codes.
///
/// Source: Salesforce Help, "Monitor Setup Changes with Setup Audit Trail";
/// `api.md` §5 for the codes; a type that is missing here goes by its own name.
const WORDS: &[(&str, &[&str], &[&str])] = &[
    ("ApexClass", &["apex class", "apex code"], &["apexclass"]),
    (
        "ApexComponent",
        &["visualforce component", "apex component"],
        &["apexcomponent"],
    ),
    (
        "ApexPage",
        &["visualforce page", "apex page", " page "],
        &["apexpage"],
    ),
    ("ApexTrigger", &["trigger"], &["trigger"]),
    (
        "AssignmentRule",
        &["assignment rule"],
        &["assignmentrule", "asrule"],
    ),
    (
        "AuraDefinitionBundle",
        &["lightning component", "aura"],
        &["aura", "lightningcomponent"],
    ),
    (
        "BusinessProcess",
        &["process", "sales process"],
        &["businessprocess"],
    ),
    ("CompactLayout", &["compact layout"], &["compactlayout"]),
    ("ConnectedApp", &["connected app"], &["connectedapp"]),
    (
        "CustomApplication",
        &["app ", "application"],
        &["customapp", "tabset"],
    ),
    ("CustomField", &["field"], &["cf", "field"]),
    ("CustomLabel", &["label"], &["label"]),
    (
        "CustomMetadata",
        &["custom metadata"],
        &["custommetadata", "mdt"],
    ),
    (
        "CustomObject",
        &["object", "custom setting", "platform event"],
        &["object", "customent"],
    ),
    (
        "CustomPermission",
        &["custom permission"],
        &["custompermission"],
    ),
    ("CustomTab", &["tab"], &["tab"]),
    ("Dashboard", &["dashboard"], &["dashboard"]),
    (
        "EmailTemplate",
        &["email template", "template"],
        &["emailtemplate", "template"],
    ),
    ("FieldSet", &["field set"], &["fieldset"]),
    (
        "FlexiPage",
        &["lightning page", "lightning record page", "flexipage"],
        &["flexipage"],
    ),
    ("Flow", &["flow", "process"], &["flow", "interaction"]),
    (
        "GlobalValueSet",
        &["global value set", "picklist value set"],
        &["globalpicklist", "globalvalueset"],
    ),
    ("Layout", &["layout"], &["layout"]),
    (
        "LightningComponentBundle",
        &["lightning web component", "lightning component"],
        &["lwc", "lightningcomponent"],
    ),
    ("ListView", &["list view"], &["listview"]),
    (
        "NamedCredential",
        &["named credential"],
        &["namedcredential"],
    ),
    (
        "PermissionSet",
        &["permission set"],
        &["permset", "permissionset"],
    ),
    (
        "PermissionSetGroup",
        &["permission set group"],
        &["permsetgroup", "permissionsetgroup"],
    ),
    ("Profile", &["profile"], &["profile"]),
    ("Queue", &["queue"], &["queue"]),
    ("QuickAction", &["action"], &["quickaction"]),
    ("RecordType", &["record type"], &["recordtype"]),
    (
        "RemoteSiteSetting",
        &["remote site", "remote access"],
        &["remotesite", "remoteproxy"],
    ),
    ("Report", &["report"], &["report"]),
    ("ReportType", &["report type"], &["reporttype"]),
    ("Role", &["role"], &["role"]),
    ("StaticResource", &["static resource"], &["staticresource"]),
    ("ValidationRule", &["validation"], &["validation"]),
    (
        "WebLink",
        &["link", "button"],
        &["weblink", "customlink", "button"],
    ),
    (
        "WorkflowAlert",
        &["email alert", "workflow alert"],
        &["wfalert", "workflowalert"],
    ),
    ("WorkflowFieldUpdate", &["field update"], &["fieldupdate"]),
    (
        "WorkflowRule",
        &["workflow rule"],
        &["wfrule", "workflowrule"],
    ),
];

/// Fragments of codes and words by which a row is one of a deletion.
const DELETED: &[&str] = &["delete", "removed", "uninstall", "erased", "purged"];

/// Fragments that look like those and are the opposite.
const NOT_DELETED: &[&str] = &["undelete"];

impl Trail {
    /// Indexes the rows of a span of time, in any order.
    #[must_use]
    pub fn new(rows: impl IntoIterator<Item = AuditRow>) -> Self {
        let mut this = Self::default();
        for row in rows {
            let display = plain(&row.display);
            let rest = format!("{} {}", row.action, row.section).to_lowercase();
            let says = |words: &[&str]| {
                words
                    .iter()
                    .any(|it| display.contains(it) || rest.contains(it))
            };
            let is_deletion = says(DELETED) && !says(NOT_DELETED);
            let at = this.rows.len();
            for word in words_of(&display) {
                let rows = this.by_word.entry(word.to_owned()).or_default();
                if rows.last() != Some(&at) {
                    rows.push(at);
                }
            }
            this.rows.push(Row {
                full: row,
                display,
                rest,
                is_deletion,
            });
        }
        this
    }

    /// The row that tells who deleted `key`: the best match, the latest of equals.
    #[must_use]
    pub fn deletion_of(&self, key: &ComponentKey, label: Option<&str>) -> Option<&AuditRow> {
        self.best(key, label, true)
    }

    /// The row that tells who changed `key` last.
    #[must_use]
    pub fn change_of(&self, key: &ComponentKey, label: Option<&str>) -> Option<&AuditRow> {
        self.best(key, label, false)
    }

    /// All rows that speak of a change of `key`.
    pub fn changes_of(
        &self,
        key: &ComponentKey,
        label: Option<&str>,
    ) -> impl Iterator<Item = &AuditRow> {
        let hits = self.matches(key, label, false);
        hits.into_iter().map(|(_, at)| &self.rows[at].full)
    }

    /// Who was logged in as the author of a change, by a row of the same time.
    #[must_use]
    pub fn delegate_of(&self, stamp: &Stamp) -> Option<String> {
        let near = |at: Timestamp| at.since(stamp.at).max(stamp.at.since(at)).as_secs() <= 5;
        let mut rows = self.rows.iter().map(|it| &it.full);
        let row =
            rows.find(|it| it.delegate.is_some() && it.by.id == stamp.by.id && near(it.at))?;
        row.delegate.clone()
    }

    fn best(&self, key: &ComponentKey, label: Option<&str>, deletion: bool) -> Option<&AuditRow> {
        let hits = self.matches(key, label, deletion);
        let best = hits
            .into_iter()
            .max_by_key(|(score, at)| (*score, self.rows[*at].full.at))?;
        Some(&self.rows[best.1].full)
    }

    fn matches(
        &self,
        key: &ComponentKey,
        label: Option<&str>,
        deletion: bool,
    ) -> Vec<(u32, usize)> {
        let needles = Needles::of(key, label);
        let mut candidates: Vec<usize> = needles
            .names
            .iter()
            .filter_map(|(name, _)| words_of(name).next())
            .filter_map(|it| self.by_word.get(it))
            .flatten()
            .copied()
            .filter(|at| self.rows[*at].is_deletion == deletion)
            .collect();
        candidates.sort_unstable();
        candidates.dedup();
        candidates
            .into_iter()
            .filter_map(|at| Some((needles.score(&self.rows[at])?, at)))
            .collect()
    }
}

/// Display text without tags and quotes, lower case.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_tag = false;
    for it in text.chars() {
        match it {
            '<' => in_tag = true,
            '>' => in_tag = false,
            _ if in_tag => (),
            other => out.extend(other.to_lowercase()),
        }
    }
    out
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|it: char| !it.is_alphanumeric() && it != '_')
        .filter(|it| !it.is_empty())
}

/// What a row has to say to speak of one component.
struct Needles {
    /// Names with their weight, best first, lower case.
    names: Vec<(String, u32)>,
    /// The object or folder it stands in, lower case.
    parent: Option<String>,
    words: Vec<String>,
    codes: Vec<String>,
}

impl Needles {
    fn of(key: &ComponentKey, label: Option<&str>) -> Self {
        let full = key.name.decoded().to_lowercase();
        let (parent, own) = match key.type_name.as_str() {
            "Layout" => full.split_once('-').map(|(it, own)| (Some(it), own)),
            _ => full
                .rsplit_once('/')
                .or_else(|| full.split_once('.'))
                .map(|(it, own)| (Some(it), own)),
        }
        .unwrap_or((None, &full));
        let mut names = vec![(full.clone(), 6), (own.to_owned(), 4)];
        // The audit trail leaves the suffix out as often as not.
        if let Some(bare) = own.strip_suffix("__c") {
            names.push((bare.to_owned(), 2));
        }
        if let Some(label) = label.map(str::to_lowercase).filter(|it| !it.is_empty()) {
            names.push((label, 3));
        }
        names.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        let of = key.type_name.as_str();
        let known = WORDS.iter().find(|(it, ..)| *it == of);
        let (words, codes) = known.map_or_else(
            || (vec![spaced(of)], vec![of.to_lowercase()]),
            |(_, words, codes)| {
                let owned = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect();
                (owned(words), owned(codes))
            },
        );
        Self {
            parent: parent.map(str::to_owned),
            names,
            words,
            codes,
        }
    }

    /// How well a row speaks of the component; `None` where it does not.
    fn score(&self, row: &Row) -> Option<u32> {
        let (text, weight) = self
            .names
            .iter()
            .find(|(name, _)| holds(&row.display, name))?;
        let says_type = self
            .words
            .iter()
            .any(|it| row.display.contains(it.as_str()));
        let codes_type = self.codes.iter().any(|it| row.rest.contains(it.as_str()));
        // A name that is no ordinary word speaks for itself.
        let is_qualified = text.contains(['.', '/']) || text.contains("__");
        if !says_type && !codes_type && !is_qualified {
            return None;
        }
        let mut score = weight * 4 + u32::from(says_type) * 2 + u32::from(codes_type);
        if let Some(parent) = &self.parent {
            // `Customize Accounts` is the section of `Account`.
            let bare = parent.strip_suffix("__c").unwrap_or(parent);
            if holds(&row.display, parent) || row.rest.contains(bare) || holds(&row.display, bare) {
                score += 8;
            }
        }
        Some(score)
    }
}

/// Whether `text` has `name` with no letter, digit or `_` before or behind it.
fn holds(text: &str, name: &str) -> bool {
    let is_inside = |it: Option<char>| it.is_some_and(|it| it.is_alphanumeric() || it == '_');
    !name.is_empty()
        && text.match_indices(name).any(|(at, _)| {
            !is_inside(text[..at].chars().next_back())
                && !is_inside(text[at + name.len()..].chars().next())
        })
}

/// `RemoteSiteSetting` as `remote site setting`.
fn spaced(type_name: &str) -> String {
    let mut out = String::new();
    for it in type_name.chars() {
        if it.is_ascii_uppercase() && !out.is_empty() {
            out.push(' ');
        }
        out.extend(it.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{at, author, key, stamp};

    fn row(by: &str, when: &str, action: &str, section: &str, display: &str) -> AuditRow {
        AuditRow {
            at: at(when),
            action: action.to_owned(),
            section: section.to_owned(),
            display: display.to_owned(),
            by: author(by),
            delegate: None,
        }
    }

    fn trail() -> Trail {
        let t = "2026-01-01T00:00:00Z";
        Trail::new([
            row(
                "Jane",
                t,
                "deletedcfText",
                "Customize Accounts",
                "Deleted custom field <b>Region</b> (Text)",
            ),
            row(
                "Omar",
                t,
                "deletedcfText",
                "Customize Contacts",
                "Deleted custom field <b>Region</b> (Text)",
            ),
            row(
                "Eve",
                t,
                "createdcfText",
                "Customize Accounts",
                "Created custom field Region (Text)",
            ),
            row(
                "Kim",
                t,
                "deletedApexClass",
                "Apex Class",
                "Deleted RegionService Apex Class code",
            ),
            row(
                "Lee",
                t,
                "deleteReport",
                "Reports",
                "Deleted report Pipeline",
            ),
            row(
                "Max",
                t,
                "changedLayout",
                "Customize Accounts",
                "Changed Account page layout Account Layout",
            ),
            row(
                "Max",
                "2026-01-02T00:00:00Z",
                "changedLayout",
                "Customize Accounts",
                "Changed Account page layout Account Layout",
            ),
            row(
                "Ann",
                t,
                "undeletedCF",
                "Customize Leads",
                "Undeleted custom field Score__c on Lead",
            ),
        ])
    }

    fn deleted_by(text: &str, label: Option<&str>) -> Option<String> {
        let trail = trail();
        trail
            .deletion_of(&key(text), label)
            .map(|it| it.by.name.clone())
    }

    #[test]
    fn deletion_is_found_by_name_type_and_section() {
        assert_eq!(
            deleted_by("CustomField:Account.Region__c", None).as_deref(),
            Some("Jane")
        );
        assert_eq!(
            deleted_by("CustomField:Contact.Region__c", None).as_deref(),
            Some("Omar")
        );
        assert_eq!(
            deleted_by("ApexClass:RegionService", None).as_deref(),
            Some("Kim")
        );
        assert_eq!(
            deleted_by("Report:Sales/Pipeline", None).as_deref(),
            Some("Lee")
        );
    }

    #[test]
    fn deletion_is_found_by_label_where_the_name_is_not_said() {
        assert_eq!(
            deleted_by("Report:Sales/Pipe_1", Some("Pipeline")).as_deref(),
            Some("Lee")
        );
    }

    #[test]
    fn nobody_is_blamed_for_a_like_name_another_type_or_an_undelete() {
        assert_eq!(deleted_by("CustomField:Account.Regions__c", None), None);
        assert_eq!(deleted_by("ApexClass:Region", None), None);
        assert_eq!(deleted_by("Flow:Pipeline", None), None);
        assert_eq!(deleted_by("CustomField:Lead.Score__c", None), None);
    }

    #[test]
    fn last_change_is_the_latest_row() {
        let trail = trail();
        let layout = key("Layout:Account-Account Layout");
        assert_eq!(
            trail.change_of(&layout, None).unwrap().at,
            at("2026-01-02T00:00:00Z")
        );
        assert_eq!(trail.changes_of(&layout, None).count(), 2);
    }

    #[test]
    fn user_logged_in_as_somebody_else_is_found_by_time() {
        let mut behind = row(
            "Jane",
            "2026-01-01T10:00:02Z",
            "changedFlow",
            "Flows",
            "Changed flow A",
        );
        behind.delegate = Some("admin@acme.com".to_owned());
        let trail = Trail::new([behind]);
        let of = |name, when| trail.delegate_of(&stamp(name, when));
        assert_eq!(
            of("Jane", "2026-01-01T10:00:00Z").as_deref(),
            Some("admin@acme.com")
        );
        assert_eq!(of("Jane", "2026-01-01T11:00:00Z"), None);
        assert_eq!(of("Omar", "2026-01-01T10:00:00Z"), None);
    }
}
