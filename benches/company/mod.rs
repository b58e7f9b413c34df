//! Our company, multiplied: packages of any size in which no two files are equal.
//!
//! A copy has names of its own, in its paths and wherever its files name each other, and
//! labels, descriptions and code of its own. Classes and modules have bodies of different
//! lengths.

pub(crate) mod in_hand;

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

const PACKAGE: &str = "fixtures/orgs/acme/package";

/// Each so many copies have folders, permission sets and flows of their own.
const FOLDERS_EACH: usize = 10;

/// Each so many copies have a profile of their own.
const PROFILES_EACH: usize = 50;

/// The package of our company.
pub(crate) struct Company {
    files: Vec<(String, Vec<u8>)>,
    /// Names that a copy has of its own.
    names: BTreeSet<String>,
}

impl Company {
    /// Reads it.
    pub(crate) fn read() -> Self {
        let root = Path::new(PACKAGE);
        let mut paths = Vec::new();
        collect(root, &mut paths);
        paths.sort();
        let files: Vec<_> = paths
            .iter()
            .map(|path| {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                (name.to_owned(), fs::read(path).unwrap())
            })
            .filter(|(name, _)| name != "package.xml")
            .collect();
        let names = files.iter().filter_map(|(name, _)| own_name(name));
        Self {
            names: names.map(str::to_owned).collect(),
            files,
        }
    }

    /// The files of a copy; copy 0 is the company itself.
    pub(crate) fn copy(&self, copy: usize) -> impl Iterator<Item = (String, Vec<u8>)> + '_ {
        self.files.iter().filter_map(move |(name, bytes)| {
            let renamed = name_of_copy(name, copy)?;
            let bytes = match copy {
                0 => bytes.clone(),
                _ => self.varied(name, bytes, copy),
            };
            Some((renamed, bytes))
        })
    }

    /// The content of a file in a copy.
    fn varied(&self, name: &str, bytes: &[u8], copy: usize) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return [bytes, copy.to_string().as_bytes()].concat();
        };
        let mut text = self.renamed(text, copy);
        let seed = spread(copy * 1_000 + name.len());
        match name.rsplit('.').next() {
            Some("cls" | "trigger" | "js") => lines(&mut text, "// ", seed),
            Some("css") => writeln!(text, "/* {seed:x} */").unwrap(),
            Some("page" | "component" | "cmp" | "html" | "auradoc" | "design" | "svg" | "app") => {
                writeln!(text, "<!-- {seed:x} -->").unwrap();
            }
            Some("txt" | "email" | "json") => writeln!(text, "{seed:x}").unwrap(),
            _ => text = labelled(&text, &format!("{copy}.{:x}", hash(name) % 65_521)),
        }
        text.into_bytes()
    }

    /// The text with each name of the company in it as the copy has it.
    fn renamed(&self, text: &str, copy: usize) -> String {
        let mut out = String::with_capacity(text.len() + 64);
        let is_of_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|it| !is_of_word(it)).unwrap_or(rest.len());
            let word = &rest[..end];
            if self.names.contains(word) {
                out.push_str(&with_number(word, copy));
            } else {
                out.push_str(word);
            }
            let next = rest[end..].find(is_of_word);
            let behind = next.map_or(rest.len(), |it| end + it);
            out.push_str(&rest[end..behind]);
            rest = &rest[behind..];
        }
        out
    }
}

fn collect(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else {
            into.push(path);
        }
    }
}

/// The name of a component of which each copy has one of its own.
fn own_name(path: &str) -> Option<&str> {
    let (dir, rest) = path.split_once('/')?;
    match dir {
        "objects" => rest
            .strip_suffix(".object")
            .filter(|it| it.ends_with("__c")),
        "classes" | "triggers" | "pages" | "components" => {
            Some(rest.split_once('.')?.0).filter(|_| !rest.ends_with("-meta.xml"))
        }
        "lwc" | "aura" => Some(rest.split_once('/')?.0),
        _ => None,
    }
}

/// `Rental__c` in copy 7 is `Rental_7__c`.
fn with_number(name: &str, copy: usize) -> String {
    match name.strip_suffix("__c") {
        Some(stem) => format!("{stem}_{copy}__c"),
        None => format!("{name}_{copy}"),
    }
}

/// The path of a file in a copy; `None` where its type is not multiplied.
pub(crate) fn name_of_copy(name: &str, copy: usize) -> Option<String> {
    if copy == 0 {
        return Some(name.to_owned());
    }
    let (dir, rest) = name.split_once('/')?;
    let each = match dir {
        "reports" | "dashboards" | "documents" | "email" | "permissionsets" | "flows" => {
            FOLDERS_EACH
        }
        "profiles" => PROFILES_EACH,
        _ => 1,
    };
    if !copy.is_multiple_of(each) || rest.starts_with("unfiled$public") {
        return None;
    }
    let renamed = match dir {
        "reports" | "dashboards" | "documents" | "email" => {
            let end = rest.find('/').or_else(|| rest.find("-meta.xml"))?;
            format!("{}_{copy}{}", &rest[..end], &rest[end..])
        }
        "objects" => {
            let stem = rest.strip_suffix(".object")?;
            let kind = ["__c", "__e", "__b", "__mdt"];
            match kind.iter().find_map(|it| stem.strip_suffix(it)) {
                None if stem == "Activity" => return None,
                Some(own) => format!("{own}_{copy}{}.object", &stem[own.len()..]),
                None => format!("{stem}_{copy}__c.object"),
            }
        }
        "lwc" | "aura" => {
            let (bundle, file) = rest.split_once('/')?;
            let file = file.replacen(bundle, &format!("{bundle}_{copy}"), 1);
            format!("{bundle}_{copy}/{file}")
        }
        "layouts" => {
            let (object, layout) = rest.strip_suffix(".layout")?.split_once('-')?;
            let object = match object.ends_with("__c") {
                true => with_number(object, copy),
                false => object.to_owned(),
            };
            format!("{object}-{layout} {copy}.layout")
        }
        "flows" => {
            let (stem, version) = rest.strip_suffix(".flow")?.split_once('-')?;
            (version == "1").then(|| format!("{stem}_{copy}.flow"))?
        }
        "classes" | "triggers" | "pages" | "components" | "permissionsets" | "profiles"
        | "flexipages" => {
            let end = rest.find('.')?;
            format!("{}_{copy}{}", &rest[..end], &rest[end..])
        }
        _ => return None,
    };
    Some(format!("{dir}/{renamed}"))
}

/// A multiplier from Knuth spreads the numbers.
fn spread(n: usize) -> usize {
    n.wrapping_mul(2_654_435_761) % 4_294_967_296
}

/// Appends up to 160 lines of a comment.
fn lines(text: &mut String, mark: &str, seed: usize) {
    for line in 0..(seed >> 7) % 160 {
        let value = seed.wrapping_mul(line + 7) % 99_991;
        writeln!(text, "{mark}{line}: see note {value:x} of {seed:x}").unwrap();
    }
}

/// Elements of which each copy has another text.
const LABELS: [&str; 6] = [
    "label",
    "masterLabel",
    "description",
    "errorMessage",
    "inlineHelpText",
    "pluralLabel",
];

/// A number for a text.
fn hash(text: &str) -> usize {
    let bytes = text.bytes().map(usize::from);
    bytes.fold(7, |sum, it| spread(sum) ^ it)
}

/// A document with other labels; what has no label gets a description.
fn labelled(text: &str, copy: &str) -> String {
    let mut out = String::with_capacity(text.len() + 256);
    // Where the open part of a document begins in `out`, how deep it is, whether it has a label.
    let mut open: Option<(usize, bool)> = None;
    let mut has_label = false;
    let mut root = None;
    for line in text.lines() {
        let end = LABELS.iter().find_map(|it| {
            line.strip_suffix(&format!("</{it}>"))
                .map(|head| (head, it))
        });
        let at = out.len();
        match end {
            Some((head, element)) => {
                writeln!(out, "{head} {copy}</{element}>").unwrap();
                has_label |= line.starts_with("    <");
                open = open.map(|(at, _)| (at, true));
            }
            None => writeln!(out, "{line}").unwrap(),
        }
        if root.is_none() && line.starts_with('<') && !line.starts_with("<?") {
            root = Some(out.len());
        } else if line == "    <fields>" {
            open = Some((at + line.len() + 1, false));
        } else if line == "    </fields>"
            && let Some((at, false)) = open.take()
        {
            describe(&mut out, at, "        ", copy);
        }
    }
    if let Some(at) = root
        && !has_label
    {
        describe(&mut out, at, "    ", copy);
    }
    out
}

/// Puts a description where it belongs among the elements that begin at `at`.
fn describe(out: &mut String, at: usize, indent: &str, copy: &str) {
    let mut place = at;
    for line in out[at..].split_inclusive('\n') {
        let name = line
            .strip_prefix(indent)
            .and_then(|it| it.strip_prefix('<'));
        if name.is_some_and(|it| it > "description") || line.len() <= indent.len() {
            break;
        }
        if !line.starts_with(indent) {
            break;
        }
        place += line.len();
    }
    out.insert_str(
        place,
        &format!("{indent}<description>Copy {copy}</description>\n"),
    );
}
