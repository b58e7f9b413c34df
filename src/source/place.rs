//! Which component a path is of, in either format.
//!
//! A path is read from the first part that is a type's directory and has behind
//! it what that type's files look like, so it may have anything in front.

use crate::registry::{Decomposition, Files, Registry, Type};

/// The two formats a path can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// As retrieved: `objects/Account.object`.
    Package,
    /// As in a project: `objects/Account/Account.object-meta.xml`.
    Source,
}

/// What a file is to its component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Its document.
    Document,
    /// Its document, written in the way of the other format: `-meta.xml` in a
    /// package, or none in a project.
    OddDocument,
    /// Its content, or a part of it.
    Content,
}

/// The component that a path is of.
#[derive(Clone, Debug)]
pub(super) struct Place<'r> {
    /// Its top-level type.
    pub(super) ty: &'r Type,
    /// Its full name within the type, as the tree spells it.
    pub(super) name: String,
    /// The finer component, and its full name, where the file is of one.
    pub(super) child: Option<(&'r Type, String)>,
    /// What the file is to it.
    pub(super) part: Part,
    /// Offset in the path at which the directory of the type begins.
    pub(super) start: usize,
}

/// The parts of a path from which its path in the other format is made.
pub(super) struct Parts<'a> {
    /// From the directory of the type on; folders of the user's own are left out.
    pub(super) folder: &'a str,
    /// The name of the file.
    pub(super) file: &'a str,
    /// The same without `-meta.xml`.
    pub(super) base: &'a str,
}

impl<'r> Place<'r> {
    /// Whether the folders below the directory of the type mean something.
    pub(super) fn keeps_folders(&self) -> bool {
        let ty = self.ty;
        ty.in_folder
            || ty.is_folder()
            || ty.folder_type.is_some()
            || !matches!(
                ty.files,
                Files::Single | Files::Content | Files::SchemaBeside | Files::OneLabelEach
            )
    }

    /// The parts of `path`, which this is the place of.
    pub(super) fn parts<'a>(&self, path: &'a str) -> Parts<'a>
    where
        'r: 'a,
    {
        let inner = &path[self.start..];
        let (folder, file) = inner.rsplit_once('/').unwrap_or(("", inner));
        Parts {
            folder: match self.keeps_folders() {
                true => folder,
                false => &self.ty.directory,
            },
            file,
            base: file.strip_suffix(META).unwrap_or(file),
        }
    }
}

/// Ending of the schema of an external service that has a file of its own.
pub(super) const SCHEMA: &str = ".yaml";

/// Suffix of every document in source format.
pub(super) const META: &str = "-meta.xml";

/// How well a path must fit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// The file lies where the format puts it.
    Exact,
    /// It may lie in folders of the user's own below the directory.
    Loose,
}

/// Finds the component that `path` is of.
pub(super) fn place<'r>(registry: &'r Registry, path: &str, format: Format) -> Option<Place<'r>> {
    let parts: Vec<&str> = path.split('/').collect();
    let mut starts = Vec::new();
    let mut at = 0;
    for part in &parts[..parts.len() - 1] {
        starts.push(at);
        at += part.len() + 1;
    }
    let fits = |n: usize, fit: Fit| {
        registry.types_in_directory(parts[n]).find_map(|ty| {
            let rest = &parts[n + 1..];
            let variants = match format {
                Format::Source => ty.variants.as_slice(),
                Format::Package => &[],
            };
            let mut place = variants
                .iter()
                .find_map(|ty| Shape { ty, format, fit }.variant(registry, rest))
                .or_else(|| Shape { ty, format, fit }.place(registry, rest))?;
            place.start = starts[n];
            Some(place)
        })
    };
    (0..starts.len())
        .find_map(|n| fits(n, Fit::Exact))
        .or_else(|| (0..starts.len()).rev().find_map(|n| fits(n, Fit::Loose)))
        .or_else(|| by_suffix(registry, path, format))
}

/// A file that its suffix alone tells the type of, in a project of the user's own making.
fn by_suffix<'r>(registry: &'r Registry, path: &str, format: Format) -> Option<Place<'r>> {
    if format == Format::Package {
        return None;
    }
    let (start, file) = match path.rsplit_once('/') {
        Some((folder, file)) => (folder.len() + 1, file),
        None => (0, path),
    };
    let base = file.strip_suffix(META).unwrap_or(file);
    let ty = registry.type_of_suffix(base.rsplit_once('.')?.1)?;
    let by_name = match ty.files {
        Files::Content => true,
        // A bare `README.md` is no custom metadata.
        Files::Single | Files::Labels => base.len() < file.len(),
        _ => false,
    };
    if !by_name || ty.strict_directory || ty.in_folder || ty.is_folder() || ty.parent.is_some() {
        return None;
    }
    let mut place = Shape {
        ty,
        format,
        fit: Fit::Loose,
    }
    .place(registry, &[file])?;
    place.start = start;
    Some(place)
}

/// A type, and what is asked of a path to be its.
#[derive(Clone, Copy)]
struct Shape<'r> {
    ty: &'r Type,
    format: Format,
    fit: Fit,
}

impl<'r> Shape<'r> {
    /// The component that `rest` is of: the path behind the directory of the type.
    fn place(self, registry: &'r Registry, rest: &[&str]) -> Option<Place<'r>> {
        let (file, folders) = rest.split_last()?;
        match self.ty.files {
            Files::Bundle | Files::UiBundle => {
                let name = folders.first()?;
                Some(self.content((*name).to_owned()))
            }
            Files::Mixed | Files::StaticResource if !self.ty.in_folder => self.mixed(folders, file),
            Files::Mixed | Files::StaticResource => self.document(folders, file),
            Files::Decomposed => match self.format {
                Format::Package => self.single(folders, file),
                Format::Source => self.decomposed(folders, file),
            },
            Files::DigitalExperience => self.digital_experience(folders, file),
            Files::Single
            | Files::Labels
            | Files::Content
            | Files::OneLabelEach
            | Files::PermissionsByObject
            | Files::SchemaBeside => {
                if self.ty.is_folder() {
                    self.folder(folders, file)
                } else if self.ty.in_folder {
                    let (stem, part) = self.stem(file)?;
                    Some(self.found(in_folders(folders, stem), part))
                } else if self.ty.folder_type.is_some() {
                    self.nested(registry, folders, file)
                } else {
                    self.single(folders, file)
                }
            }
        }
    }

    /// The same where a preset lays the type out in more files.
    ///
    /// The document of the component itself is told only where the project is written
    /// so: else it may as well lie in a folder of the user's own.
    fn variant(self, registry: &'r Registry, rest: &[&str]) -> Option<Place<'r>> {
        let (file, folders) = rest.split_last()?;
        let place = match self.ty.files {
            Files::SchemaBeside => self.schema(folders, file),
            Files::OneLabelEach => self.label(folders, file),
            _ => self.decomposed(folders, file),
        }?;
        let is_own = place.child.is_none() && place.part == Part::Document;
        (!is_own || registry.writes(self.ty)).then_some(place)
    }

    /// `labels/Greeting.label-meta.xml`
    fn label(self, folders: &[&str], file: &str) -> Option<Place<'r>> {
        let child = self.ty.children.first()?;
        let stem = file.strip_suffix(META)?;
        let stem = stem.strip_suffix(child.suffix.as_deref()?)?;
        let stem = stem.strip_suffix('.').filter(|it| !it.is_empty())?;
        if self.fit == Fit::Exact && !folders.is_empty() {
            return None;
        }
        let mut place = self.found(self.ty.fixed_name.clone()?, Part::Document);
        place.child = Some((child, stem.to_owned()));
        Some(place)
    }

    /// `externalServiceRegistrations/Bank.yaml`
    fn schema(self, folders: &[&str], file: &str) -> Option<Place<'r>> {
        let stem = file.strip_suffix(SCHEMA).filter(|it| !it.is_empty())?;
        let is_here = folders.is_empty() || self.fit == Fit::Loose;
        is_here.then(|| self.content(stem.to_owned()))
    }

    /// `classes/Foo.cls`, `classes/Foo.cls-meta.xml`
    fn single(self, folders: &[&str], file: &str) -> Option<Place<'r>> {
        if self.fit == Fit::Exact && !folders.is_empty() {
            return None;
        }
        let (stem, part) = self.stem(file)?;
        let name = self.ty.fixed_name.as_deref().unwrap_or(stem);
        Some(self.found(name.to_owned(), part))
    }

    /// `reports/Sales-meta.xml`, `reports/Sales.reportFolder-meta.xml`
    fn folder(self, folders: &[&str], file: &str) -> Option<Place<'r>> {
        let base = file.strip_suffix(META)?;
        let stem = match base.split_once('.') {
            None => base,
            Some((stem, suffix)) if self.ty.suffix.as_deref() == Some(suffix) => stem,
            Some(_) => return None,
        };
        Some(self.found(in_folders(folders, stem), Part::Document))
    }

    /// `territory2Models/M/M.territory2Model`, `territory2Models/M/rules/R.territory2Rule`
    fn nested(self, registry: &'r Registry, folders: &[&str], file: &str) -> Option<Place<'r>> {
        if self.ty.folder_type.as_ref() != Some(&self.ty.name) {
            return None;
        }
        match folders {
            [_] => {
                let (stem, part) = self.stem(file)?;
                Some(self.found(stem.to_owned(), part))
            }
            [model, directory] => registry
                .types_in_directory(directory)
                .filter(|it| it.folder_type.as_ref() == Some(&self.ty.name))
                .find_map(|ty| {
                    let inner = Self { ty, ..self };
                    let (stem, part) = inner.stem(file)?;
                    Some(inner.found(format!("{model}.{stem}"), part))
                }),
            _ => None,
        }
    }

    /// `experiences/Site.site-meta.xml`, `staticresources/X.resource`, `staticresources/X/a.js`
    fn mixed(self, folders: &[&str], file: &str) -> Option<Place<'r>> {
        if let Some(name) = folders.first() {
            return Some(self.content((*name).to_owned()));
        }
        let (stem, rest) = file.split_once('.').unwrap_or((file, ""));
        let is_resource = self.ty.files == Files::StaticResource;
        match (stem, rest.strip_suffix(META)) {
            ("", _) => None,
            (_, Some(suffix)) if !is_resource || self.ty.has_suffix(suffix) => {
                Some(self.found(stem.to_owned(), Part::Document))
            }
            (_, None) if is_resource => Some(self.content(stem.to_owned())),
            _ => None,
        }
    }

    /// `documents/F/logo.png`, `documents/F/logo.png-meta.xml`, `documents/F/logo.document-meta.xml`
    fn document(self, folders: &[&str], file: &str) -> Option<Place<'r>> {
        if folders.is_empty() {
            return None;
        }
        let (base, part) = match file.strip_suffix(META) {
            Some(base) => (base, Part::Document),
            None => (file, Part::Content),
        };
        let stem = document_stem(base);
        (!stem.is_empty()).then(|| self.found(in_folders(folders, stem), part))
    }

    /// `objects/Account/Account.object-meta.xml`, `objects/Account/fields/A__c.field-meta.xml`
    fn decomposed(self, folders: &[&str], file: &str) -> Option<Place<'r>> {
        let (name, inner) = folders.split_first()?;
        let is_exact = self.fit == Fit::Exact;
        let base = file.strip_suffix(META)?;
        let (stem, suffix) = base.rsplit_once('.')?;
        if stem.is_empty() {
            return None;
        }
        if self.ty.has_suffix(suffix) {
            let is_here = inner.is_empty() && stem == *name;
            return (is_here || !is_exact).then(|| self.found((*name).to_owned(), Part::Document));
        }
        let child = self.ty.child_of_suffix(suffix)?;
        let is_here = match (self.ty.files, self.ty.decomposition) {
            (_, Some(Decomposition::FolderPerType)) => inner == [child.directory.as_str()],
            (Files::PermissionsByObject, _) if !child.directory.is_empty() => {
                inner == [child.directory.as_str()]
            }
            _ => inner.is_empty(),
        };
        if is_exact && !is_here {
            return None;
        }
        let mut place = self.found((*name).to_owned(), Part::Document);
        let full_name = match child.ignore_parent_name {
            true => stem.to_owned(),
            false => format!("{name}.{stem}"),
        };
        place.child = Some((child, full_name));
        Some(place)
    }

    /// `digitalExperiences/site/S/S.digitalExperience-meta.xml`,
    /// `digitalExperiences/site/S/sfdc_cms__view/home/content.json`
    fn digital_experience(self, folders: &[&str], file: &str) -> Option<Place<'r>> {
        let [base, space, inner @ ..] = folders else {
            return None;
        };
        let bundle = format!("{base}/{space}");
        if let [content_type, name, ..] = inner {
            let child = self.ty.children.first()?;
            let full_name = format!("{bundle}.{content_type}/{name}");
            let mut place = self.content(bundle);
            place.child = Some((child, full_name));
            return Some(place);
        }
        let part = if inner.is_empty() && file.ends_with(META) {
            Part::Document
        } else {
            Part::Content
        };
        Some(self.found(bundle, part))
    }

    /// What stands before the suffix of the type, and what the file is then.
    fn stem(self, file: &str) -> Option<(&str, Part)> {
        let (base, has_meta) = match file.strip_suffix(META) {
            Some(base) => (base, true),
            None => (file, false),
        };
        let part = match (self.ty.files, has_meta, self.format) {
            (Files::Content, false, _) => Part::Content,
            (Files::Content, true, _) | (_, true, Format::Source) | (_, false, Format::Package) => {
                Part::Document
            }
            (_, true, Format::Package) | (_, false, Format::Source) => Part::OddDocument,
        };
        let suffixes = [&self.ty.suffix, &self.ty.legacy_suffix];
        suffixes.into_iter().flatten().find_map(|suffix| {
            let stem = base.strip_suffix(suffix.as_str())?.strip_suffix('.')?;
            (!stem.is_empty()).then_some((stem, part))
        })
    }

    fn content(self, name: String) -> Place<'r> {
        self.found(name, Part::Content)
    }

    fn found(self, name: String, part: Part) -> Place<'r> {
        Place {
            ty: self.ty,
            name,
            child: None,
            part,
            start: 0,
        }
    }
}

/// What stands before the last dot: documents are told apart by it alone in source format.
pub(super) fn document_stem(base: &str) -> &str {
    base.rsplit_once('.').map_or(base, |(stem, _)| stem)
}

/// The name of a folder, whose document bears its suffix in source format only.
pub(super) fn folder_stem<'a>(base: &'a str, suffix: &str) -> &'a str {
    let stem = base.strip_suffix(suffix);
    stem.and_then(|it| it.strip_suffix('.')).unwrap_or(base)
}

fn in_folders(folders: &[&str], stem: &str) -> String {
    let mut name = folders.join("/");
    if !name.is_empty() {
        name.push('/');
    }
    name.push_str(stem);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Type:Name` of the component, or of the finer one.
    fn named(path: &str, format: Format) -> String {
        match place(Registry::official(), path, format) {
            None => "none".to_owned(),
            Some(Place {
                child: Some((ty, name)),
                ..
            }) => format!("{}:{name}", ty.name),
            Some(it) => format!("{}:{}", it.ty.name, it.name),
        }
    }

    #[test]
    fn package_path_tells_its_component() {
        let cases = [
            ("classes/Foo.cls", "ApexClass:Foo"),
            ("classes/Foo.cls-meta.xml", "ApexClass:Foo"),
            (
                "layouts/Account-A %28S%29.layout",
                "Layout:Account-A %28S%29",
            ),
            ("objects/Account.object", "CustomObject:Account"),
            ("customMetadata/T.R.md", "CustomMetadata:T.R"),
            ("reports/F-meta.xml", "ReportFolder:F"),
            ("reports/F/G-meta.xml", "ReportFolder:F/G"),
            ("reports/F/G/R.report", "Report:F/G/R"),
            ("reports/unfiled$public/R.report", "Report:unfiled$public/R"),
            ("email/F-meta.xml", "EmailFolder:F"),
            ("email/F/T.email-meta.xml", "EmailTemplate:F/T"),
            ("documents/F/x.png", "Document:F/x"),
            ("documents/F/x.png-meta.xml", "Document:F/x"),
            ("documents/F-meta.xml", "DocumentFolder:F"),
            (
                "lwc/foo/__tests__/foo.test.js",
                "LightningComponentBundle:foo",
            ),
            ("lwc/jsconfig.json", "none"),
            ("sites/S.site", "CustomSite:S"),
            ("siteDotComSites/S.site", "SiteDotCom:S"),
            ("staticresources/X.resource", "StaticResource:X"),
            ("labels/CustomLabels.labels", "CustomLabels:CustomLabels"),
            ("settings/Account.settings", "Settings:Account"),
            ("emailservices/X.xml", "EmailServicesFunction:X"),
            ("experiences/S.site-meta.xml", "ExperienceBundle:S"),
            ("experiences/S/config/a.json", "ExperienceBundle:S"),
            ("weblinks/X.custompageweblink", "CustomPageWebLink:X"),
            ("territory2Models/M/M.territory2Model", "Territory2Model:M"),
            (
                "territory2Models/M/rules/R.territory2Rule",
                "Territory2Rule:M.R",
            ),
            (
                "digitalExperiences/site/S/sfdc_cms__view/home/mobile/mobile.json",
                "DigitalExperience:site/S.sfdc_cms__view/home",
            ),
            (
                "digitalExperiences/site/S/S.digitalExperience-meta.xml",
                "DigitalExperienceBundle:site/S",
            ),
            ("fooBars/X.fooBar", "none"),
            ("fooBars/X.settings", "none"),
            ("package.xml", "none"),
        ];
        for (path, key) in cases {
            assert_eq!(named(path, Format::Package), key, "{path}");
        }
    }

    #[test]
    fn source_path_tells_its_component_wherever_it_lies() {
        let cases = [
            (
                "main/default/objects/A__c/A__c.object-meta.xml",
                "CustomObject:A__c",
            ),
            (
                "objects/A__c/fields/B__c.field-meta.xml",
                "CustomField:A__c.B__c",
            ),
            (
                "x/objects/A__c/my/B__c.field-meta.xml",
                "CustomField:A__c.B__c",
            ),
            (
                "a/objects/objects/L__b/indexes/I.indexe-meta.xml",
                "Index:L__b.I",
            ),
            (
                "objects/A__c/layouts/A__c-L.layout-meta.xml",
                "Layout:A__c-L",
            ),
            ("bots/B/v1.botVersion-meta.xml", "BotVersion:B.v1"),
            ("bots/B/B.bot-meta.xml", "Bot:B"),
            (
                "objectTranslations/A-de/B__c.fieldTranslation-meta.xml",
                "CustomFieldTranslation:A-de.B__c",
            ),
            ("p/classes/sub/Foo.cls", "ApexClass:Foo"),
            ("p/apex/Foo.cls-meta.xml", "ApexClass:Foo"),
            ("p/reports/F.reportFolder-meta.xml", "ReportFolder:F"),
            ("p/documents/F/x.document-meta.xml", "Document:F/x"),
            ("p/staticresources/X/layouts/Y.layout", "StaticResource:X"),
            ("p/staticresources/X.json", "StaticResource:X"),
            ("p/staticresources/X.resource-meta.xml", "StaticResource:X"),
            ("p/README.md", "none"),
            ("sfdx-project.json", "none"),
        ];
        for (path, key) in cases {
            assert_eq!(named(path, Format::Source), key, "{path}");
        }
    }
}
