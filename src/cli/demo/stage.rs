//! Runs the commands of the story and shows what they print.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
};

use super::company;
use crate::{
    cli::{CommandError, Context, output::Tone},
    client::{
        DeployOptions, FixedSession, HostPolicy, InstanceUrl, Options, Org, PollPolicy, Secret,
        Session,
    },
    simorg::serve::Running,
};

/// Where the story plays.
pub(super) struct Stage<'a> {
    pub(super) context: &'a Context,
    pub(super) org: &'a Running,
    pub(super) repo: &'a Path,
}

impl Stage<'_> {
    /// Prints a line.
    pub(super) fn say(&self, line: &str) -> Result<(), CommandError> {
        self.context.out().line(line)?;
        Ok(())
    }

    /// Says what comes next.
    pub(super) fn title(&self, text: &str) -> Result<(), CommandError> {
        self.say("")?;
        self.say(
            &self
                .context
                .paint()
                .paint(Tone::Strong, &format!("# {text}")),
        )
    }

    /// Runs `orgkeep` with `arguments`, shows what it prints, and gives its standard output.
    ///
    /// Ends the story where it ends with none of `expected`.
    pub(super) fn command(
        &self,
        arguments: &[&str],
        expected: &[i32],
    ) -> Result<String, CommandError> {
        let shown: Vec<String> = arguments.iter().map(|it| shortened(it)).collect();
        let prompt = format!("$ orgkeep {}", shown.join(" "));
        self.say("")?;
        self.say(&self.context.paint().paint(Tone::Commit, &prompt))?;
        let color = if self.context.paint().on {
            "always"
        } else {
            "never"
        };
        let output = Command::new(std::env::current_exe()?)
            .args(["--color", color, "--quiet"])
            .args(arguments)
            .current_dir(self.repo)
            .env("SF_ORG_INSTANCE_URL", self.org.url())
            .env("SF_ACCESS_TOKEN", &self.org.ready.users[0].token)
            .env_remove("SFDX_AUTH_URL")
            .env_remove("SF_CLIENT_ID")
            .env_remove("SF_JWT_KEY_FILE")
            .env_remove("SF_JWT_KEY")
            .env_remove("SF_CLIENT_SECRET")
            .env_remove("GITHUB_STEP_SUMMARY")
            .stdin(Stdio::null())
            .output()?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        self.context.out().raw(stdout.as_bytes())?;
        self.context.out().raw(&output.stderr)?;
        let status = output.status.code().unwrap_or(-1);
        if expected.contains(&status) {
            return Ok(stdout);
        }
        Err(CommandError::refused(
            &format!("`{prompt}` ended with status {status}"),
            "this is a bug of orgkeep: please report it",
        ))
    }

    /// Id of the commit at the tip, short.
    pub(super) fn head(&self) -> Result<String, CommandError> {
        let repo = crate::store::Repository::open(self.repo, self.context.store_options())?;
        let head = repo.head_commit()?;
        Ok(head
            .map(|it| it.to_string()[..7].to_owned())
            .unwrap_or_default())
    }

    /// Deploys a change with the person's own token.
    pub(super) fn deploy(&self, who: &str, change: &str) -> Result<(), CommandError> {
        let zip = company::package(change)?;
        let token = self.org.ready.token_of(who).unwrap_or_default().to_owned();
        let instance = InstanceUrl::parse(self.org.url(), &HostPolicy::default())
            .map_err(|err| CommandError::failed(&err, err.hint()))?;
        let result = super::super::run_async(async {
            let session = FixedSession(Session {
                instance,
                token: Secret::new(token),
            });
            let org = Org::connect(session, Options::default()).await?;
            let job = org.start_deploy(zip, &DeployOptions::default()).await?;
            Ok::<_, CommandError>(
                org.finish_deploy(&job, PollPolicy::default(), |_| ())
                    .await?,
            )
        })?;
        if !result.succeeded() {
            let problems: Vec<String> = result
                .failures()
                .filter_map(|it| it.problem.clone())
                .collect();
            return Err(CommandError::refused(
                &format!("the deploy of {who} failed: {}", problems.join("; ")),
                "this is a bug of orgkeep: please report it",
            ));
        }
        Ok(())
    }

    /// Moves the org's clock.
    pub(super) fn advance(&self, span: &str) -> Result<(), CommandError> {
        let host = self.org.url().trim_start_matches("http://");
        let body = serde_json::json!({ "advance": span }).to_string();
        let mut stream = TcpStream::connect(host)?;
        write!(
            stream,
            "POST /simorg/clock HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(())
    }
}

/// An argument as a user would type it.
fn shortened(argument: &str) -> String {
    if argument.contains([' ', '*', '\'']) {
        return format!("'{argument}'");
    }
    argument.to_owned()
}
