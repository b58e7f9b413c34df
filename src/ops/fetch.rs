//! Makes the retrieves that a queue hands out, and keeps each answer in a spool file.
//!
//! The server gives an answer once. So an answer is decoded as it streams into a
//! file that only we can read, and the id of a job that runs is written down: a
//! run that was killed goes on with both.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use serde::{Deserialize, Serialize};

use super::error::{Cause, During, Error, Refusal};
use crate::{
    client::{self, Org, RetrieveMessage, RetrieveOptions, Retrieved},
    model::{ComponentKey, Manifest, RemoteComponent},
    plan::retrieve::{
        RetrieveBatch,
        recover::{Outcome, Queue},
    },
    progress::{Event, Monitor, Phase},
};

/// How many retrieves run at once.
///
/// Source: retrieves beyond three to six of one org queue (`api.md` §2.5).
const AT_ONCE: usize = 3;

/// Folder of spool files, below the Git directory.
#[derive(Clone, Debug)]
pub(super) struct Spool {
    dir: PathBuf,
}

/// One answer, on the disk.
#[derive(Debug)]
pub(super) struct Fetched {
    /// What was asked.
    pub batch: RetrieveBatch,
    /// The zip.
    pub zip: File,
    /// What lies in it.
    pub components: Vec<RemoteComponent>,
    /// What could not be given, in the platform's words.
    pub messages: Vec<RetrieveMessage>,
    /// Entries of the answer that name no component.
    pub unnamed: Vec<String>,
}

/// Where jobs that run are written down for a run on another machine.
pub(super) trait Notes {
    /// The job that an earlier run started for the same call.
    fn open_job(&self, digest: &str) -> Option<String>;
    /// A job was started.
    fn started(&self, digest: &str, job_id: &str);
    /// A job was asked, and is not done.
    fn waiting(&self);
    /// The answer of a job was taken, which the server gives once.
    fn taken(&self, digest: &str);
}

/// Where answers and the ids of jobs are kept.
#[derive(Clone, Copy)]
pub(super) struct Keeping<'a> {
    /// On this machine.
    pub spool: &'a Spool,
    /// For another one.
    pub notes: &'a dyn Notes,
}

/// Writes nothing down.
pub(super) struct NoNotes;

impl Notes for NoNotes {
    fn open_job(&self, _: &str) -> Option<String> {
        None
    }
    fn started(&self, _: &str, _: &str) {}
    fn waiting(&self) {}
    fn taken(&self, _: &str) {}
}

/// What an answer was worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quality {
    /// It can be used again if the run is cut short.
    Good,
    /// A part of it could not be read: if it is asked for again, then in the org.
    Damaged,
}

/// What stands beside a spool file.
#[derive(Debug, Serialize, Deserialize)]
struct Sidecar {
    job_id: String,
    #[serde(default)]
    done: Option<Answer>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    zip_bytes: u64,
    components: Vec<RemoteComponent>,
    messages: Vec<(String, String)>,
    unnamed: Vec<String>,
}

impl Spool {
    /// The spool below `private_dir`, made where it is not there.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub(super) fn open(private_dir: &Path) -> Result<Self, Error> {
        let dir = private_dir.join("spool");
        fs::create_dir_all(&dir).map_err(|source| disk("make", &dir, source))?;
        Ok(Self { dir })
    }

    /// Forgets every answer: the snapshot that needed them is complete.
    pub(super) fn clear(&self) {
        // What is left behind costs room only; the next run clears it again.
        let _ = fs::remove_dir_all(&self.dir);
    }

    /// Forgets one answer, which is not to be used again.
    fn forget(&self, digest: &str) {
        // Without its sidecar an answer counts for nothing.
        let _ = fs::remove_file(self.sidecar_path(digest));
        let _ = fs::remove_file(self.zip_path(digest));
    }

    fn zip_path(&self, digest: &str) -> PathBuf {
        self.dir.join(format!("{digest}.zip"))
    }

    fn sidecar_path(&self, digest: &str) -> PathBuf {
        self.dir.join(format!("{digest}.json"))
    }

    fn read_sidecar(&self, digest: &str) -> Option<Sidecar> {
        serde_json::from_slice(&fs::read(self.sidecar_path(digest)).ok()?).ok()
    }

    fn write_sidecar(&self, digest: &str, sidecar: &Sidecar) -> Result<(), Error> {
        let path = self.sidecar_path(digest);
        let partial = path.with_extension("part");
        let bytes = serde_json::to_vec(sidecar).expect("a sidecar has string keys");
        fs::write(&partial, bytes)
            .and_then(|()| fs::rename(&partial, &path))
            .map_err(|source| disk("write", &path, source))
    }
}

fn disk(act: &'static str, path: &Path, source: io::Error) -> Error {
    Cause::Disk {
        act,
        path: path.display().to_string(),
        source,
    }
    .into()
}

/// A file that only we can read, emptied.
fn private_file(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
        .open(path)
        .map_err(|source| disk("write", path, source))
}

/// Makes every call of `queue` and hands each answer to `take`.
///
/// `manifest_of` writes the manifest of a batch; `digest_of` tells the same batch
/// of the same listing again after a run was killed. Answers come in any order.
///
/// # Errors
///
/// A failure that no smaller call avoids, and what `take` fails with. What could
/// not be fetched alone is in [`Queue::quarantined`] afterwards.
pub(super) async fn fetch_all(
    org: &Org,
    queue: &mut Queue,
    keeping: Keeping<'_>,
    manifest_of: &dyn Fn(&RetrieveBatch) -> Manifest,
    digest_of: &dyn Fn(&Manifest) -> String,
    take: &mut dyn FnMut(Fetched) -> Result<Quality, Error>,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let mut running = FuturesUnordered::new();
    let mut done = 0;
    loop {
        while running.len() < AT_ONCE
            && let Some((number, batch)) = queue.next_call()
        {
            let manifest = manifest_of(&batch);
            let digest = digest_of(&manifest);
            running.push(async move {
                let fetched = fetch_one(org, keeping, &batch, &manifest, &digest).await;
                (number, (batch, digest, fetched))
            });
        }
        let Some((number, (batch, digest, answer))) = running.next().await else {
            break;
        };
        match answer {
            Ok(fetched) => {
                done += batch.components.len() as u64 + batch.partial.len() as u64;
                let taken = take(fetched);
                if !matches!(taken, Ok(Quality::Good)) {
                    keeping.spool.forget(&digest);
                }
                taken?;
                queue.report(number, Outcome::Answered);
                monitor.event(Event::Advanced(Phase::Retrieve, done));
            }
            Err(err) => {
                let outcome = outcome_of(&batch, err)?;
                queue.report(number, outcome);
            }
        }
    }
    match queue.has_given_up() {
        Some(reason) => Err(Refusal::NoAnswer {
            reason: reason.to_owned(),
        }
        .into()),
        None => Ok(()),
    }
}

async fn fetch_one(
    org: &Org,
    keeping: Keeping<'_>,
    batch: &RetrieveBatch,
    manifest: &Manifest,
    digest: &str,
) -> Result<Fetched, Error> {
    let Keeping { spool, notes } = keeping;
    let zip_path = spool.zip_path(digest);
    let mut open_job = notes.open_job(digest);
    if let Some(sidecar) = spool.read_sidecar(digest) {
        if let Some(answer) = sidecar.done
            && let Ok(zip) = File::open(&zip_path)
            && zip.metadata().is_ok_and(|it| it.len() == answer.zip_bytes)
        {
            return Ok(fetched(batch, zip, answer));
        }
        open_job = Some(sidecar.job_id);
    }
    let mut zip = private_file(&zip_path)?;
    let poll = org.options().poll;
    let waiting = &|| notes.waiting();
    let mut retrieved = None;
    if let Some(job_id) = open_job {
        match org
            .finish_retrieve_while(&job_id, poll, &mut zip, waiting)
            .await
        {
            Ok(answer) => retrieved = Some(answer),
            // The job is another org's, too old, or its answer was given: make it anew.
            Err(err) if err.code().is_some() => (),
            Err(err) => return Err(err.into()),
        }
    }
    let retrieved = if let Some(retrieved) = retrieved {
        retrieved
    } else {
        let job_id = org
            .start_retrieve(manifest, &RetrieveOptions::default())
            .await?;
        let sidecar = Sidecar { job_id, done: None };
        spool.write_sidecar(digest, &sidecar)?;
        notes.started(digest, &sidecar.job_id);
        org.finish_retrieve_while(&sidecar.job_id, poll, &mut zip, waiting)
            .await?
    };
    notes.taken(digest);
    let answer = answer_of(&retrieved);
    let sidecar = Sidecar {
        job_id: retrieved.job_id.clone(),
        done: Some(answer),
    };
    spool.write_sidecar(digest, &sidecar)?;
    let answer = sidecar.done.expect("it was just put there");
    Ok(fetched(batch, zip, answer))
}

fn answer_of(retrieved: &Retrieved) -> Answer {
    Answer {
        zip_bytes: retrieved.zip_bytes,
        components: retrieved.components.clone(),
        messages: retrieved
            .messages
            .iter()
            .map(|it| (it.file_name.clone(), it.problem.clone()))
            .collect(),
        unnamed: retrieved
            .unnamed
            .iter()
            .map(|it| format!("{} `{}`: {}", it.type_name, it.full_name, it.reason))
            .collect(),
    }
}

fn fetched(batch: &RetrieveBatch, zip: File, answer: Answer) -> Fetched {
    Fetched {
        batch: batch.clone(),
        zip,
        components: answer.components,
        messages: answer
            .messages
            .into_iter()
            .map(|(file_name, problem)| RetrieveMessage { file_name, problem })
            .collect(),
        unnamed: answer.unnamed,
    }
}

/// What a failed call means for the queue; an error where no smaller call helps.
fn outcome_of(batch: &RetrieveBatch, err: Error) -> Result<Outcome, Error> {
    let Cause::Client(cause) = &*err.cause else {
        return Err(err);
    };
    let Some(code) = cause.code() else {
        return Err(err).during(format!("retrieving {} components", batch.components.len()));
    };
    let text = cause.to_string();
    // A job says LIMIT_EXCEEDED in its code or only in its words.
    let too_large = code == "LIMIT_EXCEEDED"
        || text.contains("LIMIT_EXCEEDED")
        || text.contains("Too many files in retrieve call")
        || text.contains("Maximum size of request reached");
    if too_large {
        return Ok(Outcome::LimitExceeded);
    }
    if is_about_everything(code) {
        return Err(err).during("retrieving");
    }
    Ok(Outcome::Failed {
        reason: reason_of(cause),
        culprit: culprit_of(batch, &text),
    })
}

/// Codes that say nothing about a component.
fn is_about_everything(code: &str) -> bool {
    matches!(
        code,
        "INVALID_SESSION_ID"
            | "REQUEST_LIMIT_EXCEEDED"
            | "API_DISABLED_FOR_ORG"
            | "API_CURRENTLY_DISABLED"
            | "UNSUPPORTED_API_VERSION"
    )
}

fn reason_of(err: &client::Error) -> String {
    err.to_string()
}

/// The component that the platform names in its words, as `type 'T' named 'N'`.
fn culprit_of(batch: &RetrieveBatch, text: &str) -> Option<ComponentKey> {
    let mut quoted = text.split('\'').skip(1).step_by(2);
    let key = ComponentKey::parse(quoted.next()?, quoted.next()?).ok()?;
    batch.asked().find(|it| **it == key).cloned()
}
