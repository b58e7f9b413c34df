//! Switches automation off for a restore of records, and on again.
//!
//! What is to be switched is noted in the state of the org before the first deploy;
//! [`Switchboard::restore`] does whatever the notes say is left, as often as it is called. Only the
//! switches are turned, in the files as the org has them then.
//!
//! Invariant: nothing is off that is not in the notes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Seek},
};

use serde::Serialize;

use super::{
    Cause,
    error::{During, Error, Refusal},
    notes,
    rollback::failures_of,
    snapshot::SnapshotSetup,
};
use crate::{
    archive::{self, Archive, FileSource, Level, Writer},
    client::{DeployOptions, Identity, Org, RetrieveOptions, TestLevel},
    ledger::{Bypass, Bypasses},
    model::{ApiVersion, ComponentKey, OrgId, Timestamp},
    plan::records::bypass::{Files, Switches, manifest, off, set, switches},
    progress::{Event, Monitor, Phase},
    store::{Repository, Signature},
};

/// What was switched on again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BypassReport {
    /// Components that are on as they were.
    pub on: Vec<String>,
    /// Components that the org does not have any more, or whose switch is gone.
    pub gone: Vec<String>,
}

/// Where automation is switched.
#[derive(Clone, Copy)]
pub struct Switchboard<'a> {
    /// The org.
    pub org: &'a Org,
    /// The repository of the metadata, whose state has the notes.
    pub repo: &'a Repository,
    /// How snapshots are taken.
    pub setup: &'a SnapshotSetup,
    /// The org and the user.
    pub identity: &'a Identity,
    /// Hears of deploys.
    pub monitor: &'a dyn Monitor,
}

/// What is noted of `org`.
///
/// # Errors
///
/// Notes that cannot be read: something may be off.
pub fn noted(repo: &Repository, org: OrgId) -> Result<Bypasses, Error> {
    let files = repo.state(org)?.files;
    match files.get(Bypasses::PATH) {
        Some(bytes) => Ok(Bypasses::parse(bytes)?),
        None => Ok(Bypasses::default()),
    }
}

impl Switchboard<'_> {
    /// Refuses to go on while something is off that an earlier restore has left so.
    ///
    /// # Errors
    ///
    /// [`Refusal::BypassOpen`].
    pub fn must_be_closed(&self) -> Result<(), Error> {
        match noted(self.repo, self.identity.org.id)?.open {
            None => Ok(()),
            Some(open) => Err(Refusal::BypassOpen {
                since: open.at.minute(),
                components: open.switches.into_keys().collect(),
            }
            .into()),
        }
    }

    /// Switches `keys` off; gives those that were on.
    ///
    /// # Errors
    ///
    /// A component that the org does not give, a deploy that fails: all is as it was,
    /// or the notes say what is not.
    pub async fn off(&self, keys: &BTreeSet<ComponentKey>) -> Result<Vec<ComponentKey>, Error> {
        self.must_be_closed()?;
        let files = self.retrieve(keys).await?;
        let found = read(&files)?;
        if let Some(missing) = keys.iter().find(|it| !found.contains_key(*it)) {
            return Err(Refusal::NoSwitchFound {
                component: missing.to_string(),
            }
            .into());
        }
        let is_on = |key: &ComponentKey, value: &String| keys.contains(key) && value != off(key);
        let on: Switches = found
            .into_iter()
            .filter(|(key, it)| is_on(key, it))
            .collect();
        if on.is_empty() {
            return Ok(Vec::new());
        }
        let user = &self.identity.user;
        let open = Bypass {
            at: self.now(),
            by: user.id,
            name: user.name.clone(),
            switches: texts(&on),
            job: None,
        };
        self.note(|it| it.open = Some(open)).await?;
        let values = on.keys().map(|it| (it.clone(), off(it).to_owned()));
        let sent = self.turn(&files, keys, &values.collect()).await;
        if let Err(err) = sent {
            if matches!(&*err.cause, Cause::Refused(Refusal::SwitchRefused { .. })) {
                // The org has taken none of it.
                self.note(|it| it.open = None).await?;
            }
            return Err(err);
        }
        Ok(on.into_keys().collect())
    }

    /// Switches everything on again that the notes say is off.
    ///
    /// # Errors
    ///
    /// What the org refuses: the notes stay, and the next call tries again.
    pub async fn restore(&self) -> Result<BypassReport, Error> {
        let Some(open) = noted(self.repo, self.identity.org.id)?.open else {
            return Ok(BypassReport::default());
        };
        self.await_deploys(&open).await?;
        let mut wanted = Switches::new();
        for (key, value) in &open.switches {
            // A note that is not understood is never taken for one that is done.
            let key = key.parse().map_err(|err| Refusal::BadFile {
                path: Bypasses::PATH.to_owned(),
                reason: format!("{err}"),
            })?;
            wanted.insert(key, value.clone());
        }
        let keys: BTreeSet<ComponentKey> = wanted.keys().cloned().collect();
        let files = self.retrieve(&keys).await?;
        let found = read(&files)?;
        let mut report = BypassReport::default();
        let mut to_turn = Switches::new();
        for (key, value) in &wanted {
            match found.get(key) {
                None => report.gone.push(key.to_string()),
                Some(present) => {
                    if present != value {
                        to_turn.insert(key.clone(), value.clone());
                    }
                    report.on.push(key.to_string());
                }
            }
        }
        if !to_turn.is_empty() {
            let there = found.keys().cloned().collect();
            self.turn(&files, &there, &to_turn).await?;
        }
        let at = self.now();
        self.note(|it| it.close(at)).await?;
        Ok(report)
    }

    /// Waits for deploys that an interrupted run has sent: they may still turn switches.
    async fn await_deploys(&self, open: &Bypass) -> Result<(), Error> {
        let mut jobs: BTreeSet<String> = open.job.iter().cloned().collect();
        let sent = self
            .org
            .deploys_since(open.by, open.at)
            .await
            .during("looking for deploys that switch automation")?;
        let is_over = |status: &str| matches!(status, "Succeeded" | "Failed" | "Canceled");
        let running = sent
            .iter()
            .filter(|it| !it.check_only && !is_over(&it.status));
        jobs.extend(running.map(|it| it.id.clone()));
        for job in jobs {
            let policy = self.org.options().poll;
            let end = self.org.finish_deploy(&job, policy, |_| ()).await;
            match end {
                // The org forgets deploys after a while; such a one is long over.
                Err(err) if err.code() != Some("INVALID_CROSS_REFERENCE_KEY") => {
                    return Err(err).during(format!("waiting for deploy {job}"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Deploys the files, which are of `keys`, with switches set to `values`.
    async fn turn(
        &self,
        files: &Files,
        keys: &BTreeSet<ComponentKey>,
        values: &Switches,
    ) -> Result<(), Error> {
        let during = "switching automation";
        let mut files = set(files, values).map_err(unreadable)?;
        let manifest = manifest(keys, self.version());
        files.insert("package.xml".to_owned(), manifest.render());
        let is_production = self.identity.org.is_production();
        let has_apex = keys.iter().any(|it| it.type_name.as_str() == "ApexTrigger");
        // In production Apex goes in only with its tests; elsewhere none are needed.
        let test_level = match is_production && has_apex {
            true => TestLevel::RunLocalTests,
            false => TestLevel::Default,
        };
        let options = DeployOptions {
            test_level,
            ..DeployOptions::default()
        };
        let zip = self.zip(&files)?;
        let job = self.org.start_deploy(zip, &options).await.during(during)?;
        self.monitor.event(Event::Started(Phase::Deploy, None));
        let noted = job.clone();
        self.note(|it| {
            if let Some(open) = &mut it.open {
                open.job = Some(noted);
            }
        })
        .await?;
        let policy = self.org.options().poll;
        let result = self.org.finish_deploy(&job, policy, |_| ()).await;
        self.monitor.event(Event::Finished(Phase::Deploy));
        let failures = failures_of(&result.during(during)?);
        if failures.is_empty() {
            return Ok(());
        }
        let problems = failures
            .into_iter()
            .map(|it| format!("{}: {}", it.component, it.problem));
        Err(Refusal::SwitchRefused {
            problems: problems.collect(),
        }
        .into())
    }

    async fn retrieve(&self, keys: &BTreeSet<ComponentKey>) -> Result<Files, Error> {
        let mut spool = self.private_file()?;
        let options = RetrieveOptions {
            single_package: true,
            ..RetrieveOptions::default()
        };
        let manifest = manifest(keys, self.version());
        self.org
            .retrieve(&manifest, &options, &mut spool)
            .await
            .during("retrieving automation")?;
        let archive = Archive::open(FileSource(spool), &archive::Limits::default())?;
        let mut files = Files::new();
        for (n, entry) in archive.entries().iter().enumerate() {
            let name = entry
                .name
                .strip_prefix("unpackaged/")
                .unwrap_or(&entry.name);
            if entry.problem.is_none() && !entry.is_folder && name != "package.xml" {
                files.insert(name.to_owned(), archive.read(n)?);
            }
        }
        Ok(files)
    }

    fn zip(&self, files: &Files) -> Result<File, Error> {
        let file = self.private_file()?;
        let write = || -> io::Result<File> {
            let mut writer = Writer::new(io::BufWriter::new(file));
            for (name, bytes) in files {
                writer.add(name, bytes, Level::FAST)?;
            }
            let mut file = writer
                .finish()?
                .into_inner()
                .map_err(io::IntoInnerError::into_error)?;
            file.rewind()?;
            Ok(file)
        };
        write().map_err(|source| self.disk(source))
    }

    /// A file that nobody else finds, and that goes with its handle.
    fn private_file(&self) -> Result<File, Error> {
        let dir = self.repo.private_dir()?;
        tempfile::tempfile_in(dir).map_err(|source| self.disk(source))
    }

    fn disk(&self, source: io::Error) -> Error {
        Error::from(Cause::Disk {
            act: "write into",
            path: self.repo.git_dir().display().to_string(),
            source,
        })
    }

    fn version(&self) -> ApiVersion {
        self.org.version()
    }

    fn now(&self) -> Timestamp {
        self.org.now().unwrap_or(Timestamp::UNKNOWN)
    }

    /// Changes the notes; they are in the repository when this returns.
    async fn note(&self, change: impl FnOnce(&mut Bypasses)) -> Result<(), Error> {
        let id = self.identity.org.id;
        let lock = notes::lock(self.repo).await?;
        let mut notes = noted(self.repo, id)?;
        change(&mut notes);
        let (name, address) = &self.setup.committer;
        let who = Signature::new(name, address, self.now());
        let path = Bypasses::PATH.parse().expect("a literal path is valid");
        lock.remember(id, path, &notes.render(), &who)?;
        Ok(())
    }
}

fn read(files: &Files) -> Result<Switches, Error> {
    switches(files).map_err(unreadable)
}

fn unreadable(path: String) -> Error {
    Refusal::BadFile {
        path,
        reason: "cannot be read as the org gave it".to_owned(),
    }
    .into()
}

fn texts(switches: &Switches) -> BTreeMap<String, String> {
    let texts = switches.iter();
    texts
        .map(|(key, it)| (key.to_string(), it.clone()))
        .collect()
}
