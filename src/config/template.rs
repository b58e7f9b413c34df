//! The `orgkeep.toml` that `init` writes.

use std::fmt::Write;

use crate::{model::ApiVersion, source::canonical::VOLATILE_RULES};

/// A commented file with every key, all but the pinned ones at their default.
#[must_use]
pub fn template(branch: &str, api_version: ApiVersion) -> String {
    let mut normalise = String::new();
    for rule in &VOLATILE_RULES {
        writeln!(normalise, "#{} = {}", rule.name, rule.is_on).expect("a String takes all");
    }
    let branch = toml::Value::String(branch.to_owned());
    format!(
        r#"# What orgkeep keeps of an org, and how. Lines that begin with # are defaults.

# Version of the Salesforce API that content is retrieved in. A new version changes
# files that nobody edited, so it stays as it is until you raise it.
api_version = "{api_version}"

# "canonical": two snapshots of one state are equal, byte for byte.
# "faithful": the bytes that `sf project retrieve` would write.
#level = "canonical"

# Time after which a snapshot looks at everything again: "12h", "7d", "4w", "never".
#full_every = "7d"

# Keys, secrets and passwords are taken out before anything is committed. With
# "off" they are in the history for ever.
#redact = "on"

# What becomes of a snapshot in which something else looks like a secret, such as a key
# in a class: "report" names it in the ledger, "stop" makes no commit, "ignore".
#suspected_secrets = "report"

[org]
# What you call it, for reports.
#name = "ACME production"
# Which stored login to use; see `orgkeep orgs`. Never a host.
#login = "acme"
# Branch that snapshots go to.
branch = {branch}

[metadata]
# What to keep: a type, a pattern, a folder or a namespace. Without it, everything.
#include = ["ApexClass", "Report:Sales/*", "Dashboard:Board/", "namespace:npsp"]
# What to leave out, also of what is included.
#exclude = ["CustomField:Account.Legacy_*"]
# Components of installed packages: "editable", "all" or "none".
#managed = "editable"

[limits]
# Most API calls of one run.
#max_api_calls = 5000
# Calls of the day that are left to others.
#api_floor = 10000

[commit]
#name = "orgkeep"
#email = "orgkeep@localhost"

[push]
# Git remote for `orgkeep snapshot --push`.
#remote = "origin"

# Rows that are kept beside the metadata, and the small setup records; `orgkeep records init`
# helps to choose. See docs/records.md for conditions, fields, privacy and alerts.
#[records]
#objects = ["Account", "Contact", "Deal*"]
#exclude = ["Deal_Log__c"]
# Whether `orgkeep snapshot` takes them as well.
#with_snapshot = true
# Whether the remote may hold rows; asked before the first push.
#may_push = false

# Rules of the canonical form that can be switched; see the README.
[normalise]
{normalise}"#
    )
}
