//! Recordings and official conversions, which are not part of the repository.

use std::path::PathBuf;

/// The folder of recordings and official conversions, where there is one.
///
/// Says what was left out otherwise: no check fails for lack of it.
pub(crate) fn shared(what: &str) -> Option<PathBuf> {
    let found = std::env::var_os("ORGKEEP_SHARED").map(PathBuf::from);
    if found.is_none() {
        left_out(what, "ORGKEEP_SHARED is not set");
    }
    found
}

/// Says that a check was left out, and why.
#[expect(
    clippy::print_stderr,
    reason = "the output of a test is for its reader"
)]
pub(crate) fn left_out(what: &str, reason: &str) {
    eprintln!("left out: {what} ({reason})");
}
