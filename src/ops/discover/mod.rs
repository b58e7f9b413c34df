//! Finds every component of an org: describe, then list each type and folder.
//!
//! Invariant: a type that could not be listed is never an empty one. Its problem
//! is kept beside what was found, and the ledger shows it.

mod folders;
mod queries;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};

pub use queries::{Described, MAX_QUERIES, PUBLIC_FOLDER, Query};

use super::error::{During, Error, Refusal};
use crate::{
    client::{self, ListQuery, Org, OrgDescription},
    ledger::state::SeenFolders,
    model::{ComponentKey, ComponentName, RemoteComponent, TypeName},
    plan::{folders::KnownFolders, scope::Scope},
    progress::{Event, Monitor, Phase},
    registry::Registry,
};

/// How many listMetadata calls run at once.
///
/// Own figure: the platform queues more than about 25 long calls of an org, and
/// others use it too.
const AT_ONCE: usize = 8;

/// What an org has, as far as it was listed.
#[derive(Clone, Debug, Default)]
pub struct Discovery {
    /// What describeMetadata says.
    pub description: Option<OrgDescription>,
    /// Components of each type that was listed, child types and folders included.
    pub types: BTreeMap<TypeName, Listed>,
    /// What to remember of folders, by the type of their content.
    pub folders: BTreeMap<TypeName, SeenFolders>,
}

/// The components of one type.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// By full name, as the org spells it.
    pub components: BTreeMap<ComponentName, RemoteComponent>,
    /// What could not be listed: nothing for the whole type, else a folder; and why.
    pub problems: Vec<Problem>,
}

/// A listing that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The folder; absent for the whole type.
    pub folder: Option<String>,
    /// Whether the org does not have the type at all, so that nothing is missing.
    pub unavailable: bool,
    /// The platform's words.
    pub reason: String,
}

impl Discovery {
    /// The component `key`, where it was listed.
    #[must_use]
    pub fn get(&self, key: &ComponentKey) -> Option<&RemoteComponent> {
        self.types.get(&key.type_name)?.components.get(&key.name)
    }

    /// All components, by type and name.
    pub fn components(&self) -> impl Iterator<Item = &RemoteComponent> {
        self.types.values().flat_map(|it| it.components.values())
    }

    /// Forgets that folders could not be listed which are not there: their types were
    /// listed as well, and lack them.
    pub fn forget_folders_that_are_gone(&mut self) {
        let registry = Registry::official();
        let in_full = |name: &TypeName| self.types.get(name).filter(|it| it.problems.is_empty());
        let mut gone: Vec<(TypeName, String)> = Vec::new();
        for (type_name, listed) in &self.types {
            let folders: Option<Vec<&Listed>> = queries::folder_types(registry, type_name)
                .iter()
                .map(in_full)
                .collect();
            let Some(folders) = folders.filter(|it| !it.is_empty()) else {
                continue;
            };
            for folder in listed.problems.iter().filter_map(|it| it.folder.as_ref()) {
                let is_there = |it: &&Listed| it.components.keys().any(|it| it.as_str() == folder);
                if !folders.iter().any(is_there) {
                    gone.push((type_name.clone(), folder.clone()));
                }
            }
        }
        for (type_name, folder) in gone {
            if let Some(listed) = self.types.get_mut(&type_name) {
                listed
                    .problems
                    .retain(|it| it.folder.as_ref() != Some(&folder));
            }
        }
    }

    /// Number of components that were listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.types.values().map(|it| it.components.len()).sum()
    }

    /// Whether nothing was listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What listing needs to know of the described types.
    fn described(&self) -> Vec<Described> {
        let Some(description) = &self.description else {
            return Vec::new();
        };
        description
            .types
            .iter()
            .map(|it| Described {
                type_name: it.name.clone(),
                in_folder: it.in_folder,
                children: it
                    .children
                    .iter()
                    .filter_map(|it| it.parse().ok())
                    .collect(),
            })
            .collect()
    }

    fn take(&mut self, answer: Vec<Answer>) {
        for it in answer {
            let listed = self.types.entry(it.query.type_name).or_default();
            listed.problems.extend(it.problem);
            for component in it.components {
                listed
                    .components
                    .insert(component.key.name.clone(), component);
            }
        }
    }
}

/// What became of one question of a call.
#[derive(Debug)]
struct Answer {
    query: Query,
    /// What was listed, also where something else of it cannot be named.
    components: Vec<RemoteComponent>,
    problem: Option<Problem>,
}

/// Lists everything in `scope`, but for folders that are as they are `known`.
///
/// # Errors
///
/// A failure that would hide components of more than one type: a lost session,
/// a spent budget, an org that cannot be reached, a describe that fails.
pub async fn discover(
    org: &Org,
    scope: &Scope,
    known: &KnownFolders,
    monitor: &dyn Monitor,
) -> Result<Discovery, Error> {
    let mut found = describe(org).await?;
    discover_more(org, scope, &|_| true, known, &mut found, monitor).await?;
    Ok(found)
}

/// The types that the org describes, none of them listed.
///
/// # Errors
///
/// A describe that fails.
pub async fn describe(org: &Org) -> Result<Discovery, Error> {
    let description = org
        .describe()
        .await
        .during("describing the org's metadata types")?;
    Ok(Discovery {
        description: Some(description),
        ..Discovery::default()
    })
}

/// Lists what is in `scope` and `wanted`, of the types that were described, and adds it to
/// what was `found`.
///
/// # Errors
///
/// As for [`discover`].
pub async fn discover_more(
    org: &Org,
    scope: &Scope,
    wanted: &dyn Fn(&Query) -> bool,
    known: &KnownFolders,
    found: &mut Discovery,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let registry = Registry::official();
    let described = found.described();
    let mut first = queries::first_round(registry, &described, |it, parent| {
        scope.may_hold(it, parent)
    });
    first.retain(wanted);
    afford(org, "listing the org", &first)?;
    monitor.event(Event::Started(Phase::List, Some(first.len() as u64)));
    list_all(org, first, found, &mut |_, _| (), monitor).await?;
    let folders: BTreeMap<TypeName, BTreeSet<ComponentName>> = found
        .types
        .iter()
        .map(|(name, listed)| (name.clone(), listed.components.keys().cloned().collect()))
        .collect();
    let mut second = queries::second_round(registry, &described, &folders, |it| {
        scope.may_hold(it, None)
    });
    second.retain(wanted);
    // The tables come first: what changes between them and the listing differs next time.
    let tables = folders::ask(org, &second, monitor).await;
    let ids = folders::ids(registry, found, &second);
    let second = tables.take_unchanged(second, &ids, known, found);
    afford(org, "listing its folders", &second)?;
    monitor.event(Event::Started(Phase::List, Some(second.len() as u64)));
    let mut note = |found: &mut Discovery, answer: &Answer| tables.note_answer(answer, &ids, found);
    list_all(org, second, found, &mut note, monitor).await?;
    monitor.event(Event::Finished(Phase::List));
    Ok(())
}

/// Refuses a listing that cannot be made whole: half a one is worth nothing.
fn afford(org: &Org, step: &'static str, queries: &[Query]) -> Result<(), Error> {
    let needed = queries.len().div_ceil(MAX_QUERIES) as u64;
    match org.budget().left() {
        Some(left) if left < needed => Err(Refusal::TooFewCalls { step, needed, left }.into()),
        _ => Ok(()),
    }
}

/// Lists only `queries`, such as the types whose components seem gone.
///
/// # Errors
///
/// As for [`discover`].
pub async fn list(
    org: &Org,
    queries: Vec<Query>,
    monitor: &dyn Monitor,
) -> Result<Discovery, Error> {
    let mut found = Discovery::default();
    list_all(org, queries, &mut found, &mut |_, _| (), monitor).await?;
    Ok(found)
}

async fn list_all(
    org: &Org,
    queries: Vec<Query>,
    found: &mut Discovery,
    note: &mut dyn FnMut(&mut Discovery, &Answer),
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let calls: Vec<Vec<Query>> = queries.chunks(MAX_QUERIES).map(<[Query]>::to_vec).collect();
    let mut answers = stream::iter(calls)
        .map(|call| ask(org, call))
        .buffer_unordered(AT_ONCE);
    let mut done = 0;
    while let Some(answer) = answers.next().await {
        let answer = answer?;
        done += answer.len() as u64;
        monitor.event(Event::Advanced(Phase::List, done));
        for it in &answer {
            note(found, it);
        }
        found.take(answer);
    }
    Ok(())
}

/// Asks up to three questions in one call, and each alone where the call is refused.
async fn ask(org: &Org, queries: Vec<Query>) -> Result<Vec<Answer>, Error> {
    match list_once(org, &queries).await {
        Ok(answer) => Ok(answer),
        Err(err) if is_about_a_type(&err) => {
            let mut answer = Vec::new();
            for query in queries {
                match list_once(org, std::slice::from_ref(&query)).await {
                    Ok(one) => answer.extend(one),
                    Err(err) if is_about_a_type(&err) => {
                        let problem = Some(problem(&query, &err));
                        answer.push(Answer {
                            query,
                            components: Vec::new(),
                            problem,
                        });
                    }
                    Err(err) => return Err(err).during(step(std::slice::from_ref(&query))),
                }
            }
            Ok(answer)
        }
        Err(err) => Err(err).during(step(&queries)),
    }
}

fn step(queries: &[Query]) -> String {
    let names: Vec<&str> = queries.iter().map(|it| it.type_name.as_str()).collect();
    format!("listing {}", names.join(", "))
}

async fn list_once(org: &Org, queries: &[Query]) -> Result<Vec<Answer>, client::Error> {
    let asked: Vec<ListQuery> = queries
        .iter()
        .map(|it| match &it.folder {
            Some(folder) => ListQuery::in_folder(it.type_name.clone(), folder.clone()),
            None => ListQuery::new(it.type_name.clone()),
        })
        .collect();
    let listing = org.list_metadata(&asked).await?;
    if let Some(answer) = placed(queries, listing) {
        return Ok(answer);
    }
    // Whose answer something is cannot be told, so each is asked alone.
    let mut apart = Vec::new();
    for query in queries {
        apart.extend(Box::pin(list_once(org, std::slice::from_ref(query))).await?);
    }
    Ok(apart)
}

/// Gives each entry of a listing to its question; `None` where that cannot be told.
///
/// The type of an entry may differ from the one asked for, or be missing: where
/// one question was asked, all of the answer is its own. An entry that has no name
/// costs itself alone, and the type no longer counts as listed in full.
fn placed(queries: &[Query], listing: client::Listing) -> Option<Vec<Answer>> {
    let mut answer: Vec<Answer> = queries
        .iter()
        .map(|query| Answer {
            query: query.clone(),
            components: Vec::new(),
            problem: None,
        })
        .collect();
    let slot = |type_name: &str, name: &str| {
        if queries.len() == 1 {
            return Some(0);
        }
        let mut of_type =
            (0..queries.len()).filter(|n| queries[*n].type_name.as_str() == type_name);
        let first = of_type.next()?;
        if of_type.next().is_none() {
            return Some(first);
        }
        // Folders of one type, which the name tells apart.
        let folder = name.rsplit_once('/')?.0;
        queries.iter().position(|it| {
            it.type_name.as_str() == type_name && it.folder.as_deref() == Some(folder)
        })
    };
    for unnamed in &listing.unnamed {
        let at = slot(&unnamed.type_name, &unnamed.full_name)?;
        let folder = answer[at].query.folder.clone();
        answer[at].problem = Some(Problem {
            folder,
            unavailable: false,
            reason: format!("a component cannot be named: {}", unnamed.reason),
        });
    }
    for component in listing.components {
        let at = slot(
            component.key.type_name.as_str(),
            component.key.name.as_str(),
        )?;
        answer[at].components.push(component);
    }
    Some(answer)
}

/// Whether a refusal is about a type in the call, so that the others can be had.
fn is_about_a_type(err: &client::Error) -> bool {
    matches!(
        err.code(),
        Some(
            "INVALID_TYPE"
                | "INVALID_FIELD"
                | "INSUFFICIENT_ACCESS"
                | "INSUFFICIENT_ACCESS_OR_READONLY"
                | "INVALID_CROSS_REFERENCE_KEY"
                | "INVALID_FOLDER"
                | "UNKNOWN_EXCEPTION"
                | "NOT_FOUND"
                | "FUNCTIONALITY_NOT_ENABLED"
        )
    )
}

fn problem(query: &Query, err: &client::Error) -> Problem {
    Problem {
        folder: query.folder.clone(),
        unavailable: err.code() == Some("INVALID_TYPE"),
        reason: err.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::{Listing, Unnamed},
        model::{Author, Stamp, Timestamp},
    };

    fn query(name: &'static str) -> Query {
        Query {
            type_name: TypeName::known(name),
            folder: None,
        }
    }

    fn component(key: &str) -> RemoteComponent {
        let stamp = Stamp {
            by: Author {
                id: None,
                name: "Jane Doe".to_owned(),
            },
            at: Timestamp::UNKNOWN,
        };
        RemoteComponent {
            key: key.parse().unwrap(),
            id: None,
            file_name: String::new(),
            created: stamp.clone(),
            modified: stamp,
            namespace: None,
            manageable_state: None,
        }
    }

    fn unnamed(type_name: &str) -> Unnamed {
        Unnamed {
            type_name: type_name.to_owned(),
            full_name: "../x".to_owned(),
            file_name: String::new(),
            reason: "it would escape the folder of its type".to_owned(),
        }
    }

    #[test]
    fn entry_without_a_name_hides_no_other_of_its_type() {
        let listing = Listing {
            components: vec![component("Flow:A"), component("Role:B")],
            unnamed: vec![unnamed("Flow")],
        };
        let mut found = Discovery::default();
        found.take(placed(&[query("Flow"), query("Role")], listing).unwrap());
        assert!(found.get(&"Flow:A".parse().unwrap()).is_some());
        assert_eq!(found.types[&TypeName::known("Flow")].problems.len(), 1);
        assert!(found.types[&TypeName::known("Role")].problems.is_empty());
    }

    #[test]
    fn folder_that_cannot_be_listed_is_empty_only_where_its_type_lacks_it() {
        let mut found = Discovery::default();
        let reports = found.types.entry(TypeName::known("Report")).or_default();
        for folder in ["Gone", "There"] {
            reports.problems.push(Problem {
                folder: Some(folder.to_owned()),
                unavailable: false,
                reason: "no such folder".to_owned(),
            });
        }
        found.forget_folders_that_are_gone();
        let n_problems = |it: &Discovery| it.types[&TypeName::known("Report")].problems.len();
        assert_eq!(n_problems(&found), 2, "the folders were not listed");
        let there = component("ReportFolder:There");
        let folders = found.types.entry(there.key.type_name.clone()).or_default();
        folders.components.insert(there.key.name.clone(), there);
        found.forget_folders_that_are_gone();
        assert_eq!(n_problems(&found), 1);
    }

    #[test]
    fn entries_of_several_folders_belong_to_the_folder_that_they_name() {
        let folders = ["A", "A/B", "C"].map(|it| Query {
            type_name: TypeName::known("Report"),
            folder: Some(it.to_owned()),
        });
        let listing = |names: &[&str]| Listing {
            components: names.iter().map(|it| component(it)).collect(),
            unnamed: Vec::new(),
        };
        let answers = placed(&folders, listing(&["Report:A/B/X", "Report:A/Y"])).unwrap();
        let n: Vec<_> = answers.iter().map(|it| it.components.len()).collect();
        assert_eq!(n, [1, 1, 0]);
        assert!(placed(&folders, listing(&["Report:D/X"])).is_none());
    }

    #[test]
    fn entry_of_no_type_that_was_asked_for_belongs_to_a_question_that_was_asked_alone() {
        let listing = || Listing {
            components: vec![component("Flow:A")],
            unnamed: vec![unnamed("")],
        };
        assert!(placed(&[query("Flow"), query("Role")], listing()).is_none());
        let alone = placed(&[query("Flow")], listing()).unwrap();
        assert_eq!(alone[0].components.len(), 1);
        assert!(alone[0].problem.is_some());
    }
}
