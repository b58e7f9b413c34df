//! The Git repository. Hides `git2` and the user's `git`.
