//! What a document lost since an earlier state, and putting chosen parts back.
//!
//! Elements of the two states are matched by the key rules; what no rule names is
//! matched by content, then by likeness. `diff::element` takes such items by place,
//! which is right for telling what changed; here a filter that was lost beside one
//! that somebody edited has to be told from that one. Only elements that are
//! missing today are put back: everything that today's document has stays.
//!
//! Invariant: putting back adds elements and changes none; putting back nothing
//! gives today's document; a second time finds nothing left to put back.

use std::collections::HashMap;

use crate::registry::keys::{KeyRules, Order, Scope};
use crate::xml::{Element, Node};

/// An element that the earlier state had and today's lacks.
#[derive(Clone, Copy, Debug)]
pub struct Lost<'a> {
    /// Names of the elements it stood in, outermost first, without the root.
    pub inside: &'a [&'a str],
    /// The element as it was.
    pub element: &'a Element,
    /// The element before it among its like, as it was, where their order has a meaning.
    pub after: Option<&'a Element>,
}

/// Most pairs that are compared for likeness in one place.
const MAX_PAIRS: usize = 10_000;

/// Deepest place that is looked into.
const MAX_DEPTH: usize = crate::xml::MAX_DEPTH;

/// Today's document with those lost elements that `wanted` asks for.
///
/// `wanted` is asked once for each lost element, outermost ones only: where a
/// whole section is lost, its items are not asked about on their own.
pub fn put_back(
    before: &Element,
    now: &Element,
    rules: &KeyRules,
    wanted: &mut dyn FnMut(Lost<'_>) -> bool,
) -> Element {
    let scope = rules.root(now.local_name());
    let mut walk = Walk {
        rules,
        wanted,
        inside: Vec::new(),
    };
    walk.merge(before, now, scope)
}

struct Walk<'r, 'w> {
    rules: &'r KeyRules,
    wanted: &'w mut dyn FnMut(Lost<'_>) -> bool,
    inside: Vec<String>,
}

impl Walk<'_, '_> {
    fn merge(&mut self, before: &Element, now: &Element, scope: Scope) -> Element {
        let olds: Vec<&Element> = before.elements().collect();
        let news: Vec<&Element> = now.elements().collect();
        if olds.is_empty() || before == now || MAX_DEPTH <= self.inside.len() {
            return now.clone();
        }
        let partner = self.match_up(&olds, &news, scope);
        // Children of today, merged; what comes back is put behind one of them.
        let mut merged: Vec<Element> = news.iter().map(|it| (*it).clone()).collect();
        let mut behind: HashMap<Option<usize>, Vec<Element>> = HashMap::new();
        let mut last_of: HashMap<&str, usize> = HashMap::new();
        let mut last_old: HashMap<&str, &Element> = HashMap::new();
        let rules = self.rules;
        let is_list = |name: &str| rules.look_up(scope, name).0.order != Order::Set;
        for (at, old) in olds.iter().enumerate() {
            let name = old.local_name();
            if let Some(to) = partner[at] {
                let (_, inner) = self.rules.look_up(scope, name);
                self.inside.push(name.to_owned());
                merged[to] = self.merge(old, news[to], inner);
                self.inside.pop();
                last_of.insert(name, to);
            } else if self.is_wanted(old, last_old.get(name).copied().filter(|_| is_list(name))) {
                let place = last_of
                    .get(name)
                    .copied()
                    .or_else(|| place_of_first(name, &olds[at..], &partner[at..], &news));
                behind.entry(place).or_default().push((*old).clone());
            }
            last_old.insert(name, old);
        }
        rebuild(now, merged, behind)
    }

    fn is_wanted(&mut self, element: &Element, after: Option<&Element>) -> bool {
        let inside: Vec<&str> = self.inside.iter().map(String::as_str).collect();
        (self.wanted)(Lost {
            inside: &inside,
            element,
            after,
        })
    }

    /// For each old element the one of today that it has become.
    fn match_up(&self, olds: &[&Element], news: &[&Element], scope: Scope) -> Vec<Option<usize>> {
        let mut partner = vec![None; olds.len()];
        let mut by_name: HashMap<&str, (Vec<usize>, Vec<usize>)> = HashMap::new();
        for (at, old) in olds.iter().enumerate() {
            by_name.entry(old.local_name()).or_default().0.push(at);
        }
        for (at, new) in news.iter().enumerate() {
            if let Some(group) = by_name.get_mut(new.local_name()) {
                group.1.push(at);
            }
        }
        for (name, (from, to)) in by_name {
            let (rule, _) = self.rules.look_up(scope, name);
            if rule.known_by.is_empty() {
                match_by_content(olds, news, &from, &to, &mut partner);
                continue;
            }
            let mut by_key: HashMap<Vec<String>, Vec<usize>> = HashMap::new();
            let key_of = |it: &Element| {
                let texts = rule.known_by.of(it).unwrap_or_default();
                texts
                    .into_iter()
                    .map(std::borrow::Cow::into_owned)
                    .collect::<Vec<_>>()
            };
            for at in to.iter().rev() {
                by_key.entry(key_of(news[*at])).or_default().push(*at);
            }
            for at in from {
                let found = by_key.get_mut(&key_of(olds[at]));
                partner[at] = found.and_then(Vec::pop);
            }
        }
        partner
    }
}

/// Where to put the first element of its name: before what followed it, else by the alphabet.
fn place_of_first(
    name: &str,
    olds: &[&Element],
    partner: &[Option<usize>],
    news: &[&Element],
) -> Option<usize> {
    let follower = olds
        .iter()
        .zip(partner)
        .find_map(|(old, to)| to.filter(|_| old.local_name() == name));
    if let Some(to) = follower {
        return to.checked_sub(1);
    }
    news.iter().rposition(|it| it.local_name() <= name)
}

fn rebuild(
    now: &Element,
    merged: Vec<Element>,
    mut behind: HashMap<Option<usize>, Vec<Element>>,
) -> Element {
    let mut children = Vec::with_capacity(now.children.len());
    let first = behind.remove(&None).unwrap_or_default();
    children.extend(first.into_iter().map(Node::Element));
    let mut merged = merged.into_iter().enumerate();
    for node in &now.children {
        if !matches!(node, Node::Element(_)) {
            children.push(node.clone());
            continue;
        }
        let Some((at, element)) = merged.next() else {
            break;
        };
        children.push(Node::Element(element));
        let here = behind.remove(&Some(at)).unwrap_or_default();
        children.extend(here.into_iter().map(Node::Element));
    }
    Element {
        name: now.name.clone(),
        attributes: now.attributes.clone(),
        children,
    }
}

/// Matches equal elements, then an only one with an only one, then the most alike.
fn match_by_content(
    olds: &[&Element],
    news: &[&Element],
    from: &[usize],
    to: &[usize],
    partner: &mut [Option<usize>],
) {
    if let ([old], [new]) = (from, to) {
        let both_leaves = !olds[*old].has_elements() && !news[*new].has_elements();
        let alike = both_leaves || 0 < likeness(olds[*old], news[*new]) || !has_leaves(olds[*old]);
        if alike {
            partner[*old] = Some(*new);
        }
        return;
    }
    let mut free: Vec<usize> = to.to_vec();
    let mut left: Vec<usize> = Vec::new();
    for at in from {
        match free.iter().position(|it| news[*it] == olds[*at]) {
            Some(found) => partner[*at] = Some(free.remove(found)),
            None => left.push(*at),
        }
    }
    if left.len().saturating_mul(free.len()) > MAX_PAIRS {
        return;
    }
    let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
    for (rank, at) in left.iter().enumerate() {
        for (other, it) in free.iter().enumerate() {
            let alike = likeness(olds[*at], news[*it]);
            if alike > 0 {
                // Of equally alike ones the nearest in order.
                pairs.push((
                    alike,
                    usize::MAX - rank.abs_diff(other),
                    rank * MAX_PAIRS + other,
                ));
            }
        }
    }
    pairs.sort_by(|a, b| (b.0, b.1, a.2).cmp(&(a.0, a.1, b.2)));
    let (mut used_old, mut used_new) = (vec![false; left.len()], vec![false; free.len()]);
    for (.., pair) in pairs {
        let (rank, other) = (pair / MAX_PAIRS, pair % MAX_PAIRS);
        if !used_old[rank] && !used_new[other] {
            used_old[rank] = true;
            used_new[other] = true;
            partner[left[rank]] = Some(free[other]);
        }
    }
}

fn has_leaves(element: &Element) -> bool {
    element.elements().any(|it| !it.has_elements())
}

/// How many leaves two elements share, at any depth.
fn likeness(a: &Element, b: &Element) -> usize {
    let (a, b) = (leaves(a), leaves(b));
    let mut counts: HashMap<(String, String), usize> = HashMap::new();
    for leaf in a {
        *counts.entry(leaf).or_default() += 1;
    }
    let mut shared = 0;
    for leaf in b {
        if let Some(n) = counts.get_mut(&leaf).filter(|it| 0 < **it) {
            *n -= 1;
            // Flags are alike everywhere; names tell.
            shared += usize::from(!matches!(leaf.1.as_str(), "true" | "false" | ""));
        }
    }
    shared
}

fn leaves(element: &Element) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut ahead: Vec<&Element> = element.elements().collect();
    while let Some(it) = ahead.pop() {
        if it.has_elements() {
            ahead.extend(it.elements());
        } else {
            found.push((it.local_name().to_owned(), it.text().into_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::xml;

    fn parse(text: &str) -> Element {
        xml::parse(text.as_bytes()).unwrap().root
    }

    fn back(before: &str, now: &str, token: &str) -> String {
        let mut wanted = |it: Lost<'_>| xml::render_element(it.element).contains(token);
        let merged = put_back(
            &parse(before),
            &parse(now),
            KeyRules::official(),
            &mut wanted,
        );
        xml::render_element(&merged)
            .replace('\n', "")
            .replace("    ", "")
    }

    #[test]
    fn layout_item_comes_back_at_its_place_and_later_edits_stay() {
        let item = |name: &str| {
            format!("<layoutItems><behavior>Edit</behavior><field>{name}</field></layoutItems>")
        };
        let layout = |items: &[&str], label: &str| {
            let items: String = items.iter().map(|it| item(it)).collect();
            format!(
                "<Layout><layoutSections><label>{label}</label><layoutColumns>{items}</layoutColumns><layoutColumns></layoutColumns></layoutSections></Layout>"
            )
        };
        assert_eq!(
            back(
                &layout(&["Name", "Industry", "Region__c", "Phone"], "Info"),
                &layout(&["Name", "Rating", "Industry", "Phone", "Fax"], "Info"),
                "Region__c"
            ),
            layout(
                &["Name", "Rating", "Industry", "Region__c", "Phone", "Fax"],
                "Info"
            )
        );
    }

    #[test]
    fn permission_comes_back_and_the_others_are_left_alone() {
        let field = |name: &str, on: bool| {
            format!(
                "<fieldPermissions><editable>{on}</editable><field>{name}</field></fieldPermissions>"
            )
        };
        let set = |inner: String| format!("<PermissionSet>{inner}<label>X</label></PermissionSet>");
        assert_eq!(
            back(
                &set(field("A.B__c", true) + &field("A.Region__c", true)),
                &set(field("A.B__c", false)),
                "Region__c"
            ),
            set(field("A.B__c", false) + &field("A.Region__c", true))
        );
        assert_eq!(
            back(
                &set(field("A.Region__c", true)),
                &set(String::new()),
                "Region__c"
            ),
            set(field("A.Region__c", true))
        );
    }

    #[test]
    fn column_and_filter_come_back_in_order_beside_one_that_was_edited() {
        let view = |columns: &[&str], filters: &[(&str, &str)]| {
            let columns = columns
                .iter()
                .map(|it| format!("<columns>{it}</columns>"))
                .collect::<Vec<_>>()
                .concat();
            let filters = filters.iter().map(|(field, value)| format!("<filters><field>{field}</field><operation>equals</operation><value>{value}</value></filters>")).collect::<Vec<_>>().concat();
            format!("<ListView>{columns}{filters}</ListView>")
        };
        assert_eq!(
            back(
                &view(
                    &["NAME", "Region__c", "PHONE"],
                    &[("Region__c", "North"), ("NAME", "x")]
                ),
                &view(&["NAME", "PHONE"], &[("NAME", "y")]),
                "Region__c"
            ),
            view(
                &["NAME", "Region__c", "PHONE"],
                &[("Region__c", "North"), ("NAME", "y")]
            )
        );
    }

    #[test]
    fn what_is_there_in_another_form_is_not_lost() {
        let before = "<Report><filter><criteriaItems><column>Region__c</column><value>a</value></criteriaItems></filter></Report>";
        let now = "<Report><filter><criteriaItems><column>Region__c</column><value>b</value></criteriaItems></filter></Report>";
        assert_eq!(back(before, now, "Region__c"), now);
    }

    fn document() -> impl Strategy<Value = Element> {
        let item = ("[a-c]", "[A-E]__c", any::<bool>()).prop_map(|(kind, name, on)| match kind.as_str() {
            "a" => format!("<fieldPermissions><editable>{on}</editable><field>X.{name}</field></fieldPermissions>"),
            "b" => format!("<columns>{name}</columns>"),
            _ => format!("<sections><label>{name}</label><items><field>{name}</field><on>{on}</on></items></sections>"),
        });
        proptest::collection::vec(item, 0..8)
            .prop_map(|it| parse(&format!("<PermissionSet>{}</PermissionSet>", it.concat())))
    }

    proptest! {
        #[test]
        fn wanting_nothing_changes_nothing(before in document(), now in document()) {
            let merged = put_back(&before, &now, KeyRules::official(), &mut |_| false);
            prop_assert_eq!(merged, now);
        }

        #[test]
        fn wanting_everything_leaves_nothing_lost_and_keeps_what_is_there(before in document(), now in document()) {
            let merged = put_back(&before, &now, KeyRules::official(), &mut |_| true);
            let mut n_lost = 0;
            let again = put_back(&before, &merged, KeyRules::official(), &mut |_| { n_lost += 1; true });
            prop_assert_eq!(n_lost, 0);
            prop_assert_eq!(&again, &merged);
            let mut added = 0;
            put_back(&before, &now, KeyRules::official(), &mut |_| { added += 1; true });
            let top = |it: &Element| it.elements().count();
            prop_assert!(top(&merged) >= top(&now));
            prop_assert!(added > 0 || merged == now);
        }
    }
}
