//! Finds every component of an org: describe, then list each type and folder.
//!
//! Invariant: a type that could not be listed is never an empty one. Its problem
//! is kept beside what was found, and the ledger shows it.

mod queries;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};

pub use queries::{Described, MAX_QUERIES, PUBLIC_FOLDER, Query};

use super::error::{During, Error};
use crate::{
    client::{self, ListQuery, Org, OrgDescription},
    model::{ComponentKey, ComponentName, RemoteComponent, TypeName},
    plan::scope::Scope,
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

    fn take(&mut self, answer: Answer) {
        for (query, outcome) in answer {
            let listed = self.types.entry(query.type_name.clone()).or_default();
            match outcome {
                Ok(components) => {
                    for it in components {
                        listed.components.insert(it.key.name.clone(), it);
                    }
                }
                Err(problem) => listed.problems.push(problem),
            }
        }
    }
}

/// What became of each question of a call.
type Answer = Vec<(Query, Result<Vec<RemoteComponent>, Problem>)>;

/// Lists everything in `scope`.
///
/// # Errors
///
/// A failure that would hide components of more than one type: a lost session,
/// a spent budget, an org that cannot be reached, a describe that fails.
pub async fn discover(org: &Org, scope: &Scope, monitor: &dyn Monitor) -> Result<Discovery, Error> {
    let registry = Registry::official();
    let description = org
        .describe()
        .await
        .during("describing the org's metadata types")?;
    let mut found = Discovery {
        description: Some(description),
        ..Discovery::default()
    };
    let described = found.described();
    let first = queries::first_round(registry, &described, |it, parent| {
        scope.may_hold(it, parent)
    });
    monitor.event(Event::Started(Phase::List, Some(first.len() as u64)));
    list_all(org, first, &mut found, monitor).await?;
    let folders: BTreeMap<TypeName, BTreeSet<ComponentName>> = found
        .types
        .iter()
        .map(|(name, listed)| (name.clone(), listed.components.keys().cloned().collect()))
        .collect();
    let second = queries::second_round(registry, &described, &folders, |it| {
        scope.may_hold(it, None)
    });
    monitor.event(Event::Started(Phase::List, Some(second.len() as u64)));
    list_all(org, second, &mut found, monitor).await?;
    monitor.event(Event::Finished(Phase::List));
    Ok(found)
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
    list_all(org, queries, &mut found, monitor).await?;
    Ok(found)
}

async fn list_all(
    org: &Org,
    queries: Vec<Query>,
    found: &mut Discovery,
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
        found.take(answer);
    }
    Ok(())
}

/// Asks up to three questions in one call, and each alone where the call is refused.
async fn ask(org: &Org, queries: Vec<Query>) -> Result<Answer, Error> {
    match list_once(org, &queries).await {
        Ok(answer) => Ok(answer),
        Err(err) if is_about_a_type(&err) => {
            let mut answer = Vec::new();
            for query in queries {
                match list_once(org, std::slice::from_ref(&query)).await {
                    Ok(one) => answer.extend(one),
                    Err(err) if is_about_a_type(&err) => {
                        let problem = problem(&query, &err);
                        answer.push((query, Err(problem)));
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

async fn list_once(org: &Org, queries: &[Query]) -> Result<Answer, client::Error> {
    let asked: Vec<ListQuery> = queries
        .iter()
        .map(|it| match &it.folder {
            Some(folder) => ListQuery::in_folder(it.type_name.clone(), folder.clone()),
            None => ListQuery::new(it.type_name.clone()),
        })
        .collect();
    let listing = org.list_metadata(&asked).await?;
    let mut answer: Answer = queries
        .iter()
        .map(|it| (it.clone(), Ok(Vec::new())))
        .collect();
    let mut unplaced = false;
    for unnamed in &listing.unnamed {
        // Its name cannot stand anywhere; the type counts as not fully listed.
        for (query, outcome) in &mut answer {
            if query.type_name.as_str() == unnamed.type_name && outcome.is_ok() {
                *outcome = Err(Problem {
                    folder: query.folder.clone(),
                    unavailable: false,
                    reason: format!("a component cannot be named: {}", unnamed.reason),
                });
            }
        }
    }
    for component in listing.components {
        // The type of an entry may differ from the one asked for; alone, the question tells.
        let alone = answer.len() == 1;
        let slot = answer
            .iter_mut()
            .find(|(query, _)| alone || query.type_name == component.key.type_name);
        match slot {
            Some((_, Ok(components))) => components.push(component),
            Some((_, Err(_))) => (),
            None => unplaced = true,
        }
    }
    if unplaced {
        // Whose answer it is cannot be told, so each is asked alone.
        let mut apart = Vec::new();
        for query in queries {
            apart.extend(Box::pin(list_once(org, std::slice::from_ref(query))).await?);
        }
        return Ok(apart);
    }
    Ok(answer)
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
