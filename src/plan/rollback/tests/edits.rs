//! Random edits of a small org, their rollback by the platform's rules, and what is there then.

use proptest::prelude::*;

use super::*;
use crate::xml;

/// What somebody does.
#[derive(Clone, Debug)]
enum Edit {
    MakeField(char, char),
    DeleteField(char, char),
    DeleteObject(char),
    Arrange(char, Vec<char>),
    Grant(&'static str, char, char, bool),
    Revoke(&'static str, char, char),
    Write(char, String),
    DeleteClass(char),
}

const OBJECTS: [char; 2] = ['A', 'B'];
const FIELDS: [char; 3] = ['x', 'y', 'z'];
const HOLDERS: [&str; 2] = ["Profile:P", "PermissionSet:S"];

fn field_key(object: char, field: char) -> String {
    format!("CustomField:{object}__c.{field}__c")
}

const TEXT: &str = "<CustomField><type>Text</type></CustomField>";

/// Fields with whether they can be edited, as one file.
fn rights(holder: &str, fields: &BTreeMap<String, bool>) -> String {
    let root = holder.split(':').next().unwrap();
    let entry = |(field, editable): (&String, &bool)| {
        format!(
            "<fieldPermissions><editable>{editable}</editable><field>{field}</field><readable>true</readable></fieldPermissions>"
        )
    };
    let entries = fields.iter().map(entry).collect::<Vec<_>>().concat();
    format!("<{root}>{entries}</{root}>")
}

/// The fields that a file gives a right to.
fn rights_in(text: &str) -> BTreeMap<String, bool> {
    let root = xml::parse(text.as_bytes()).unwrap().root;
    let entries = root.elements_named("fieldPermissions");
    let given = entries.filter(|it| it.child_text("readable").unwrap() == "true");
    given
        .map(|it| {
            let field = it.child_text("field").unwrap().into_owned();
            (field, it.child_text("editable").unwrap() == "true")
        })
        .collect()
}

fn items_in(text: &str) -> Vec<String> {
    let parts = text.split("<field>").skip(1);
    parts
        .map(|it| it.split('<').next().unwrap().to_owned())
        .collect()
}

/// An org by the platform's rules.
#[derive(Clone, Debug)]
struct Platform(Tree);

impl Platform {
    fn new() -> Self {
        let mut org = Self(Tree::default());
        for object in OBJECTS {
            org.put(&format!("CustomObject:{object}__c"), "<CustomObject/>");
            for field in FIELDS {
                org.put(&field_key(object, field), TEXT);
            }
            org.put(
                &format!("Layout:{object}__c-L"),
                &layout(&["Name", "x__c", "y__c", "Owner"], "Info"),
            );
        }
        let granted = [
            ("A__c.x__c", true),
            ("A__c.y__c", false),
            ("B__c.x__c", true),
        ];
        let granted = granted.map(|(field, editable)| (field.to_owned(), editable));
        for holder in HOLDERS {
            org.put(holder, &rights(holder, &granted.clone().into()));
        }
        org.put("ApexClass:C", "one");
        org.put("ApexClass:D", "one");
        org
    }

    fn put(&mut self, of: &str, text: &str) {
        self.0.0.insert(key(of), text.to_owned());
    }

    fn has(&self, of: &str) -> bool {
        self.0.0.contains_key(&key(of))
    }

    fn change_rights(&mut self, holder: &str, change: impl FnOnce(&mut BTreeMap<String, bool>)) {
        let mut fields = rights_in(&self.0.0[&key(holder)]);
        change(&mut fields);
        self.put(holder, &rights(holder, &fields));
    }

    /// A deletion takes along what names the field.
    fn delete_field(&mut self, object: char, field: char) {
        if self.0.0.remove(&key(&field_key(object, field))).is_none() {
            return;
        }
        for holder in HOLDERS {
            self.change_rights(holder, |it| {
                it.remove(&format!("{object}__c.{field}__c"));
            });
        }
        let of = format!("Layout:{object}__c-L");
        if let Some(text) = self.0.0.get(&key(&of)).cloned() {
            let items = items_in(&text);
            let own = format!("{field}__c");
            let items: Vec<&str> = items
                .iter()
                .map(String::as_str)
                .filter(|it| *it != own)
                .collect();
            self.put(&of, &layout(&items, "Info"));
        }
    }

    fn delete_object(&mut self, object: char) {
        for field in FIELDS {
            self.delete_field(object, field);
        }
        self.0.0.remove(&key(&format!("Layout:{object}__c-L")));
        self.0.0.remove(&key(&format!("CustomObject:{object}__c")));
    }

    fn edit(&mut self, edit: &Edit) {
        let has_object =
            |this: &Self, object: &char| this.has(&format!("CustomObject:{object}__c"));
        match edit {
            Edit::MakeField(object, field) if has_object(self, object) => {
                self.put(&field_key(*object, *field), TEXT);
            }
            Edit::DeleteField(object, field) => self.delete_field(*object, *field),
            Edit::DeleteObject(object) => self.delete_object(*object),
            Edit::Arrange(object, fields) if has_object(self, object) => {
                let there = fields
                    .iter()
                    .filter(|it| self.has(&field_key(*object, **it)));
                let own: Vec<String> = there.map(|it| format!("{it}__c")).collect();
                let items: Vec<&str> = ["Name"]
                    .into_iter()
                    .chain(own.iter().map(String::as_str))
                    .collect();
                self.put(&format!("Layout:{object}__c-L"), &layout(&items, "Info"));
            }
            Edit::Grant(holder, object, field, editable)
                if self.has(&field_key(*object, *field)) =>
            {
                self.change_rights(holder, |it| {
                    it.insert(format!("{object}__c.{field}__c"), *editable);
                });
            }
            Edit::Revoke(holder, object, field) => self.change_rights(holder, |it| {
                it.remove(&format!("{object}__c.{field}__c"));
            }),
            Edit::Write(class, text) => self.put(&format!("ApexClass:{class}"), text),
            Edit::DeleteClass(class) => {
                self.0.0.remove(&key(&format!("ApexClass:{class}")));
            }
            _ => (),
        }
    }

    /// Deploys a plan: entries of a profile overwrite theirs, everything else is the file.
    fn deploy(&mut self, plan: &RollbackPlan, target: &Tree) {
        for item in plan.applied().filter(|it| !it.files.is_empty()) {
            let text = match &item.files[0].1 {
                Content::Target => target.0[&item.key].clone(),
                Content::Merged(_) => text_of(item),
            };
            let of = item.key.to_string();
            if item.key.type_name.as_str() == "Profile" {
                let root = xml::parse(text.as_bytes()).unwrap().root;
                let named: Vec<String> = root
                    .elements()
                    .map(|it| it.child_text("field").unwrap().into_owned())
                    .collect();
                self.change_rights(&of, |it| {
                    it.retain(|field, _| !named.contains(field));
                    it.extend(rights_in(&text));
                });
            } else {
                self.put(&of, &text);
            }
        }
        for item in plan.applied().filter(|it| !it.deletes.is_empty()) {
            let name = item.key.name.as_str();
            let of = |at: usize| name.chars().nth(at).unwrap();
            match item.key.type_name.as_str() {
                "CustomField" => self.delete_field(of(0), of(5)),
                _ => {
                    self.0.0.remove(&item.key);
                }
            }
        }
    }

    fn assert_is(&self, target: &Tree) {
        let all: BTreeSet<_> = self.0.0.keys().chain(target.0.keys()).collect();
        for it in all {
            let (is, was) = (self.0.0.get(it), target.0.get(it));
            if HOLDERS.contains(&it.to_string().as_str()) {
                assert_eq!(rights_in(is.unwrap()), rights_in(was.unwrap()), "{it}");
            } else {
                assert_eq!(is, was, "{it}");
            }
        }
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    let object = || prop::sample::select(&OBJECTS[..]);
    let field = || prop::sample::select(&FIELDS[..]);
    let holder = || prop::sample::select(&HOLDERS[..]);
    let class = || prop::sample::select(&['C', 'D', 'E'][..]);
    prop_oneof![
        (object(), field()).prop_map(|(o, f)| Edit::MakeField(o, f)),
        (object(), field()).prop_map(|(o, f)| Edit::DeleteField(o, f)),
        object().prop_map(Edit::DeleteObject),
        (object(), Just(FIELDS.to_vec()).prop_shuffle(), 0..=3_usize).prop_map(
            |(o, mut fields, n)| {
                fields.truncate(n);
                Edit::Arrange(o, fields)
            }
        ),
        (holder(), object(), field(), any::<bool>())
            .prop_map(|(h, o, f, e)| Edit::Grant(h, o, f, e)),
        (holder(), object(), field()).prop_map(|(h, o, f)| Edit::Revoke(h, o, f)),
        (class(), "[a-c]").prop_map(|(c, text)| Edit::Write(c, text)),
        class().prop_map(Edit::DeleteClass),
    ]
}

proptest! {
    #[test]
    fn whatever_people_did_everything_is_as_it_was(
        before in prop::collection::vec(edit(), 0..6), since in prop::collection::vec(edit(), 1..8),
    ) {
        let mut org = Platform::new();
        for it in &before {
            org.edit(it);
        }
        let target = org.0.clone();
        for it in &since {
            org.edit(it);
        }
        let now = org.0.clone();
        let all: BTreeSet<String> = target.0.keys().chain(now.0.keys()).map(ToString::to_string).collect();
        let selected: Vec<&str> = all.iter().map(String::as_str).collect();
        let made = Setup { options: ALLOW_ALL, ..setup(&target, &now) };
        org.deploy(&made.plan(&selected), &target);
        org.assert_is(&target);
    }

    #[test]
    fn one_deleted_field_brings_its_own_and_nothing_else(
        since in prop::collection::vec(edit(), 0..6), field in prop::sample::select(&["x", "y"][..]),
    ) {
        let mut org = Platform::new();
        let target = org.0.clone();
        let name = field.chars().next().unwrap();
        org.delete_field('A', name);
        for it in &since {
            org.edit(it);
        }
        prop_assume!(!org.has(&field_key('A', name)) && org.has("CustomObject:A__c"));
        let now = org.0.clone();
        let of = field_key('A', name);
        let plan = setup(&target, &now).plan(&[&of]);
        org.deploy(&plan, &target);
        prop_assert!(org.has(&of));
        let own = format!("{name}__c");
        prop_assert!(items_in(&org.0.0[&key("Layout:A__c-L")]).contains(&own));
        for holder in HOLDERS {
            // Nobody has less than before, and nobody more than then but of this field.
            let (was, is) = (rights_in(&now.0[&key(holder)]), rights_in(&org.0.0[&key(holder)]));
            let full = format!("A__c.{own}");
            let then = rights_in(&target.0[&key(holder)]);
            prop_assert_eq!(is.get(&full), then.get(&full));
            for (field, editable) in is.iter().filter(|(it, _)| **it != full) {
                prop_assert_eq!(was.get(field), Some(editable));
            }
            prop_assert_eq!(is.len(), was.len() + 1);
        }
        for (key, text) in &now.0 {
            if plan.item(key).is_none() {
                prop_assert_eq!(org.0.0.get(key), Some(text), "{}", key);
            }
        }
    }
}
