//! Fields that a formula names.

use super::names::{Target, is_own_field};

/// The custom fields that a formula over `object` names, in order.
///
/// Text in quotes and comments name nothing. Of a path (`Owner.X__c`,
/// `Parent__r.X__c`) only the first step is the object's own; global variables
/// (`$Setup.App__c.X__c`) are not fields of it.
pub(super) fn fields(formula: &str, object: &str) -> Vec<Target> {
    let mut found = Vec::new();
    for path in paths(formula) {
        let mut steps = path.split('.');
        let first = steps.next().unwrap_or_default();
        if first.starts_with('$') {
            continue;
        }
        let field = if let Some(stem) = first.strip_suffix("__r") {
            format!("{stem}__c")
        } else if steps.next().is_some() {
            continue;
        } else {
            first.to_owned()
        };
        if is_own_field(&field) {
            let target = Target::field(object, &field);
            if !found.contains(&target) {
                found.push(target);
            }
        }
    }
    found
}

/// The names with dots in a formula.
fn paths(formula: &str) -> Vec<&str> {
    let bytes = formula.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'') => {
                at += 1;
                while at < bytes.len() && bytes[at] != quote {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                let end = formula[at + 2..].find("*/");
                at = end.map_or(bytes.len(), |it| at + it + 4);
            }
            it if it.is_ascii_alphabetic() || it == b'$' || it == b'_' => {
                let start = at;
                while at < bytes.len()
                    && (bytes[at].is_ascii_alphanumeric()
                        || matches!(bytes[at], b'_' | b'.' | b'$'))
                {
                    at += 1;
                }
                found.push(formula[start..at].trim_end_matches('.'));
            }
            _ => at += 1,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formula_names_own_fields_and_first_steps() {
        let found = fields(
            "IF(AND(Region__c = \"Other__c\", $User.Title__c = 'x', /* Old__c */ ISBLANK(Parent__r.Tier__c)), \
             Amount, Owner.X__c)",
            "Account",
        );
        assert_eq!(
            found,
            [
                Target::field("Account", "Region__c"),
                Target::field("Account", "Parent__c")
            ]
        );
    }

    #[test]
    fn broken_formula_is_read_to_its_end() {
        for text in ["\"open", "/* open", "'\\", "é$", "A__c."] {
            let _ = fields(text, "Account");
        }
        assert_eq!(fields("A__c.", "O"), [Target::field("O", "A__c")]);
    }
}
