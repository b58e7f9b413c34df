//! The laws of the canonical form on real projects.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use orgkeep::{
    registry::keys::KeyRules,
    source::canonical::{Rules, Switch, canonicalise, sort},
    xml::{Element, Node, decode, escape, parse},
};

use crate::shared::shared;

/// Files of a tar archive, by path.
pub(crate) fn files_of_tar(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut bytes = Vec::new();
    let packed = fs::File::open(path).unwrap();
    flate2::read::GzDecoder::new(packed)
        .read_to_end(&mut bytes)
        .unwrap();
    let text = |it: &[u8]| {
        let end = it.iter().position(|it| *it == 0).unwrap_or(it.len());
        String::from_utf8(it[..end].to_vec()).unwrap()
    };
    let (mut files, mut at, mut long_name) = (BTreeMap::new(), 0, None);
    while at + 512 <= bytes.len() && bytes[at] != 0 {
        let head = &bytes[at..at + 512];
        let length = usize::from_str_radix(text(&head[124..136]).trim(), 8).unwrap();
        let body = bytes[at + 512..at + 512 + length].to_vec();
        let (name, prefix) = (text(&head[..100]), text(&head[345..500]));
        match head[156] {
            b'L' => long_name = Some(text(&body)),
            b'x' => {
                let pairs = String::from_utf8(body).unwrap();
                let path = pairs
                    .lines()
                    .find_map(|it| it.split_once(" path=").map(|it| it.1.to_owned()));
                long_name = path.or(long_name);
            }
            b'0' | 0 => {
                let slash = if prefix.is_empty() { "" } else { "/" };
                let name = long_name.take().unwrap_or(format!("{prefix}{slash}{name}"));
                files.insert(name, body);
            }
            _ => long_name = None,
        }
        at += 512 + length.div_ceil(512) * 512;
    }
    files
}

/// The expected source trees of all corpora.
pub(crate) fn corpora(what: &str) -> Vec<(String, BTreeMap<String, Vec<u8>>)> {
    let Some(shared) = shared(what) else {
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = fs::read_dir(shared.join("corpora"))
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    folders.sort();
    folders
        .into_iter()
        .map(|it| {
            let name = it.file_name().unwrap().to_str().unwrap().to_owned();
            (name, files_of_tar(&it.join("expected-source.tar.gz")))
        })
        .collect()
}

/// The type a path of a source tree belongs to, as far as these laws need it.
fn type_of(path: &str) -> &'static str {
    match path
        .split('/')
        .find(|it| matches!(*it, "staticresources" | "digitalExperiences"))
    {
        Some("staticresources") => "StaticResource",
        Some(_) => "DigitalExperienceBundle",
        None => "Other",
    }
}

fn meaning(bytes: &[u8]) -> Element {
    fn spell(element: &mut Element) {
        element.attributes.retain(|it| it.0 != "xmlns");
        for (_, value) in &mut element.attributes {
            *value = escape(&decode(value)).into_owned();
        }
        for node in &mut element.children {
            match node {
                Node::Text(text) => *text = escape(&decode(text)).into_owned(),
                Node::Element(child) => spell(child),
                _ => (),
            }
        }
    }
    let mut root = parse(bytes).unwrap().root;
    spell(&mut root);
    sort(&mut root, KeyRules::official());
    root
}

#[test]
fn canonical_form_of_real_projects_is_stable_and_keeps_their_meaning() {
    let rules = Rules::default();
    let kept = rules.clone().with("flow-coordinates", Switch::Off).unwrap();
    for (corpus, files) in corpora("canonical form of the corpora") {
        let (mut n_xml, mut n_canonical) = (0, 0);
        for (path, bytes) in &files {
            let ty = type_of(path);
            let once = canonicalise(ty, path, bytes, &rules).unwrap().bytes;
            let twice = canonicalise(ty, path, &once, &rules).unwrap();
            assert_eq!(*twice.bytes, *once, "{corpus} {path}: not stable");
            assert!(matches!(twice.bytes, Cow::Borrowed(_)), "{corpus} {path}");
            if path.ends_with("-meta.xml") {
                n_xml += 1;
                n_canonical += usize::from(*once == bytes[..]);
                let once = canonicalise(ty, path, bytes, &kept).unwrap().bytes;
                assert_eq!(
                    meaning(&once),
                    meaning(bytes),
                    "{corpus} {path}: another meaning"
                );
            } else if ty != "DigitalExperienceBundle" {
                assert_eq!(*once, bytes[..], "{corpus} {path}: content was touched");
            }
        }
        assert!(
            50 < n_xml && n_canonical < n_xml,
            "{corpus}: {n_canonical} of {n_xml}"
        );
    }
}
