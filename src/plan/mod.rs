//! Decisions as values: what to retrieve, commit, deploy.
