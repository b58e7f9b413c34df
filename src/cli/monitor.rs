//! Progress: a bar on a terminal, a line per phase in a log.

use std::{
    io::{self, IsTerminal, Write},
    sync::Mutex,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::text;
use crate::progress::{Event, Monitor, Phase};

/// Shows events on standard error.
pub(super) struct TermMonitor {
    quiet: bool,
    bar: Option<Mutex<Option<(Phase, ProgressBar)>>>,
}

impl TermMonitor {
    /// A monitor for the terminal or log that standard error is.
    pub(super) fn new(quiet: bool) -> Self {
        let draws = !quiet && io::stderr().is_terminal();
        Self {
            quiet,
            bar: draws.then(|| Mutex::new(None)),
        }
    }

    /// Writes a line, whatever bar is drawn.
    pub(super) fn say(&self, line: &str) {
        let write = || {
            // A closed standard error is no reason to stop.
            let _ = writeln!(io::stderr().lock(), "{line}");
        };
        match &self.bar {
            Some(bar) => match &*bar.lock().expect("no reporter panicked") {
                Some((_, bar)) => bar.suspend(write),
                None => write(),
            },
            None => write(),
        }
    }

    /// Takes the bar away until the next phase.
    pub(super) fn pause(&self) {
        let Some(bar) = &self.bar else { return };
        if let Some((_, bar)) = bar.lock().expect("no reporter panicked").take() {
            bar.finish_and_clear();
        }
    }

    fn draw(slot: &Mutex<Option<(Phase, ProgressBar)>>, event: &Event) {
        let mut slot = slot.lock().expect("no reporter panicked");
        match event {
            Event::Started(phase, total) => {
                // A bar that is dropped as it stands stays on the screen.
                if let Some((_, bar)) = slot.take() {
                    bar.finish_and_clear();
                }
                let bar =
                    ProgressBar::with_draw_target(*total, ProgressDrawTarget::stderr_with_hz(10));
                let template = match total {
                    Some(_) => "{msg} {bar:30} {pos}/{len} {elapsed}",
                    None => "{msg} {spinner} {pos} {elapsed}",
                };
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style);
                }
                bar.set_message(phase.to_string());
                bar.enable_steady_tick(Duration::from_millis(250));
                *slot = Some((*phase, bar));
            }
            Event::Advanced(phase, done) => {
                if let Some((current, bar)) = &*slot
                    && current == phase
                {
                    bar.set_position(*done);
                }
            }
            Event::Finished(phase) => {
                if slot.as_ref().is_some_and(|(current, _)| current == phase)
                    && let Some((_, bar)) = slot.take()
                {
                    bar.finish_and_clear();
                }
            }
            Event::Job(_) | Event::Warned(_) => (),
        }
    }
}

impl Monitor for TermMonitor {
    fn event(&self, event: Event) {
        if let Event::Warned(message) = &event {
            self.say(&format!("warning: {}", text::one_line(message)));
            return;
        }
        if self.quiet {
            return;
        }
        if let Event::Job(job) = &event {
            self.say(&format!("job {}", text::one_line(job)));
            return;
        }
        match &self.bar {
            Some(slot) => Self::draw(slot, &event),
            None => match event {
                Event::Started(phase, Some(total)) => self.say(&format!("{phase}: {total}")),
                Event::Started(phase, None) => self.say(&phase.to_string()),
                _ => (),
            },
        }
    }
}
