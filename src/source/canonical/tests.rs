use proptest::prelude::*;

use super::*;
use crate::xml::{Element, Node, escape};

fn canonical(text: &str) -> String {
    canonical_at("x/X.thing-meta.xml", text)
}

fn canonical_at(path: &str, text: &str) -> String {
    let res = canonicalise("Thing", path, text.as_bytes(), &Rules::default()).unwrap();
    String::from_utf8(res.bytes.into_owned()).unwrap()
}

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const XMLNS: &str = "xmlns=\"http://soap.sforce.com/2006/04/metadata\"";

#[test]
fn spelling_is_the_servers() {
    let text = canonical(
        "\u{feff}<?xml version='1.0' encoding='utf-8' ?>\r\n<CustomLabel>\r\n\
         <value>it's \"5\" > 4\r\nand&#13;</value><a/><b></b>\t<n xsi:nil='true'></n><c> </c></CustomLabel>",
    );
    insta::assert_snapshot!(text, @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <CustomLabel xmlns="http://soap.sforce.com/2006/04/metadata">
        <value>it&apos;s &quot;5&quot; &gt; 4
    and&#xD;</value>
        <a></a>
        <b></b>
        <n xsi:nil="true"/>
        <c> </c>
    </CustomLabel>
    "#);
}

#[test]
fn empty_root_is_written_in_one_line() {
    let expected = format!("{HEAD}<FlowDefinition {XMLNS}></FlowDefinition>\n");
    assert_eq!(canonical("<FlowDefinition/>"), expected);
    assert_eq!(canonical("<FlowDefinition>\n</FlowDefinition>"), expected);
    assert_eq!(canonical(&expected), expected);
}

#[test]
fn canonical_file_is_given_back_as_it_is() {
    let text = format!(
        "{HEAD}<Profile {XMLNS}>\n    <custom>false</custom>\n    <fieldPermissions>\n        \
         <editable>true</editable>\n        <field>A.B</field>\n    </fieldPermissions>\n</Profile>\n"
    );
    assert!(check::is_canonical(&text, &Rules::default()));
    let res = canonicalise(
        "Profile",
        "x.profile-meta.xml",
        text.as_bytes(),
        &Rules::default(),
    );
    assert!(matches!(res.unwrap().bytes, Cow::Borrowed(_)));
}

#[test]
fn content_is_never_touched() {
    for (type_name, path) in [
        ("ApexClass", "classes/A.cls"),
        ("StaticResource", "staticresources/Z/a/b-meta.xml"),
        (
            "DigitalExperienceBundle",
            "digitalExperiences/site/x/y/z/view.json",
        ),
    ] {
        let bytes = b"\xef\xbb\xbf<a/>\r\n\xff";
        let res = canonicalise(type_name, path, bytes, &Rules::default()).unwrap();
        assert_eq!(*res.bytes, bytes[..], "{path}");
    }
    let foreign = b"<a xmlns='other'/>";
    let res = canonicalise("Thing", "x-meta.xml", foreign, &Rules::default()).unwrap();
    assert_eq!(*res.bytes, foreign[..]);
}

#[test]
fn malformed_file_is_a_problem_that_names_it() {
    let err = canonicalise("Thing", "a/b-meta.xml", b"<a>", &Rules::default()).unwrap_err();
    assert_eq!(err.to_string(), "cannot read `a/b-meta.xml` as XML");
}

fn flow(mode: &str) -> String {
    format!(
        "<Flow><screens><name>S</name><locationX>176</locationX><locationY>9</locationY></screens>\
         <processMetadataValues><name>CanvasMode</name><value><stringValue>{mode}</stringValue></value>\
         </processMetadataValues></Flow>"
    )
}

#[test]
fn coordinates_are_held_still_only_where_the_canvas_computes_them() {
    let auto = flow("AUTO_LAYOUT_CANVAS");
    let res = canonicalise("Flow", "f-meta.xml", auto.as_bytes(), &Rules::default()).unwrap();
    assert_eq!(
        res.notes,
        [Note {
            rule: "flow-coordinates",
            n_values: 2
        }]
    );
    let text = String::from_utf8(res.bytes.into_owned()).unwrap();
    assert!(text.contains("<locationX>0</locationX>") && text.contains("<locationY>0</locationY>"));
    assert!(canonical(&flow("FREE_FORM_CANVAS")).contains("<locationX>176</locationX>"));

    let off = Rules::default()
        .with("flow-coordinates", Switch::Off)
        .unwrap();
    let res = canonicalise("Flow", "f-meta.xml", auto.as_bytes(), &off).unwrap();
    assert!(String::from_utf8_lossy(&res.bytes).contains("<locationX>176</locationX>"));
    assert_eq!(off.switched(), ["-flow-coordinates"]);
    assert!(!Rules::of_switched(&off.switched()).holds("flow-coordinates"));
    assert!(off.clone().and(&Rules::default()).switched().is_empty());
    assert!(off.with("nonsense", Switch::On).is_err());
}

#[test]
fn moved_box_of_a_spelled_flow_is_not_taken_for_canonical() {
    let text = canonical(&flow("AUTO_LAYOUT_CANVAS")).replace("X>0<", "X>5<");
    assert!(!check::is_canonical(&text, &Rules::default()));
    let off = Rules::default()
        .with("flow-coordinates", Switch::Off)
        .unwrap();
    assert!(check::is_canonical(&text, &off));
}

#[test]
fn profile_of_a_policy_is_named_from_the_component() {
    let nil = format!(
        "<ProfilePasswordPolicy {XMLNS} xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
         <lockoutInterval>15</lockoutInterval><profile xsi:nil=\"true\"/></ProfilePasswordPolicy>"
    );
    let named = nil
        .replace("<profile xsi:nil=\"true\"/>", "<profile>Sales</profile>")
        .replace(
            " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"",
            "",
        );
    let path = "profilePasswordPolicies/Sales_profilePasswordPolicy1570270988175.profilePasswordPolicy-meta.xml";
    assert_eq!(canonical_at(path, &nil), canonical_at(path, &named));
    let elsewhere = canonical_at("x/Odd.profilePasswordPolicy-meta.xml", &nil);
    assert!(elsewhere.contains("xsi:nil"), "a name is never made up");
}

#[test]
fn revision_counter_of_a_profile_is_left_out() {
    let text = canonical(
        "<Profile><custom>true</custom><serverRevisionCounter>7</serverRevisionCounter></Profile>",
    );
    assert!(!text.contains("serverRevisionCounter"));
}

#[test]
fn placeholders_go_only_where_asked_for() {
    let text = "<CustomFieldTranslation><label><!-- A --></label></CustomFieldTranslation>";
    assert!(canonical(text).contains("<label><!-- A --></label>"));
    let on = Rules::default()
        .with("untranslated-placeholders", Switch::On)
        .unwrap();
    let res = canonicalise("T", "x-meta.xml", text.as_bytes(), &on).unwrap();
    assert!(String::from_utf8_lossy(&res.bytes).contains("<label></label>"));
}

#[test]
fn json_of_an_experience_has_sorted_keys() {
    let path = "digitalExperiences/site/a/sfdc_cms__view/home/_meta.json";
    let res = canonicalise(
        "DigitalExperienceBundle",
        path,
        br#"{"b":1,"a":2}"#,
        &Rules::default(),
    );
    assert_eq!(*res.unwrap().bytes, b"{\n  \"a\": 2,\n  \"b\": 1\n}\n"[..]);
}

/// Any document, with the names that have rules among others.
fn document() -> impl Strategy<Value = Element> {
    let text = prop_oneof![
        Just("0".to_owned()),
        Just("AUTO_LAYOUT_CANVAS".to_owned()),
        "[a-c<>&'\"\r\n ]{0,4}",
    ];
    let name = prop::sample::select(vec![
        "fieldPermissions",
        "field",
        "layoutAssignments",
        "layout",
        "recordType",
        "userPermissions",
        "name",
        "valueSet",
        "valueSettings",
        "valueName",
        "controllingFieldValue",
        "value",
        "fullName",
        "locationX",
        "processMetadataValues",
        "stringValue",
        "caseValues",
        "picklistValues",
        "masterLabel",
        "columns",
    ]);
    let leaf = (name.clone(), text, 0..9_u8).prop_map(|(name, text, kind)| {
        let mut element = Element::new(name);
        element.children = match kind {
            0 => vec![Node::Comment(" c ".to_owned())],
            1 => vec![Node::CData("a<b".to_owned())],
            2 => Vec::new(),
            _ if text.is_empty() => Vec::new(),
            3 => vec![Node::Text(text.replace('&', "&#38;").replace('<', "&lt;"))],
            _ => vec![Node::Text(escape(&text).into_owned())],
        };
        if kind == 2 {
            element = element.with_attribute("xsi:nil", "true");
        }
        element
    });
    let tree = leaf.prop_recursive(4, 40, 8, move |inner| {
        (
            name.clone(),
            prop::collection::vec(inner, 0..8),
            any::<bool>(),
        )
            .prop_map(|(name, children, comment)| {
                let mut element = Element::new(name);
                if comment && !children.is_empty() {
                    element.children.push(Node::Comment("k".to_owned()));
                }
                element
                    .children
                    .extend(children.into_iter().map(Node::Element));
                element
            })
    });
    let root = prop::sample::select(vec![
        "Profile",
        "CustomField",
        "CustomFieldTranslation",
        "Flow",
        "Report",
        "Unknown",
        "ValueSettings",
    ]);
    (root, prop::collection::vec(tree, 0..10)).prop_map(|(name, children)| {
        let mut root = Element::new(name);
        root.children
            .extend(children.into_iter().map(Node::Element));
        root
    })
}

/// What a document says, its sets in an order that depends on nothing else.
fn meaning(bytes: &[u8]) -> Element {
    let mut root = parse(bytes).unwrap().root;
    root.attributes.clear();
    decode_all(&mut root);
    sort(&mut root, KeyRules::official());
    root
}

fn decode_all(element: &mut Element) {
    for node in &mut element.children {
        match node {
            Node::Text(text) => *text = escape(&crate::xml::decode(text)).into_owned(),
            Node::Element(child) => decode_all(child),
            _ => (),
        }
    }
}

fn source(root: &Element) -> Vec<u8> {
    render(&crate::xml::Document::new(root.clone()))
}

/// A comment belongs to the element behind it, which turning round would change.
fn drop_comments_between(element: &mut Element) {
    if element.has_elements() {
        element.children.retain(|it| matches!(it, Node::Element(_)));
    }
    element.elements_mut().for_each(drop_comments_between);
}

/// The document with each set turned round, deep down.
fn turned(element: &mut Element, scope: crate::registry::keys::Scope) {
    let keys = KeyRules::official();
    let mut sets = BTreeSet::new();
    for child in element.elements_mut() {
        let (rule, inside) = keys.look_up(scope, child.local_name());
        if rule.order == crate::registry::keys::Order::Set {
            sets.insert(child.name.clone());
        }
        turned(child, inside);
    }
    for name in sets {
        let is_one = |it: &Node| matches!(it, Node::Element(it) if it.name == name);
        let mut group: Vec<Node> = element
            .children
            .iter()
            .filter(|it| is_one(it))
            .cloned()
            .collect();
        for node in &mut element.children {
            if is_one(node) {
                *node = group.pop().unwrap();
            }
        }
    }
}

proptest! {
    #[test]
    fn canonical_of_canonical_is_the_same_bytes(root in document()) {
        let bytes = source(&root);
        let once = canonicalise("T", "x-meta.xml", &bytes, &Rules::default()).unwrap().bytes;
        let twice = canonicalise("T", "x-meta.xml", &once, &Rules::default()).unwrap();
        prop_assert_eq!(&*twice.bytes, &*once);
        prop_assert!(twice.notes.is_empty());
    }

    #[test]
    fn canonical_says_what_the_file_said(root in document()) {
        let bytes = source(&root);
        let off = Rules::default().with("flow-coordinates", Switch::Off).unwrap();
        let once = canonicalise("T", "x-meta.xml", &bytes, &off).unwrap().bytes;
        prop_assert_eq!(meaning(&once), meaning(&bytes));
    }

    #[test]
    fn quick_check_and_long_way_agree(root in document()) {
        let bytes = source(&root);
        let rules = Rules::default();
        let once = canonicalise("T", "x-meta.xml", &bytes, &rules).unwrap().bytes;
        for text in [&bytes[..], &once] {
            let is_canonical = check::is_canonical(std::str::from_utf8(text).unwrap(), &rules);
            prop_assert!(!is_canonical || *text == *once);
        }
    }

    #[test]
    fn order_of_a_set_does_not_matter(mut root in document()) {
        drop_comments_between(&mut root);
        let bytes = source(&root);
        let mut other = root.clone();
        turned(&mut other, KeyRules::official().root(&root.name));
        let one = canonicalise("T", "x-meta.xml", &bytes, &Rules::default()).unwrap().bytes;
        let other = source(&other);
        let other = canonicalise("T", "x-meta.xml", &other, &Rules::default()).unwrap().bytes;
        prop_assert_eq!(String::from_utf8_lossy(&one), String::from_utf8_lossy(&other));
    }

    #[test]
    fn order_of_a_list_is_kept(columns in prop::collection::vec("[a-d]", 0..6)) {
        let mut view = Element::new("ListView");
        for it in &columns {
            view.push_text_element("columns", it);
        }
        let bytes = source(&view);
        let res = canonicalise("ListView", "x-meta.xml", &bytes, &Rules::default()).unwrap();
        let root = parse(&res.bytes).unwrap().root;
        let kept: Vec<_> = root.elements_named("columns").map(|it| it.text().into_owned()).collect();
        prop_assert_eq!(kept, columns);
    }

    #[test]
    fn hostile_bytes_never_panic(
        bytes in any::<Vec<u8>>(),
        text in "(<|</|/>|>|Flow|name|\"|'|=|&|;|#x|<!--|-->|<!\\[CDATA\\[|\\]\\]>|\n    | |xsi:nil|true|[{}\\[\\]:,1]){0,40}",
    ) {
        let head = format!("{HEAD}<Flow {XMLNS}>\n    {text}</Flow>\n");
        for bytes in [&bytes[..], text.as_bytes(), head.as_bytes()] {
            let _ = canonicalise("T", "x-meta.xml", bytes, &Rules::default());
            let _ = canonicalise("WaveLens", "x.wlens", bytes, &Rules::default());
        }
    }
}
