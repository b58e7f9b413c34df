//! In which order rows are inserted, so that each finds the rows it refers to.
//!
//! Objects that refer to each other in a circle are taken together (strongly
//! connected components); within them the rows themselves are followed, so a
//! hierarchy goes in level by level. Only where rows truly form a circle is a
//! reference left for a second pass: one that may be empty for a while, of the
//! field with the fewest such rows.
//!
//! Invariant: each row is in exactly one wave or stuck; what a row refers to
//! stands in an earlier wave unless the reference is deferred.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::{algo::tarjan_scc, graph::DiGraph};

use crate::model::{FieldName, ObjectName, RecordId};

/// One row to insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its object.
    pub object: ObjectName,
    /// Its Id before it was lost.
    pub id: RecordId,
    /// References to other rows that are to be inserted.
    pub links: Vec<Link>,
    /// Among rows that could go together, a lower rank goes first.
    pub rank: u8,
    /// The row that the platform locks with it: rows of one parent go together.
    pub parent: Option<RecordId>,
}

/// A reference from one row to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The field.
    pub field: FieldName,
    /// Which row it refers to: a place in the list of nodes.
    pub to: usize,
    /// Whether the row may be inserted without it and get it by an update.
    pub can_wait: bool,
}

/// Rows of one object that go in together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wave {
    /// The object.
    pub object: ObjectName,
    /// The rows, those of one parent side by side: places in the list of nodes.
    pub nodes: Vec<usize>,
}

/// The order of all rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// What goes in, in turn.
    pub waves: Vec<Wave>,
    /// References that are set by an update at the end: the node and which of its links.
    pub deferred: Vec<(usize, usize)>,
    /// Rows of a circle in which no reference may be empty, and rows that need them.
    pub stuck: Vec<usize>,
}

/// Puts `nodes` in order.
#[must_use]
pub fn order(nodes: &[Node]) -> Order {
    let mut order = Order::default();
    for group in groups(nodes) {
        Group::new(nodes, group).settle(&mut order);
    }
    order.deferred.sort_unstable();
    order.stuck.sort_unstable();
    order
}

/// Nodes by strongly connected component of their objects, parents first.
fn groups(nodes: &[Node]) -> Vec<Vec<usize>> {
    let mut places: BTreeMap<&ObjectName, _> = BTreeMap::new();
    let mut graph: DiGraph<Vec<usize>, ()> = DiGraph::new();
    for (n, node) in nodes.iter().enumerate() {
        let place = *places
            .entry(&node.object)
            .or_insert_with(|| graph.add_node(Vec::new()));
        graph[place].push(n);
    }
    let edges: BTreeSet<_> = nodes
        .iter()
        .flat_map(|node| {
            let links = node.links.iter();
            let places = &places;
            links.map(move |it| (places[&node.object], places[&nodes[it.to].object]))
        })
        .collect();
    graph.extend_with_edges(edges);
    // The components come with those behind the edges, the parents, first.
    tarjan_scc(&graph)
        .into_iter()
        .map(|objects| {
            let mut members: Vec<usize> = objects
                .into_iter()
                .flat_map(|it| graph[it].iter().copied())
                .collect();
            members.sort_unstable();
            members
        })
        .collect()
}

/// Rows of objects that refer to each other.
struct Group<'a> {
    nodes: &'a [Node],
    members: Vec<usize>,
    /// For each waiting node, its links to nodes that are not in yet.
    waits_for: BTreeMap<usize, BTreeSet<usize>>,
    /// Which nodes wait for a node.
    awaited_by: BTreeMap<usize, Vec<usize>>,
}

impl<'a> Group<'a> {
    fn new(nodes: &'a [Node], members: Vec<usize>) -> Self {
        let inside: BTreeSet<usize> = members.iter().copied().collect();
        let mut waits_for = BTreeMap::new();
        let mut awaited_by: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for &n in &members {
            let mut open = BTreeSet::new();
            for (place, link) in nodes[n].links.iter().enumerate() {
                if inside.contains(&link.to) {
                    open.insert(place);
                    awaited_by.entry(link.to).or_default().push(n);
                }
            }
            waits_for.insert(n, open);
        }
        Self {
            nodes,
            members,
            waits_for,
            awaited_by,
        }
    }

    fn settle(mut self, order: &mut Order) {
        let already: BTreeSet<usize> = order.stuck.iter().copied().collect();
        let needs_stuck = |it: &usize| {
            let mut links = self.nodes[*it].links.iter();
            links.any(|link| !link.can_wait && already.contains(&link.to))
        };
        let stuck = self.members.iter().copied().filter(needs_stuck).collect();
        self.give_up(stuck, order);
        let mut ready: Vec<usize> = self.free();
        while !self.waits_for.is_empty() {
            if ready.is_empty() {
                self.break_circles(order);
                ready = self.free();
                continue;
            }
            order.waves.extend(self.waves(&ready));
            for done in &ready {
                self.waits_for.remove(done);
            }
            let mut next = BTreeSet::new();
            for done in ready {
                for waiting in self.awaited_by.remove(&done).unwrap_or_default() {
                    let Some(open) = self.waits_for.get_mut(&waiting) else {
                        continue;
                    };
                    open.retain(|it| self.nodes[waiting].links[*it].to != done);
                    if open.is_empty() {
                        next.insert(waiting);
                    }
                }
            }
            ready = next.into_iter().collect();
        }
    }

    fn free(&self) -> Vec<usize> {
        let free = self.waits_for.iter().filter(|(_, open)| open.is_empty());
        free.map(|(n, _)| *n).collect()
    }

    /// The waves of rows that wait for nothing, by rank and object.
    fn waves(&self, ready: &[usize]) -> Vec<Wave> {
        let mut waves: BTreeMap<(u8, &ObjectName), Vec<usize>> = BTreeMap::new();
        for &n in ready {
            let node = &self.nodes[n];
            waves.entry((node.rank, &node.object)).or_default().push(n);
        }
        let waves = waves.into_iter().map(|((_, object), mut nodes)| {
            nodes.sort_by_key(|it| (self.nodes[*it].parent, self.nodes[*it].id));
            Wave {
                object: object.clone(),
                nodes,
            }
        });
        waves.collect()
    }

    /// Defers the references of one field in all circles, and gives up circles that have none to defer.
    fn break_circles(&mut self, order: &mut Order) {
        let mut choices: BTreeMap<(&ObjectName, &FieldName), Vec<(usize, usize)>> = BTreeMap::new();
        let mut hopeless = Vec::new();
        for circle in &self.circles() {
            let inside: BTreeSet<usize> = circle.iter().copied().collect();
            let mut is_open = false;
            for &n in circle {
                let node = &self.nodes[n];
                for &place in &self.waits_for[&n] {
                    let link = &node.links[place];
                    if link.can_wait && inside.contains(&link.to) {
                        is_open = true;
                        let choice = choices.entry((&node.object, &link.field)).or_default();
                        choice.push((n, place));
                    }
                }
            }
            if !is_open {
                hopeless.extend(circle.iter().copied());
            }
        }
        if let Some(fewest) = choices.into_values().min_by_key(Vec::len) {
            for (n, place) in fewest {
                if let Some(open) = self.waits_for.get_mut(&n) {
                    open.remove(&place);
                }
                order.deferred.push((n, place));
            }
        }
        self.give_up(hopeless, order);
    }

    /// Circles of waiting rows, each with all rows that are on one with each other.
    fn circles(&self) -> Vec<Vec<usize>> {
        let mut graph: DiGraph<usize, ()> = DiGraph::new();
        let places: BTreeMap<usize, _> = self
            .waits_for
            .keys()
            .map(|&n| (n, graph.add_node(n)))
            .collect();
        let mut alone = BTreeSet::new();
        for (&n, open) in &self.waits_for {
            for &place in open {
                let to = self.nodes[n].links[place].to;
                if to == n {
                    alone.insert(n);
                }
                if let Some(at) = places.get(&to) {
                    graph.add_edge(places[&n], *at, ());
                }
            }
        }
        tarjan_scc(&graph)
            .into_iter()
            .map(|it| it.into_iter().map(|at| graph[at]).collect::<Vec<_>>())
            .filter(|it| it.len() > 1 || alone.contains(&it[0]))
            .collect()
    }

    /// Takes out rows that cannot go in, and those that need them.
    fn give_up(&mut self, mut rows: Vec<usize>, order: &mut Order) {
        while let Some(n) = rows.pop() {
            if self.waits_for.remove(&n).is_none() {
                continue;
            }
            order.stuck.push(n);
            for waiting in self.awaited_by.remove(&n).unwrap_or_default() {
                let Some(open) = self.waits_for.get_mut(&waiting) else {
                    continue;
                };
                let links = &self.nodes[waiting].links;
                let is_stuck = |it: &usize| links[*it].to == n && !links[*it].can_wait;
                if open.iter().any(is_stuck) {
                    rows.push(waiting);
                }
                open.retain(|it| links[*it].to != n);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node(object: &str, n: usize, links: &[(&str, usize, bool)]) -> Node {
        Node {
            object: object.parse().unwrap(),
            id: format!("001{n:012}").parse().unwrap(),
            links: links
                .iter()
                .map(|(field, to, can_wait)| Link {
                    field: field.parse().unwrap(),
                    to: *to,
                    can_wait: *can_wait,
                })
                .collect(),
            rank: 0,
            parent: None,
        }
    }

    fn shown(order: &Order) -> Vec<String> {
        let waves = order.waves.iter();
        waves
            .map(|it| format!("{} {:?}", it.object, it.nodes))
            .collect()
    }

    #[test]
    fn parents_go_before_their_children() {
        let nodes = [
            node("Contact", 0, &[("AccountId", 1, true)]),
            node("Account", 1, &[]),
            node("Task", 2, &[("WhatId", 1, true), ("WhoId", 0, true)]),
        ];
        let order = order(&nodes);
        assert_eq!(shown(&order), ["Account [1]", "Contact [0]", "Task [2]"]);
        assert!(order.deferred.is_empty());
    }

    #[test]
    fn hierarchy_goes_in_level_by_level_and_nothing_is_deferred() {
        let nodes: Vec<_> = (0..6)
            .map(|n| match n {
                0 => node("Account", 0, &[]),
                n => node("Account", n, &[("ParentId", n - 1, true)]),
            })
            .collect();
        let order = order(&nodes);
        assert_eq!(order.waves.len(), 6);
        assert!(order.deferred.is_empty());
    }

    #[test]
    fn circle_is_broken_at_the_field_with_the_fewest_rows() {
        // Two contacts at one account, whose main contact is one of them.
        let nodes = [
            node("Account", 0, &[("Main__c", 1, true)]),
            node("Contact", 1, &[("AccountId", 0, true)]),
            node("Contact", 2, &[("AccountId", 0, true)]),
        ];
        let order = order(&nodes);
        assert_eq!(shown(&order), ["Account [0]", "Contact [1, 2]"]);
        assert_eq!(order.deferred, [(0, 0)]);
    }

    #[test]
    fn required_reference_is_never_deferred() {
        let nodes = [
            node("A__c", 0, &[("B__c", 1, false)]),
            node("B__c", 1, &[("A__c", 0, true)]),
            node("C__c", 2, &[("D__c", 3, false)]),
            node("D__c", 3, &[("C__c", 2, false)]),
            node("E__c", 4, &[("D__c", 3, false)]),
            node("F__c", 5, &[("D__c", 3, true)]),
        ];
        let order = order(&nodes);
        assert_eq!(order.deferred, [(1, 0)]);
        assert_eq!(order.stuck, [2, 3, 4]);
        assert!(shown(&order).contains(&"F__c [5]".to_owned()));
    }

    #[test]
    fn row_that_refers_to_itself_gets_that_at_the_end() {
        let nodes = [node("Account", 0, &[("Twin__c", 0, true)])];
        assert_eq!(order(&nodes).deferred, [(0, 0)]);
    }

    #[test]
    fn lower_rank_goes_first_and_rows_of_one_parent_side_by_side() {
        let parent = |n: usize| Some(format!("00k{n:012}").parse().unwrap());
        let mut nodes: Vec<_> = (0..4).map(|n| node("PricebookEntry", n, &[])).collect();
        nodes[0].rank = 1;
        nodes[1].parent = parent(2);
        nodes[2].parent = parent(1);
        nodes[3].parent = parent(2);
        assert_eq!(
            shown(&order(&nodes)),
            ["PricebookEntry [2, 1, 3]", "PricebookEntry [0]"]
        );
    }

    fn any_nodes() -> impl Strategy<Value = Vec<Node>> {
        let links = proptest::collection::vec((0_usize..3, 0_usize..1000, any::<bool>()), 0..4);
        proptest::collection::vec((0_usize..4, links), 1..40).prop_map(|rows| {
            let len = rows.len();
            let rows = rows.into_iter().enumerate();
            rows.map(|(n, (object, links))| {
                let links: Vec<_> = links
                    .iter()
                    .map(|(field, to, can_wait)| (["A", "B", "C"][*field], to % len, *can_wait))
                    .collect();
                node(["P__c", "Q__c", "R__c", "S__c"][object], n, &links)
            })
            .collect()
        })
    }

    proptest! {
        #[test]
        fn each_row_goes_in_once_behind_what_it_refers_to(nodes in any_nodes()) {
            let order = order(&nodes);
            let mut at = BTreeMap::new();
            for (turn, wave) in order.waves.iter().enumerate() {
                for n in &wave.nodes {
                    prop_assert_eq!(&nodes[*n].object, &wave.object);
                    prop_assert_eq!(at.insert(*n, turn), None);
                }
            }
            prop_assert_eq!(at.len() + order.stuck.len(), nodes.len());
            for (n, node) in nodes.iter().enumerate() {
                let Some(turn) = at.get(&n) else { continue };
                for (place, link) in node.links.iter().enumerate() {
                    let is_deferred = order.deferred.contains(&(n, place));
                    prop_assert!(link.can_wait || !is_deferred);
                    match at.get(&link.to) {
                        Some(before) => prop_assert!(is_deferred || before < turn),
                        None => prop_assert!(link.can_wait, "a row cannot go in without a parent that is stuck"),
                    }
                }
            }
        }

        #[test]
        fn nothing_is_stuck_where_every_reference_can_wait(nodes in any_nodes()) {
            let mut nodes = nodes;
            for link in nodes.iter_mut().flat_map(|it| &mut it.links) {
                link.can_wait = true;
            }
            prop_assert!(order(&nodes).stuck.is_empty());
        }

        #[test]
        fn nothing_is_deferred_where_there_is_no_circle(nodes in any_nodes()) {
            let mut nodes = nodes;
            for (n, node) in nodes.iter_mut().enumerate() {
                node.links.retain(|it| it.to < n);
            }
            let order = order(&nodes);
            prop_assert!(order.deferred.is_empty() && order.stuck.is_empty());
        }
    }
}
