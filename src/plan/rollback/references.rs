//! How other components spell a reference to one.
//!
//! A deleted component takes what refers to it along: permissions, layout items,
//! columns, filters. Which elements those were is found by comparing the documents
//! and asking of each lost element whether it names the component, by the
//! spellings held here as data.

use crate::model::ComponentKey;
use crate::model::component::percent_decoded;
use crate::xml::Element;

/// Elements whose text names a component of a type, in whatever document.
///
/// Source: Metadata API 66.0 WSDL; the fixture company and public projects.
const NAMED_BY: &[(&str, &[&str])] = &[
    (
        "ApexClass",
        &[
            "apexClass",
            "controller",
            "extension",
            "handler",
            "entryStartMethod",
        ],
    ),
    ("ApexComponent", &["apexComponent"]),
    ("ApexPage", &["apexPage", "page", "pageName"]),
    (
        "AuraDefinitionBundle",
        &["componentName", "lightningComponent", "content"],
    ),
    ("Bot", &["agentName", "bot"]),
    ("BusinessProcess", &["businessProcess"]),
    (
        "CompactLayout",
        &["compactLayoutAssignment", "compactLayout"],
    ),
    ("CustomApplication", &["application", "app"]),
    ("CustomLabel", &["label"]),
    (
        "CustomPermission",
        &["name", "customPermission", "requiredPermission"],
    ),
    ("CustomTab", &["tab", "tabs", "defaultLandingTab"]),
    ("Dashboard", &["dashboard"]),
    ("EmailTemplate", &["template", "emailTemplate"]),
    ("ExternalDataSource", &["externalDataSource"]),
    ("FieldSet", &["fieldSet", "value"]),
    ("FlexiPage", &["content", "flexiPage", "pageName"]),
    ("Flow", &["flow", "flowName", "flowDefinition", "fullName"]),
    ("GlobalValueSet", &["valueSetName"]),
    ("Group", &["group", "groups"]),
    ("Layout", &["layout", "targetRecordTypeLayout"]),
    (
        "LightningComponentBundle",
        &["componentName", "lightningWebComponent"],
    ),
    ("ListView", &["listView", "filterName", "value"]),
    (
        "PermissionSet",
        &["permissionSets", "permissionSet", "mutingPermissionSets"],
    ),
    ("Profile", &["profile", "profiles", "profileName"]),
    ("Queue", &["queue", "queues", "assignedTo"]),
    (
        "QuickAction",
        &[
            "quickActionName",
            "actionName",
            "quickAction",
            "name",
            "value",
        ],
    ),
    (
        "RecordType",
        &[
            "recordType",
            "recordTypes",
            "targetRecordType",
            "value",
            "name",
        ],
    ),
    ("Report", &["report", "reportName", "sourceReport"]),
    ("ReportType", &["reportType"]),
    (
        "Role",
        &["role", "roles", "roleAndSubordinates", "parentRole"],
    ),
    ("SharingReason", &["name", "sharingReason"]),
    ("StaticResource", &["resource", "logo", "value"]),
    ("ValidationRule", &["name", "validationRule"]),
    (
        "WebLink",
        &[
            "customButtons",
            "quickLinks",
            "excludedButtons",
            "name",
            "webLink",
            "listViewButtons",
            "searchResultsCustomButtons",
        ],
    ),
    ("WorkflowAlert", &["name"]),
    ("WorkflowFieldUpdate", &["name"]),
    ("WorkflowTask", &["name"]),
];

/// Types whose components other files name by their own name when they belong to the same object.
const IN_OBJECT: &[&str] = &[
    "CompactLayout",
    "FieldSet",
    "ListView",
    "QuickAction",
    "RecordType",
    "SharingReason",
    "ValidationRule",
    "WebLink",
    "WorkflowAlert",
    "WorkflowFieldUpdate",
    "WorkflowTask",
];

/// How one component is named elsewhere.
#[derive(Clone, Debug)]
pub struct References {
    of: String,
    full: String,
    object: Option<String>,
    own: String,
    elements: &'static [&'static str],
}

/// The document in which a reference is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    /// The component whose document it is.
    pub key: &'a ComponentKey,
    /// Its root.
    pub root: &'a Element,
}

impl Container<'_> {
    /// The object that the container belongs to, lower case.
    fn object(&self) -> Option<String> {
        let name = self.key.name.decoded();
        let object = match self.key.type_name.as_str() {
            "CustomObject" | "Workflow" | "SharingRules" | "AssignmentRules" => name.as_ref(),
            "Layout" => name.split_once('-')?.0,
            "CustomObjectTranslation" | "CustomFieldTranslation" => {
                return name.split(['-', '.']).next().map(str::to_lowercase);
            }
            "FlexiPage" => {
                return self
                    .root
                    .child_text("sobjectType")
                    .map(|it| it.to_lowercase());
            }
            _ => name.split_once('.')?.0,
        };
        Some(object.to_lowercase())
    }

    /// Whether names in it can belong to any object: `Account$Region__c`.
    fn is_report(&self) -> bool {
        matches!(
            self.key.type_name.as_str(),
            "Report" | "ReportType" | "Dashboard" | "AnalyticSnapshot"
        )
    }
}

impl References {
    /// The references to `key`.
    #[must_use]
    pub fn to(key: &ComponentKey) -> Self {
        let full = key.name.decoded().to_lowercase();
        let of = key.type_name.as_str();
        let elements = NAMED_BY
            .iter()
            .find(|(it, _)| *it == of)
            .map_or(&[][..], |(_, elements)| *elements);
        let (object, own) = match full.split_once('.') {
            Some((object, own)) if of == "CustomField" || IN_OBJECT.contains(&of) => {
                (Some(object.to_owned()), own.to_owned())
            }
            _ => (None, full.clone()),
        };
        Self {
            of: of.to_owned(),
            full,
            object,
            own,
            elements,
        }
    }

    /// Whether `element`, or anything in it, names the component.
    #[must_use]
    pub fn are_in(&self, element: &Element, container: &Container<'_>) -> bool {
        let object = container.object();
        let mut ahead = vec![element];
        while let Some(it) = ahead.pop() {
            if it.has_elements() {
                ahead.extend(it.elements());
            } else {
                let text = it.text();
                let text = percent_decoded(text.trim()).to_lowercase();
                if self.is_named_by(it.local_name(), &text, object.as_deref(), container) {
                    return true;
                }
            }
        }
        false
    }

    fn is_named_by(
        &self,
        element: &str,
        text: &str,
        object: Option<&str>,
        container: &Container<'_>,
    ) -> bool {
        match self.of.as_str() {
            "CustomField" => self.is_field(text, object, container),
            "CustomObject" => self.is_object(element, text),
            "LightningComponentBundle" | "AuraDefinitionBundle" => {
                self.elements.contains(&element)
                    && (text == self.full || text.strip_prefix("c:") == Some(&self.full))
            }
            _ if !self.elements.contains(&element) => false,
            _ if text == self.full => true,
            _ => {
                let in_object = self.object.as_deref().is_some_and(|it| Some(it) == object);
                in_object && text == self.own
            }
        }
    }

    /// `Region__c` in an account's file, `Account.Region__c`, `Account$Region__c`, `Region__r.Name`.
    fn is_field(&self, text: &str, object: Option<&str>, container: &Container<'_>) -> bool {
        let owner = self.object.as_deref().unwrap_or_default();
        let relation = self.own.strip_suffix("__c").map(|it| format!("{it}__r."));
        let is_own = |text: &str| {
            text == self.own || relation.as_deref().is_some_and(|it| text.starts_with(it))
        };
        if object == Some(owner) && is_own(text.strip_prefix("record.").unwrap_or(text)) {
            return true;
        }
        let Some((before, rest)) = text.split_once(['.', '$']) else {
            return false;
        };
        if before == owner && is_own(rest) {
            return true;
        }
        // Columns over a relationship: `Account.Opportunities$Amount__c`.
        container.is_report() && text.rsplit(['.', '$']).next() == Some(&self.own)
    }

    fn is_object(&self, element: &str, text: &str) -> bool {
        let stands_alone = text == self.full || text.strip_prefix("standard-") == Some(&self.full);
        let is_listed = matches!(
            element,
            "object"
                | "name"
                | "tab"
                | "tabs"
                | "sobjectType"
                | "referenceTo"
                | "table"
                | "pageOrSobjectType"
                | "customObject"
                | "customObjects"
                | "baseObject"
                | "targetObject"
                | "fullName"
                | "relatedList"
        );
        let has_part = text
            .strip_prefix(self.full.as_str())
            .is_some_and(|rest| rest.starts_with(['.', '$', '-']));
        (stands_alone && is_listed) || has_part
    }
}

/// Whether components of its own may go when `lost` does.
#[must_use]
pub fn may_take_along(lost: &ComponentKey) -> bool {
    matches!(lost.type_name.as_str(), "CustomObject" | "CustomField")
}

/// Whether a component goes when `lost` does, by its name alone.
///
/// Its own children, the layouts, the tab, the translations and the rules of an object.
#[must_use]
pub fn goes_with(key: &ComponentKey, lost: &ComponentKey) -> bool {
    if lost.type_name.as_str() == "CustomField"
        && key.type_name.as_str() != "CustomFieldTranslation"
    {
        return false;
    }
    let name = key.name.decoded().to_lowercase();
    let of = lost.name.decoded().to_lowercase();
    let begins = |ends: &[char]| {
        name.strip_prefix(&of)
            .is_some_and(|rest| rest.starts_with(ends))
    };
    match (lost.type_name.as_str(), key.type_name.as_str()) {
        ("CustomObject", "CustomTab" | "Workflow" | "SharingRules" | "AssignmentRules") => {
            name == of
        }
        ("CustomObject", "Layout" | "CustomObjectTranslation" | "CustomFieldTranslation") => {
            begins(&['-'])
        }
        ("CustomObject", _) => begins(&['.']),
        ("CustomField", "CustomFieldTranslation") => {
            let field = of.split_once('.');
            field.is_some_and(|(object, field)| {
                name.starts_with(&format!("{object}-"))
                    && (name.ends_with(&format!(".{field}"))
                        || name.ends_with(&format!("-{field}")))
            })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::key;
    use crate::xml;

    fn named(target: &str, container: &str, element: &str) -> bool {
        let root = xml::parse(format!("<X>{element}</X>").as_bytes())
            .unwrap()
            .root;
        let container = key(container);
        let container = Container {
            key: &container,
            root: &root,
        };
        References::to(&key(target)).are_in(root.elements().next().unwrap(), &container)
    }

    #[test]
    fn field_is_named_by_itself_in_its_object_and_with_it_elsewhere() {
        let field = "CustomField:Account.Region__c";
        for (container, element) in [
            (
                "Layout:Account-Sales",
                "<layoutItems><field>Region__c</field></layoutItems>",
            ),
            ("ListView:Account.All", "<columns>Region__c</columns>"),
            (
                "RecordType:Account.P",
                "<picklistValues><picklist>Region__c</picklist></picklistValues>",
            ),
            (
                "Profile:Admin",
                "<fieldPermissions><field>Account.Region__c</field></fieldPermissions>",
            ),
            (
                "Report:Sales/Won",
                "<columns><field>Account$Region__c</field></columns>",
            ),
            (
                "Report:Sales/Won",
                "<columns><field>Account.Region__c</field></columns>",
            ),
            (
                "CustomField:Contact.F__c",
                "<formula2>account.region__c</formula2>",
            ),
        ] {
            assert!(named(field, container, element), "{container} {element}");
        }
        for (container, element) in [
            (
                "Layout:Contact-Sales",
                "<layoutItems><field>Region__c</field></layoutItems>",
            ),
            (
                "Layout:Account-Sales",
                "<layoutItems><field>Region2__c</field></layoutItems>",
            ),
            (
                "Profile:Admin",
                "<fieldPermissions><field>Contact.Region__c</field></fieldPermissions>",
            ),
        ] {
            assert!(!named(field, container, element), "{container} {element}");
        }
    }

    #[test]
    fn other_things_are_named_by_their_own_elements_only() {
        assert!(named(
            "ApexClass:Util",
            "Profile:P",
            "<classAccesses><apexClass>Util</apexClass></classAccesses>"
        ));
        assert!(!named(
            "ApexClass:Util",
            "Profile:P",
            "<pageAccesses><apexPage>Util</apexPage></pageAccesses>"
        ));
        assert!(named(
            "Report:F/Won",
            "Dashboard:F/D",
            "<components><report>F/Won</report></components>"
        ));
        assert!(named(
            "Layout:Account-A %28S%29",
            "Profile:P",
            "<layoutAssignments><layout>Account-A (S)</layout></layoutAssignments>"
        ));
        assert!(named(
            "LightningComponentBundle:card",
            "FlexiPage:P",
            "<x><componentName>c:card</componentName></x>"
        ));
        assert!(named(
            "CustomObject:Visit__c",
            "Profile:P",
            "<objectPermissions><object>Visit__c</object></objectPermissions>"
        ));
        assert!(named(
            "CustomObject:Visit__c",
            "Profile:P",
            "<fieldPermissions><field>Visit__c.When__c</field></fieldPermissions>"
        ));
        assert!(!named(
            "CustomObject:Visit__c",
            "Profile:P",
            "<objectPermissions><object>Visit2__c</object></objectPermissions>"
        ));
    }

    #[test]
    fn what_belongs_to_an_object_goes_with_it() {
        let object = key("CustomObject:Visit__c");
        for it in [
            "CustomField:Visit__c.When__c",
            "Layout:Visit__c-Visit Layout",
            "CustomTab:Visit__c",
            "CustomObjectTranslation:Visit__c-de",
            "Workflow:Visit__c",
            "QuickAction:Visit__c.New",
        ] {
            assert!(goes_with(&key(it), &object), "{it}");
        }
        assert!(!goes_with(&key("CustomField:Visit2__c.When__c"), &object));
        assert!(!goes_with(&key("ApexClass:Visit__c"), &object));
    }
}
