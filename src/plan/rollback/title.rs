//! What a plan does, in one line: the title of its deploys and of its commit.

use super::RollbackPlan;
use crate::plan::commits::neutral;

/// `Roll back CustomField Account.Region__c and 8 more to 5a90b3f`.
///
/// Names what was selected before what goes with it. `target` is the commit, short.
#[must_use]
pub fn title(plan: &RollbackPlan, target: &str) -> String {
    let selected = plan.applied().find(|it| it.because_of.is_none());
    let Some(first) = selected.or_else(|| plan.applied().next()) else {
        return format!("Roll back nothing to {target}");
    };
    let name = neutral(&first.key.name.decoded());
    let more = match plan.applied().count() - 1 {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("Roll back {} {name}{more} to {target}", first.key.type_name)
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
    }
}
