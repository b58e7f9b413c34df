//! Logins: where credentials come from, are kept, and are renewed.
