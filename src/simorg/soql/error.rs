//! What the platform says of a query that it refuses.

/// A query that was refused.
///
/// Source of the texts: recorded answers of 400 `MALFORMED_QUERY`,
/// `INVALID_FIELD`, `INVALID_TYPE`; the message begins with a line end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct SoqlError {
    /// The API's code.
    pub code: &'static str,
    /// The API's words.
    pub message: String,
}

impl SoqlError {
    /// A refusal without a place.
    pub(in crate::simorg) fn plain(code: &'static str, message: &str) -> Self {
        Self {
            code,
            message: message.to_owned(),
        }
    }

    /// A refusal of what stands at the byte `at` of `text`.
    pub(in crate::simorg) fn at(code: &'static str, text: &str, at: usize, reason: &str) -> Self {
        let mut at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let start = text[..at].rfind('\n').map_or(0, |it| it + 1);
        let line = text[start..].lines().next().unwrap_or("");
        let row = 1 + text[..start].matches('\n').count();
        let column = 1 + text[start..at].chars().count();
        let blanks = " ".repeat(column - 1);
        Self {
            code,
            message: format!("\n{line}\n{blanks}^\nERROR at Row:{row}:Column:{column}\n{reason}"),
        }
    }

    /// A text that is not a query.
    pub(in crate::simorg) fn malformed(text: &str, at: usize, reason: &str) -> Self {
        Self::at("MALFORMED_QUERY", text, at, reason)
    }

    /// An object that the org does not have.
    pub(in crate::simorg) fn no_object(text: &str, at: usize, name: &str) -> Self {
        let reason = format!(
            "sObject type '{name}' is not supported. If you are attempting to use a custom \
             object, be sure to append the '__c' after the entity name. Please reference your \
             WSDL or the describe call for the appropriate names."
        );
        Self::at("INVALID_TYPE", text, at, &reason)
    }

    /// A field that the object does not have.
    pub(in crate::simorg) fn no_field(text: &str, at: usize, name: &str, object: &str) -> Self {
        let reason = format!(
            "No such column '{name}' on entity '{object}'. If you are attempting to use a custom \
             field, be sure to append the '__c' after the custom field name. Please reference \
             your WSDL or the describe call for the appropriate names."
        );
        Self::at("INVALID_FIELD", text, at, &reason)
    }

    /// A relationship that the object does not have.
    pub(in crate::simorg) fn no_relationship(text: &str, at: usize, name: &str) -> Self {
        let reason = format!(
            "Didn't understand relationship '{name}' in field path. If you are attempting to use \
             a custom relationship, be sure to append the '__r' after the custom relationship \
             name. Please reference your WSDL or the describe call for the appropriate names."
        );
        Self::at("INVALID_FIELD", text, at, &reason)
    }

    /// Children that the object does not have.
    pub(in crate::simorg) fn no_relationship_down(text: &str, at: usize, name: &str) -> Self {
        let reason = format!(
            "Didn't understand relationship '{name}' in FROM part of query call. If you are \
             attempting to use a custom relationship, be sure to append the '__r' after the \
             custom relationship name. Please reference your WSDL or the describe call for the \
             appropriate names."
        );
        Self::at("INVALID_TYPE", text, at, &reason)
    }
}
