//! Ctrl-C while a deploy runs: leave it or stop it.

use std::{
    future::Future,
    io::{self, BufRead as _},
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use tokio::sync::{Notify, oneshot};

use super::{Context, confirm::prompt};
use crate::ops::jobs::{Interrupts, Word};

/// The job that is waited for.
static JOB: Mutex<Option<String>> = Mutex::new(None);

/// Rings for each signal that comes while it is.
static RANG: Notify = Notify::const_new();

/// Passes a signal on to whoever waits for a deploy; whether somebody does.
pub(super) fn rang() -> bool {
    let is_waited_for = job().is_some();
    if is_waited_for {
        RANG.notify_one();
    }
    is_waited_for
}

fn job() -> Option<String> {
    JOB.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Sees to signals while a deploy runs.
///
/// On a terminal the user is asked; elsewhere the deploy goes on and its job is named.
pub(super) struct Attendant<'a> {
    context: &'a Context,
}

impl<'a> Attendant<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        Self { context }
    }

    /// Asks what becomes of the deploy; `None` where it is waited for further.
    async fn ask(&self) -> Option<Word> {
        self.context.pause();
        let job = job().unwrap_or_default();
        let question = format!(
            "\nDeploy {job} is running in the org. Type `leave` to let it run, `cancel` to stop it, \
             anything else to wait for it: "
        );
        prompt(&question).ok()?;
        let (sender, answer) = oneshot::channel();
        // A thread of its own: the deploy may end before anybody answers.
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = io::stdin().lock().read_line(&mut line);
            let _ = sender.send(read.map(|_| line));
        });
        tokio::select! {
            // Pressed twice, it is meant.
            () = RANG.notified() => Some(Word::Leave),
            answer = answer => match answer.ok()?.ok()?.trim() {
                "leave" | "l" => Some(Word::Leave),
                "cancel" | "c" => Some(Word::Cancel),
                _ => None,
            },
        }
    }
}

impl Interrupts for Attendant<'_> {
    fn deploying(&self, job: Option<&str>) {
        *JOB.lock().unwrap_or_else(PoisonError::into_inner) = job.map(str::to_owned);
    }

    fn word(&self) -> Pin<Box<dyn Future<Output = Word> + Send + '_>> {
        Box::pin(async {
            loop {
                RANG.notified().await;
                if !self.context.is_interactive() {
                    return Word::Leave;
                }
                if let Some(word) = self.ask().await {
                    return word;
                }
            }
        })
    }
}
