//! What to do about the problems that the platform tells of a deploy.
//!
//! The messages are data. A pattern is found anywhere in a message; `*` stands for
//! any text, and `{1}` in the advice for what the first one stood for. The first
//! pattern that fits is taken, so the narrow ones stand first.
//!
//! Sources: recorded deploy results; Metadata API Developer Guide, `DeployMessage`;
//! the error texts that public deploy tools know.

/// Pattern and advice, in the imperative.
const ADVICE: &[(&str, &str)] = &[
    // Something that is named is not there.
    (
        "Dependent class is invalid and needs recompilation",
        "select the class that the message names as well, or mend it in the org first",
    ),
    (
        "no User named * found",
        "put another user in the place of `{1}`, or make that user active: users are not metadata",
    ),
    (
        "no * named * found",
        "select `{1}:{2}` as well so that it comes back too, or leave this one out with `--except`",
    ),
    (
        "Entity of type '*' named '*' cannot be found",
        "select `{1}:{2}` as well, or leave this one out with `--except`",
    ),
    (
        "A condition has a reference to *, which doesn't exist",
        "select what `{1}` names as well: the flow needs it",
    ),
    ("Cannot find folder:*", "select the folder `{1}` as well"),
    (
        "Picklist value: * in picklist: * not found",
        "select the field or value set of `{2}` as well: it lacks the value `{1}`",
    ),
    (
        "The global picklist cannot be resolved",
        "select the `GlobalValueSet` that the field uses as well",
    ),
    (
        "Unknown user permission: *",
        "the org has no permission `{1}` any more: put the profile or permission set back by hand without it",
    ),
    (
        "Variable does not exist: *",
        "select the field or class of `{1}` as well, if it was deleted too",
    ),
    (
        "Method does not exist or incorrect signature",
        "select the class that has the method as well: it was changed since",
    ),
    (
        "Invalid type: *",
        "select `{1}` as well: the class or object was deleted or renamed since",
    ),
    // Something else needs what is to go.
    (
        "is referenced elsewhere in salesforce.com",
        "take out first what the message names: `Where is this used?` in Setup lists every use",
    ),
    (
        "Cannot delete record type through API",
        "deactivate the record type, and delete it in Setup",
    ),
    (
        "Cannot delete a workflow object",
        "select the rules and actions of the workflow one by one",
    ),
    (
        "This schedulable class has jobs pending or in progress",
        "delete the class's jobs in Setup > Scheduled Jobs, and schedule it again afterwards",
    ),
    (
        "allowing deployments with Apex jobs",
        "allow deployments with Apex jobs in Setup > Deployment Settings, or delete the jobs",
    ),
    (
        "Before you change a matching rule, you must deactivate it",
        "deactivate the matching rule in Setup, and activate it again afterwards",
    ),
    (
        "insufficient access rights on cross-reference id",
        "check that the user may see what the component refers to; a flow may have paused interviews, which block it",
    ),
    (
        "invalid cross reference id",
        "the component refers by id to something that is gone: put it back by hand with the id of today",
    ),
    // What a field cannot become.
    (
        "Cannot change type due to existing data",
        "empty the field, or put it back by hand: records hold values that do not fit the old type",
    ),
    (
        "Cannot update a field from a Formula to something else",
        "delete the field and run the command again: a formula cannot become another type",
    ),
    (
        "Cannot update a field to a * from something else",
        "delete the field and run the command again: a field cannot become a {1}",
    ),
    (
        "You cannot deploy to a required field: *",
        "leave the permission on `{1}` out: everybody sees a required field",
    ),
    (
        "Required field is missing: *",
        "fill in `{1}` by hand: the snapshot has no value for it",
    ),
    (
        "Must specify a non-empty label for the CustomObject",
        "select the fields of the object instead of the object, which belongs to a package",
    ),
    (
        "duplicate value found",
        "delete or rename in the org what has the same name or value now",
    ),
    (
        "Duplicate label: *",
        "rename in the org what has the label `{1}` now",
    ),
    (
        "Field:*, value:* appears more than once",
        "take the second `{2}` out by hand: an older API version took it twice",
    ),
    (
        "Cannot rename standard profile",
        "leave the profile out with `--except`: its name is the platform's",
    ),
    (
        "Version of parent",
        "select the parent as well: it must be of the same version",
    ),
    (
        "field integrity exception",
        "select what the message names as well, or put the component back by hand",
    ),
    // Secrets and features.
    (
        "You cannot provide a Consumer Key",
        "put the connected app back by hand: the platform makes its key itself",
    ),
    (
        "The consumer key is already taken",
        "put the connected app back by hand: another one has its key",
    ),
    (
        "Not available for deploy for this API version",
        "put it back by hand: this API version cannot deploy it",
    ),
    (
        "Not available for deploy for this organization",
        "switch on the feature that it belongs to in Setup, or leave it out with `--except`",
    ),
    (
        "Entity of type '*' is not available in this organization",
        "switch on the feature that `{1}` belongs to in Setup, or leave it out with `--except`",
    ),
    (
        "invalid at this location in type *",
        "raise `api_version` in orgkeep.toml: the file is of a newer version of the API",
    ),
    // Tests.
    (
        "Average test coverage across all Apex Classes and Triggers is *%",
        "add tests in the org first, or name those that cover the classes with `--run-tests`",
    ),
    (
        "Test coverage of selected Apex * is *%",
        "name more of the tests of that class with `--run-tests`, or run all with `--test-level RunLocalTests`",
    ),
    (
        "No test class named * found",
        "name test classes that the org has, or that the plan puts back",
    ),
    // The deploy itself.
    (
        "rollbackOnError option must be true on a production org",
        "leave `--ignore-errors` out: a production org takes all or nothing",
    ),
    (
        "Maximum size of request reached",
        "select less at a time: the package is larger than the platform takes",
    ),
    (
        "Too many files in retrieve call",
        "select less at a time: the platform takes 10,000 files",
    ),
    (
        "Cannot specify the wild card and specific Settings entities together",
        "select single settings instead of all",
    ),
    (
        "was named in package.xml, but was not found in zipped directory",
        "report this as a bug of orgkeep",
    ),
    ("No package.xml found", "report this as a bug of orgkeep"),
    (
        "Unknown type name '*' specified in package.xml",
        "set `api_version` in orgkeep.toml to one that has `{1}`",
    ),
    (
        "No * named: * found",
        "nothing is to be done: it is gone already",
    ),
    (
        "INSUFFICIENT_ACCESS",
        "give the user `Modify Metadata Through Metadata API Functions`, and what the component itself needs",
    ),
    (
        "UNABLE_TO_LOCK_ROW",
        "run the command again: something else was changing the same records",
    ),
    (
        "ConcurrentRequests",
        "wait until the org's other long calls are through, and run the command again",
    ),
    (
        "TotalRequests Limit exceeded",
        "wait for the API allowance, which is counted over 24 hours",
    ),
    (
        "not supported in Bulk Query",
        "leave compound fields out of the query",
    ),
    (
        "is not supported by the Bulk API",
        "read the object with the REST API",
    ),
    (
        "Parent entity failed to deploy",
        "see to what is said of its parent first",
    ),
    // A fault inside the platform has no other words; part of the job may pass.
    (
        "An unexpected error occurred. Please include this ErrorId",
        "run the command again, or with fewer components: the platform failed inside",
    ),
];

/// What the user can do about a problem that the platform words so; `None` where we do not know.
#[must_use]
pub fn hint(problem: &str) -> Option<String> {
    ADVICE.iter().find_map(|(pattern, advice)| {
        let found = captures(pattern, problem)?;
        let mut text = (*advice).to_owned();
        for (n, it) in found.iter().enumerate() {
            text = text.replace(&format!("{{{}}}", n + 1), it);
        }
        Some(text)
    })
}

/// What each `*` of `pattern` stands for in `text`, which holds it somewhere.
fn captures<'t>(pattern: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let mut rest = &text[text.find(first)? + first.len()..];
    let mut found = Vec::new();
    for piece in pieces {
        if piece.is_empty() {
            // At the end of a pattern: to the end of the sentence or line.
            let end = rest.find(['\n', ';', ',']).unwrap_or(rest.len());
            found.push(rest[..end].trim().trim_end_matches('.'));
            return Some(found);
        }
        let at = rest.find(piece)?;
        found.push(rest[..at].trim());
        rest = &rest[at + piece.len()..];
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages as the platform words them.
    const MESSAGES: &[&str] = &[
        "Entity of type 'Layout' named 'A' cannot be found",
        "In field: field - no CustomField named Account.test__c found",
        "In field: recordType - no RecordType named Account.X found",
        "In field: template - no EmailTemplate named F/T found",
        "In field: QuickAction - no QuickAction named X found",
        "In field: apexClass - no ApexClass named X found",
        "In field: field - no CustomObject named X__c found",
        "In field: application - no CustomApplication named X found",
        "In field: caseOwner - no Queue named Q found",
        "In field: caseOwner - no User named joe@acme.example found",
        "This custom field is referenced elsewhere in salesforce.com. : Flow Version - 301x",
        "This apex class is referenced elsewhere in salesforce.com. Remove the usage and try again. : Apex Class - Foo",
        "Cannot delete record type through API",
        "This schedulable class has jobs pending or in progress",
        "You can bypass this error by allowing deployments with Apex jobs in the Deployment Settings page in Setup.",
        "Cannot change type due to existing data",
        "Cannot update a field from a Formula to something else",
        "Cannot update a field to a Summary from something else",
        "You cannot deploy to a required field: Account.X__c",
        "Required field is missing: label",
        "duplicate value found: <unknown> duplicates value on record with id: <unknown>",
        "Duplicate label: X",
        "Error parsing file: Element {http://soap.sforce.com/2006/04/metadata}foo invalid at this location in type CustomObject",
        "Invalid type: Foo",
        "Variable does not exist: x",
        "Method does not exist or incorrect signature: void f() from the type A",
        "Dependent class is invalid and needs recompilation:\n Class X : Invalid type: Y",
        "Cannot find folder:Sales",
        "Picklist value: Hot in picklist: Rating not found",
        "Unknown user permission: ManageHpi",
        "Field:region, value:North appears more than once",
        "The global picklist cannot be resolved",
        "An object 'X' of type ApexClass was named in package.xml, but was not found in zipped directory",
        "No package.xml found",
        "Not available for deploy for this organization",
        "Entity of type 'Territory2' is not available in this organization",
        "Unknown type name 'Foo' specified in package.xml",
        "insufficient access rights on cross-reference id",
        "invalid cross reference id",
        "field integrity exception: unknown (A condition has a reference to X, which doesn't exist.)",
        "Before you change a matching rule, you must deactivate it",
        "Cannot rename standard profile",
        "Version of parent class is too old",
        "UNKNOWN_EXCEPTION: An unexpected error occurred. Please include this ErrorId if you contact support: 1-2 (3)",
        "LIMIT_EXCEEDED: Too many files in retrieve call, limit is: 10000",
        "INSUFFICIENT_ACCESS: insufficient access rights on entity: Flow",
        "Cannot delete a workflow object; Workflow Rules and Actions must be deleted individually",
        "rollbackOnError option must be true on a production org",
        "You cannot provide a Consumer Key",
        "The consumer key is already taken",
        "Must specify a non-empty label for the CustomObject",
        "Not available for deploy for this API version",
        "Cannot specify the wild card and specific Settings entities together in the manifest.",
        "Maximum size of request reached. Maximum size of request is 52428800 bytes.",
        "FUNCTIONALITY_NOT_ENABLED: Selecting compound data not supported in Bulk Query",
        "INVALIDENTITY: Entity 'X' is not supported by the Bulk API.",
        "UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record",
        "REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded.",
        "REQUEST_LIMIT_EXCEEDED: ConcurrentRequests Limit exceeded.",
        "Average test coverage across all Apex Classes and Triggers is 25%, at least 75% test coverage is required.",
        "Test coverage of selected Apex Class is 0%, at least 75% test coverage is required",
        "Test coverage of selected Apex Trigger is 0%, at least 1% test coverage is required",
        "No CustomObject named: X found",
    ];

    #[test]
    fn every_known_message_has_an_advice_without_a_gap() {
        for message in MESSAGES {
            let advice = hint(message).unwrap_or_else(|| panic!("no advice for {message}"));
            assert!(!advice.contains('{') && !advice.contains("``"), "{advice}");
        }
        assert_eq!(hint("something else"), None);
    }

    #[test]
    fn every_pattern_is_the_first_that_fits_some_message() {
        for (pattern, _) in ADVICE {
            let own = [
                "Parent entity failed to deploy",
                "No test class named A found",
            ];
            let is_used = MESSAGES.iter().chain(&own).any(|message| {
                let first = ADVICE
                    .iter()
                    .find(|(it, _)| captures(it, message).is_some());
                first.is_some_and(|(it, _)| it == pattern)
            });
            let is_general = *pattern == "field integrity exception";
            assert!(is_used || is_general, "{pattern} is never reached");
        }
    }

    #[test]
    fn advice_names_what_the_message_names() {
        assert_eq!(
            hint("In field: field - no CustomField named Account.Region__c found").unwrap(),
            "select `CustomField:Account.Region__c` as well so that it comes back too, \
             or leave this one out with `--except`"
        );
        assert_eq!(
            hint("Picklist value: Hot in picklist: Rating not found").unwrap(),
            "select the field or value set of `Rating` as well: it lacks the value `Hot`"
        );
    }

    #[test]
    fn text_of_an_org_cannot_break_the_search() {
        for text in [
            "",
            "no ",
            "no é named",
            "Field:",
            "{1}",
            "Cannot find folder:",
        ] {
            let _ = hint(text);
        }
    }
}
