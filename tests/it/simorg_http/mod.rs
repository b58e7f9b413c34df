//! The simulated org over real sockets.

mod bulk;
mod bulk_v1;
mod company;
mod control;
mod docs;
mod field_security;
mod library;
mod login;
mod partner;
mod records;
mod records_bin;
mod records_rules;
mod records_soql;
mod rest;
mod site;
mod wire;
