//! retrieve and checkRetrieveStatus.

use std::time::Duration;

use super::{
    Asking, Reply, Request,
    contents::{Given, contents},
    envelope::{push, push_bool, reply, reply_with_bytes},
    properties::{Properties, PropertiesWriter},
    select::{Selection, listed_files, select},
    zip,
};
use crate::{
    model::{ApiVersion, Manifest, RecordId, Stamp, TypeName},
    simorg::{
        SimOrg,
        fault::{Fault, Script, Strike},
        noise,
        state::{Component, Content, PackageFile, RetrieveJob, RetrieveOutcome},
    },
    xml::Element,
};

/// Up to this version the zip comes with every status, unasked.
///
/// Source: Metadata API Developer Guide, `checkRetrieveStatus`, `includeZip`
/// "API version 34.0 and later".
const ZIP_ALWAYS: ApiVersion = ApiVersion::new(33);

/// How long the result of a job is kept.
const KEPT: Duration = Duration::from_hours(24);

/// Queues a retrieve. The state is read now, and given when the job is done.
pub(super) fn start(
    org: &mut SimOrg,
    asking: &Asking,
    request: &Request,
    script: &mut dyn Script,
) -> Result<Reply, Fault> {
    let wanted = request
        .parameter("retrieveRequest", 0)
        .ok_or_else(|| Fault::new("MISSING_ARGUMENT", "retrieveRequest is required"))?;
    let outcome = match outcome(org, asking, wanted, script) {
        Ok(outcome) => outcome,
        Err(fault) => RetrieveOutcome::Failed {
            code: fault.code.clone(),
            message: fault.to_string(),
        },
    };
    let id = org.next_id("09S");
    let job = RetrieveJob {
        created: org.stamp(asking.user, org.now()),
        checks_left: org.config.checks_per_job,
        checks: 0,
        outcome,
    };
    org.jobs.retrieves.insert(id, job);
    let mut out = String::from("<result>");
    push_bool(&mut out, "done", false);
    push(&mut out, "id", id.as_str());
    push(&mut out, "state", "Queued");
    out.push_str("</result>");
    Ok(reply("retrieve", &out))
}

/// What the retrieve comes to; a fault makes the whole job fail.
fn outcome(
    org: &mut SimOrg,
    asking: &Asking,
    wanted: &Element,
    script: &mut dyn Script,
) -> Result<RetrieveOutcome, Fault> {
    if let Some(package) = wanted.elements_named("packageNames").next() {
        let text = format!(
            "INVALID_CROSS_REFERENCE_KEY: No package named '{}' found",
            package.text().trim()
        );
        return Ok(RetrieveOutcome::Failed {
            code: "UNKNOWN_EXCEPTION".to_owned(),
            message: text,
        });
    }
    let noise = noise::begin(org, "retrieve");
    let user = asking.user(org)?;
    let manifest = wanted.child("unpackaged");
    let selection = select(org, user, manifest);
    let mut given = contents(org, &selection, asking.version);
    strike(&given, script)?;
    keep_specific_files(&mut given, wanted);
    let applied = noise.map(|noise| {
        let mut files: Vec<&mut PackageFile> =
            given.iter_mut().flat_map(|it| &mut it.files).collect();
        noise::disturb(noise, &mut files)
    });

    let is_single = wanted
        .child_text("singlePackage")
        .is_some_and(|it| matches!(it.trim(), "true" | "1"));
    let prefix = if is_single { "" } else { "unpackaged/" };
    let writer = PropertiesWriter::new(org, asking).with_noise(noise);
    let properties = properties(&writer, &given, prefix);
    let messages = messages(&selection, prefix);
    let mut files: Vec<PackageFile> = given.into_iter().flat_map(|it| it.files).collect();
    files.push(manifest_file(&selection, asking.version));
    check_files(org, &files)?;
    let zip = zip::pack(&files, prefix, org.now());
    check_zip(org, &zip)?;
    for rule in applied.into_iter().flatten() {
        org.count_call(&format!("noise:{rule}"));
    }
    Ok(RetrieveOutcome::Ready {
        zip: Content::from(zip),
        properties,
        messages,
    })
}

/// Asks the script about every component that goes in.
fn strike(given: &[Given<'_>], script: &mut dyn Script) -> Result<(), Fault> {
    for it in given {
        let names = std::iter::once(&it.key).chain(&it.only);
        for key in names {
            match script.strike("retrieve", &key.to_string()) {
                None => (),
                Some(Strike::Fail) => return Err(Fault::unknown_exception()),
                Some(Strike::Error(code)) => {
                    let unknown = Fault::unknown_exception();
                    return Err(Fault::new(&code, unknown.message));
                }
            }
        }
    }
    Ok(())
}

fn keep_specific_files(given: &mut [Given<'_>], wanted: &Element) {
    let specific: Vec<String> = wanted
        .elements_named("specificFiles")
        .map(|it| {
            it.text()
                .trim()
                .trim_start_matches("unpackaged/")
                .to_owned()
        })
        .collect();
    if specific.is_empty() {
        return;
    }
    for it in given {
        it.files.retain(|file| specific.contains(&file.path));
    }
}

fn properties(writer: &PropertiesWriter, given: &[Given<'_>], prefix: &str) -> String {
    let mut out = String::new();
    for it in given {
        let type_name = it.key.type_name.as_str();
        let full_name = it.key.name.as_str();
        for child_key in it.only.iter().chain(&it.beside) {
            let Some(child) = it.component.children.get(child_key) else {
                continue;
            };
            let path = it.component.document().map_or("", |it| it.path.as_str());
            let path = format!("{prefix}{path}");
            let (type_name, full_name) = (child_key.type_name.as_str(), child_key.name.as_str());
            let it = Properties::of_child(child, type_name, full_name, &path);
            writer.write(&mut out, "fileProperties", &it);
        }
        if !it.only.is_empty() {
            continue;
        }
        if let Some((full_name, modified)) = &it.version {
            write_version(writer, &mut out, it.component, full_name, modified, prefix);
            continue;
        }
        for path in listed_files(it.component) {
            if it.files.iter().any(|it| it.path == path) {
                let path = format!("{prefix}{path}");
                let it = Properties::of(it.component, type_name, full_name, &path);
                writer.write(&mut out, "fileProperties", &it);
            }
        }
    }
    writer.write_manifest(&mut out, &format!("{prefix}package.xml"));
    out
}

fn write_version(
    writer: &PropertiesWriter,
    out: &mut String,
    component: &Component,
    full_name: &str,
    modified: &Stamp,
    prefix: &str,
) {
    let path = format!("{prefix}flows/{full_name}.flow");
    let it = Properties {
        modified,
        ..Properties::of(component, "Flow", full_name, &path)
    };
    writer.write(out, "fileProperties", &it);
}

fn messages(selection: &Selection, prefix: &str) -> String {
    let mut out = String::new();
    for problem in &selection.problems {
        out.push_str("<messages>");
        push(&mut out, "fileName", &format!("{prefix}package.xml"));
        push(&mut out, "problem", problem);
        out.push_str("</messages>");
    }
    out
}

/// The manifest in the zip: what was asked for, found or not, `*` written out.
fn manifest_file(selection: &Selection, version: ApiVersion) -> PackageFile {
    let mut manifest = Manifest::new(version);
    for (type_name, members) in &selection.members {
        if let (Ok(type_name), false) = (type_name.parse::<TypeName>(), members.is_empty()) {
            manifest.types.insert(type_name, members.clone());
        }
    }
    PackageFile::new("package.xml", manifest.render())
}

fn check_files(org: &SimOrg, files: &[PackageFile]) -> Result<(), Fault> {
    let limits = &org.config.limits;
    if limits.files < files.len() {
        let text = format!(
            "Too many files in retrieve call, limit is: {}",
            limits.files
        );
        return Err(Fault::new("LIMIT_EXCEEDED", text));
    }
    let bytes: u64 = files
        .iter()
        .map(|it| u64::try_from(it.content.len()).unwrap_or(u64::MAX))
        .sum();
    if limits.content_bytes < bytes {
        let limit = limits.content_bytes;
        let text =
            format!("Maximum size of uncompressed files reached. Maximum size is {limit} bytes.");
        return Err(Fault::new("LIMIT_EXCEEDED", text));
    }
    Ok(())
}

fn check_zip(org: &SimOrg, zip: &[u8]) -> Result<(), Fault> {
    let limit = org.config.limits.zip_bytes;
    if limit < u64::try_from(zip.len()).unwrap_or(u64::MAX) {
        // What is counted is the message, in base64.
        let limit = limit.div_ceil(3) * 4;
        let text =
            format!("Maximum size of request reached. Maximum size of request is {limit} bytes.");
        return Err(Fault::new("LIMIT_EXCEEDED", text));
    }
    Ok(())
}

/// Where a job stands after one more status check.
enum Stand {
    Waiting(&'static str),
    Done,
}

fn step(job: &mut RetrieveJob) -> Stand {
    if job.checks_left == 0 {
        return Stand::Done;
    }
    job.checks_left -= 1;
    job.checks += 1;
    Stand::Waiting(if job.checks == 1 {
        "Pending"
    } else {
        "InProgress"
    })
}

fn job(org: &mut SimOrg, id: Option<String>) -> Result<(RecordId, &mut RetrieveJob), Fault> {
    let now = org.now();
    let id: RecordId = id
        .and_then(|it| it.parse().ok())
        .ok_or_else(Fault::invalid_cross_reference)?;
    let job = org.jobs.retrieves.get_mut(&id);
    let job = job.ok_or_else(Fault::invalid_cross_reference)?;
    if KEPT <= now.since(job.created.at) {
        job.outcome = RetrieveOutcome::Gone;
    }
    Ok((id, job))
}

/// The state of a retrieve; with the zip, once.
pub(super) fn check(
    org: &mut SimOrg,
    version: ApiVersion,
    request: &Request,
) -> Result<Reply, Fault> {
    let with_zip = match request.parameter("includeZip", 1) {
        Some(it) if ZIP_ALWAYS < version => matches!(it.text().trim(), "true" | "1"),
        _ => true,
    };
    let (id, job) = job(org, request.text("asyncProcessId", 0))?;
    let call = "checkRetrieveStatus";
    if matches!(job.outcome, RetrieveOutcome::Gone) {
        let why = "the result of this retrieve has been deleted";
        return Err(Fault::new("INVALID_LOCATOR", why));
    }
    if let Stand::Waiting(status) = step(job) {
        let mut out = String::from("<result>");
        push_bool(&mut out, "done", false);
        push(&mut out, "id", id.as_str());
        push(&mut out, "status", status);
        push_bool(&mut out, "success", false);
        out.push_str("<zipFile xsi:nil=\"true\"/></result>");
        return Ok(reply(call, &out));
    }
    let mut out = String::from("<result>");
    push_bool(&mut out, "done", true);
    match &job.outcome {
        RetrieveOutcome::Failed { code, message } => {
            push(&mut out, "errorMessage", message);
            push(&mut out, "errorStatusCode", code);
            push(&mut out, "id", id.as_str());
            push(&mut out, "status", "Failed");
            push_bool(&mut out, "success", false);
            out.push_str("<zipFile xsi:nil=\"true\"/></result>");
            Ok(reply(call, &out))
        }
        RetrieveOutcome::Ready {
            zip,
            properties,
            messages,
        } => {
            out.reserve(properties.len() + messages.len() + 200);
            out.push_str(properties);
            push(&mut out, "id", id.as_str());
            out.push_str(messages);
            push(&mut out, "status", "Succeeded");
            push_bool(&mut out, "success", true);
            if !with_zip {
                out.push_str("<zipFile xsi:nil=\"true\"/></result>");
                return Ok(reply(call, &out));
            }
            out.push_str("<zipFile>");
            let answer = reply_with_bytes(call, &out, zip, "</zipFile></result>");
            job.outcome = RetrieveOutcome::Gone;
            Ok(answer)
        }
        RetrieveOutcome::Gone => Err(Fault::invalid_cross_reference()),
    }
}

/// The state of a job as clients of old versions ask for it.
pub(super) fn check_async(
    org: &mut SimOrg,
    asking: &Asking,
    request: &Request,
) -> Result<Reply, Fault> {
    let mut out = String::new();
    for it in request.element().elements() {
        let id = it.text().trim().to_owned();
        let (id, state) = if id.starts_with("0Af") {
            let result = crate::simorg::deploy::check(org, asking.user, &id)?;
            (
                result.id,
                if result.done {
                    "Completed"
                } else {
                    "InProgress"
                },
            )
        } else {
            let (id, job) = job(org, Some(id))?;
            let state = match step(job) {
                Stand::Waiting("Pending") => "Queued",
                Stand::Waiting(_) => "InProgress",
                Stand::Done => "Completed",
            };
            (id, state)
        };
        out.push_str("<result>");
        push_bool(&mut out, "done", state == "Completed");
        push(&mut out, "id", id.as_str());
        push(&mut out, "state", state);
        out.push_str("</result>");
    }
    Ok(reply("checkStatus", &out))
}
