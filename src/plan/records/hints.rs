//! What people can do about a row that the platform refused, by its code.
//!
//! Source: SOAP API Developer Guide, "Core Data Types", `StatusCode`; REST API
//! Developer Guide, "Status Codes and Error Responses".

/// The hint for a code of the platform, in the imperative; `None` where there is none.
#[must_use]
pub fn row_hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "FIELD_CUSTOM_VALIDATION_EXCEPTION" => {
            "switch the validation rule off for the time, with `--bypass` or in Setup, and run the restore again"
        }
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" => {
            "a trigger or flow failed: switch it off for the time, with `--bypass` or in Setup, and run the restore again"
        }
        "REQUIRED_FIELD_MISSING" => {
            "the field became required since the snapshot: make it optional for the time, or set a default"
        }
        "STRING_TOO_LONG" => "the field was made shorter since the snapshot: make it longer again",
        "DUPLICATE_VALUE" => {
            "another row has the value of a unique field now: change or delete that row, and run the restore again"
        }
        "DUPLICATES_DETECTED" => {
            "switch the duplicate rule off for the time, and run the restore again"
        }
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" => {
            "bring the value of the picklist back with `orgkeep rollback`, and run the restore again"
        }
        "INVALID_CROSS_REFERENCE_KEY" | "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY" => {
            "a row that it refers to is gone or hidden from this user: restore that one first"
        }
        "INSUFFICIENT_ACCESS_OR_READONLY"
        | "INVALID_FIELD_FOR_INSERT_UPDATE"
        | "CANNOT_UPDATE_CONVERTED_LEAD" => {
            "give the user the right to edit the object and the field, and run the restore again"
        }
        "INACTIVE_OWNER_OR_USER" => {
            "name another owner with `--fallback-owner`, or give the user \"Update Records with Inactive Owners\""
        }
        "UNABLE_TO_LOCK_ROW" => {
            "somebody else is writing to the same rows: run the restore again later"
        }
        "STORAGE_LIMIT_EXCEEDED" => "make room in the org: Setup > Storage Usage",
        "UNDELETE_FAILED" => {
            "the row cannot come out of the recycle bin: look at its parent in Setup > Recycle Bin"
        }
        "ENTITY_IS_DELETED" => "the row was deleted while the restore ran: run it again",
        "FIELD_INTEGRITY_EXCEPTION" => {
            "values of the row do not fit together any more: look at the message"
        }
        "TXN_SECURITY_METERING_ERROR" | "REQUEST_LIMIT_EXCEEDED" => {
            "wait for the API allowance, and run the restore again"
        }
        _ => return None,
    })
}
