//! Standard output: colour, pager, JSON.

use std::{
    io::{self, IsTerminal, Write},
    process::{Child, Command, Stdio},
};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

/// What a piece of output is, and so how it is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Something that came.
    Added,
    /// Something that went.
    Removed,
    /// Something that changed.
    Changed,
    /// A commit or another name of Git's.
    Commit,
    /// What matters less.
    Dim,
    /// What matters most.
    Strong,
}

/// Colours text, or leaves it alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    pub(super) on: bool,
}

impl Paint {
    /// `text` in the colour of `tone`.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.on {
            return text.to_owned();
        }
        let style = match tone {
            Tone::Added => Style::new().fg_color(Some(AnsiColor::Green.into())),
            Tone::Removed => Style::new().fg_color(Some(AnsiColor::Red.into())),
            Tone::Changed | Tone::Commit => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
            Tone::Dim => Style::new().dimmed(),
            Tone::Strong => Style::new().bold(),
        };
        format!("{style}{text}{style:#}")
    }
}

/// Where results go: a pager where there is a reader, else standard output.
pub(super) struct Out {
    pager: Option<Child>,
}

impl Out {
    /// Standard output itself.
    pub(super) fn direct() -> Self {
        Self { pager: None }
    }

    /// The pager `command` as Git would run it, or standard output where it does not start.
    pub(super) fn paged(command: &str) -> Self {
        let pager = Command::new("sh")
            .args(["-c", command])
            .env(
                "LESS",
                std::env::var("LESS").unwrap_or_else(|_| "FRX".to_owned()),
            )
            .stdin(Stdio::piped())
            .spawn()
            .ok();
        Self { pager }
    }

    /// Writes a line.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        self.raw(text.as_bytes())?;
        self.raw(b"\n")
    }

    /// Writes bytes as they are.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.pager.as_mut().and_then(|it| it.stdin.as_mut()) {
            Some(stdin) => stdin.write_all(bytes),
            None => io::stdout().lock().write_all(bytes),
        }
    }

    /// Writes one JSON object.
    pub(super) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut bytes = serde_json::to_vec_pretty(value).map_err(io::Error::other)?;
        bytes.push(b'\n');
        self.raw(&bytes)
    }

    /// Flushes, and waits until the reader has closed the pager.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if let Some(mut pager) = self.pager.take() {
            drop(pager.stdin.take());
            pager.wait()?;
            return Ok(());
        }
        io::stdout().lock().flush()
    }
}

/// Whether a person reads standard output.
pub(super) fn is_read_by_a_person() -> bool {
    io::stdout().is_terminal()
}
