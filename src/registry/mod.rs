//! The metadata types of the platform, as data.
