//! What a plan does, in one line: the title of its deploys and of its commit.

use super::RollbackPlan;
use crate::plan::commits::neutral;

/// `Roll back CustomField Account.Region__c and 8 more to 5a90b3f`.
///
/// Names what was selected before what goes with it. `target` is the commit, short.
#[must_use]
pub fn title(plan: &RollbackPlan, target: &str) -> String {
    match what(plan) {
        Some(what) => format!("Roll back {what} to {target}"),
        None => format!("Roll back nothing to {target}"),
    }
}

/// `Revert 7c1e0d4: CustomField Account.Region__c and 8 more`; `commits` are short ids.
#[must_use]
pub fn title_of_revert(plan: &RollbackPlan, commits: &[String]) -> String {
    let commits = match commits {
        [one] => one.clone(),
        [first, others @ ..] => format!("{first} and {} more", others.len()),
        [] => "nothing".to_owned(),
    };
    match what(plan) {
        Some(what) => format!("Revert {commits}: {what}"),
        None => format!("Revert {commits}: nothing"),
    }
}

/// `CustomField Account.Region__c and 8 more`; `None` for a plan that does nothing.
fn what(plan: &RollbackPlan) -> Option<String> {
    let selected = plan.applied().find(|it| it.because_of.is_none());
    let first = selected.or_else(|| plan.applied().next())?;
    let name = neutral(&first.key.name.decoded());
    let more = match plan.applied().count() - 1 {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    Some(format!("{} {name}{more}", first.key.type_name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::rollback::{Item, Verdict};
    use crate::plan::testing::key;

    fn item(of: &str, because_of: Option<&str>) -> Item {
        Item {
            key: key(of),
            verdict: Verdict::Recreate,
            applies: true,
            reason: String::new(),
            details: Vec::new(),
            page: None,
            because_of: because_of.map(key),
            files: Vec::new(),
            deletes: Vec::new(),
            deletes_inside: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
            redacted: false,
            states: (None, None),
        }
    }

    #[test]
    fn title_names_what_was_selected_and_counts_the_rest() {
        let field = "CustomField:Account.Region__c";
        let mut plan = RollbackPlan {
            items: vec![
                item("Layout:Account-A %28x%29", Some(field)),
                item(field, None),
            ],
        };
        assert_eq!(
            title(&plan, "5a90b3f"),
            "Roll back CustomField Account.Region__c and 1 more to 5a90b3f"
        );
        plan.items.pop();
        assert_eq!(
            title(&plan, "5a90b3f"),
            "Roll back Layout Account-A (x) to 5a90b3f"
        );
        assert_eq!(
            title_of_revert(&plan, &["7c1e0d4".to_owned(), "5a90b3f".to_owned()]),
            "Revert 7c1e0d4 and 1 more: Layout Account-A (x)"
        );
    }
}
