//! Static resources: archives lie in the tree file by file.

use std::collections::HashSet;

use super::decomposed::parse_root;
use super::mime;
use super::place::META;
use super::{JoinError, Level, PackageFile, SOURCE_ROOT, SourceFile, SplitError};
use crate::archive::{Archive, Level as Compression, Limits, Writer};
use crate::model::{ComponentKey, TreePath};
use crate::registry::Type;

/// What an archive may cost.
///
/// A resource has at most 5 MB (Salesforce Help, "Static Resources"); this is a
/// hundred times as much.
const LIMITS: Limits = Limits {
    n_entries: 20_000,
    bytes: 500 << 20,
    entry_bytes: 200 << 20,
    ratio: 250,
    ratio_free_bytes: 8 << 20,
};

/// Content type of a resource that names none.
const NO_TYPE: &str = "application/octet-stream";

/// Writes the content of a resource beside its document, an archive file by file.
///
/// An archive stays one file where it cannot be had back from the tree: where it
/// is none, is hostile, or holds what a tree cannot.
pub(super) fn split(
    ty: &Type,
    level: Level,
    key: &ComponentKey,
    files: &[PackageFile],
) -> Result<Vec<SourceFile>, SplitError> {
    let (document, content) = halves(key, files, |it| it.path.as_str())?;
    let parsed = parse_root(&document.path, &document.bytes, ty)?;
    let content_type = parsed.root.child_text("contentType").unwrap_or_default();
    let content_type = match content_type.trim() {
        "" => NO_TYPE,
        other => other,
    };
    let folder = format!("{SOURCE_ROOT}/{}", ty.directory);
    let file = |path: &str, bytes: Vec<u8>| {
        Ok::<_, SplitError>(SourceFile {
            path: TreePath::from_org(path)?,
            key: key.clone(),
            bytes,
        })
    };
    let suffix = ty.suffix.as_deref().unwrap_or_default();
    let document = file(
        &format!("{folder}/{}.{suffix}{META}", key.name),
        document.bytes.clone(),
    )?;
    if mime::is_archive(content_type)
        && let Some(mut files) = expanded(
            &format!("{folder}/{}", key.name),
            level,
            key,
            &content.bytes,
        )
    {
        files.push(document);
        return Ok(files);
    }
    let extension = mime::extension(content_type);
    let path = format!("{folder}/{}.{extension}", key.name);
    Ok(vec![file(&path, content.bytes.clone())?, document])
}

/// The files of an archive; `None` where it would not come back whole.
fn expanded(
    folder: &str,
    level: Level,
    key: &ComponentKey,
    bytes: &[u8],
) -> Option<Vec<SourceFile>> {
    let archive = Archive::open(bytes, &LIMITS).ok()?;
    if !archive.case_twins().is_empty() {
        return None;
    }
    let mut files = Vec::new();
    let mut filled: HashSet<&str> = HashSet::new();
    let mut folders: Vec<&str> = Vec::new();
    for (n, entry) in archive.entries().iter().enumerate() {
        if entry.problem.is_some() {
            return None;
        }
        if entry.is_folder {
            folders.push(&entry.name);
            continue;
        }
        let mut name = entry.name.as_str();
        while let Some((above, _)) = name.rsplit_once('/')
            && filled.insert(above)
        {
            name = above;
        }
        files.push(SourceFile {
            path: TreePath::from_org(&format!("{folder}/{}", entry.name)).ok()?,
            key: key.clone(),
            bytes: archive.read(n).ok()?,
        });
    }
    let loses_folder = folders.iter().any(|it| !filled.contains(it));
    let keeps_folders = !loses_folder || level == Level::Faithful;
    let comes_back = !files.is_empty() && keeps_folders;
    comes_back.then_some(files)
}

/// Writes the content of a resource as one file, an expanded archive zipped again.
pub(super) fn join(
    ty: &Type,
    key: &ComponentKey,
    files: &[SourceFile],
) -> Result<Vec<PackageFile>, JoinError> {
    let suffix = ty.suffix.as_deref().unwrap_or_default();
    let stem = format!("{}/{}.{suffix}", ty.directory, key.name);
    let folder = format!("{}/{}/", ty.directory, key.name);
    let mut document = None;
    let mut single = None;
    let mut inner: Vec<(&str, &[u8])> = Vec::new();
    for file in files {
        let path = file.path.as_str();
        let in_folder = match path.find(&folder) {
            Some(0) => Some(folder.len()),
            Some(at) if path.as_bytes()[at - 1] == b'/' => Some(at + folder.len()),
            _ => None,
        };
        match in_folder {
            Some(at) => inner.push((&path[at..], &file.bytes)),
            None if path.ends_with(META) => document = Some(file),
            None => single = Some(file),
        }
    }
    let missing = |what| SplitError::Missing {
        key: key.clone(),
        what,
    };
    let document = document.ok_or_else(|| missing("document beside it"))?;
    let content = if inner.is_empty() {
        single.ok_or_else(|| missing("content"))?.bytes.clone()
    } else {
        zipped(inner)
    };
    Ok(vec![
        PackageFile {
            path: stem.clone(),
            bytes: content,
        },
        PackageFile {
            path: format!("{stem}{META}"),
            bytes: document.bytes.clone(),
        },
    ])
}

fn zipped(mut files: Vec<(&str, &[u8])>) -> Vec<u8> {
    files.sort_unstable();
    let mut writer = Writer::new(Vec::new());
    for (name, bytes) in files {
        writer
            .add(name, bytes, Compression::SMALL)
            .expect("writing to memory does not fail, and a path of the tree is short");
    }
    writer.finish().expect("writing to memory does not fail")
}

/// The document and the content of a component that has one of each.
pub(super) fn halves<'a, F>(
    key: &ComponentKey,
    files: &'a [F],
    path: impl Fn(&F) -> &str,
) -> Result<(&'a F, &'a F), SplitError> {
    let find = |is_document: bool| {
        let mut fitting = files
            .iter()
            .filter(|it| path(it).ends_with(META) == is_document);
        let found = fitting.next().ok_or_else(|| SplitError::Missing {
            key: key.clone(),
            what: if is_document {
                "document beside it"
            } else {
                "content"
            },
        })?;
        match fitting.next() {
            Some(other) => Err(SplitError::Foreign {
                key: key.clone(),
                path: path(other).to_owned(),
            }),
            None => Ok(found),
        }
    };
    Ok((find(true)?, find(false)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;
    use crate::source::{join, split};

    fn key() -> ComponentKey {
        "StaticResource:R".parse().unwrap()
    }

    fn resource(content_type: &str, content: Vec<u8>) -> Vec<PackageFile> {
        let file = |path: &str, bytes| PackageFile {
            path: path.to_owned(),
            bytes,
        };
        let document =
            format!("<StaticResource><contentType>{content_type}</contentType></StaticResource>");
        vec![
            file("staticresources/R.resource", content),
            file("staticresources/R.resource-meta.xml", document.into_bytes()),
        ]
    }

    fn archive(names: &[&str]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        for name in names {
            writer
                .add(name, name.as_bytes(), Compression::FAST)
                .unwrap();
        }
        writer.finish().unwrap()
    }

    /// Paths below the folder of resources.
    fn paths(level: Level, content_type: &str, content: Vec<u8>) -> Vec<String> {
        let files = resource(content_type, content);
        let files = split(Registry::official(), level, &key(), files).unwrap();
        let short = |it: SourceFile| {
            it.path
                .as_str()
                .trim_start_matches("main/default/staticresources/")
                .to_owned()
        };
        files.into_iter().map(short).collect()
    }

    #[test]
    fn archive_lies_in_the_tree_file_by_file_and_is_zipped_the_same_each_time() {
        let files = resource(
            "application/zip",
            archive(&["b.txt", "a/x.resource-meta.xml"]),
        );
        let source = split(Registry::official(), Level::Faithful, &key(), files).unwrap();
        let found: Vec<_> = source.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(
            found,
            [
                "main/default/staticresources/R/b.txt",
                "main/default/staticresources/R/a/x.resource-meta.xml",
                "main/default/staticresources/R.resource-meta.xml",
            ]
        );
        let joined = join(Registry::official(), &key(), &source).unwrap();
        assert_eq!(
            joined[0].bytes,
            archive_sorted(&["a/x.resource-meta.xml", "b.txt"])
        );
        let again = split(
            Registry::official(),
            Level::Faithful,
            &key(),
            joined.clone(),
        )
        .unwrap();
        let back = join(Registry::official(), &key(), &again).unwrap();
        assert_eq!(back, joined);
    }

    fn archive_sorted(names: &[&str]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        for name in names {
            writer
                .add(name, name.as_bytes(), Compression::SMALL)
                .unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn archive_that_would_not_come_back_stays_one_file() {
        let single = ["R.zip", "R.resource-meta.xml"];
        for names in [
            &["../up", "a"][..],
            &["a/.git/config"],
            &["a.txt", "A.txt"],
            &["a", "a/b"],
            &[],
        ] {
            let content = archive(names);
            assert_eq!(
                paths(Level::Faithful, "application/zip", content),
                single,
                "{names:?}"
            );
        }
        // No writer makes two entries of one name.
        let mut twice = archive(&["a1", "a2"]);
        for at in 0..twice.len() - 1 {
            if twice[at..].starts_with(b"a2") {
                twice[at + 1] = b'1';
            }
        }
        assert_eq!(paths(Level::Faithful, "application/zip", twice), single);
        let content = b"no archive".to_vec();
        assert_eq!(
            paths(Level::Faithful, "application/x-zip-compressed", content),
            single
        );
    }

    #[test]
    fn empty_folder_keeps_the_archive_whole_at_the_canonical_level() {
        let content = archive(&["a/", "b"]);
        let content_type = "application/zip";
        assert_eq!(
            paths(Level::Faithful, content_type, content.clone()),
            ["R/b", "R.resource-meta.xml"]
        );
        assert_eq!(
            paths(Level::Canonical, content_type, content),
            ["R.zip", "R.resource-meta.xml"]
        );
    }

    #[test]
    fn other_content_gets_the_ending_of_its_type() {
        let cases = [
            ("text/css", "R.css"),
            ("", "R.bin"),
            ("image/jpeg", "R.jpeg"),
        ];
        for (content_type, path) in cases {
            let found = paths(Level::Canonical, content_type, b"x".to_vec());
            assert_eq!(found, [path, "R.resource-meta.xml"]);
        }
    }

    #[test]
    fn half_a_resource_is_refused() {
        let mut files = resource("text/css", b"x".to_vec());
        files.truncate(1);
        let err = split(Registry::official(), Level::Faithful, &key(), files).unwrap_err();
        assert_eq!(
            err.to_string(),
            "StaticResource:R has no document beside it"
        );
    }
}
