//! The simulated org over real sockets.

mod bulk;
mod company;
mod control;
mod docs;
mod library;
mod login;
mod records;
mod records_bin;
mod records_rules;
mod records_soql;
mod rest;
mod site;
mod wire;
