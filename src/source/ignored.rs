//! `.forceignore`: what `sf` leaves alone.
//!
//! Hides `ignore`, whose patterns are those of Git.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::without_block;

/// Rules that hold wherever there is a `.forceignore`, before its own.
///
/// Source: source-deploy-retrieve 13.2, `ForceIgnore`.
const BUILT_IN: [&str; 11] = [
    "**/*.dup",
    "**/.*",
    "!.sf",
    "**/.sf/**",
    "!**/.sf/orgs",
    "!**/.sf/orgs/**",
    "**/.sf/orgs/*/**",
    "!**/.sf/orgs/*/remoteMetadata",
    "!**/.sf/orgs/*/remoteMetadata/**",
    "**/package2-descriptor.json",
    "**/package2-manifest.json",
];

/// The rules of one `.forceignore`.
#[derive(Clone, Debug)]
pub struct Ignored {
    rules: Gitignore,
    /// Verdicts on folders so far: each holds many files.
    folders: Arc<RwLock<HashMap<String, bool>>>,
    /// Lines that are no pattern, with the reason.
    bad_lines: Vec<String>,
}

impl Ignored {
    /// Reads the text of a `.forceignore`.
    ///
    /// Patterns match without regard to case, as they do for `sf`. A line that is
    /// no pattern is left out and can be asked for. The block that orgkeep writes is read past.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut builder = GitignoreBuilder::new("");
        let mut bad_lines = Vec::new();
        let case = builder.case_insensitive(true).map(|_| ());
        debug_assert!(case.is_ok(), "the option is known");
        let text = without_block(text);
        for line in BUILT_IN.into_iter().chain(text.lines()) {
            if let Err(err) = builder.add_line(None, line) {
                bad_lines.push(format!("{line}: {err}"));
            }
        }
        let rules = builder.build().unwrap_or_else(|err| {
            bad_lines.push(err.to_string());
            Gitignore::empty()
        });
        Self {
            rules,
            folders: Arc::default(),
            bad_lines,
        }
    }

    /// No rules: there is no `.forceignore`.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            rules: Gitignore::empty(),
            folders: Arc::default(),
            bad_lines: Vec::new(),
        }
    }

    /// Lines that were no pattern, each with the reason.
    #[must_use]
    pub fn bad_lines(&self) -> &[String] {
        &self.bad_lines
    }

    /// Whether a file is left alone; `path` is relative to the `.forceignore`.
    #[must_use]
    pub fn denies(&self, path: &str) -> bool {
        self.is_ignored(path, false)
    }

    /// As [`Ignored::denies`], for a path that is not on the disk: `sf` cannot tell
    /// then whether it is a folder, and patterns for folders match it too.
    #[must_use]
    pub fn denies_unseen(&self, path: &str) -> bool {
        self.is_ignored(path, false) || self.is_ignored(path, true)
    }

    fn is_ignored(&self, path: &str, is_folder: bool) -> bool {
        if self.rules.is_empty() || path.is_empty() {
            return false;
        }
        // A folder that is ignored takes all that is in it along.
        let above = path.rsplit_once('/').map_or("", |it| it.0);
        self.ignores_folder(above) || self.rules.matched(path, is_folder).is_ignore()
    }

    fn ignores_folder(&self, folder: &str) -> bool {
        if folder.is_empty() {
            return false;
        }
        let folders = self.folders.read();
        let known = folders
            .unwrap_or_else(PoisonError::into_inner)
            .get(folder)
            .copied();
        known.unwrap_or_else(|| {
            let above = folder.rsplit_once('/').map_or("", |it| it.0);
            let verdict =
                self.ignores_folder(above) || self.rules.matched(folder, true).is_ignore();
            let folders = self.folders.write();
            let mut folders = folders.unwrap_or_else(PoisonError::into_inner);
            folders.insert(folder.to_owned(), verdict);
            verdict
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_as_git_reads_them() {
        let rules = Ignored::parse(
            "# comment\n\n**/__tests__/**\njsconfig.json\n/root.txt\nbuild/\n*.profile-meta.xml\n!keep.profile-meta.xml\n",
        );
        assert!(rules.bad_lines().is_empty());
        for path in [
            "lwc/a/__tests__/a.test.js",
            "lwc/jsconfig.json",
            "root.txt",
            "x/build/y",
            "profiles/Admin.profile-meta.xml",
            "PROFILES/ADMIN.PROFILE-META.XML",
            "lwc/.eslintrc.json",
            "a/x.dup",
        ] {
            assert!(rules.denies(path), "{path}");
        }
        for path in [
            "x/root.txt",
            "build",
            "profiles/keep.profile-meta.xml",
            "a/b.cls",
        ] {
            assert!(!rules.denies(path), "{path}");
        }
        assert!(rules.denies_unseen("build"));
    }

    #[test]
    fn without_a_file_nothing_is_ignored() {
        assert!(!Ignored::nothing().denies(".eslintrc.json"));
    }
}
