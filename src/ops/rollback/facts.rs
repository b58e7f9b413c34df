//! What is known of components besides their files.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
};

use super::view::{TreeView, flow_digest};
use crate::{
    ledger::{FlowVersions as Versions, GapKind},
    model::{ApiVersion, ComponentKey, ComponentName, RecordId, Timestamp, TypeName},
    ops::{error::Error, snapshot::Base},
    plan::{
        retrieve::partial,
        rollback::{Facts, FlowVersions},
    },
    registry::Registry,
    source,
    store::{ObjectId, Repository},
};

/// The component whose file holds `key`, where it has none of its own name.
pub(super) fn parent_of(key: &ComponentKey) -> Option<ComponentKey> {
    let registry = Registry::official();
    let child = registry.type_named(key.type_name.as_str())?;
    let parent = registry.parent_of(child)?;
    let name: ComponentName = match &parent.fixed_name {
        Some(name) => name.parse().ok()?,
        None => key.name.parent()?.parse().ok()?,
    };
    Some(ComponentKey::new(parent.name.clone(), name))
}

/// The folder that a component, or a folder, lies in.
fn folder_of(key: &ComponentKey, exists: impl Fn(&ComponentKey) -> bool) -> Option<ComponentKey> {
    let registry = Registry::official();
    let ty = registry.type_named(key.type_name.as_str())?;
    let folder: ComponentName = key.name.as_str().rsplit_once('/')?.0.parse().ok()?;
    let folder_type = if ty.is_folder() {
        ty.name.clone()
    } else if ty.in_folder {
        registry.folder_type_of(ty)?.name.clone()
    } else {
        return None;
    };
    // Classic e-mail folders and those of Lightning templates hold the same type.
    let types = [folder_type.as_str(), "EmailFolder", "EmailTemplateFolder"];
    let n_types = if ty.name.as_str().starts_with("Email") {
        3
    } else {
        1
    };
    types
        .iter()
        .take(n_types)
        .filter_map(|it| Some(ComponentKey::new(it.parse().ok()?, folder.clone())))
        .find(exists)
}

/// The components of one type by id; without those that share one.
type Ids<'a> = HashMap<RecordId, Option<&'a ComponentKey>>;

/// The components of a tree by id, of the types that were asked about.
struct ById<'a> {
    base: &'a Base,
    types: RefCell<HashMap<TypeName, Ids<'a>>>,
}

impl<'a> ById<'a> {
    fn of(base: &'a Base) -> Self {
        Self {
            base,
            types: RefCell::default(),
        }
    }

    /// The one component of that type that has the id.
    fn get(&self, type_name: &TypeName, id: RecordId) -> Option<&'a ComponentKey> {
        let mut types = self.types.borrow_mut();
        let ids = types.entry(type_name.clone()).or_insert_with(|| {
            let mut ids = Ids::new();
            let all = self.base.inventories.get(type_name);
            for remote in all.into_iter().flat_map(|it| it.components.values()) {
                if let Some(id) = remote.id {
                    let entry = ids.entry(id);
                    entry
                        .and_modify(|it| *it = None)
                        .or_insert(Some(&remote.key));
                }
            }
            ids
        });
        ids.get(&id).copied().flatten()
    }
}

/// Facts of the components of two trees.
pub(super) struct Known<'a> {
    repo: &'a Repository,
    then: &'a Base,
    now: &'a Base,
    views: (&'a TreeView<'a>, &'a TreeView<'a>),
    version: ApiVersion,
    /// Names by type and id, then and now.
    by_id: (ById<'a>, ById<'a>),
    deleted: HashMap<ComponentKey, Timestamp>,
}

impl<'a> Known<'a> {
    pub(super) fn new(
        repo: &'a Repository,
        (then, now): (&'a Base, &'a Base),
        views: (&'a TreeView<'a>, &'a TreeView<'a>),
        version: ApiVersion,
    ) -> Result<Self, Error> {
        Ok(Self {
            repo,
            then,
            now,
            views,
            version,
            by_id: (ById::of(then), ById::of(now)),
            deleted: deletions(repo, then.commit, now.commit)?,
        })
    }

    pub(super) fn of(&self, key: &ComponentKey) -> Facts {
        let remote = self.now.remote(key).or_else(|| self.then.remote(key));
        let unread = self.now.coverage.gaps.iter().find(|gap| {
            matches!(
                gap.kind,
                GapKind::Stale | GapKind::Unreadable | GapKind::InMotion | GapKind::Missing
            ) && gap.covers(key)
        });
        Facts {
            parent: parent_of(key),
            folder: folder_of(key, |it| self.views.0.has(it) || self.views.1.has(it)),
            is_installed: remote.is_some_and(crate::model::RemoteComponent::is_installed),
            renamed: self.renamed(key),
            is_made_again: self.is_made_again(key),
            is_only_layout: key.type_name.as_str() == "Layout" && self.is_only_layout(key),
            is_partial: partial::is_partial(&key.type_name, self.version),
            deleted_at: self.deleted.get(key).copied(),
            flow: matches!(key.type_name.as_str(), "Flow" | "FlowDefinition").then(|| {
                self.flow(&ComponentKey::new(
                    TypeName::known("Flow"),
                    key.name.clone(),
                ))
            }),
            unread: unread.map(|it| it.reason.clone()),
            clashes: Vec::new(),
            later: None,
            jobs: Vec::new(),
        }
    }

    /// The name in the other tree of a component that one tree lacks, by its id.
    fn renamed(&self, key: &ComponentKey) -> Option<ComponentKey> {
        let (then, now) = (self.then.remote(key), self.now.remote(key));
        let (id, others) = match (then, now) {
            (Some(then), None) => (then.id?, &self.by_id.1),
            (None, Some(now)) => (now.id?, &self.by_id.0),
            _ => return None,
        };
        let other = others.get(&key.type_name, id)?;
        (other != key).then(|| other.clone())
    }

    /// Whether the ids tell that another component has the name now.
    fn is_made_again(&self, key: &ComponentKey) -> bool {
        let id = |base: &Base| base.remote(key)?.id;
        matches!((id(self.then), id(self.now)), (Some(then), Some(now)) if then != now)
    }

    fn is_only_layout(&self, key: &ComponentKey) -> bool {
        let object = |key: &ComponentKey| {
            let name = key.name.as_str();
            name.split_once('-')
                .map(|(object, _)| object.to_lowercase())
        };
        let layouts = self.now.families.keys();
        layouts
            .filter(|it| it.type_name == key.type_name && object(it) == object(key))
            .all(|it| it == key)
    }

    /// Whether the version of a flow that is active now says what the one at the target said.
    ///
    /// What cannot be read is not the same; the views say that it cannot.
    fn has_same_active(&self, key: &ComponentKey) -> bool {
        let digest = |base: &Base| {
            let (path, id) = active_file(base, key)?;
            flow_digest(self.repo, path, id).ok()
        };
        let then = digest(self.then);
        then.is_some() && then == digest(self.now)
    }

    /// Versions of a flow. Versions of equal content count as one: a flow that was
    /// made again begins at 1.
    fn flow(&self, key: &ComponentKey) -> FlowVersions {
        let name = key.name.as_str();
        let (then, now) = (self.then.flows.get(name), self.now.flows.get(name));
        let active_now = now.and_then(|it| it.active);
        let is_same = active_now.is_some() && self.has_same_active(key);
        let active_then = match then.and_then(|it| it.active) {
            Some(_) if is_same => active_now,
            other => other,
        };
        FlowVersions {
            active_then,
            // The view shows the active version, so that is the one the tree has.
            latest_then: active_then.or(then.map(|it| it.latest)),
            draft_then: then
                .filter(|it| it.active.is_some_and(|active| active < it.latest))
                .map(|it| it.latest),
            active_now,
            in_org: now
                .map(|it| it.versions.keys().copied().collect())
                .unwrap_or_default(),
        }
    }
}

/// Path and blob of the active version of a flow.
fn active_file<'a>(base: &'a Base, key: &ComponentKey) -> Option<(&'a str, ObjectId)> {
    let families = base.families.get(key)?;
    let latest = families.iter().find(|it| it.key == *key)?;
    let active = base.listing.get(&Versions::active_path(key.name.as_str()));
    Some((&latest.path, active.map_or(latest.id, |it| it.id)))
}

/// When what is gone since `from` was deleted, by the history up to `to`.
fn deletions(
    repo: &Repository,
    from: Option<ObjectId>,
    to: Option<ObjectId>,
) -> Result<HashMap<ComponentKey, Timestamp>, Error> {
    let registry = Registry::official();
    let mut deleted = HashMap::new();
    let (Some(from), Some(to)) = (from, to) else {
        return Ok(deleted);
    };
    for commit in repo.history(to) {
        let commit = commit?;
        let Some(parent) = commit.parents.first() else {
            break;
        };
        if commit.id == from {
            break;
        }
        let before = repo.commit(*parent)?.tree;
        for change in repo.diff_trees(before, commit.tree)? {
            if change.after.is_none()
                && let Some(owner) = source::owner(registry, &change.path)
            {
                deleted.entry(owner.key).or_insert(commit.author.time);
            }
        }
    }
    Ok(deleted)
}

/// The texts by one of which other components name one of `keys`, in lower case.
pub(super) fn names_of(keys: &BTreeSet<ComponentKey>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for key in keys {
        let name = key.name.decoded().to_lowercase();
        let last = name.rsplit(['.', '/']).next().unwrap_or(&name).to_owned();
        if let Some(stem) = last.strip_suffix("__c") {
            names.insert(format!("{stem}__r"));
        }
        names.insert(last);
    }
    names
}
