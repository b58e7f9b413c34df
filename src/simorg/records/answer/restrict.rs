//! What some objects do not let one ask.

use crate::simorg::soql::{Condition, Operator, Path, Query, SoqlError};

/// What some objects do not let one ask.
///
/// Source: Object Reference, pages of the objects.
pub(super) fn restrict(text: &str, query: &Query) -> Result<(), SoqlError> {
    let filtered: &[&str] = match query.from.to_ascii_lowercase().as_str() {
        "contentdocumentlink" => &["Id", "ContentDocumentId", "LinkedEntityId"],
        "vote" => &["Id", "ParentId", "Parent.Type"],
        _ => return Ok(()),
    };
    let mut is_bounded = false;
    if let Some(condition) = &query.condition {
        bounds(condition, filtered, &mut is_bounded);
    }
    if is_bounded {
        return Ok(());
    }
    let reason = "Implementation restriction: ContentDocumentLink requires a filter by a single Id on \
                  ContentDocumentId or LinkedEntityId using the equals operator or multiple Id's using the \
                  IN operator.";
    Err(SoqlError::malformed(text, query.from_at, reason))
}

/// Whether a condition bounds one of `fields` by `=` or `IN`.
fn bounds(condition: &Condition, fields: &[&str], found: &mut bool) {
    use Condition as C;
    let is_one = |path: &Path| {
        fields
            .iter()
            .any(|it| it.eq_ignore_ascii_case(&path.text()))
    };
    match condition {
        C::And(terms) => terms.iter().for_each(|it| bounds(it, fields, found)),
        C::Compare(path, Operator::Equal, _) => *found |= is_one(path),
        C::In { path, negated, .. } | C::InQuery { path, negated, .. } => {
            *found |= is_one(path) && !negated;
        }
        _ => (),
    }
}
