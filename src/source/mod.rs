//! Source format: how components become files, and files components.
//!
//! Package paths are those of a retrieve without `unpackaged/`, such as
//! `objects/Account.object`. Source paths begin with `main/default/` and leave the
//! package directory (`force-app/`) to the caller; those of types that the
//! registry does not know begin with `unmapped/` and stand at the root of the
//! repository. [`owner()`] takes both with anything in front.
//!
//! Invariant: each entry of a package becomes files or is named with a reason,
//! and what [`split()`] took apart [`join()`] puts together with the same meaning.

mod assign;
pub mod canonical;
mod collate;
pub mod convert;
mod decomposed;
mod fxp;
mod ignore_block;
mod ignored;
mod join;
mod labels;
mod layout;
mod mime;
mod owner;
mod permissions;
mod place;
pub mod redact;
mod service;
mod split;
mod static_resource;

use crate::model::{ComponentKey, InvalidName, InvalidPath, TreePath};
use crate::xml;

pub use assign::{Assignment, LeftOver, PackageComponent, Reason, assign};
pub use fxp::print as write_faithful;
pub use ignore_block::{with_block, without_block};
pub use ignored::Ignored;
pub use join::{join, join_at};
pub use layout::{Layout, is_where_presets_write, usual};
pub use owner::{Owner, in_package_directory, owner, owner_in, prefixes, tree_key};
pub use split::{Split, split, split_canonical};

/// Folder, beside the package directory, for types that the registry does not know.
pub const UNMAPPED: &str = "unmapped";

/// Type of what lies there: the registry cannot tell the real one. Such a
/// component is named by its path without `-meta.xml`.
pub const UNMAPPED_TYPE: &str = "Unmapped";

/// Folder of source files inside a package directory.
///
/// Source: Salesforce DX Developer Guide, "Salesforce DX Project Structure".
pub const SOURCE_ROOT: &str = "main/default";

/// What becomes of the bytes on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// The bytes that `sf` would write.
    Faithful,
    /// On top of it the rules that make two retrieves of one state equal; no text
    /// loses a blank or an entity.
    Canonical,
}

/// One file of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageFile {
    /// Path in the package, without `unpackaged/`.
    pub path: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// One file in source format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Path; see the module for what stands in front of it.
    pub path: TreePath,
    /// The finest component that the file is of: a field, not its object.
    pub key: ComponentKey,
    /// Content.
    pub bytes: Vec<u8>,
}

/// A component whose package files cannot become source files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// A document of it cannot be read.
    #[error("cannot read `{}`", path.escape_debug())]
    Xml {
        /// Its package path.
        path: String,
        /// What is wrong.
        source: xml::Error,
    },
    /// A document of it is of something else.
    #[error("`{}` holds a `{found}`, not a `{wanted}`", path.escape_debug())]
    WrongRoot {
        /// Its package path.
        path: String,
        /// Root element that it should have.
        wanted: String,
        /// Root element that it has.
        found: String,
    },
    /// A file of it would get a path that may not stand in the tree.
    #[error(transparent)]
    Path(#[from] InvalidPath),
    /// A part of it has a name that is none.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A file is missing that it cannot be without.
    #[error("{key} has no {what}")]
    Missing {
        /// The component.
        key: ComponentKey,
        /// What it lacks.
        what: &'static str,
    },
    /// A file was handed over that is not of the component.
    #[error("`{}` is no file of {key}", path.escape_debug())]
    Foreign {
        /// The component.
        key: ComponentKey,
        /// Path of the file.
        path: String,
    },
}

/// A component whose source files cannot become package files.
///
/// The same things go wrong, with source paths in place of package paths.
pub type JoinError = SplitError;
