//! A package with a component of every metadata type that there is.
//!
//! Made from the registry: where a type's files lie, what they are called, what they
//! hold. Names and contents are those that orgs have and that samples lack: namespaces,
//! percent-encoding, letters outside ASCII, long names, CR LF, byte order marks,
//! comments, CDATA, `xsi:nil`.

use std::{collections::BTreeMap, fmt::Write as _};

use orgkeep::{
    archive::{Level, Writer},
    registry::{Files, Registry, Type},
};

/// Files by path.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

/// A package, and the types that are in it.
#[derive(Default)]
pub(crate) struct Specimens {
    /// The files, without `unpackaged/`.
    pub(crate) files: Tree,
    /// Each type and child type with the first path that holds one.
    pub(crate) types: BTreeMap<String, String>,
    /// Whether documents hold only names, so that an org takes them.
    is_bare: bool,
}

/// Names of components, plain and odd.
const NAMES: [&str; 4] = [
    "Plain",
    "ns1__Managed_Thing",
    "Odd %28a%29 %26 %2E Gr\u{fc}\u{df}e \u{65e5}\u{672c}",
    "Long_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// Endings of documents; those with a digit and none at all are told apart in
/// `docs/fidelity.md`.
const ENDINGS: [&str; 16] = [
    "png", "jpg", "jpeg", "gif", "pdf", "txt", "csv", "xml", "json", "html", "docx", "xlsx", "zip",
    "js", "css", "PNG",
];

/// Content types of static resources that are archives.
const ARCHIVES: [&str; 3] = [
    "application/zip",
    "application/x-zip-compressed",
    "application/zip; charset=binary",
];

impl Specimens {
    /// Every type of the registry, with all that may stand in a document.
    pub(crate) fn of(registry: &Registry) -> Self {
        Self::made(registry, false)
    }

    /// Every type of the registry, with documents that hold nothing an org does not know.
    pub(crate) fn bare(registry: &Registry) -> Self {
        Self::made(registry, true)
    }

    fn made(registry: &Registry, is_bare: bool) -> Self {
        let mut all = Self {
            is_bare,
            ..Self::default()
        };
        for (n, ty) in registry.types().enumerate() {
            all.add_type(ty, n);
        }
        all
    }

    fn add(&mut self, ty: &str, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        let path = path.into();
        self.types
            .entry(ty.to_owned())
            .or_insert_with(|| path.clone());
        let earlier = self.files.insert(path.clone(), bytes.into());
        assert_eq!(earlier, None, "{path} is made twice");
    }

    /// A document of one of the [`BODIES`].
    fn document(&self, ty: &Type, n: usize) -> Vec<u8> {
        document(
            ty,
            if self.is_bare {
                ""
            } else {
                BODIES[n % BODIES.len()]
            },
        )
    }

    /// A child in its parent's document.
    fn child(&self, ty: &Type, name: &str, n: usize) -> String {
        let by = ty.name_element.as_deref().unwrap_or("fullName");
        let element = ty.element();
        let more = if self.is_bare {
            ""
        } else {
            IN_CHILDREN[n % IN_CHILDREN.len()]
        };
        format!("    <{element}>\n        <{by}>{name}</{by}>\n{more}    </{element}>\n")
    }

    fn add_type(&mut self, ty: &Type, n: usize) {
        match ty.files {
            Files::Single if ty.is_folder() => self.add_folders(ty),
            Files::Single | Files::Content if ty.in_folder => self.add_in_folders(ty),
            Files::Single if ty.folder_type.is_some() => self.add_in_model(ty),
            Files::Single => self.add_singles(ty, n),
            Files::Content => {
                for name in names(ty) {
                    self.add_content(ty, &format!("{}/{name}", ty.directory));
                }
            }
            Files::Bundle | Files::UiBundle => self.add_bundles(ty),
            Files::Mixed if ty.in_folder => self.add_documents(ty),
            Files::Mixed => self.add_sites(ty),
            Files::StaticResource => self.add_resources(ty),
            Files::Decomposed => self.add_decomposed(ty),
            Files::OneLabelEach | Files::PermissionsByObject | Files::SchemaBeside => {
                unreachable!("only presets lay types out so")
            }
            Files::Labels => self.add_labels(ty),
            Files::DigitalExperience => self.add_digital_experiences(ty),
        }
    }

    fn add_singles(&mut self, ty: &Type, n: usize) {
        let suffix = suffix(ty);
        for (m, name) in names(ty).enumerate() {
            let mut body = match self.is_bare {
                true => String::new(),
                false => BODIES[(n + m) % BODIES.len()].to_owned(),
            };
            let path = format!("{}/{name}.{suffix}", ty.directory);
            for child in &ty.children {
                // In an org these two have other names than the registry gives them.
                if !self.is_bare
                    || !["ManagedTopic", "WorkSkillRoutingAttribute"].contains(&child.name.as_str())
                {
                    body.push_str(&self.child(child, "One", 0));
                    body.push_str(&self.child(child, "two", 1));
                }
                self.types
                    .entry(child.name.to_string())
                    .or_insert_with(|| path.clone());
            }
            self.add(ty.name.as_str(), path, spelled(&document(ty, &body), n + m));
        }
    }

    fn add_content(&mut self, ty: &Type, stem: &str) {
        let path = format!("{stem}.{}", suffix(ty));
        self.add(
            ty.name.as_str(),
            path.clone(),
            "line 1\r\nno end \u{e9} \0\u{1}",
        );
        self.add(
            ty.name.as_str(),
            format!("{path}-meta.xml"),
            self.document(ty, 1),
        );
    }

    fn add_folders(&mut self, ty: &Type) {
        // In a package the folders of e-mail templates of both kinds look alike.
        if ty.alias_for.is_some() {
            return;
        }
        let nested: &[&str] = match ty.name.as_str() {
            // Folders of documents hold no folders.
            "DocumentFolder" => &[],
            _ => &["F/Sub", "F/Sub/Deep"],
        };
        for folder in ["F", "ns1__G", "Gr\u{fc}n"].iter().chain(nested) {
            self.add(
                ty.name.as_str(),
                format!("{}/{folder}-meta.xml", ty.directory),
                self.document(ty, 0),
            );
        }
    }

    fn add_in_folders(&mut self, ty: &Type) {
        for folder in [
            "F",
            "F/Sub",
            "F/Sub/Deep",
            "ns1__G",
            "Gr\u{fc}n",
            "unfiled$public",
        ] {
            for name in ["A", "ns1__B", "C %28c%29"] {
                let stem = format!("{}/{folder}/{name}", ty.directory);
                if ty.files == Files::Content {
                    self.add_content(ty, &stem);
                } else {
                    let path = format!("{stem}.{}", suffix(ty));
                    self.add(ty.name.as_str(), path, self.document(ty, 2));
                }
            }
        }
    }

    fn add_in_model(&mut self, ty: &Type) {
        let is_model = ty.folder_type.as_ref() == Some(&ty.name);
        for model in ["M", "North_2026"] {
            let inner = if is_model {
                vec![model.to_owned()]
            } else {
                let name = |it| format!("{}/{it}", ty.directory);
                ["T", "Deep_T"].map(name).to_vec()
            };
            for name in inner {
                let path = format!("territory2Models/{model}/{name}.{}", suffix(ty));
                self.add(ty.name.as_str(), path, self.document(ty, 0));
            }
        }
    }

    fn add_bundles(&mut self, ty: &Type) {
        let dir = &ty.directory;
        for name in ["plain", "ns1__managed", "Camel_Case"] {
            let folder = format!("{dir}/{name}");
            let meta = match ty.name.as_str() {
                "AuraDefinitionBundle" => Some(format!("{name}.cmp-meta.xml")),
                "LightningComponentBundle" => Some(format!("{name}.js-meta.xml")),
                "UIBundle" => Some(format!("{name}.uibundle-meta.xml")),
                _ => match &ty.meta_file_suffix {
                    Some(json) if json == "schema.json" => Some(json.clone()),
                    Some(meta) => Some(format!("{name}.{meta}")),
                    None => ty
                        .suffix
                        .as_ref()
                        .map(|suffix| format!("{name}.{suffix}-meta.xml")),
                },
            };
            if let Some(meta) = meta {
                self.add(
                    ty.name.as_str(),
                    format!("{folder}/{meta}"),
                    self.document(ty, 0),
                );
            }
            for (file, bytes) in [
                (format!("{name}.js"), "export default 1;\r\n"),
                (format!("{name}.cmp"), "<aura:component/>"),
                ("template-info.json".to_owned(), "{}"),
                ("README.md".to_owned(), ""),
                (
                    "deep/er/odd name (1).svg".to_owned(),
                    "<svg>\r\r\n\u{e9}</svg>",
                ),
                ("input/schema.json".to_owned(), "{\"a\":1}\n\n"),
                ("tests/data/x.test.js".to_owned(), "test('x', () => {});"),
                ("flows/Inner.flow".to_owned(), "<Flow/>"),
            ] {
                self.add(ty.name.as_str(), format!("{folder}/{file}"), bytes);
            }
            if ty.files == Files::UiBundle {
                self.add(
                    ty.name.as_str(),
                    format!("{folder}/ui-bundle.json"),
                    "{\"outputDir\": \"src\"}",
                );
                self.add(
                    ty.name.as_str(),
                    format!("{folder}/src/index.html"),
                    "<html></html>",
                );
            }
        }
    }

    fn add_documents(&mut self, ty: &Type) {
        for folder in ["F", "ns1__G", "Gr\u{fc}n"] {
            for (n, ending) in ENDINGS.iter().enumerate() {
                let path = format!("{}/{folder}/Doc_{n}.v1 (x).{ending}", ty.directory);
                self.add(ty.name.as_str(), path.clone(), vec![0xff, 0, 13, 10, 13]);
                self.add(
                    ty.name.as_str(),
                    format!("{path}-meta.xml"),
                    self.document(ty, 0),
                );
            }
        }
    }

    fn add_sites(&mut self, ty: &Type) {
        for name in ["Portal", "Portal_21", "ns1__P"] {
            let dir = &ty.directory;
            self.add(
                ty.name.as_str(),
                format!("{dir}/{name}.site-meta.xml"),
                self.document(ty, 0),
            );
            for n in 0..40 {
                let path = format!("{dir}/{name}/views/view{n}.json");
                self.add(ty.name.as_str(), path, format!("{{\"n\":{n}}}\r\n"));
            }
            for inner in ["config/x.json", "brandingSets/b.json", "routes/r.json"] {
                self.add(ty.name.as_str(), format!("{dir}/{name}/{inner}"), "{}");
            }
        }
    }

    fn add_resources(&mut self, ty: &Type) {
        let mut add = |name: String, content_type: &str, bytes: Vec<u8>| {
            let path = format!("{}/{name}.resource", ty.directory);
            let body = format!(
                "    <cacheControl>Private</cacheControl>\n    <contentType>{content_type}</contentType>\n"
            );
            self.add(ty.name.as_str(), path.clone(), bytes);
            self.add(
                ty.name.as_str(),
                format!("{path}-meta.xml"),
                document(ty, &body),
            );
        };
        let types = include_str!("../../../src/source/mime.txt").lines();
        let types = types.filter_map(|it| it.split_once(' ')).map(|it| it.0);
        let odd = [
            "text/javascript",
            "application/x-javascript",
            "text/x-haml",
            "image/x-png",
            "text/xml",
            "TEXT/Plain",
            "text/html; charset=utf-8",
            "no/such",
            "garbage",
        ];
        for (n, content_type) in types.chain(odd).enumerate() {
            // An archive has to be one: `ARCHIVES` below.
            if !["application/zip", "application/x-zip-compressed"].contains(&content_type) {
                add(
                    format!("R_{n}"),
                    content_type,
                    vec![0, 255, u8::try_from(n % 256).unwrap()],
                );
            }
        }
        for (n, content_type) in ARCHIVES.into_iter().enumerate() {
            add(format!("Zip_{n}"), content_type, archive());
            add(format!("ns1__Zip_{n}"), content_type, archive());
        }
    }

    fn add_decomposed(&mut self, ty: &Type) {
        let names = match ty.name.as_str() {
            "CustomObject" => vec![
                "Account",
                "Thing__c",
                "ns1__Thing__c",
                "Happens__e",
                "Kept__mdt",
                "Far__x",
            ],
            "CustomObjectTranslation" => vec![
                "Account-en_US",
                "Thing__c-de",
                "ns1__Thing__c-ja",
                "Thing__c-zh_TW",
            ],
            _ => vec!["Helper", "ns1__Helper"],
        };
        for (n, name) in names.into_iter().enumerate() {
            let mut body = match self.is_bare {
                true => String::new(),
                false => OWN.to_owned(),
            };
            let path = format!("{}/{name}.{}", ty.directory, suffix(ty));
            for round in 0..4 {
                for child in &ty.children {
                    let child_name = ["b__c", "Gr\u{fc}n %26 x", "A_1__c", "a_1b__c"][round];
                    body.push_str(&self.child(child, child_name, n + round));
                    self.types
                        .entry(child.name.to_string())
                        .or_insert_with(|| path.clone());
                }
                if round == 1 && !self.is_bare {
                    body.push_str(
                        "    <late>own, behind children</late>\n    <label>again</label>\n",
                    );
                }
            }
            let fields = ty.children.iter().find(|it| it.directory == "fields");
            if let (0, Some(field)) = (n, fields) {
                for n in 0..800 {
                    body.push_str(&self.child(field, &format!("Many_{n}__c"), n));
                }
            }
            self.add(ty.name.as_str(), path, document(ty, &body));
        }
    }

    fn add_labels(&mut self, ty: &Type) {
        let mut body = String::new();
        for (n, name) in ["zeta", "Alpha", "alpha_2", "_x", "ns1__m", "\u{c4}"]
            .iter()
            .enumerate()
        {
            let value = [
                "a &amp; b",
                " kept? ",
                "&#39;x&#39;",
                "l1\nl2",
                "",
                "\u{1f642}",
            ][n];
            let _ = write!(
                body,
                "    <labels>\n        <fullName>{name}</fullName>\n        <value>{value}</value>\n    </labels>\n"
            );
        }
        let path = "labels/CustomLabels.labels".to_owned();
        for child in &ty.children {
            self.types.insert(child.name.to_string(), path.clone());
        }
        self.add(ty.name.as_str(), path, document(ty, &body));
    }

    fn add_digital_experiences(&mut self, ty: &Type) {
        for (base, space) in [
            ("site", "Shop1"),
            ("site", "ns1__S"),
            ("experiencecontainer", "C"),
        ] {
            let folder = format!("{}/{base}/{space}", ty.directory);
            let path = format!("{folder}/{space}.digitalExperience-meta.xml");
            self.add(ty.name.as_str(), path, self.document(ty, 0));
            for n in 0..30 {
                let content = format!("{folder}/sfdc_cms__view/view_{n}");
                // An org spells JSON as the canonical form does.
                let json = match self.is_bare {
                    true => "{\n  \"apiName\": \"x\"\n}\n",
                    false => "{\"apiName\": \"x\"}\r\n",
                };
                for (file, bytes) in [
                    ("_meta.json", json),
                    ("content.json", json),
                    ("fr.json", json),
                    ("mobile/mobile.json", json),
                    ("folder1/deep/helper.html", "<b/>"),
                ] {
                    let child = ty.children[0].name.as_str();
                    self.add(child, format!("{content}/{file}"), bytes);
                }
            }
        }
    }
}

fn suffix(ty: &Type) -> &str {
    ty.suffix.as_deref().unwrap_or_default()
}

fn names(ty: &Type) -> impl Iterator<Item = &'static str> {
    // An org has these alone, and does not list them.
    let of_the_platform = ["AccountContactMultiRoles", "Industry"];
    let is_of_the_platform = ty.name.as_str() == "StandardValueSet";
    let dotted = matches!(
        ty.name.as_str(),
        "CustomMetadata" | "QuickAction" | "Settings" | "Layout"
    );
    let more = dotted.then_some("Parent__x.Child_Name");
    let own = NAMES.into_iter().filter(move |_| !is_of_the_platform);
    let given = of_the_platform
        .into_iter()
        .filter(move |_| is_of_the_platform);
    own.chain(given).chain(more)
}

/// What may stand in a document.
const BODIES: [&str; 4] = [
    "    <description>plain</description>\n",
    "    <!-- a comment -->\n    <b>it&apos;s &quot;q&quot; &lt;&amp;&gt; &#160;&#xA0;</b>\n    <a></a><c/>\n",
    "    <script><![CDATA[if (a < b && c) { }]]></script>\n    <text>\n  lines\r\n\tand &#13; tabs </text>\n",
    "    <values>\n        <value xsi:nil=\"true\"/>\n        <other xsi:type=\"xsd:string\">x</other>\n    </values>\n",
];

/// What a document that is taken apart holds itself.
const OWN: &str = "    <label>Thing &amp; Co</label>\n    <empty></empty>\n    <blank> </blank>\n    <none/>\n    \
    <values>\n        <value xsi:nil=\"true\"/>\n    </values>\n    <mixed><b>1</b><a>x</a><b>2</b></mixed>\n    \
    <text>  two\n  lines &#39;and&#39; \u{65e5} &quot;q&quot; it's </text>\n    <code><![CDATA[a < b && c]]></code>\n";

/// What may stand in a child that is taken apart.
const IN_CHILDREN: [&str; 4] = [
    "        <formula>a &lt; b &amp;&amp; c = &quot;x&quot;</formula>\n",
    "        <label>  spaced  </label>\n        <values><x>1</x></values>\n        <other/>\n        <values><x>2</x></values>\n",
    "        <!-- note -->\n        <length>0080</length>\n",
    "        <nil xsi:nil=\"true\"/>\n        <code><![CDATA[<b>]]></code>\n        <text>a\r\nb</text>\n",
];

fn document(ty: &Type, body: &str) -> Vec<u8> {
    let name = &ty.name;
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{name} xmlns=\"http://soap.sforce.com/2006/04/metadata\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n{body}</{name}>\n"
    )
    .into_bytes()
}

/// The same document with the line ends, the byte order mark or the white space of others.
fn spelled(document: &[u8], n: usize) -> Vec<u8> {
    let text = String::from_utf8(document.to_vec()).unwrap();
    match n % 5 {
        0 => text.replace('\n', "\r\n").into_bytes(),
        1 => format!("\u{feff}{text}").into_bytes(),
        2 => text.trim_end().as_bytes().to_vec(),
        3 => text.replace("    ", "\t").into_bytes(),
        _ => text.into_bytes(),
    }
}

/// An archive with folders, an empty file, and names of all kinds.
fn archive() -> Vec<u8> {
    let mut zip = Writer::new(Vec::new());
    for (name, bytes) in [
        ("index.html", "<html></html>"),
        ("css/a.css", "a {}\r\n"),
        ("css/deep/er/b.css", ""),
        ("gr\u{fc}n (1).txt", "x"),
        ("classes/Inner.cls-meta.xml", "<ApexClass/>"),
        ("nested.zip", "PK no archive"),
    ] {
        zip.add(name, bytes.as_bytes(), Level::FAST).unwrap();
    }
    zip.finish().unwrap()
}
