//! Project files on disk, outside the Git database.
