//! The rows of one commit.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Seek as _, Write as _},
};

use crate::{
    ledger::RecordsLedger,
    model::{ObjectName, RecordId},
    ops::error::{Error, Refusal},
    records::{
        self, Row, Schema, Shard,
        body::{self, Kept, blob_path, body_table_of_path, pointer_path},
    },
    store::{Listing, ObjectId, Repository},
};

/// All that one commit holds of records; reads rows when it is asked for them.
pub struct RecordsAt<'r> {
    repo: &'r Repository,
    commit: Option<ObjectId>,
    listing: Listing,
    objects: BTreeMap<ObjectName, ObjectRows>,
    bodies: BTreeMap<ObjectName, BTreeMap<Shard, ObjectId>>,
    ledger: Option<RecordsLedger>,
}

/// What a commit holds of one object.
#[derive(Clone, Debug)]
pub struct ObjectRows {
    /// What is known of the object.
    pub schema: Schema,
    /// The files of its rows, by shard.
    pub shards: BTreeMap<Shard, ObjectId>,
}

impl<'r> RecordsAt<'r> {
    /// Lists what `commit` holds; nothing where there is no commit.
    ///
    /// Reads the schemas and no row.
    ///
    /// # Errors
    ///
    /// What reading the repository gives; a schema that cannot be read.
    pub fn open(repo: &'r Repository, commit: Option<ObjectId>) -> Result<Self, Error> {
        let listing = match commit {
            Some(commit) => repo.list_tree(repo.commit(commit)?.tree)?,
            None => Listing::default(),
        };
        let mut objects = BTreeMap::new();
        let mut shards: BTreeMap<ObjectName, BTreeMap<Shard, ObjectId>> = BTreeMap::new();
        for file in listing.under(records::ROOT) {
            if let Some((object, shard)) = Shard::of_path(file.path) {
                shards
                    .entry(object)
                    .or_default()
                    .insert(shard, file.entry.id);
            }
        }
        for file in listing.under(records::ROOT) {
            let Some(object) = records::object_of_path(file.path) else {
                continue;
            };
            if file.path != records::schema_path(&object).as_str() {
                continue;
            }
            let schema =
                Schema::parse(&repo.blob(file.entry.id)?).map_err(|err| Refusal::BadFile {
                    path: file.path.to_owned(),
                    reason: format!("cannot be read: {err}"),
                })?;
            let shards = shards.remove(&object).unwrap_or_default();
            objects.insert(object, ObjectRows { schema, shards });
        }
        let mut bodies: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for file in listing.under(body::BODIES) {
            if let Some((object, shard)) = body_table_of_path(file.path) {
                let tables = bodies.entry(object).or_default();
                tables.insert(shard, file.entry.id);
            }
        }
        let ledger = match listing.get(RecordsLedger::PATH) {
            Some(entry) => Some(RecordsLedger::parse(&repo.blob(entry.id)?)?),
            None => None,
        };
        Ok(Self {
            repo,
            commit,
            listing,
            objects,
            bodies,
            ledger,
        })
    }

    /// The commit; `None` where there was none.
    #[must_use]
    pub fn commit(&self) -> Option<ObjectId> {
        self.commit
    }

    /// All files of the commit.
    #[must_use]
    pub fn listing(&self) -> &Listing {
        &self.listing
    }

    /// The org that it is of, and its gaps.
    #[must_use]
    pub fn ledger(&self) -> Option<&RecordsLedger> {
        self.ledger.as_ref()
    }

    /// The objects that it has, by name; one without rows is there all the same.
    #[must_use]
    pub fn objects(&self) -> impl ExactSizeIterator<Item = (&ObjectName, &ObjectRows)> {
        self.objects.iter()
    }

    /// The tables of bodies of files, by object and shard.
    #[must_use]
    pub fn bodies(
        &self,
    ) -> impl ExactSizeIterator<Item = (&ObjectName, &BTreeMap<Shard, ObjectId>)> {
        self.bodies.iter()
    }

    /// The body of the row `id` of `object`; `None` where the commit has none.
    ///
    /// # Errors
    ///
    /// What reading its table gives.
    pub fn body(&self, object: &ObjectName, id: RecordId) -> Result<Option<Kept>, Error> {
        let table = self.body_table(object, Shard::of(&id))?;
        Ok(table.into_iter().find(|it| it.id == id))
    }

    /// The bodies of the rows of one shard, in Id order.
    ///
    /// # Errors
    ///
    /// A table that cannot be read.
    pub fn body_table(&self, object: &ObjectName, shard: Shard) -> Result<Vec<Kept>, Error> {
        let table = self.bodies.get(object).and_then(|it| it.get(&shard));
        let Some(table) = table else {
            return Ok(Vec::new());
        };
        let rows = read_rows(self.repo, object, shard, *table)?;
        Ok(rows.iter().filter_map(Kept::of).collect())
    }

    /// Opens the bytes of a body: out of Git, or by Git LFS.
    ///
    /// # Errors
    ///
    /// [`Refusal::BadFile`] where the commit lacks it or it is damaged; what the
    /// repository and `git lfs` give.
    pub fn open_body(&self, kept: &Kept) -> Result<File, Error> {
        let blob = blob_path(&kept.sha256);
        if let Some(entry) = self.listing.get(blob.as_str()) {
            let bytes = self.repo.blob(entry.id)?;
            let written = tempfile::tempfile().and_then(|mut file| {
                file.write_all(&bytes)?;
                file.rewind()?;
                Ok(file)
            });
            let path = std::path::Path::new(blob.as_str());
            return written.map_err(|err| super::spool::disk("write out", path, err));
        }
        let link = pointer_path(&kept.sha256);
        match self.listing.get(link.as_str()) {
            Some(_) => {
                let link = body::pointer(&kept.sha256, kept.bytes);
                Ok(self.repo.open_lfs(&kept.sha256, &link)?)
            }
            None => Err(Refusal::BadFile {
                path: blob.to_string(),
                reason: "is not there".to_owned(),
            }
            .into()),
        }
    }

    /// What it has of `object`.
    #[must_use]
    pub fn object(&self, object: &str) -> Option<&ObjectRows> {
        self.objects.get(object)
    }

    /// The object whose rows have Ids like `id`, by their first three characters.
    #[must_use]
    pub fn object_of(&self, id: &RecordId) -> Option<&ObjectName> {
        let mut all = self.objects.iter();
        all.find(|(_, it)| it.schema.key_prefix.as_deref() == Some(id.prefix()))
            .map(|(name, _)| name)
    }

    /// The row `id`; `None` where the commit has none.
    ///
    /// # Errors
    ///
    /// What reading its file gives.
    pub fn row(&self, id: &RecordId) -> Result<Option<(&ObjectName, Row)>, Error> {
        let named = self.object_of(id);
        // Objects without a prefix of their own are tried one by one.
        let tried = named.into_iter().chain(
            self.objects
                .iter()
                .filter(|(_, it)| named.is_none() && it.schema.key_prefix.is_none())
                .map(|(name, _)| name),
        );
        for object in tried {
            let rows = self.shard(object, Shard::of(id))?;
            if let Ok(at) = rows.binary_search_by_key(id, Row::id) {
                return Ok(rows.into_iter().nth(at).map(|row| (object, row)));
            }
        }
        Ok(None)
    }

    /// The rows of one shard, in Id order; none where there is no such file.
    ///
    /// # Errors
    ///
    /// A file that cannot be read.
    pub fn shard(&self, object: &ObjectName, shard: Shard) -> Result<Vec<Row>, Error> {
        let found = self.objects.get(object.as_str());
        match found.and_then(|it| it.shards.get(&shard)) {
            Some(id) => read_rows(self.repo, object, shard, *id),
            None => Ok(Vec::new()),
        }
    }

    /// All rows of `object`, shard by shard; in Id order within each, and all in all
    /// where the Ids are of one instance.
    pub fn rows(
        &self,
        object: &ObjectName,
    ) -> impl Iterator<Item = Result<Vec<Row>, Error>> + use<'_, 'r> {
        let object = object.clone();
        let shards = self.objects.get(object.as_str());
        shards
            .into_iter()
            .flat_map(|it| it.shards.iter())
            .map(move |(shard, id)| read_rows(self.repo, &object, *shard, *id))
    }
}

/// Reads the file `id` of a shard.
pub(super) fn read_rows(
    repo: &Repository,
    object: &ObjectName,
    shard: Shard,
    id: ObjectId,
) -> Result<Vec<Row>, Error> {
    let bytes = repo.blob(id)?;
    let rows = records::read_shard(&bytes).map_err(|err| Refusal::BadFile {
        path: shard.path(object).to_string(),
        reason: format!("cannot be read: {err}"),
    })?;
    Ok(rows)
}
