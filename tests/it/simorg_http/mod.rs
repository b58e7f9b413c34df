//! The simulated org over real sockets.

mod control;
mod docs;
mod login;
mod rest;
mod site;
mod wire;
