//! Zip archives: read with suspicion, written the same each time.
//!
//! Hides `zip`.
