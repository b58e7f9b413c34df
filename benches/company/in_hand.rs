//! Answers of an org that lie on the disk: zips, their properties, and the listing.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    fs::{self, File},
    path::Path,
};

use orgkeep::{
    archive::{Level, Writer},
    client::{Identity, OrgInfo, Permissions, UserInfo},
    model::{Author, ComponentKey, RemoteComponent, Stamp, Timestamp},
    ops::snapshot::{Answer, InHand},
    registry::Registry,
    source::{self, convert},
};

use super::Company;

/// Most files of one answer. Source: limit of a retrieve, 10,000; what we fill.
const FILES: usize = 9_000;

/// Most unpacked bytes of one answer. Source: limit of a retrieve, 39 MB packed.
const BYTES: usize = 200 << 20;

/// Compression of the platform's zips: zlib's default.
const ZIPPED: u32 = 6;

/// What is not as it was in an org, spread over it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Edits {
    /// Components with another content.
    pub(crate) n_changed: usize,
    /// Fields that are gone.
    pub(crate) n_gone: usize,
}

/// Writes what an org with so many copies gives into `dir`; the number of its package files.
pub(crate) fn write(company: &Company, n_copies: usize, edits: Edits, dir: &Path) -> usize {
    write_in_zips_of(FILES, company, n_copies, edits, dir)
}

/// The same with at most so many files in an answer, as far as copies can be kept whole.
pub(crate) fn write_in_zips_of(
    max_files: usize,
    company: &Company,
    n_copies: usize,
    edits: Edits,
    dir: &Path,
) -> usize {
    fs::create_dir_all(dir).unwrap();
    let mut zips = Zips {
        dir,
        max_files,
        listing: BTreeSet::new(),
        n_zips: 0,
        n_files: 0,
        files: Vec::new(),
        n_bytes: 0,
    };
    // How many of `n` fall to a copy when they are spread evenly.
    let share = |n: usize, copy: usize| (copy + 1) * n / (n_copies + 1) - copy * n / (n_copies + 1);
    for copy in 0..=n_copies {
        let mut files: Vec<_> = company.copy(copy).collect();
        let n_changed = share(edits.n_changed, copy);
        let n_gone = share(edits.n_gone, copy);
        change(&mut files, n_changed, copy);
        remove_fields(&mut files, n_gone);
        zips.add(files, n_changed + n_gone > 0);
    }
    zips.flush();
    let listing: Vec<_> = zips
        .listing
        .iter()
        .map(|(key, path, is_edited)| remote(key, path, *is_edited))
        .collect();
    fs::write(
        dir.join("listing.json"),
        serde_json::to_vec(&listing).unwrap(),
    )
    .unwrap();
    zips.n_files
}

/// Changes `n` classes, layouts, reports and objects.
fn change(files: &mut [(String, Vec<u8>)], n: usize, copy: usize) {
    let is_one = |name: &str| {
        let ends = [".cls", ".layout", ".object", ".page", ".report", ".trigger"];
        ends.iter().any(|it| name.ends_with(it))
    };
    let all: Vec<usize> = (0..files.len())
        .filter(|it| is_one(&files[*it].0))
        .collect();
    assert!(n <= all.len(), "{n} of {}", all.len());
    for it in 0..n {
        let (name, bytes) = &mut files[all[(copy + it) % all.len()]];
        let text = std::str::from_utf8(bytes).unwrap();
        let is_code = [".cls", ".page", ".trigger"]
            .iter()
            .any(|it| name.ends_with(it));
        let end = text.rfind("</").unwrap_or(text.len());
        *bytes = match is_code {
            true => format!("{text}// edited\n"),
            false if text.contains("</label>") => text.replacen("</label>", " edited</label>", 1),
            false => format!("{}    <zone>edited</zone>\n{}", &text[..end], &text[end..]),
        }
        .into_bytes();
    }
}

/// Takes the first custom fields out of the objects.
fn remove_fields(files: &mut [(String, Vec<u8>)], n: usize) {
    let objects = files.iter_mut().filter(|it| it.0.ends_with(".object"));
    let mut left = n;
    for (_, bytes) in objects {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let Some(start) = (left > 0).then(|| text.find("    <fields>\n")).flatten() else {
            continue;
        };
        let end = start + text[start..].find("    </fields>\n").unwrap() + "    </fields>\n".len();
        *bytes = [&text[..start], &text[end..]].concat().into_bytes();
        left -= 1;
    }
    assert_eq!(left, 0, "there are fewer objects with fields");
}

#[expect(
    clippy::struct_field_names,
    reason = "the number of zips is what it is called"
)]
struct Zips<'a> {
    dir: &'a Path,
    max_files: usize,
    /// Keys with the package file that they are in, and whether it was edited.
    listing: BTreeSet<(ComponentKey, String, bool)>,
    n_zips: usize,
    n_files: usize,
    files: Vec<(String, Vec<u8>)>,
    n_bytes: usize,
}

impl Zips<'_> {
    fn add(&mut self, files: Vec<(String, Vec<u8>)>, is_edited: bool) {
        let n_bytes: usize = files.iter().map(|it| it.1.len()).sum();
        if self.max_files < self.files.len() + files.len() || BYTES < self.n_bytes + n_bytes {
            self.flush();
        }
        self.list(&files, is_edited);
        self.n_files += files.len();
        self.n_bytes += n_bytes;
        self.files.extend(files);
    }

    /// Lists the components of some files, and their children.
    fn list(&mut self, files: &[(String, Vec<u8>)], is_edited: bool) {
        let registry = Registry::official();
        let names: Vec<&str> = files.iter().map(|it| it.0.as_str()).collect();
        let found = source::assign(registry, &names);
        let path_of: BTreeMap<_, _> = found
            .components
            .iter()
            .map(|it| (it.key.clone(), names[it.entries[0]].to_owned()))
            .collect();
        for (key, path) in &path_of {
            self.listing.insert((key.clone(), path.clone(), is_edited));
        }
        let done = convert::to_source(
            registry,
            source::Level::Canonical,
            &names,
            |it| Ok::<_, Infallible>(files[it].1.clone()),
            |file| {
                let path = source::owner(registry, file.path.as_str())
                    .and_then(|it| path_of.get(it.top()).cloned())
                    .unwrap_or_default();
                if !path_of.contains_key(&file.key) {
                    self.listing.insert((file.key, path, is_edited));
                }
                Ok::<_, Infallible>(())
            },
        );
        let Ok(done) = done;
        assert!(done.gaps.is_empty(), "{:?}", done.gaps);
    }

    fn flush(&mut self) {
        if self.files.is_empty() {
            return;
        }
        let files = std::mem::take(&mut self.files);
        self.n_bytes = 0;
        let name = self.n_zips.to_string();
        self.n_zips += 1;
        let mut zip = Writer::new(File::create(self.dir.join(format!("{name}.zip"))).unwrap());
        let names: Vec<&str> = files.iter().map(|it| it.0.as_str()).collect();
        for (name, bytes) in &files {
            zip.add(name, bytes, Level::new(ZIPPED)).unwrap();
        }
        zip.finish().unwrap();
        let found = source::assign(Registry::official(), &names);
        let keys: BTreeSet<&ComponentKey> = found.components.iter().map(|it| &it.key).collect();
        let here = self.listing.iter().filter(|it| keys.contains(&it.0));
        let properties: Vec<_> = here
            .map(|(key, path, is_edited)| remote(key, path, *is_edited))
            .collect();
        let path = self.dir.join(format!("{name}.json"));
        fs::write(path, serde_json::to_vec(&properties).unwrap()).unwrap();
    }
}

/// What the org tells of a component.
fn remote(key: &ComponentKey, path: &str, is_edited: bool) -> RemoteComponent {
    let seed = key.to_string().bytes().fold(7_u64, |sum, it| {
        sum.wrapping_mul(1_099_511_628_211) ^ u64::from(it)
    });
    let at = |seed: u64| {
        let millis = 1_760_000_000_000 + i64::try_from(seed % 30_000_000_000).unwrap();
        Timestamp::from_millis(millis).unwrap()
    };
    let by = |seed: u64| Author {
        id: format!("0055f00000{:05}", seed % 40).parse().ok(),
        name: format!("User {}", seed % 40),
    };
    let mut modified = Stamp {
        by: by(seed / 3),
        at: at(seed / 5),
    };
    if is_edited {
        modified.at = Timestamp::from_millis(1_790_500_000_000).unwrap();
    }
    RemoteComponent {
        key: key.clone(),
        id: format!("0XX{:012}", seed % 1_000_000_000_000).parse().ok(),
        file_name: format!("unpackaged/{path}"),
        created: Stamp {
            by: by(seed / 7),
            at: at(seed / 11),
        },
        modified,
        namespace: None,
        manageable_state: Some("unmanaged".to_owned()),
    }
}

/// Takes in hand what lies in `dir`; the listing began at `at`.
pub(crate) fn read(dir: &Path, at: Timestamp) -> InHand {
    let parse = |path: &Path| -> Vec<RemoteComponent> {
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    };
    let zips = (0..).map(|it| dir.join(format!("{it}.zip")));
    let answers = zips.map_while(|path| {
        Some(Answer {
            zip: File::open(&path).ok()?,
            components: parse(&path.with_extension("json")),
        })
    });
    InHand {
        identity: Identity {
            org: OrgInfo {
                id: "00D5f000006TdUJEA0".parse().unwrap(),
                name: "ACME".to_owned(),
                instance: None,
                is_sandbox: true,
                edition: None,
                namespace: None,
                ends: None,
            },
            user: UserInfo {
                id: "0055f0000000001".parse().unwrap(),
                username: "admin@acme.com".to_owned(),
                name: "Admin".to_owned(),
            },
            permissions: Permissions::default(),
        },
        at,
        listing: parse(&dir.join("listing.json")),
        answers: answers.collect(),
    }
}
