//! Logins: how they are made, kept, renewed and ended.
//!
//! A [`Credential`] is what a session can be had from; [`LoginSource`] has
//! sessions from one and is what `client` asks. A [`Vault`] keeps credentials
//! between runs: names in one file, secrets in the keyring of the system or,
//! where there is none, in a file of mode 0600.
//!
//! Invariant: no secret is an argument of a process, part of a message or of the
//! index; none is sent to a host that the login was not made for.

mod auth_url;
mod credential;
mod environment;
mod error;
mod file;
#[cfg(feature = "keyring")]
mod keyring;
mod oauth;
mod redaction_key;
mod sf;
mod source;
mod vault;
mod web;

pub use crate::client::Secret;
pub use auth_url::parse_auth_url;
pub use credential::{App, Credential, Key, Kind};
pub use environment::{EnvironmentError, login_of_environment};
pub use error::Error;
pub use oauth::revoke;
pub use sf::{SfProgram, auth_url_of_sf};
pub use source::LoginSource;
pub use vault::{Login, SecretPlace, Vault};
pub use web::{WebLogin, open_browser};
