//! What helps against an error of the file system.

use std::io::{self, ErrorKind};

/// What the user can do about an error of the file system, in the imperative.
#[must_use]
pub fn disk_hint(err: &io::Error) -> Option<String> {
    let hint = match err.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "make room on the disk, then run the command again"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "check who may write there",
        _ => return None,
    };
    Some(hint.to_owned())
}
