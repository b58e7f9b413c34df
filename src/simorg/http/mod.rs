//! The socket: requests in, replies out.
//!
//! Hides hyper, axum's body, rustls, rcgen and flate2. What stands above sees
//! [`Request`] and [`Reply`], which are plain values.
//!
//! Invariant: binds 127.0.0.1 and nothing else; a request that reaches a
//! handler is bounded in size, decompressed, and has a path without empty parts.

mod gzip;
mod keys;
mod multipart;
mod reply;
mod request;
mod server;
mod tail;
mod tls;

pub use keys::SigningKey;
pub use multipart::{Part, parts};
pub use reply::{Ending, Reply};
pub use request::{Request, encode, form};
pub use server::{Handler, Listener, ServeError};
pub use tail::Tail;
pub use tls::{Certificate, TlsError};
