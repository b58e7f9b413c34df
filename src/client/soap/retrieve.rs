//! retrieve and checkRetrieveStatus: the job, and its answer into a spool file.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
};

use super::{
    envelope::push,
    exchange::Message,
    reply::{Unnamed, file_properties, flag, optional, required, text},
    scan::{Sink, Whole},
};
use crate::{
    client::{Call, Error, Org, PollPolicy, poll_job},
    model::{Manifest, RemoteComponent},
    xml::Element,
};

const CHECK: Call = Call::read("checkRetrieveStatus");

/// Folder around what was retrieved by no package's name.
const FOLDER: &str = "unpackaged/";

/// How to retrieve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetrieveOptions {
    /// Whether the zip has no folder around its files.
    pub single_package: bool,
    /// Installed packages to retrieve by name, each into a folder of its name.
    pub package_names: Vec<String>,
    /// Files to retrieve alone; needs `single_package` and one package.
    pub specific_files: Vec<String>,
}

/// How a retrieve job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetrieveStatus {
    /// It waits for its turn.
    Pending,
    /// It runs.
    InProgress,
    /// It is done, perhaps with messages.
    Succeeded,
    /// It is done, and gives nothing.
    Failed,
}

/// What checkRetrieveStatus tells without the zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrievedProgress {
    /// How the job stands.
    pub status: RetrieveStatus,
    /// Whether nothing more will happen.
    pub done: bool,
    /// Why it failed: code and words of the API.
    pub failure: Option<(String, String)>,
}

/// What a retrieve gave beside its zip.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retrieved {
    /// Id of the job.
    pub job_id: String,
    /// What lies in the zip, without the manifest; `file_name` is without the
    /// folder `unpackaged/`.
    pub components: Vec<RemoteComponent>,
    /// Entries of the answer that name no component.
    pub unnamed: Vec<Unnamed>,
    /// What could not be given, and why; a missing member is one.
    pub messages: Vec<RetrieveMessage>,
    /// Length of the zip.
    pub zip_bytes: u64,
}

/// A member that a retrieve did not give, in the platform's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrieveMessage {
    /// File it is about, mostly `unpackaged/package.xml`.
    pub file_name: String,
    /// Why.
    pub problem: String,
}

impl Org {
    /// Retrieves what `manifest` names: starts the job, waits, and writes the zip to `spool`.
    ///
    /// # Errors
    ///
    /// Those of the three steps; [`Error::JobFailed`] with `LIMIT_EXCEEDED` asks for
    /// smaller manifests.
    pub async fn retrieve(
        &self,
        manifest: &Manifest,
        options: &RetrieveOptions,
        spool: &mut File,
    ) -> Result<Retrieved, Error> {
        let job_id = self.start_retrieve(manifest, options).await?;
        self.finish_retrieve(&job_id, self.options().poll, spool)
            .await
    }

    /// Starts a retrieve and gives the id of its job.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call. Where its answer is lost the call is made again: the
    /// job of the first does no harm.
    pub async fn start_retrieve(
        &self,
        manifest: &Manifest,
        options: &RetrieveOptions,
    ) -> Result<String, Error> {
        let call = Call::read("retrieve");
        let body = retrieve_body(manifest, options, &self.version().to_string());
        let response = self
            .soap(
                call,
                &Message::Elements(&body),
                self.options().sizes.answer_bytes,
                &mut Whole,
            )
            .await?;
        response
            .child("result")
            .ok_or_else(|| "`result` is missing in it".to_owned())
            .and_then(|it| required(it, "id"))
            .map_err(|reason| self.unreadable(call, &reason))
    }

    /// Waits for a retrieve, started now or by an earlier run, and writes its zip to `spool`.
    ///
    /// `spool` is emptied first. When the transfer breaks off it is tried again,
    /// though the org promises its answer only once.
    ///
    /// # Errors
    ///
    /// [`Error::JobFailed`] where the job did, [`Error::StillRunning`] past the
    /// patience of `policy`; a fault `INVALID_LOCATOR` says that the answer was
    /// given before and the retrieve has to be made anew.
    pub async fn finish_retrieve(
        &self,
        job_id: &str,
        policy: PollPolicy,
        spool: &mut File,
    ) -> Result<Retrieved, Error> {
        self.finish_retrieve_while(job_id, policy, spool, &|| ())
            .await
    }

    /// The same, which calls `waiting` whenever the job was asked and was not done.
    ///
    /// # Errors
    ///
    /// As for [`Org::finish_retrieve`].
    pub async fn finish_retrieve_while(
        &self,
        job_id: &str,
        policy: PollPolicy,
        spool: &mut File,
        waiting: &dyn Fn(),
    ) -> Result<Retrieved, Error> {
        poll_job("retrieve", job_id, policy, async || {
            let progress = self.check_retrieve(job_id).await?;
            match progress.failure {
                Some((code, message)) if progress.done => Err(self.failed(job_id, code, message)),
                _ if progress.done => Ok(Some(())),
                _ => {
                    waiting();
                    Ok(None)
                }
            }
        })
        .await?;
        self.fetch_retrieve(job_id, spool).await
    }

    /// Asks how a retrieve stands, leaving its zip where it is.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call; `INVALID_CROSS_REFERENCE_KEY` for a job that the org
    /// does not know.
    pub async fn check_retrieve(&self, job_id: &str) -> Result<RetrievedProgress, Error> {
        let body = check_body(job_id, "false");
        // Some releases send the file properties along: they are not kept here.
        let mut sink = Discard;
        let response = self
            .soap(
                CHECK,
                &Message::Elements(&body),
                self.options().sizes.retrieve_bytes,
                &mut sink,
            )
            .await?;
        progress(&response).map_err(|reason| self.unreadable(CHECK, &reason))
    }

    /// Takes the answer of a job that is done, and writes its zip to `spool`.
    async fn fetch_retrieve(&self, job_id: &str, spool: &mut File) -> Result<Retrieved, Error> {
        let body = check_body(job_id, "true");
        let mut sink = ZipSink {
            spool: Spool(spool),
            found: Retrieved::default(),
        };
        let max_bytes = self.options().sizes.retrieve_bytes;
        let response = self
            .soap(CHECK, &Message::Elements(&body), max_bytes, &mut sink)
            .await?;
        let mut found = sink.found;
        job_id.clone_into(&mut found.job_id);
        let progress = progress(&response).map_err(|reason| self.unreadable(CHECK, &reason))?;
        if let Some((code, message)) = progress.failure {
            return Err(self.failed(job_id, code, message));
        }
        if !progress.done || found.zip_bytes == 0 {
            return Err(self.unreadable(CHECK, "it has no zip"));
        }
        spool.flush().map_err(|source| Error::Local {
            act: "store the answer",
            source,
        })?;
        Ok(found)
    }

    fn failed(&self, job_id: &str, code: String, message: String) -> Error {
        Error::JobFailed {
            call: "retrieve",
            host: self.instance().host().to_owned(),
            job_id: job_id.to_owned(),
            code,
            message,
        }
    }
}

struct Discard;

impl Sink for Discard {
    const RECORDS: &'static [&'static str] = &["fileProperties", "messages"];

    fn restart(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn record(&mut self, _: &Element) -> Result<(), String> {
        Ok(())
    }
}

struct Spool<'a>(&'a mut File);

struct ZipSink<'a> {
    spool: Spool<'a>,
    found: Retrieved,
}

impl Sink for ZipSink<'_> {
    const RECORDS: &'static [&'static str] = &["fileProperties", "messages"];

    fn restart(&mut self) -> io::Result<()> {
        self.found = Retrieved::default();
        self.spool.0.set_len(0)?;
        self.spool.0.seek(SeekFrom::Start(0))?;
        Ok(())
    }

    fn record(&mut self, record: &Element) -> Result<(), String> {
        if record.local_name() == "messages" {
            self.found.messages.push(RetrieveMessage {
                file_name: text(record, "fileName"),
                problem: text(record, "problem"),
            });
            return Ok(());
        }
        match file_properties(record, None) {
            // The manifest lies in the zip as well, and is no component.
            Ok(component) if component.key.type_name.as_str() == "Package" => (),
            Ok(mut component) => {
                if component.file_name.starts_with(FOLDER) {
                    component.file_name.drain(..FOLDER.len());
                }
                self.found.components.push(component);
            }
            Err(unnamed) => self.found.unnamed.push(unnamed),
        }
        Ok(())
    }

    fn zip_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.found.zip_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.spool.0.write_all(bytes)
    }
}

/// The elements of a retrieve, in the order of the WSDL.
fn retrieve_body(manifest: &Manifest, options: &RetrieveOptions, version: &str) -> String {
    let mut body = String::from("<retrieve><retrieveRequest>");
    let content_version = manifest
        .version
        .map_or_else(|| version.to_owned(), |it| it.to_string());
    push(&mut body, "apiVersion", &content_version);
    for name in &options.package_names {
        push(&mut body, "packageNames", name);
    }
    push(
        &mut body,
        "singlePackage",
        if options.single_package {
            "true"
        } else {
            "false"
        },
    );
    for file in &options.specific_files {
        push(&mut body, "specificFiles", file);
    }
    if !manifest.is_empty() {
        body.push_str("<unpackaged>");
        for (type_name, members) in &manifest.types {
            if members.is_empty() {
                continue;
            }
            body.push_str("<types>");
            for member in members {
                push(&mut body, "members", member);
            }
            push(&mut body, "name", type_name.as_str());
            body.push_str("</types>");
        }
        push(&mut body, "version", &content_version);
        body.push_str("</unpackaged>");
    }
    body.push_str("</retrieveRequest></retrieve>");
    body
}

fn check_body(job_id: &str, include_zip: &str) -> String {
    let mut body = String::from("<checkRetrieveStatus>");
    push(&mut body, "asyncProcessId", job_id);
    push(&mut body, "includeZip", include_zip);
    body.push_str("</checkRetrieveStatus>");
    body
}

fn progress(response: &Element) -> Result<RetrievedProgress, String> {
    let result = response
        .child("result")
        .ok_or_else(|| "`result` is missing in it".to_owned())?;
    let status = required(result, "status")?;
    let status = match status.as_str() {
        "Pending" => RetrieveStatus::Pending,
        "InProgress" => RetrieveStatus::InProgress,
        "Succeeded" => RetrieveStatus::Succeeded,
        "Failed" => RetrieveStatus::Failed,
        _ => return Err(format!("it has the status `{}`", status.escape_debug())),
    };
    let failure = (status == RetrieveStatus::Failed).then(|| failure(result));
    Ok(RetrievedProgress {
        status,
        done: flag(result, "done"),
        failure,
    })
}

/// Code and words of a job that failed.
///
/// Where the code is a general one the message begins with the true one:
/// `UNKNOWN_EXCEPTION`, `INVALID_CROSS_REFERENCE_KEY: No package named …`.
pub(super) fn failure(result: &Element) -> (String, String) {
    let code = optional(result, "errorStatusCode").unwrap_or_else(|| "UNKNOWN_EXCEPTION".into());
    let message = optional(result, "errorMessage").unwrap_or_else(|| "no reason given".into());
    let is_code =
        |it: &str| it.contains('_') && it.bytes().all(|it| it.is_ascii_uppercase() || it == b'_');
    match message.split_once(": ") {
        Some((first, rest)) if is_code(first) => (first.to_owned(), rest.to_owned()),
        _ => (code, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::ApiVersion, xml};

    #[test]
    fn request_has_the_order_of_the_wsdl() {
        let mut manifest = Manifest::new(ApiVersion::new(66));
        manifest.insert(&"CustomField:Account.A & B".parse().unwrap());
        let body = retrieve_body(&manifest, &RetrieveOptions::default(), "67.0");
        insta::assert_snapshot!(body.replace("><", ">\n<"), @r"
        <retrieve>
        <retrieveRequest>
        <apiVersion>66.0</apiVersion>
        <singlePackage>false</singlePackage>
        <unpackaged>
        <types>
        <members>Account.A &amp; B</members>
        <name>CustomField</name>
        </types>
        <version>66.0</version>
        </unpackaged>
        </retrieveRequest>
        </retrieve>
        ");
    }

    #[test]
    fn code_of_a_failed_job_is_the_narrower_one() {
        let of = |text: &str| failure(&xml::parse(text.as_bytes()).unwrap().root);
        let (code, message) = of(
            "<result><errorMessage>INVALID_CROSS_REFERENCE_KEY: No package</errorMessage>\
             <errorStatusCode>UNKNOWN_EXCEPTION</errorStatusCode></result>",
        );
        assert_eq!(code, "INVALID_CROSS_REFERENCE_KEY");
        assert_eq!(message, "No package");
        let (code, _) = of("<result><errorMessage>Too many: 10001</errorMessage>\
             <errorStatusCode>LIMIT_EXCEEDED</errorStatusCode></result>");
        assert_eq!(code, "LIMIT_EXCEEDED");
    }
}
