//! The other way round of quiet: what only looks like noise and is meant by a person.
//!
//! Each container that keeps its order, from the table of keys itself, and each rule on
//! volatile values has an edit here that differs only there.

use std::collections::{BTreeMap, BTreeSet};

use orgkeep::{
    diff::element,
    model::ComponentKey,
    plan::rollback::undo::{States, undo},
    registry::{Registry, keys::KeyRules},
    source::canonical::{Rules, Switch, VOLATILE_RULES, canonicalise},
    xml::{self, Document, Element},
};

use crate::support::{Deploy, Held, Org, TestEnv};

/// A row of the table of keys that keeps an order.
struct Kept {
    context: String,
    element: String,
    key: Option<String>,
}

/// For each structure, the structures and elements of theirs that lead to it.
type Reached = BTreeMap<String, Vec<(String, String)>>;

/// The rows that keep an order, and by which element each structure is reached from another.
fn table() -> (Vec<Kept>, Reached) {
    let mut kept = Vec::new();
    let mut reached = Reached::new();
    for line in include_str!("../../src/registry/keys.txt").lines() {
        let Some((contexts, rest)) = line.split_once(" : ") else {
            continue;
        };
        if line.starts_with('#') {
            continue;
        }
        let (rest, inside) = rest
            .split_once(" > ")
            .map_or((rest, None), |it| (it.0, Some(it.1)));
        let mut words = rest.split_whitespace();
        let elements = words.next().unwrap();
        let order = words.next();
        let key = words.next();
        for context in contexts.split(',') {
            for element in elements.split('|') {
                if let Some(inside) = inside {
                    let from = (context.to_owned(), element.to_owned());
                    reached
                        .entry(inside.trim().to_owned())
                        .or_default()
                        .push(from);
                }
                if order == Some("list") {
                    kept.push(Kept {
                        context: context.to_owned(),
                        element: element.to_owned(),
                        key: key.map(str::to_owned),
                    });
                }
            }
        }
    }
    (kept, reached)
}

/// The root, and the elements from it to a structure.
fn way(context: &str, reached: &BTreeMap<String, Vec<(String, String)>>) -> (String, Vec<String>) {
    if let Some(root) = context.strip_suffix("/**") {
        return (root.to_owned(), vec!["decisions".to_owned()]);
    }
    let mut seen = BTreeSet::new();
    let mut ways = vec![(context.to_owned(), Vec::new())];
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for (at, elements) in ways {
            let is_type = Registry::official().type_named(&at).is_some();
            let from = reached.get(&at).map(Vec::as_slice).unwrap_or_default();
            if is_type || from.is_empty() {
                return (at, elements);
            }
            if seen.insert(at) {
                for (parent, element) in from {
                    let mut elements: Vec<String> = elements.clone();
                    elements.insert(0, element.clone());
                    longer.push((parent.clone(), elements));
                }
            }
        }
        ways = longer;
    }
    panic!("no way leads to {context}")
}

/// An item of a list, told from others by its key.
fn item(element: &str, key: Option<&str>, n: usize) -> Element {
    // Backwards, so that a sort would turn the first two round.
    let word = ["Beta", "Alpha", "Gamma"][n];
    let mut item = Element::new(element);
    let key = key.unwrap_or("anything");
    if key == "." {
        return item.with_text(word);
    }
    for part in key.split('+') {
        let part = part.split('/').next().unwrap();
        let value = match part.strip_prefix('#') {
            Some(_) => ["2", "1", "3"][n],
            None => word,
        };
        let mut names = part.trim_start_matches('#').split('.').rev();
        let mut inner = Element::new(names.next().unwrap()).with_text(value);
        for name in names {
            let mut outer = Element::new(name);
            outer.push(inner);
            inner = outer;
        }
        item.push(inner);
    }
    item
}

/// A document that holds the items in this order, and something behind them.
fn document(root: &str, way: &[String], items: Vec<Element>, behind: Option<&str>) -> Vec<u8> {
    let mut at = Element::new(way.last().map_or(root, String::as_str));
    for item in items {
        at.push(item);
    }
    for name in way.iter().rev().skip(1).map(String::as_str).chain([root]) {
        if way.is_empty() {
            break;
        }
        let mut outer = Element::new(name);
        outer.push(at);
        at = outer;
    }
    if let Some(text) = behind {
        at.push(Element::new("zzLater").with_text(text));
    }
    xml::render(&Document::new(at))
}

fn canonical(path: &str, bytes: &[u8]) -> Vec<u8> {
    let rules = Rules::default();
    canonicalise("Thing", path, bytes, &rules)
        .unwrap()
        .bytes
        .into_owned()
}

const FILE: &str = "things/T.thing-meta.xml";

#[test]
fn item_that_a_person_moved_in_any_list_is_a_change_and_comes_back_under_later_edits() {
    let (kept, reached) = table();
    let keys = KeyRules::official();
    let component: ComponentKey = "Layout:T".parse().unwrap();
    assert!(kept.len() > 200, "{}", kept.len());
    let mut wrong = Vec::new();
    for Kept {
        context,
        element,
        key,
    } in &kept
    {
        let (root, way) = way(context, &reached);
        let items = |order: &[usize]| -> Vec<Element> {
            order
                .iter()
                .map(|n| item(element, key.as_deref(), *n))
                .collect()
        };
        for moved in [[1, 0, 2], [0, 2, 1], [2, 0, 1]] {
            let file = |order: &[usize], behind| {
                canonical(FILE, &document(&root, &way, items(order), behind))
            };
            let (before, after) = (file(&[0, 1, 2], None), file(&moved, None));
            let name = format!("{context}.{element} {moved:?}");
            if before == after {
                wrong.push(format!("{name}: no change"));
                continue;
            }
            let parsed = |bytes: &[u8]| xml::parse(bytes).unwrap().root;
            if element::diff(&parsed(&before), &parsed(&after), keys).is_empty() {
                wrong.push(format!("{name}: no element has changed"));
            }
            let now = file(&moved, Some("later"));
            let wanted = file(&[0, 1, 2], Some("later"));
            let mut clashes = Vec::new();
            let states = States {
                component: &component,
                path: FILE,
                commit: "1234567",
                before: Some(&before),
                after: Some(&after),
                now: Some(&now),
            };
            let undone = undo(&states, &mut |clash| {
                clashes.push(clash.in_words());
                element::Side::Ours
            });
            if undone.as_deref() != Some(&wanted) || !clashes.is_empty() {
                wrong.push(format!(
                    "{name}: undone to {} with clashes {clashes:?}",
                    String::from_utf8_lossy(&undone.unwrap_or_default())
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}: {}",
        wrong.len(),
        kept.len() * 3,
        wrong.join("\n")
    );
}

/// An edit that a person means and that differs only where a volatile rule looks.
struct Edit {
    rule: &'static str,
    path: &'static str,
    type_name: &'static str,
    before: &'static str,
    after: &'static str,
}

const FREE_FORM: &str = "<Flow><assignments><name>A</name><locationX>176</locationX><locationY>9</locationY>\
    </assignments><processMetadataValues><name>CanvasMode</name><value><stringValue>FREE_FORM_CANVAS\
    </stringValue></value></processMetadataValues></Flow>";
const FREE_FORM_MOVED: &str = "<Flow><assignments><name>A</name><locationX>180</locationX><locationY>9</locationY>\
    </assignments><processMetadataValues><name>CanvasMode</name><value><stringValue>FREE_FORM_CANVAS\
    </stringValue></value></processMetadataValues></Flow>";

const EDITS: &[Edit] = &[
    Edit {
        rule: "flow-coordinates",
        path: "flows/F.flow-meta.xml",
        type_name: "Flow",
        before: FREE_FORM,
        after: FREE_FORM_MOVED,
    },
    Edit {
        rule: "flow-coordinates",
        path: "flows/F.flow-meta.xml",
        type_name: "Flow",
        before: "<Flow><variables><name>locationX</name><value><numberValue>1</numberValue></value></variables></Flow>",
        after: "<Flow><variables><name>locationX</name><value><numberValue>2</numberValue></value></variables></Flow>",
    },
    Edit {
        rule: "profile-policy-names",
        path: "profilePasswordPolicies/Sales_profilePasswordPolicy1570270988175.profilePasswordPolicy-meta.xml",
        type_name: "ProfilePasswordPolicy",
        before: "<ProfilePasswordPolicy><profile>Sales</profile></ProfilePasswordPolicy>",
        after: "<ProfilePasswordPolicy><profile>Service</profile></ProfilePasswordPolicy>",
    },
    Edit {
        rule: "revision-counter",
        path: "profiles/P.profile-meta.xml",
        type_name: "Profile",
        before: "<Profile><description>serverRevisionCounter 1</description></Profile>",
        after: "<Profile><description>serverRevisionCounter 2</description></Profile>",
    },
    Edit {
        rule: "json-key-order",
        path: "digitalExperiences/site/a/sfdc_cms__view/home/content.json",
        type_name: "DigitalExperienceBundle",
        before: r#"{"regions":["header","footer"],"a":{"x":1,"y":2}}"#,
        after: r#"{"regions":["footer","header"],"a":{"x":1,"y":2}}"#,
    },
    Edit {
        rule: "json-key-order",
        path: "digitalExperiences/site/a/sfdc_cms__view/home/content.json",
        type_name: "DigitalExperienceBundle",
        before: r#"{"a":{"x":1,"y":2}}"#,
        after: r#"{"a":{"x":2,"y":1}}"#,
    },
    Edit {
        rule: "untranslated-placeholders",
        path: "objectTranslations/A-de/B__c.fieldTranslation-meta.xml",
        type_name: "CustomFieldTranslation",
        before: "<CustomFieldTranslation><label><!-- Region --></label></CustomFieldTranslation>",
        after: "<CustomFieldTranslation><label>Region</label></CustomFieldTranslation>",
    },
    Edit {
        rule: "asset-relationships",
        path: "contentassets/A.asset-meta.xml",
        type_name: "ContentAsset",
        before: "<ContentAsset><isVisibleByExternalUsers>false</isVisibleByExternalUsers></ContentAsset>",
        after: "<ContentAsset><isVisibleByExternalUsers>true</isVisibleByExternalUsers></ContentAsset>",
    },
];

/// Its rule looks at more than one file, so that only a snapshot tells; see the last test here.
const BY_SNAPSHOT: &str = "site-bodies";

#[test]
fn edit_that_differs_only_where_a_volatile_rule_looks_is_a_change() {
    let mut rules = Rules::default();
    for rule in &VOLATILE_RULES {
        rules = rules.with(rule.name, Switch::On).unwrap();
    }
    for edit in EDITS {
        let form = |text: &str| {
            let bytes = canonicalise(edit.type_name, edit.path, text.as_bytes(), &rules);
            String::from_utf8(bytes.unwrap().bytes.into_owned()).unwrap()
        };
        assert_ne!(form(edit.before), form(edit.after), "{}", edit.rule);
    }
    let covered: BTreeSet<&str> = EDITS
        .iter()
        .map(|it| it.rule)
        .chain([BY_SNAPSHOT])
        .collect();
    let rules: BTreeSet<&str> = VOLATILE_RULES.iter().map(|it| it.name).collect();
    assert_eq!(covered, rules);
}

/// What Jane moves: component, file in the package, the element of which she turns the first two.
const MOVED: &[(&str, &str, &str)] = &[
    (
        "AssignmentRules:Case",
        "assignmentRules/Case.assignmentRules",
        "ruleEntry",
    ),
    (
        "Layout:Account-Account Layout",
        "layouts/Account-Account Layout.layout",
        "layoutItems",
    ),
    (
        "Dashboard:Management/Sales_Overview",
        "dashboards/Management/Sales_Overview.dashboard",
        "dashboardGridComponents",
    ),
    (
        "Report:Sales/Pipeline",
        "reports/Sales/Pipeline.report",
        "columns",
    ),
    (
        "GlobalValueSet:Customer_Tier",
        "globalValueSets/Customer_Tier.globalValueSet",
        "customValue",
    ),
    (
        "StandardValueSet:Industry",
        "standardValueSets/Industry.standardValueSet",
        "standardValue",
    ),
    (
        "FlexiPage:Equipment_Record_Page",
        "flexipages/Equipment_Record_Page.flexipage",
        "componentInstanceProperties",
    ),
    (
        "PathAssistant:Rental_Path",
        "pathAssistants/Rental_Path.pathAssistant",
        "fieldNames",
    ),
];

#[test]
fn what_people_only_moved_is_one_commit_and_goes_back_by_a_rollback() {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let (first, before) = (env.head(), Held::of(&env.org));

    let mut deploy = Deploy::new();
    for (component, path, element) in MOVED {
        deploy = deploy.company(component, &[path]).turn(path, element);
    }
    deploy.by(&env.org, "Jane");
    env.orgkeep(&["snapshot"]).status(0);
    let log = env.git(&["log", "--format=%an", &format!("{first}..")]);
    assert_eq!(log, "Jane Doe\n");
    let changed = env.git(&["diff", "--name-only", &first, "HEAD", "--", "force-app"]);
    assert_eq!(changed.lines().count(), MOVED.len(), "{changed}");

    let mut rollback = vec!["rollback", "--to", &first, "--yes"];
    rollback.extend(MOVED.iter().map(|it| it.0));
    env.orgkeep(&rollback).status(0);
    assert_eq!(
        env.git(&["rev-parse", "HEAD:force-app"]),
        env.git(&["rev-parse", &format!("{first}:force-app")])
    );
    let differing = Held::of(&env.org).differing(&before);
    assert_eq!(differing, BTreeSet::new());
    env.assert_sound();
}

#[test]
fn box_that_a_person_moved_in_a_free_form_flow_is_a_commit_and_its_old_place_is_active_again() {
    const FLOW: &str = "flows/Equipment_Check_In.flow";
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    Deploy::new()
        .company("Flow:Equipment_Check_In", &[FLOW])
        .edit(
            FLOW,
            "<locationX>176</locationX>",
            "<locationX>208</locationX>",
        )
        .by(&env.org, "Omar");
    env.orgkeep(&["snapshot"]).status(0);
    let in_tree = format!("HEAD:force-app/main/default/{FLOW}-meta.xml");
    assert!(
        env.git(&["show", &in_tree])
            .contains("<locationX>208</locationX>")
    );
    assert_eq!(
        env.git(&["log", "--format=%an", &format!("{first}..")]),
        "Omar Haddad\n"
    );
    env.orgkeep(&[
        "rollback",
        "--to",
        &first,
        "Flow:Equipment_Check_In",
        "--yes",
    ])
    .status(0)
    .says("~ activate   Flow:Equipment_Check_In");
    let active = "HEAD:.orgkeep/flows/Equipment_Check_In/active.flow-meta.xml";
    assert!(
        env.git(&["show", active])
            .contains("<locationX>176</locationX>")
    );
    env.assert_sound();
}

#[test]
fn body_of_a_site_is_committed_when_a_person_changed_it_and_never_else() {
    const SITE: &str = "siteDotComSites/Acme_Rentals1.site";
    let env = TestEnv::new(Org::start(&["--noise"]));
    env.orgkeep(&["init"]).status(0);
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    env.orgkeep(&["snapshot", "--full"]).status(0);
    assert_eq!(env.head(), first, "its body is another at each retrieve");
    Deploy::new()
        .company("SiteDotCom:Acme_Rentals1", &[SITE])
        .file("SiteDotCom:Acme_Rentals1", SITE, "SDC1 made by Jane")
        .by(&env.org, "Jane");
    env.orgkeep(&["snapshot"]).status(0);
    let changed = env.git(&["diff", "--name-only", &first, "HEAD", "--", "force-app"]);
    assert_eq!(changed, format!("force-app/main/default/{SITE}\n"));
    env.orgkeep(&[
        "rollback",
        "--to",
        &first,
        "SiteDotCom:Acme_Rentals1",
        "--yes",
    ])
    .status(0);
    let body = |revision: &str| {
        env.git(&[
            "rev-parse",
            &format!("{revision}:force-app/main/default/{SITE}"),
        ])
    };
    let last = env.head();
    env.orgkeep(&["snapshot", "--full"]).status(0);
    assert_eq!(body("HEAD"), body(&last));
}
