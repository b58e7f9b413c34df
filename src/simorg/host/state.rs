//! All that a simulated org keeps in memory, and what of it is kept between runs.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

use crate::{
    model::{RecordId, Timestamp},
    simorg::{
        SimOrg,
        bulk::Bulk,
        faults::Faults,
        login::Logins,
        records::{Store, Traps, assigned, granted},
        rest::{Cache, Cursors, Permissions},
        state::{Access, User},
    },
};

/// What is kept between runs.
#[derive(Serialize, Deserialize)]
pub struct Kept {
    /// The org.
    pub org: SimOrg,
    /// Its records, which are kept in a file of their own.
    #[serde(skip, default = "no_store")]
    pub records: Store,
    /// Jobs of the Bulk API.
    #[serde(default)]
    pub bulk: Bulk,
    /// Rows that are to be refused.
    #[serde(default)]
    pub traps: RefCell<Traps>,
    /// When which permission was changed.
    pub permissions: Permissions,
    /// Tokens, codes, the app.
    pub logins: Logins,
    /// How far the org's clock is ahead, in milliseconds.
    pub clock_ahead: i64,
}

/// All that the lock guards.
pub struct State {
    /// What is kept between runs.
    pub kept: Kept,
    /// Faults on request.
    pub faults: Faults,
    /// Whether something was changed that is not saved yet.
    pub is_dirty: bool,
    /// Address of the org, without a slash at the end.
    pub(super) url: String,
    pub(super) cache: Cache,
    pub(super) cursors: Cursors,
    /// What is kept from users by profile and permission sets, by user and sets.
    granted: HashMap<(RecordId, Vec<RecordId>), Access>,
    /// What each job is about, for faults of its status calls.
    pub(super) job_subjects: HashMap<String, Vec<String>>,
    /// API calls by hour since 1970.
    usage: BTreeMap<i64, u64>,
}

impl State {
    /// The state that begins with `kept`.
    #[must_use]
    pub fn new(kept: Kept, faults: Faults) -> Self {
        Self {
            kept,
            faults,
            is_dirty: true,
            url: String::new(),
            cache: RefCell::default(),
            cursors: Cursors::default(),
            granted: HashMap::new(),
            job_subjects: HashMap::new(),
            usage: BTreeMap::new(),
        }
    }

    /// Notes that something was changed: rows are made anew, the state is saved.
    pub fn touch(&mut self) {
        self.kept.permissions.refresh(&self.kept.org);
        self.cache.get_mut().clear();
        self.granted.clear();
        self.kept.records.forget_schema();
        self.is_dirty = true;
    }

    /// The user as the org lets it act now: profile and permission sets decide
    /// as well where they are asked to.
    pub(super) fn acting(&mut self, mut user: User) -> User {
        if !user.access.field_security {
            return user;
        }
        let kept = &self.kept;
        let schema = kept.records.schema(&kept.org);
        // Who cannot be told to have a permission set has none.
        let sets = assigned(&kept.records, &schema, user.id).unwrap_or_default();
        let access = self
            .granted
            .entry((user.id, sets))
            .or_insert_with_key(|key| granted(&kept.org, &schema, &user, &key.1))
            .clone();
        user.access = access;
        user
    }

    /// Brings the org's clock to the present.
    pub fn tick(&mut self) {
        let ahead = self.kept.clock_ahead;
        let now = Timestamp::from_millis(real_millis().saturating_add(ahead));
        if let Some(now) = now {
            self.kept.org.set_now(now);
        }
    }

    /// Sets the org's clock; it goes on from there.
    pub fn set_clock(&mut self, now: Timestamp) {
        self.kept.clock_ahead = now.as_millis().saturating_sub(real_millis());
        self.tick();
        self.touch();
    }

    /// API calls of the last 24 hours.
    #[must_use]
    pub fn used(&self) -> u64 {
        let hour = self.hour();
        self.usage.range(hour - 23..=hour).map(|it| it.1).sum()
    }

    fn hour(&self) -> i64 {
        self.kept.org.now().as_seconds().div_euclid(3_600)
    }

    pub(super) fn count(&mut self, name: &str, is_api: bool) {
        self.kept.org.count_call(name);
        self.use_one(is_api);
    }

    /// Takes one call off the day's allowance.
    pub(super) fn use_one(&mut self, is_api: bool) {
        if is_api {
            let hour = self.hour();
            *self.usage.entry(hour).or_default() += 1;
            self.usage.retain(|it, _| hour - 24 < *it);
        }
    }
}

/// A store for as long as the one that was kept is not open.
fn no_store() -> Store {
    Store::temporary().expect("SQLite makes a database in a file of its own")
}

/// The real time in milliseconds since 1970.
fn real_millis() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX))
}

/// The real time.
#[must_use]
pub fn real_now() -> Timestamp {
    Timestamp::from_millis(real_millis()).unwrap_or(Timestamp::UNKNOWN)
}
