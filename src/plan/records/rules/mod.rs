//! Objects whose rows do not come back as plain rows, as data.
//!
//! Invariant: a rule only says what the platform does, with its reason; what
//! follows from that is decided elsewhere.

mod table;

use crate::records::Row;

/// How lost rows of an object come back once they have left the recycle bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// They are inserted.
    Insert,
    /// The platform makes some of them itself: a row that agrees in these fields is taken for
    /// the lost one and updated, and only where there is none one is inserted.
    Match(&'static [&'static str]),
    /// The platform alone makes them: a row that agrees in these fields is taken for the lost one.
    Find(&'static [&'static str]),
    /// They are inserted with a first value of a field, and brought to their own when all else is in.
    Draft {
        /// The field.
        field: &'static str,
        /// The value with which a row begins.
        first: &'static str,
    },
    /// They are inserted together with a body, which is kept as a file.
    Upload {
        /// The field of the body.
        body: &'static str,
    },
    /// They come back as a consequence of others, or not at all.
    Never,
}

/// Rows that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Always,
    /// The cell of the field is one of these.
    Is(&'static str, &'static [&'static str]),
    /// The cell of the field is not empty.
    Set(&'static str),
}

/// One rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// Names of objects; `*` stands for any beginning.
    of: &'static [&'static str],
    when: When,
    /// `None` where another rule or none says it.
    how: Option<How>,
    /// Fields that are not sent on an insert; `*` stands for any beginning or end.
    leave: &'static [&'static str],
    /// For people: why, or what to know.
    reason: &'static str,
}

/// What the rules say about one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// How it comes back when it is gone for good.
    pub how: How,
    /// Why; empty where it is a plain row.
    pub reason: &'static str,
    leave: Vec<&'static str>,
}

/// Rows that go before others of their object: those whose parent in `field` has a true `flag`.
///
/// A price of another book is refused before the product has a standard price.
pub const FIRST: &[(&str, &str, &str)] = &[("PricebookEntry", "Pricebook2Id", "IsStandard")];

/// Why a row takes no changes as it is now; `None` where it does.
#[must_use]
pub fn frozen(object: &str, now: &Row) -> Option<&'static str> {
    let is_converted = object == "Lead" && now.get("IsConverted") == Some("true");
    is_converted.then_some("a converted lead takes no changes, and stays converted")
}

/// Whether rows of `object` go in when all others are there.
#[must_use]
pub fn is_last(object: &str) -> bool {
    object == "ContentDocumentLink"
}

/// Whether a reference is not set by us: the upload of the content settles it.
#[must_use]
pub fn is_loose(object: &str, field: &str) -> bool {
    (object, field) == ("ContentVersion", "ContentDocumentId")
}

impl Advice {
    /// Whether `field` is not sent when the row, whose cells `row` has, is inserted.
    #[must_use]
    pub fn leaves(&self, field: &str, row: &Row) -> bool {
        self.leave.iter().any(|it| fits(it, field)) || is_told_by_code(field, row)
    }
}

/// What the rules say about a row of `object`.
#[must_use]
pub fn advice(object: &str, row: &Row) -> Advice {
    let mut advice = Advice {
        how: How::Insert,
        reason: "",
        leave: Vec::new(),
    };
    let mut is_said = false;
    for rule in table::RULES {
        if !rule.of.iter().any(|it| fits(it, object)) || !rule.when.holds(row) {
            continue;
        }
        advice.leave.extend(rule.leave);
        if let Some(how) = rule.how.filter(|_| !is_said) {
            is_said = true;
            advice.how = how;
            advice.reason = rule.reason;
        }
    }
    advice
}

/// Why a field that differs is not set back, where there is more to say than that the API does not take it.
#[must_use]
pub fn field_reason(object: &str, field: &str) -> Option<&'static str> {
    let mut rows = table::FIELDS.iter();
    rows.find(|(of, name, _)| fits(of, object) && fits(name, field))
        .map(|(_, _, reason)| *reason)
}

impl When {
    fn holds(self, row: &Row) -> bool {
        match self {
            Self::Always => true,
            Self::Is(field, values) => row.get(field).is_some_and(|it| values.contains(&it)),
            Self::Set(field) => row.get(field).is_some_and(|it| !it.is_empty()),
        }
    }
}

/// Whether a state or country is told by its code, so that its name is not sent as well.
///
/// Source: Salesforce help, "State and Country/Territory Picklists": a name that
/// does not belong to the code is refused.
fn is_told_by_code(field: &str, row: &Row) -> bool {
    (field.ends_with("State") || field.ends_with("Country"))
        && row
            .get(&format!("{field}Code"))
            .is_some_and(|it| !it.is_empty())
}

fn fits(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.len() > end.len() && name.ends_with(end),
        (_, Some(start)) => name.starts_with(start),
        (None, None) => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Columns;

    fn row(cells: &[(&str, &str)]) -> Row {
        let columns = Columns::new(cells.iter().map(|(name, _)| name.parse().unwrap()));
        let mut cells = cells.to_vec();
        cells.sort_unstable();
        let id = "001000000000001".parse().unwrap();
        Row::new(id, &columns, cells.iter().map(|(_, cell)| *cell))
    }

    #[test]
    fn plain_row_is_inserted() {
        let advice = advice("Invoice__c", &row(&[("Name", "x")]));
        assert_eq!(advice.how, How::Insert);
        assert!(!advice.leaves("Name", &row(&[("Name", "x")])));
    }

    #[test]
    fn what_the_platform_writes_itself_is_not_inserted() {
        for object in [
            "AccountHistory",
            "Deal__History",
            "CaseFeed",
            "FeedItem",
            "Order__x",
            "Log__b",
            "Rate__mdt",
            "Ping__e",
            "Profile",
        ] {
            let advice = advice(object, &row(&[("Name", "x")]));
            assert_eq!(advice.how, How::Never, "{object}");
            assert_ne!(advice.reason, "");
        }
        let share = |cause| advice("AccountShare", &row(&[("RowCause", cause)])).how;
        assert_eq!(share("Manual"), How::Insert);
        assert_eq!(share("Owner"), How::Never);
        let history_of_ours = advice("Price_History__c", &row(&[("Name", "x")]));
        assert_eq!(history_of_ours.how, How::Insert);
    }

    #[test]
    fn person_account_is_written_by_the_names_of_a_person() {
        let person = row(&[
            ("IsPersonAccount", "true"),
            ("Name", "Jane Doe"),
            ("LastName", "Doe"),
        ]);
        let firm = row(&[
            ("IsPersonAccount", "false"),
            ("Name", "Acme"),
            ("LastName", ""),
        ]);
        assert!(advice("Account", &person).leaves("Name", &person));
        assert!(!advice("Account", &person).leaves("LastName", &person));
        assert!(!advice("Account", &firm).leaves("Name", &firm));
        assert!(advice("Account", &firm).leaves("PersonEmail", &firm));
        assert!(advice("Account", &firm).leaves("Hobby__pc", &firm));
        assert_eq!(advice("Contact", &person).how, How::Find(&["AccountId"]));
    }

    #[test]
    fn state_is_sent_by_its_code_where_there_is_one() {
        let coded = row(&[("BillingState", "Texas"), ("BillingStateCode", "TX")]);
        let free = row(&[("BillingState", "Texas"), ("BillingStateCode", "")]);
        assert!(advice("Account", &coded).leaves("BillingState", &coded));
        assert!(!advice("Account", &coded).leaves("BillingStateCode", &coded));
        assert!(!advice("Account", &free).leaves("BillingState", &free));
    }

    #[test]
    fn order_begins_as_a_draft() {
        let order = row(&[("Status", "Activated")]);
        let how = advice("Order", &order).how;
        assert_eq!(
            how,
            How::Draft {
                field: "Status",
                first: "Draft"
            }
        );
    }
}
