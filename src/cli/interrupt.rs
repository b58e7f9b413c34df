//! Ctrl-C and SIGTERM: the command ends in good order, and says so.
//!
//! What is being written when the signal comes is written to its end. A second
//! signal ends the process at once, which the repository outlives as well.

use std::{
    io::{self, Write},
    process,
    sync::atomic::{AtomicBool, Ordering},
};

use tokio::sync::oneshot;

use super::{CommandError, attendant};

/// Whether a question is on the terminal, which nothing but an answer would end.
static ASKING: AtomicBool = AtomicBool::new(false);

/// Runs `command` until it ends or a signal comes; `hint` says what is left then.
pub(super) async fn or_interrupted<T>(
    command: impl Future<Output = Result<T, CommandError>>,
    hint: &'static str,
) -> Result<T, CommandError> {
    let (tell, told) = oneshot::channel();
    tokio::spawn(watch(tell, hint));
    tokio::select! {
        biased;
        result = command => result,
        Ok(()) = told => Err(CommandError::refused(INTERRUPTED, hint)),
    }
}

/// Asks a person and waits for the answer.
pub(super) fn while_asking<T>(ask: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    ASKING.store(true, Ordering::SeqCst);
    let answer = ask();
    ASKING.store(false, Ordering::SeqCst);
    answer
}

const INTERRUPTED: &str = "interrupted";

/// Waits for the first signal and tells of it, and for the second.
async fn watch(tell: oneshot::Sender<()>, hint: &str) {
    loop {
        if signal().await.is_err() {
            // Then it is as if nobody had listened: the system ends the process.
            return std::future::pending().await;
        }
        // What is waited for in the org is not ours to drop.
        if !attendant::rang() {
            break;
        }
    }
    if !ASKING.load(Ordering::SeqCst) {
        let _ = tell.send(());
        let _ = signal().await;
    }
    let _ = writeln!(io::stderr(), "\nerror: {INTERRUPTED}\nhint: {hint}");
    process::exit(1);
}

#[cfg(unix)]
async fn signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        it = tokio::signal::ctrl_c() => it,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn signal() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
