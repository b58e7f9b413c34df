//! snapshot
mod base;
mod flows;
mod gather;
mod listing;
mod people;
