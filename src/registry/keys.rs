//! Which repeated elements may be sorted, and by what each item is known.
//!
//! One table, `keys.txt`, read by two: `source::canonical` sorts by it what may
//! be sorted, `diff` matches by it the items of two documents.
//!
//! Invariant: what the table does not name is never sorted.

use std::{borrow::Cow, cmp::Ordering, collections::HashMap, sync::LazyLock};

use crate::xml::{Element, decode};

/// Whether the order of repeated elements has a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// It has none: they may be sorted.
    Set,
    /// It has one: they are never sorted.
    List,
    /// The element stands at most once.
    One,
    /// Nothing is known: the order is kept.
    Unknown,
}

/// What is known of the elements of one name in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whether they may be sorted.
    pub order: Order,
    /// What sorts them; empty where nothing does.
    pub sort: Key,
    /// By what one of them is told from the others; empty where only its place does.
    pub known_by: Key,
}

/// Most parts that a key of the table has.
pub const MAX_PARTS: usize = 5;

/// Elements of an item whose texts name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    parts: Vec<Part>,
}

/// One part of a key: the first of several elements that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    numeric: bool,
    /// Each a path below the item; an empty one is the item's own text.
    any_of: Vec<Vec<&'static str>>,
}

/// A place in a document for which rules are looked up.
///
/// Cheap to copy; goes down one element at a time by [`KeyRules::look_up`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    context: u16,
    anywhere: u16,
}

/// The table.
#[derive(Debug)]
pub struct KeyRules {
    names: HashMap<&'static str, u16>,
    contexts: Vec<Context>,
    unknown: Rule,
}

#[derive(Debug, Default)]
struct Context {
    by_element: HashMap<&'static str, (Rule, u16)>,
    groups_by_name: bool,
}

/// The context of which nothing is known.
const NOWHERE: u16 = 0;

impl KeyRules {
    /// The rules of the platform's types.
    #[must_use]
    pub fn official() -> &'static Self {
        static RULES: LazyLock<KeyRules> = LazyLock::new(|| {
            KeyRules::read(include_str!("keys.txt")).expect("a test reads each line of the table")
        });
        &RULES
    }

    /// The scope in a root element of this local name.
    #[must_use]
    pub fn root(&self, name: &str) -> Scope {
        let context = self.names.get(name).copied().unwrap_or(NOWHERE);
        let anywhere = self.anywhere_of(name);
        Scope { context, anywhere }
    }

    fn anywhere_of(&self, root: &str) -> u16 {
        // Few types have such rows, so the key is only built for those.
        let wide = |it: &&str| it.strip_suffix("/**") == Some(root);
        let found = WIDE.iter().copied().find(wide);
        found
            .and_then(|it| self.names.get(it).copied())
            .unwrap_or(NOWHERE)
    }

    /// The rule of the elements `name` that stand in `scope`, and the scope in them.
    #[must_use]
    pub fn look_up(&self, scope: Scope, name: &str) -> (&Rule, Scope) {
        let inside = |context: u16| Scope { context, ..scope };
        for context in [scope.context, scope.anywhere] {
            if let Some((rule, next)) = self.contexts[usize::from(context)].by_element.get(name) {
                return (rule, inside(*next));
            }
        }
        (&self.unknown, inside(NOWHERE))
    }

    /// Whether the groups of elements in `scope` come in no fixed order, so that
    /// they are put in the order of their names.
    #[must_use]
    pub fn groups_by_name(&self, scope: Scope) -> bool {
        self.contexts[usize::from(scope.context)].groups_by_name
    }

    /// Every row, as context and element, for those who print or check the table.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, &'static str, &Rule)> {
        self.names.iter().flat_map(|(context, at)| {
            let rows = &self.contexts[usize::from(*at)].by_element;
            rows.iter()
                .map(|(element, (rule, _))| (*context, *element, rule))
        })
    }

    /// Reads a table; the number of the first wrong line where it is none.
    fn read(text: &'static str) -> Result<Self, usize> {
        let mut rules = Self {
            names: HashMap::new(),
            contexts: vec![Context::default()],
            unknown: Rule {
                order: Order::Unknown,
                sort: Key::default(),
                known_by: usual_names(),
            },
        };
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                rules.read_row(line).ok_or(at + 1)?;
            }
        }
        Ok(rules)
    }

    fn read_row(&mut self, line: &'static str) -> Option<()> {
        let (contexts, row) = line.split_once(" : ")?;
        let contexts: Vec<u16> = contexts
            .split(',')
            .map(|name| self.context(name.trim()))
            .collect();
        if row.trim() == "groups" {
            for context in contexts {
                self.contexts[usize::from(context)].groups_by_name = true;
            }
            return Some(());
        }
        let (row, next) = match row.split_once(" > ") {
            Some((row, next)) => (row, self.context(next.trim())),
            None => (row, NOWHERE),
        };
        let (row, known_by) = match row.split_once(" as ") {
            Some((row, key)) => (row, Some(Key::read(key.trim())?)),
            None => (row, None),
        };
        let words: Vec<&str> = row.split_whitespace().collect();
        let (elements, order, key) = match words.as_slice() {
            [elements, "one"] => (elements, Order::One, Key::default()),
            [elements, "list"] => (elements, Order::List, Key::default()),
            [elements, "list", key] => (elements, Order::List, Key::read(key)?),
            [elements, "set", key] => (elements, Order::Set, Key::read(key)?),
            _ => return None,
        };
        let sort = match order {
            Order::Set if key.is_direct() => key.clone(),
            Order::Set => return None,
            _ => Key::default(),
        };
        let rule = Rule {
            order,
            sort,
            known_by: known_by.unwrap_or(key),
        };
        for context in contexts {
            for element in elements.split('|') {
                let rows = &mut self.contexts[usize::from(context)].by_element;
                if rows.insert(element, (rule.clone(), next)).is_some() {
                    return None;
                }
            }
        }
        Some(())
    }

    fn context(&mut self, name: &'static str) -> u16 {
        let next =
            u16::try_from(self.contexts.len()).expect("the table has a few hundred contexts");
        let at = *self.names.entry(name).or_insert(next);
        if at == next {
            self.contexts.push(Context::default());
        }
        at
    }
}

/// Types with rows that hold at every depth.
const WIDE: [&str; 1] = ["Flow/**"];

/// Elements that name their item in most structures of the platform.
fn usual_names() -> Key {
    let any_of = ["fullName", "developerName", "name", "apiName"]
        .map(|it| vec![it])
        .to_vec();
    Key {
        parts: vec![Part {
            numeric: false,
            any_of,
        }],
    }
}

impl Key {
    fn read(text: &'static str) -> Option<Self> {
        let part = |text: &'static str| {
            let (numeric, text) = match text.strip_prefix('#') {
                Some(rest) => (true, rest),
                None => (false, text),
            };
            let any_of: Vec<Vec<_>> = text
                .split('/')
                .map(|path| match path {
                    "." => Vec::new(),
                    path => path.split('.').collect(),
                })
                .collect();
            let whole = any_of.iter().flatten().all(|it| !it.is_empty());
            (whole && !text.is_empty()).then_some(Part { numeric, any_of })
        };
        let parts: Vec<_> = text.split('+').map(part).collect::<Option<_>>()?;
        (parts.len() <= MAX_PARTS).then_some(Self { parts })
    }

    /// Whether nothing names an item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The elements right below the item that it looks at.
    pub fn elements(&self) -> impl Iterator<Item = &'static str> {
        let paths = self.parts.iter().flat_map(|it| &it.any_of);
        paths.filter_map(|it| it.first().copied())
    }

    /// Whether each part is one element right below the item, or its own text.
    fn is_direct(&self) -> bool {
        let direct = |part: &Part| matches!(part.any_of.as_slice(), [path] if path.len() <= 1);
        self.parts.iter().all(direct)
    }

    /// Which part of a sorting key the element `name` of an item is.
    #[must_use]
    pub fn part_named(&self, name: &str) -> Option<usize> {
        self.parts
            .iter()
            .position(|part| part.any_of[0].first() == Some(&name))
    }

    /// Whether the item's own text is the key.
    #[must_use]
    pub fn is_own_text(&self) -> bool {
        matches!(self.parts.as_slice(), [part] if part.any_of[0].is_empty())
    }

    /// The texts that name `item`, one for each part, empty where it has none;
    /// `None` where no part has a text.
    #[must_use]
    pub fn of<'a>(&self, item: &'a Element) -> Option<Vec<Cow<'a, str>>> {
        let texts: Vec<Cow<'a, str>> = self.parts.iter().map(|part| part.of(item)).collect();
        texts.iter().any(|it| !it.is_empty()).then_some(texts)
    }

    /// Compares two items by it, as code points or as numbers.
    #[must_use]
    pub fn compare(&self, one: &Element, other: &Element) -> Ordering {
        self.parts
            .iter()
            .map(|part| part.compare(&part.of(one), &part.of(other)))
            .find(|it| it.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    /// The same for texts as they are escaped in a document, one for each part.
    #[must_use]
    pub fn compare_escaped(&self, one: &[&str], other: &[&str]) -> Ordering {
        self.parts
            .iter()
            .zip(one.iter().zip(other))
            .map(|(part, (one, other))| part.compare(&decode(one), &decode(other)))
            .find(|it| it.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl Part {
    fn of<'a>(&self, item: &'a Element) -> Cow<'a, str> {
        self.any_of
            .iter()
            .find_map(|path| {
                let at = path.iter().try_fold(item, |it, name| it.child(name))?;
                Some(at.text()).filter(|it| !it.is_empty())
            })
            .unwrap_or_default()
    }

    fn compare(&self, one: &str, other: &str) -> Ordering {
        if self.numeric
            && let (Ok(one), Ok(other)) = (one.trim().parse::<i64>(), other.trim().parse::<i64>())
        {
            return one.cmp(&other);
        }
        one.cmp(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{registry::Registry, xml::parse};

    fn rules() -> KeyRules {
        KeyRules::read(include_str!("keys.txt")).unwrap_or_else(|line| panic!("line {line}"))
    }

    #[test]
    fn table_reads_and_is_not_small() {
        let rules = rules();
        let sets = rules.rows().filter(|it| it.2.order == Order::Set).count();
        let lists = rules.rows().filter(|it| it.2.order == Order::List).count();
        assert!(150 < sets && 120 < lists, "{sets} sets, {lists} lists");
    }

    #[test]
    fn every_wide_context_is_in_the_list_of_them() {
        let rules = rules();
        let wide: Vec<_> = rules.names.keys().filter(|it| it.contains('/')).collect();
        assert_eq!(wide, [&WIDE[0]]);
    }

    #[test]
    fn every_context_can_be_reached_or_is_a_type() {
        let (rules, types) = (rules(), Registry::official());
        for (name, at) in &rules.names {
            let mut rows = rules.contexts.iter().flat_map(|it| it.by_element.values());
            let is_led_to = rows.any(|(_, next)| next == at);
            let is_type = types.type_named(name.trim_end_matches("/**")).is_some()
                || name.ends_with("Settings")
                || *name == "EmailTemplateFolder";
            assert!(is_led_to || is_type, "{name}");
        }
    }

    #[test]
    fn ordered_containers_are_never_sets() {
        let rules = rules();
        let keeps_order = [
            ("ValueSetValuesDefinition", "value"),
            ("GlobalValueSet", "customValue"),
            ("StandardValueSet", "standardValue"),
            ("Layout", "layoutSections"),
            ("LayoutColumn", "layoutItems"),
            ("RelatedListItem", "fields"),
            ("FlexiPageRegion", "itemInstances"),
            ("Report", "columns"),
            ("ReportFilter", "criteriaItems"),
            ("ListView", "columns"),
            ("CompactLayout", "fields"),
            ("FieldSet", "displayedFields"),
            ("AssignmentRule", "ruleEntry"),
            ("ApprovalProcess", "approvalStep"),
            ("MatchingRule", "matchingRuleItems"),
            ("QuickActionList", "quickActionListItems"),
        ];
        for (context, element) in keeps_order {
            let (_, _, rule) = rules
                .rows()
                .find(|it| (it.0, it.1) == (context, element))
                .unwrap_or_else(|| panic!("{context}.{element} has no row"));
            assert_eq!(rule.order, Order::List, "{context}.{element}");
        }
    }

    #[test]
    fn scope_goes_down_and_falls_back_to_what_holds_everywhere() {
        let rules = rules();
        let field = rules.root("CustomField");
        let (rule, values) = rules.look_up(field, "valueSet");
        assert_eq!(rule.order, Order::One);
        assert_eq!(rules.look_up(values, "valueSettings").0.order, Order::Set);
        assert_eq!(rules.look_up(values, "other").0.order, Order::Unknown);

        let flow = rules.root("Flow");
        let (rule, node) = rules.look_up(flow, "decisions");
        assert_eq!(rule.order, Order::Set);
        let (rule, inside) = rules.look_up(node, "rules");
        assert_eq!(rule.order, Order::List);
        assert_eq!(rules.look_up(inside, "conditions").0.order, Order::List);
    }

    #[test]
    fn key_takes_the_first_that_is_there_and_compares_numbers() {
        let item = |text: &str| parse(text.as_bytes()).unwrap().root;
        let key = Key::read("a.b/c").unwrap();
        assert_eq!(
            key.of(&item("<i><a><b>x</b></a><c>y</c></i>")).unwrap(),
            ["x"]
        );
        assert_eq!(key.of(&item("<i><c>y</c></i>")).unwrap(), ["y"]);
        assert_eq!(key.of(&item("<i/>")), None);
        let key = Key::read("#n").unwrap();
        let (nine, ten) = (item("<i><n>9</n></i>"), item("<i><n>10</n></i>"));
        assert_eq!(key.compare(&nine, &ten), Ordering::Less);
        assert_eq!(key.compare_escaped(&["9"], &["10"]), Ordering::Less);
    }
}
