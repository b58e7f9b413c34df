use proptest::prelude::*;

use super::*;
use crate::source::{Level, PackageFile, join_at, split};

const NAMESPACE: &str = "xmlns=\"http://soap.sforce.com/2006/04/metadata\"";

fn object(body: &str) -> PackageFile {
    PackageFile {
        path: "objects/A__c.object".to_owned(),
        bytes: format!("<CustomObject {NAMESPACE}>{body}</CustomObject>").into_bytes(),
    }
}

fn key() -> ComponentKey {
    "CustomObject:A__c".parse().unwrap()
}

fn taken_apart(level: Level, file: PackageFile) -> Vec<SourceFile> {
    split(Registry::official(), level, &key(), vec![file]).unwrap()
}

fn put_together(level: Level, files: &[SourceFile]) -> PackageFile {
    let mut joined = join_at(Registry::official(), level, &key(), files).unwrap();
    assert_eq!(joined.len(), 1);
    joined.remove(0)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn child_that_cannot_have_a_file_stays_with_its_parent() {
    let body = "<fields><label>nameless</label></fields><fields><fullName>../../x</fullName></fields>\
                <fields><fullName>B__c</fullName></fields><fields></fields>";
    for level in [Level::Faithful, Level::Canonical] {
        let files = taken_apart(level, object(body));
        let paths: Vec<_> = files.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "main/default/objects/A__c/fields/B__c.field-meta.xml",
                "main/default/objects/A__c/A__c.object-meta.xml",
            ]
        );
        let joined = put_together(level, &files);
        for part in ["nameless", "../../x", "B__c"] {
            assert!(text(&joined.bytes).contains(part), "{part}");
        }
    }
}

#[test]
fn of_two_children_with_one_name_the_first_counts() {
    let view = |label: &str| {
        format!("<listViews><fullName>All</fullName><label>{label}</label></listViews>")
    };
    let files = taken_apart(Level::Faithful, object(&(view("one") + &view("two"))));
    assert_eq!(files.len(), 2);
    assert!(text(&files[0].bytes).contains("one"));
}

#[test]
fn canonical_level_keeps_blanks_entities_and_order() {
    let body = "<label> A  </label><fields><fullName>B__c</fullName><v> </v><x>1</x>\
                <formula>&amp;#39; &#160;</formula><x>2</x></fields>";
    let files = taken_apart(Level::Canonical, object(body));
    insta::assert_snapshot!(text(&files[0].bytes), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <CustomField xmlns="http://soap.sforce.com/2006/04/metadata">
        <fullName>B__c</fullName>
        <v> </v>
        <x>1</x>
        <formula>&amp;#39; &#160;</formula>
        <x>2</x>
    </CustomField>
    "#);
    insta::assert_snapshot!(text(&put_together(Level::Canonical, &files).bytes), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">
        <label> A  </label>
        <fields>
            <fullName>B__c</fullName>
            <v> </v>
            <x>1</x>
            <formula>&amp;#39; &#160;</formula>
            <x>2</x>
        </fields>
    </CustomObject>
    "#);
}

#[test]
fn namespace_of_a_nil_value_goes_with_the_child_and_comes_back() {
    let mut file =
        object("<fields><fullName>B__c</fullName><v xsi:nil=\"true\"/></fields><label>A</label>");
    let declared = format!("{NAMESPACE} xmlns:xsi=\"i\"");
    file.bytes = text(&file.bytes).replace(NAMESPACE, &declared).into_bytes();
    let files = taken_apart(Level::Canonical, file);
    assert!(text(&files[0].bytes).contains("xmlns:xsi=\"i\""));
    let joined = put_together(Level::Canonical, &files[..1]);
    assert!(text(&joined.bytes).contains(&format!("<CustomObject {declared}>")));
    assert_eq!(text(&joined.bytes).matches("xmlns:xsi").count(), 1);
}

#[test]
fn some_children_make_an_object_of_just_these() {
    let body = "<label>A</label><fields><fullName>B__c</fullName></fields><fields><fullName>C__c</fullName></fields>";
    let files = taken_apart(Level::Canonical, object(body));
    let joined = put_together(Level::Canonical, &files[1..2]);
    assert_eq!(joined.path, "objects/A__c.object");
    assert!(!text(&joined.bytes).contains("label"));
    assert!(!text(&joined.bytes).contains("B__c"));
    assert!(text(&joined.bytes).contains("C__c"));
}

#[test]
fn file_of_another_object_is_refused() {
    let files = taken_apart(Level::Faithful, object("<label>A</label>"));
    let other = "CustomObject:Other__c".parse().unwrap();
    let err = join_at(Registry::official(), Level::Faithful, &other, &files).unwrap_err();
    assert_eq!(
        err.to_string(),
        "`main/default/objects/A__c/A__c.object-meta.xml` is no file of CustomObject:Other__c"
    );
}

#[test]
fn document_of_something_else_is_refused() {
    let file = PackageFile {
        path: "objects/A__c.object".to_owned(),
        bytes: b"<Layout/>".to_vec(),
    };
    let err = split(Registry::official(), Level::Faithful, &key(), vec![file]).unwrap_err();
    assert_eq!(
        err.to_string(),
        "`objects/A__c.object` holds a `Layout`, not a `CustomObject`"
    );
}

/// Elements of an object, some of which are children with names.
fn bodies() -> impl Strategy<Value = String> {
    let text = "[ a-zé&<\"']{0,6}".prop_map(|it| xml::escape(&it).into_owned());
    let leaf = ("[a-c]", text).prop_map(|(name, text)| format!("<{name}>{text}</{name}>"));
    let group = ("[a-c]", proptest::collection::vec(leaf.clone(), 0..4))
        .prop_map(|(name, inner)| format!("<{name}>{}</{name}>", inner.concat()));
    let inner = proptest::collection::vec(prop_oneof![leaf, group.clone()], 0..4);
    let child = (
        prop_oneof![Just("fields"), Just("listViews"), Just("webLinks")],
        "[A-Za-z_0-9.]{1,3}x",
        inner,
    )
        .prop_map(|(element, name, inner)| {
            format!(
                "<{element}><fullName>{name}</fullName>{}</{element}>",
                inner.concat()
            )
        });
    proptest::collection::vec(prop_oneof![child, group], 0..8).prop_map(|it| it.concat())
}

proptest! {
    #[test]
    fn split_after_join_gives_the_same_files(body in bodies()) {
        for level in [Level::Faithful, Level::Canonical] {
            let files = taken_apart(level, object(&body));
            let joined = put_together(level, &files);
            prop_assert_eq!(taken_apart(level, joined.clone()), sorted_as(&files, &joined, level));
        }
    }

    #[test]
    fn join_after_split_keeps_every_element_and_its_text(body in bodies()) {
        let file = object(&body);
        let joined = put_together(Level::Canonical, &taken_apart(Level::Canonical, file.clone()));
        let elements = |bytes: &[u8]| {
            let root = xml::parse(bytes).unwrap().root;
            let mut names = std::collections::HashSet::new();
            let mut all: Vec<String> = root
                .elements()
                // Of several with one name the first counts.
                .filter(|it| {
                    let name = it.child_text("fullName").map(std::borrow::Cow::into_owned);
                    name.is_none_or(|name| names.insert((it.name.clone(), name)))
                })
                .map(xml::render_element)
                .collect();
            all.sort();
            all
        };
        prop_assert_eq!(elements(&joined.bytes), elements(&file.bytes));
    }

    #[test]
    fn no_document_makes_it_panic(text in ".{0,60}") {
        let file = PackageFile {
            path: "objects/A__c.object".to_owned(),
            bytes: format!("<CustomObject>{text}</CustomObject>").into_bytes(),
        };
        let _ = split(Registry::official(), Level::Faithful, &key(), vec![file]);
    }
}

/// The files in the order in which the joined document has them; their bytes are compared.
fn sorted_as(files: &[SourceFile], joined: &PackageFile, level: Level) -> Vec<SourceFile> {
    let order = taken_apart(level, joined.clone());
    let mut sorted = files.to_vec();
    sorted.sort_by_key(|it| order.iter().position(|other| other.path == it.path));
    sorted
}
