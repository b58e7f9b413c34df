//! Which of an org's components a snapshot keeps.
//!
//! The rules are those of `[metadata] include` and `exclude` in `orgkeep.toml`. A
//! rule is a type (`Flow`), a component or a pattern (`Report:Sales/*`), a folder
//! (`Report:Sales/`), or a namespace (`namespace:npsp`). Without `include`
//! everything is in scope; `exclude` wins over `include`.
//!
//! Invariant: what is left out has a reason, which the ledger shows.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::select::Glob;
use crate::model::{ComponentKey, RemoteComponent, TypeName};

/// One line of `include` or `exclude`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rule {
    text: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Namespace(Glob),
    Component { of: Glob, name: Glob },
}

/// A line that is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a rule: {reason}", text.escape_debug())]
pub struct InvalidRule {
    text: String,
    reason: &'static str,
}

impl InvalidRule {
    /// What a rule looks like.
    #[must_use]
    pub fn hint(&self) -> String {
        "write a type (`Flow`), a pattern (`Report:Sales/*`), a folder (`Report:Sales/`) or `namespace:npsp`"
            .to_owned()
    }
}

/// What to do with components of installed managed packages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Managed {
    /// Keep what a subscriber can change, leave the bodies out.
    #[default]
    Editable,
    /// Keep everything that the org gives.
    All,
    /// Keep nothing of them.
    None,
}

/// The rules of one snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// What to keep; empty for everything.
    #[serde(default)]
    pub include: Vec<Rule>,
    /// What to leave out, also of what is included.
    #[serde(default)]
    pub exclude: Vec<Rule>,
    /// What to do with installed packages.
    #[serde(default)]
    pub managed: Managed,
}

/// Why a component is not kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skipped {
    /// No rule of `include` names it.
    NotIncluded,
    /// A rule of `exclude` names it.
    Excluded {
        /// The rule as written.
        rule: String,
    },
    /// It is the body of an installed managed package, which nobody can change.
    ManagedBody {
        /// Namespace of the package.
        namespace: String,
    },
    /// `managed = "none"`, and it came with a package.
    Managed {
        /// Namespace of the package.
        namespace: String,
    },
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotIncluded => f.write_str("no `include` rule names it"),
            Self::Excluded { rule } => write!(f, "excluded by `{rule}`"),
            Self::ManagedBody { namespace } => {
                write!(f, "body of the installed package `{namespace}`")
            }
            Self::Managed { namespace } => write!(f, "part of the installed package `{namespace}`"),
        }
    }
}

/// Types whose installed components a subscriber can change at least in part.
///
/// Source: Second-Generation Managed Packaging Developer Guide, "Components
/// Available in Managed Packages" (subscriber-editable attributes); `field.md`
/// §2a 15. Bodies of code and of flows are not given out.
const SUBSCRIBER_EDITABLE: &[&str] = &[
    "BusinessProcess",
    "CompactLayout",
    "CustomApplication",
    "CustomField",
    "CustomLabel",
    "CustomLabels",
    "CustomMetadata",
    "CustomObject",
    "CustomObjectTranslation",
    "CustomTab",
    "Dashboard",
    "Document",
    "EmailTemplate",
    "FieldSet",
    "HomePageLayout",
    "Layout",
    "ListView",
    "NamedCredential",
    "Profile",
    "RecordType",
    "RemoteSiteSetting",
    "Report",
    "Settings",
    "SharingReason",
    "Translations",
    "ValidationRule",
    "WebLink",
    "Workflow",
    "WorkflowAlert",
    "WorkflowRule",
];

impl FromStr for Rule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let refuse = |reason| {
            Err(InvalidRule {
                text: text.to_owned(),
                reason,
            })
        };
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return refuse("it is empty");
        }
        let (of, name) = trimmed.split_once(':').unwrap_or((trimmed, "*"));
        if name.is_empty() {
            return refuse("nothing follows the colon");
        }
        let kind = if of.eq_ignore_ascii_case("namespace") {
            Kind::Namespace(Glob::new(name))
        } else {
            let is_type = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '*' | '?');
            if !of.chars().all(is_type) {
                return refuse("it does not begin with a metadata type");
            }
            // A folder is itself in the rule, and so is what stands in it.
            let name = match name.strip_suffix('/') {
                Some(folder) => Glob::new(&format!("{folder}/*")),
                None => Glob::new(name),
            };
            Kind::Component {
                of: Glob::new(of),
                name,
            }
        };
        Ok(Self {
            text: trimmed.to_owned(),
            kind,
        })
    }
}

impl TryFrom<String> for Rule {
    type Error = InvalidRule;

    fn try_from(text: String) -> Result<Self, InvalidRule> {
        text.parse()
    }
}

impl From<Rule> for String {
    fn from(it: Rule) -> String {
        it.text
    }
}

impl Rule {
    fn names(&self, key: &ComponentKey, namespace: Option<&str>) -> bool {
        match &self.kind {
            Kind::Namespace(pattern) => namespace.is_some_and(|it| pattern.matches(it)),
            Kind::Component { of, name } => {
                let fits = |it: &str| name.matches(it) || is_folder(name, it);
                of.matches(key.type_name.as_str())
                    && (fits(key.name.as_str()) || fits(&key.name.decoded()))
            }
        }
    }

    /// Whether it names each component of a type.
    fn names_all_of(&self, type_name: &TypeName) -> bool {
        match &self.kind {
            Kind::Namespace(_) => false,
            Kind::Component { of, name } => name.as_str() == "*" && of.matches(type_name.as_str()),
        }
    }

    /// Whether it may name some component of a type.
    fn may_name(&self, type_name: &TypeName) -> bool {
        match &self.kind {
            Kind::Namespace(_) => true,
            Kind::Component { of, .. } => of.matches(type_name.as_str()),
        }
    }
}

/// Whether the pattern `Sales/*` stands for the folder `name` and what is in it.
fn is_folder(pattern: &Glob, name: &str) -> bool {
    pattern
        .as_str()
        .strip_suffix("/*")
        .is_some_and(|folder| Glob::new(folder).matches(name))
}

impl Scope {
    /// Why `component` is left out; `None` where it is in scope.
    ///
    /// `parent` is the component that a child such as a field belongs to: a rule
    /// that names the parent names its children. What is installed is known by its
    /// version always, whatever `managed` says.
    #[must_use]
    pub fn skips(
        &self,
        component: &RemoteComponent,
        parent: Option<&ComponentKey>,
    ) -> Option<Skipped> {
        let namespace = component.namespace.as_deref();
        if let Some(skipped) = self.skips_key(&component.key, parent, namespace) {
            return Some(skipped);
        }
        let namespace = namespace?;
        if component.key.type_name.as_str() == "InstalledPackage" {
            return None;
        }
        let asked_for = self.include.iter().any(|it| {
            matches!(it.kind, Kind::Namespace(_)) && it.names(&component.key, Some(namespace))
        });
        match self.managed {
            Managed::None => Some(Skipped::Managed {
                namespace: namespace.to_owned(),
            }),
            Managed::Editable if !asked_for && is_fixed_body(component) => {
                Some(Skipped::ManagedBody {
                    namespace: namespace.to_owned(),
                })
            }
            Managed::All | Managed::Editable => None,
        }
    }

    /// The same for a component of which only the name is known.
    ///
    /// Knows nothing of managed bodies.
    #[must_use]
    pub fn skips_key(
        &self,
        key: &ComponentKey,
        parent: Option<&ComponentKey>,
        namespace: Option<&str>,
    ) -> Option<Skipped> {
        let named_by = |rule: &&Rule| {
            rule.names(key, namespace) || parent.is_some_and(|it| rule.names(it, namespace))
        };
        if let Some(rule) = self.exclude.iter().find(named_by) {
            return Some(Skipped::Excluded {
                rule: rule.text.clone(),
            });
        }
        let included = self.include.is_empty() || self.include.iter().any(|it| named_by(&it));
        (!included).then_some(Skipped::NotIncluded)
    }

    /// Whether components of a type can be in scope, so that it has to be listed.
    ///
    /// `parent` is the type that a child type such as `CustomField` belongs to.
    #[must_use]
    pub fn may_hold(&self, type_name: &TypeName, parent: Option<&TypeName>) -> bool {
        let all_out = |it: &TypeName| self.exclude.iter().any(|rule| rule.names_all_of(it));
        if all_out(type_name) || parent.is_some_and(all_out) {
            return false;
        }
        self.include.is_empty()
            || self.include.iter().any(|it| {
                it.may_name(type_name) || parent.is_some_and(|parent| it.may_name(parent))
            })
    }

    /// Whether each component of a type is in scope, installed bodies apart.
    #[must_use]
    pub fn holds_all_of(&self, type_name: &TypeName, parent: Option<&TypeName>) -> bool {
        let untouched =
            |rule: &Rule| !rule.may_name(type_name) && !parent.is_some_and(|it| rule.may_name(it));
        let all_in = |rule: &Rule| {
            rule.names_all_of(type_name) || parent.is_some_and(|it| rule.names_all_of(it))
        };
        self.exclude.iter().all(untouched)
            && (self.include.is_empty() || self.include.iter().any(all_in))
    }
}

fn is_fixed_body(component: &RemoteComponent) -> bool {
    let editable_state = matches!(
        component.manageable_state.as_deref(),
        Some("installedEditable" | "deprecatedEditable")
    );
    component.is_installed()
        && !editable_state
        && !SUBSCRIBER_EDITABLE.contains(&component.key.type_name.as_str())
}

/// What a change of the rules does to components that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeChange {
    /// Components that come into scope.
    pub entered: BTreeSet<ComponentKey>,
    /// Components that leave it, which is not a deletion.
    pub left: BTreeSet<ComponentKey>,
}

impl ScopeChange {
    /// Whether nothing moved.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entered.is_empty() && self.left.is_empty()
    }
}

/// Compares two scopes over the components of an org.
///
/// `components` come with the parent of those that have one.
pub fn compare<'a>(
    before: &Scope,
    after: &Scope,
    components: impl IntoIterator<Item = (&'a RemoteComponent, Option<&'a ComponentKey>)>,
) -> ScopeChange {
    let mut change = ScopeChange::default();
    for (component, parent) in components {
        let was_in = before.skips(component, parent).is_none();
        let is_in = after.skips(component, parent).is_none();
        match (was_in, is_in) {
            (false, true) => change.entered.insert(component.key.clone()),
            (true, false) => change.left.insert(component.key.clone()),
            _ => false,
        };
    }
    change
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::remote;

    fn scope(include: &[&str], exclude: &[&str]) -> Scope {
        let rules = |lines: &[&str]| lines.iter().map(|it| it.parse().unwrap()).collect();
        Scope {
            include: rules(include),
            exclude: rules(exclude),
            managed: Managed::Editable,
        }
    }

    fn installed(key: &str) -> RemoteComponent {
        RemoteComponent {
            namespace: Some("npsp".to_owned()),
            manageable_state: Some("installed".to_owned()),
            ..remote(key)
        }
    }

    #[test]
    fn everything_is_in_scope_without_rules() {
        assert_eq!(scope(&[], &[]).skips(&remote("Flow:A"), None), None);
    }

    #[test]
    fn exclude_wins_over_include_and_says_which_rule() {
        let scope = scope(&["Report"], &["Report:Private/"]);
        assert_eq!(scope.skips(&remote("Report:Sales/Won"), None), None);
        for inside in ["Report:Private/X", "Report:Private/Sub/X", "Report:Private"] {
            assert_eq!(
                scope.skips(&remote(inside), None).unwrap().to_string(),
                "excluded by `Report:Private/`"
            );
        }
        assert_eq!(scope.skips(&remote("Report:Private2/X"), None), None);
        assert_eq!(
            scope.skips(&remote("Flow:A"), None),
            Some(Skipped::NotIncluded)
        );
    }

    #[test]
    fn rule_for_a_parent_is_one_for_its_children() {
        let parent: ComponentKey = "CustomObject:Account".parse().unwrap();
        let field = remote("CustomField:Account.Region__c");
        assert!(
            scope(&[], &["CustomObject:Account"])
                .skips(&field, Some(&parent))
                .is_some()
        );
        assert_eq!(
            scope(&["CustomObject"], &[]).skips(&field, Some(&parent)),
            None
        );
        assert_eq!(
            scope(&["CustomField:Account.*"], &[]).skips(&field, Some(&parent)),
            None
        );
    }

    #[test]
    fn installed_bodies_stay_out_and_what_a_subscriber_edits_stays_in() {
        let scope = scope(&[], &[]);
        assert_eq!(
            scope
                .skips(&installed("ApexClass:npsp__Util"), None)
                .unwrap()
                .to_string(),
            "body of the installed package `npsp`"
        );
        assert_eq!(
            scope.skips(&installed("Layout:Account-npsp__Account"), None),
            None
        );
        assert_eq!(scope.skips(&installed("InstalledPackage:npsp"), None), None);
        let mut editable = installed("Flow:npsp__Template");
        editable.manageable_state = Some("installedEditable".to_owned());
        assert_eq!(scope.skips(&editable, None), None);
        let all = Scope {
            managed: Managed::All,
            ..scope.clone()
        };
        assert_eq!(all.skips(&installed("ApexClass:npsp__Util"), None), None);
        let none = Scope {
            managed: Managed::None,
            ..scope
        };
        assert!(
            none.skips(&installed("Layout:Account-npsp__Account"), None)
                .is_some()
        );
        assert_eq!(none.skips(&installed("InstalledPackage:npsp"), None), None);
    }

    #[test]
    fn namespace_rule_takes_out_or_asks_for_a_package() {
        let out = scope(&[], &["namespace:npsp"]);
        assert!(
            out.skips(&installed("Layout:Account-npsp__Account"), None)
                .is_some()
        );
        let wanted = scope(&["*", "namespace:npsp"], &[]);
        assert_eq!(wanted.skips(&installed("ApexClass:npsp__Util"), None), None);
    }

    #[test]
    fn type_that_cannot_hold_anything_is_not_listed() {
        let flow = TypeName::known("Flow");
        let field = TypeName::known("CustomField");
        let object = TypeName::known("CustomObject");
        assert!(!scope(&[], &["Flow"]).may_hold(&flow, None));
        assert!(scope(&[], &["Flow:Old*"]).may_hold(&flow, None));
        assert!(!scope(&["Report"], &[]).may_hold(&flow, None));
        assert!(scope(&["CustomObject"], &[]).may_hold(&field, Some(&object)));
        assert!(scope(&[], &[]).holds_all_of(&flow, None));
        assert!(!scope(&[], &["Flow:Old*"]).holds_all_of(&flow, None));
        assert!(!scope(&["Flow:New*"], &[]).holds_all_of(&flow, None));
        assert!(!scope(&[], &["namespace:npsp"]).holds_all_of(&flow, None));
    }

    #[test]
    fn widening_the_scope_only_lets_in() {
        let components = [remote("Flow:A"), remote("Report:S/A")];
        let listed = components.iter().map(|it| (it, None));
        let change = compare(&scope(&["Flow"], &[]), &scope(&[], &[]), listed);
        assert_eq!(
            change.entered,
            BTreeSet::from(["Report:S/A".parse().unwrap()])
        );
        assert!(change.left.is_empty());
    }

    #[test]
    fn rule_that_is_none_is_refused_with_its_text() {
        let err = "force-app/x:y".parse::<Rule>().unwrap_err();
        assert_eq!(
            err.to_string(),
            "`force-app/x:y` is not a rule: it does not begin with a metadata type"
        );
        assert!(" ".parse::<Rule>().is_err());
        assert!("Flow:".parse::<Rule>().is_err());
    }
}
