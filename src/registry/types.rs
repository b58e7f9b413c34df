//! What the registry says of one type.

use serde::Deserialize;

use super::Preset;
use crate::model::TypeName;

/// How the components of a type are laid out as files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Files {
    /// One XML file.
    #[default]
    Single,
    /// A content file, and an XML file of the same name beside it.
    Content,
    /// A folder; all files in it belong to one component.
    Bundle,
    /// A content file or a folder, with an XML file beside it.
    Mixed,
    /// A static resource: as [`Files::Mixed`], and archives become folders.
    StaticResource,
    /// An XML file of which some elements are components with a file of their own.
    Decomposed,
    /// One XML file whose elements are components, but have no file of their own.
    Labels,
    /// Folders of folders with a `_meta.json` each.
    DigitalExperience,
    /// A folder with a built web application in it.
    UiBundle,
    /// As [`Files::Labels`], with a file for each label in place of the one for all.
    OneLabelEach,
    /// An XML file, one for each kind of its elements, and one for each object that
    /// its elements are about.
    PermissionsByObject,
    /// An XML file, and a schema that is one of its elements beside it.
    SchemaBeside,
}

/// Where a decomposed type puts the files of its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decomposition {
    /// In one folder for each child type.
    FolderPerType,
    /// In the folder of the parent.
    BesideParent,
}

/// One metadata type.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent fact about the type"
)]
pub struct Type {
    /// Its name in the API.
    pub name: TypeName,
    /// Name of its folder, in both formats; for a child type, in its parent's folder.
    pub directory: String,
    /// What its files end in, without a dot; bundles have none.
    pub suffix: Option<String>,
    /// Layout of its files.
    #[serde(default)]
    pub files: Files,
    /// Where its children have their files; `None` where they have none.
    pub decomposition: Option<Decomposition>,
    /// Whether a file is of this type only below a folder of exactly its directory's name.
    #[serde(default)]
    pub strict_directory: bool,
    /// Whether its components live in folders that are components themselves.
    #[serde(default)]
    pub in_folder: bool,
    /// Type of the folder: a folder type, or `Territory2Model` for what lives in a model.
    pub folder_type: Option<TypeName>,
    /// For a folder type, the type of what is in the folder.
    pub folder_content_type: Option<TypeName>,
    /// Another name of this type that the API uses.
    pub alias_for: Option<TypeName>,
    /// An older suffix that is still read.
    pub legacy_suffix: Option<String>,
    /// What its meta file is called or ends in, where that is not `<suffix>-meta.xml`.
    pub meta_file_suffix: Option<String>,
    /// Whether describeMetadata says that a `-meta.xml` stands beside its files.
    #[serde(default)]
    pub meta_file: bool,
    /// Whether one manifest may name both `*` and members of it.
    #[serde(default)]
    pub wildcard_and_name: bool,
    /// Whether a deploy can delete a part of a component.
    #[serde(default)]
    pub partial_delete: bool,
    /// The one full name that all its files have.
    pub fixed_name: Option<String>,
    /// For a child type: its full name has no parent's name in front.
    #[serde(default)]
    pub ignore_parent_name: bool,
    /// For a child type: the element that names it; else `fullName`, else `name`.
    pub name_element: Option<String>,
    /// For a child type: the element it is in the parent's document, where that is
    /// not the name of its directory.
    element: Option<String>,
    /// Whether a manifest can name its components.
    #[serde(default = "yes")]
    pub addressable: bool,
    /// Whether its components exist only together with their parent.
    #[serde(default)]
    pub needs_parent: bool,
    /// Types of what its components are made of.
    #[serde(default)]
    pub children: Vec<Type>,
    /// For a child type, the type it is part of.
    #[serde(skip)]
    pub parent: Option<TypeName>,
    /// The preset that lays it out like this; `None` for the usual layout.
    #[serde(skip)]
    pub preset: Option<Preset>,
    /// The same type as presets lay it out.
    #[serde(skip)]
    pub variants: Vec<Type>,
}

fn yes() -> bool {
    true
}

impl Type {
    /// For a child type: the element that it is in the parent's document.
    #[must_use]
    pub fn element(&self) -> &str {
        self.element.as_deref().unwrap_or(&self.directory)
    }

    /// Whether it is a type of folder, such as `ReportFolder`.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.folder_content_type.is_some()
    }

    /// The type under which a manifest names it: folders go under their content's type.
    #[must_use]
    pub fn manifest_name(&self) -> &TypeName {
        self.folder_content_type.as_ref().unwrap_or(&self.name)
    }

    /// Whether its children have files of their own in source format.
    #[must_use]
    pub fn is_decomposed(&self) -> bool {
        self.decomposition.is_some()
    }

    /// The child type that element `element` of its document is.
    #[must_use]
    pub fn child_of_element(&self, element: &str) -> Option<&Type> {
        self.children.iter().find(|it| it.element() == element)
    }

    /// The child type whose files lie in `directory`.
    #[must_use]
    pub fn child_in_directory(&self, directory: &str) -> Option<&Type> {
        self.children.iter().find(|it| it.directory == directory)
    }

    /// The child type whose files end in `suffix`, older suffixes included.
    #[must_use]
    pub fn child_of_suffix(&self, suffix: &str) -> Option<&Type> {
        self.children.iter().find(|it| it.has_suffix(suffix))
    }

    /// Whether its files end in `suffix`, the older one included.
    #[must_use]
    pub fn has_suffix(&self, suffix: &str) -> bool {
        self.suffix.as_deref() == Some(suffix) || self.legacy_suffix.as_deref() == Some(suffix)
    }
}
