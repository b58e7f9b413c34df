//! Deploys as jobs: one at a time, their time counted in status checks.

use std::time::Duration;

use super::{
    DeployDetails, DeployOptions, DeployResult, RunTestsResult,
    apex_tests::TestLevel,
    run::{self, Ran},
};
use crate::{
    archive::{Archive, Limits},
    model::{Manifest, RecordId, Stamp},
    simorg::{
        SimOrg,
        fault::{Fault, Script, Strike},
        state::{Content, DeployJob, DeployStage, OrgKind},
    },
};

/// How long a validation can be repeated.
///
/// Source: Metadata API Developer Guide, `deployRecentValidation()`.
const VALIDATION_LIFETIME: Duration = Duration::from_hours(10 * 24);

/// Most bytes of a request, which the message of the limit names.
///
/// Source: Metadata API Developer Guide, "Metadata Limits".
const MAX_REQUEST: u64 = 52_428_800;

/// A class whose name begins so deploys slowly, so that a cancel can overtake it.
const SLOW: &str = "SlowDeploy";

/// Status checks that a slow deploy takes more.
const SLOW_CHECKS: u32 = 40;

/// Queues a deploy of `zip` by `user` and gives its id.
///
/// # Errors
///
/// [`Fault`] where it is refused outright: a missing permission, a limit, options
/// that the org does not take.
pub fn start(
    org: &mut SimOrg,
    user: RecordId,
    zip: Content,
    options: DeployOptions,
    script: &mut dyn Script,
) -> Result<RecordId, Fault> {
    permitted(org, user)?;
    let size = u64::try_from(zip.len()).unwrap_or(u64::MAX);
    if org.config.limits.zip_bytes < size {
        return Err(Fault::new(
            "LIMIT_EXCEEDED",
            format!(
                "Maximum size of request reached. Maximum size of request is {MAX_REQUEST} bytes."
            ),
        ));
    }
    let glance = glance(&zip);
    refuse_options(org, &options, glance.has_apex)?;
    let mut is_doomed = false;
    let subjects = std::iter::once("*".to_owned()).chain(glance.subjects);
    for subject in subjects {
        match script.strike("deploy", &subject) {
            Some(Strike::Error(code)) => {
                return Err(Fault::new(&code, "The deploy was made to fail"));
            }
            Some(Strike::Fail) => is_doomed = true,
            None => (),
        }
    }
    let slow = if glance.is_slow { SLOW_CHECKS } else { 0 };
    let mut job = queued(org, user, options, Some(zip));
    job.checks_left += slow;
    job.is_doomed = is_doomed;
    job.result.number_components_total = glance.n_components;
    let id = job.result.id;
    org.jobs.deploys.insert(id, job);
    Ok(id)
}

fn permitted(org: &SimOrg, user: RecordId) -> Result<(), Fault> {
    let may = org
        .users
        .get(&user)
        .is_some_and(crate::simorg::state::User::may_use_metadata_api);
    if may {
        return Ok(());
    }
    Err(Fault::new(
        "INSUFFICIENT_ACCESS",
        "use of the Metadata API requires a user with the ModifyAllData or ModifyMetadata \
         permissions",
    ))
}

/// Refuses options that the org does not take.
fn refuse_options(org: &SimOrg, options: &DeployOptions, has_apex: bool) -> Result<(), Fault> {
    let refuse = |text: &str| Err(Fault::new("INVALID_OPERATION", text));
    let level = match options.test_level.as_deref() {
        None => None,
        Some(name) => match TestLevel::named(name) {
            Some(level) => Some(level),
            None => {
                return refuse(&format!(
                    "'{name}' is not a valid value for the enum 'TestLevel'"
                ));
            }
        },
    };
    if level == Some(TestLevel::Specified) && options.run_tests.is_empty() {
        return refuse("RunSpecifiedTests requires at least one test class in runTests");
    }
    if level.is_some_and(|it| it != TestLevel::Specified) && !options.run_tests.is_empty() {
        return refuse("runTests can be used only with a testLevel of RunSpecifiedTests");
    }
    if org.config.kind == OrgKind::Sandbox {
        return Ok(());
    }
    if !options.rollback_on_error {
        return refuse("rollbackOnError option must be true on a production org");
    }
    if options.allow_missing_files || options.auto_update_package {
        return refuse(
            "allowMissingFiles and autoUpdatePackage options must be false on a production org",
        );
    }
    if level == Some(TestLevel::None) && has_apex {
        return refuse("testLevel of NoTestRun cannot be used in production organizations");
    }
    Ok(())
}

/// What a look at the directory and the manifests of a zip tells.
#[derive(Default)]
struct Glance {
    has_apex: bool,
    is_slow: bool,
    n_components: usize,
    /// Types, and components as `Type:Name`.
    subjects: Vec<String>,
}

fn glance(zip: &[u8]) -> Glance {
    let mut glance = Glance::default();
    let Ok(archive) = Archive::open(zip, &Limits::default()) else {
        return glance;
    };
    for (n, entry) in archive.entries().iter().enumerate() {
        let base = entry.name.rsplit('/').next().unwrap_or(&entry.name);
        glance.has_apex |= run::is_apex_file(base);
        glance.is_slow |= base.starts_with(SLOW);
        let is_manifest = base == "package.xml" || base.starts_with("destructiveChanges");
        if !is_manifest {
            continue;
        }
        let manifest = archive
            .read(n)
            .ok()
            .and_then(|it| Manifest::parse(&it).ok());
        for (type_name, members) in manifest.iter().flat_map(|it| &it.types) {
            glance.subjects.push(type_name.to_string());
            glance.n_components += members.len();
            let named = members.iter().map(|it| format!("{type_name}:{it}"));
            glance.subjects.extend(named);
        }
    }
    glance
}

fn queued(
    org: &mut SimOrg,
    user: RecordId,
    options: DeployOptions,
    zip: Option<Content>,
) -> DeployJob {
    let id = org.next_id("0Af");
    let created = org.stamp(user, org.now());
    let result = DeployResult {
        canceled_by: None,
        canceled_by_name: None,
        check_only: options.check_only,
        completed_date: None,
        created_by: user.short().to_owned(),
        created_by_name: created.by.name.clone(),
        created_date: created.at,
        details: DeployDetails {
            run_test_result: Some(RunTestsResult::default()),
            ..DeployDetails::default()
        },
        done: false,
        error_message: None,
        error_status_code: None,
        id,
        ignore_warnings: options.ignore_warnings,
        last_modified_date: Some(created.at),
        number_component_errors: 0,
        number_components_deployed: 0,
        number_components_total: 0,
        number_files: None,
        number_test_errors: 0,
        number_tests_completed: 0,
        number_tests_total: 0,
        rollback_on_error: options.rollback_on_error,
        run_tests_enabled: false,
        start_date: None,
        state_detail: None,
        status: "Pending".to_owned(),
        success: false,
        zip_size: zip.as_ref().map(|it| it.len()),
    };
    DeployJob {
        created,
        options,
        zip,
        checks_left: org.config.checks_per_job,
        result,
        validation: None,
        is_doomed: false,
        stage: DeployStage::Queued,
    }
}

/// The id of a job as a caller writes it, with 15 or 18 characters.
fn id_of(org: &SimOrg, id: &str) -> Result<RecordId, Fault> {
    id.trim()
        .parse::<RecordId>()
        .ok()
        .filter(|it| org.jobs.deploys.contains_key(it))
        .ok_or_else(Fault::invalid_cross_reference)
}

/// Moves the deploys on by one status check and gives the state of `id`.
///
/// One deploy runs at a time: the oldest that has not ended. A check of any other
/// moves that one on, so that a deploy nobody asks about does not block the rest.
///
/// # Errors
///
/// [`Fault`] where there is no such deploy, or the user may not ask.
pub fn check(org: &mut SimOrg, user: RecordId, id: &str) -> Result<DeployResult, Fault> {
    permitted(org, user)?;
    let id = id_of(org, id)?;
    let running = org
        .jobs
        .deploys
        .iter()
        .filter(|(_, it)| it.stage != DeployStage::Ended)
        .min_by_key(|(id, it)| (it.created.at, **id))
        .map(|(id, _)| *id);
    if let Some(running) = running {
        advance(org, running);
    }
    let job = org.jobs.deploys.get(&id);
    let job = job.ok_or_else(Fault::invalid_cross_reference)?;
    let mut result = job.result.clone();
    if job.stage == DeployStage::Queued {
        // As a pending deploy is recorded: no numbers yet.
        result.number_components_total = 0;
    }
    Ok(result)
}

/// Moves one deploy on by one status check.
fn advance(org: &mut SimOrg, id: RecordId) {
    let now = org.now();
    let Some(job) = org.jobs.deploys.get_mut(&id) else {
        return;
    };
    match job.stage {
        DeployStage::Ended => return,
        DeployStage::Stopping => {
            cancelled(job, now);
            return;
        }
        DeployStage::Queued | DeployStage::Running => (),
    }
    if job.checks_left == 0 {
        finish(org, id);
        return;
    }
    // The first of several checks still finds it waiting.
    let is_first = job.stage == DeployStage::Queued && job.result.start_date.is_none();
    job.checks_left -= 1;
    job.result.last_modified_date = Some(now);
    if is_first {
        job.result.start_date = None;
        job.stage = DeployStage::Running;
        return;
    }
    job.result.start_date.get_or_insert(now);
    "InProgress".clone_into(&mut job.result.status);
    job.result.number_components_deployed = job.result.number_components_total / 2;
    job.result.state_detail = Some("Processing Type: CustomObject".to_owned());
}

fn cancelled(job: &mut DeployJob, now: crate::model::Timestamp) {
    job.stage = DeployStage::Ended;
    job.zip = None;
    let result = &mut job.result;
    "Canceled".clone_into(&mut result.status);
    result.done = true;
    result.completed_date = Some(now);
    result.last_modified_date = Some(now);
    result.state_detail = None;
}

/// Does what a deploy says, on a copy of the org that becomes the org where it is kept.
fn finish(org: &mut SimOrg, id: RecordId) {
    let mut jobs = std::mem::take(&mut org.jobs);
    if let Some(job) = jobs.deploys.get_mut(&id) {
        let ran = work(org, job);
        let now = org.now();
        record(job, ran, now);
    }
    org.jobs = jobs;
}

fn work(org: &mut SimOrg, job: &DeployJob) -> Ran {
    if job.is_doomed {
        let fault = Fault::unknown_exception();
        return Ran {
            refusal: Some((fault.code.clone(), fault.to_string())),
            ..Ran::default()
        };
    }
    let Some(zip) = &job.zip else {
        return Ran::default();
    };
    let stamp = Stamp {
        by: job.created.by.clone(),
        at: org.now(),
    };
    let mut options = job.options.clone();
    if job.validation.is_some() {
        // The validation ran them.
        options.check_only = false;
        options.test_level = Some("NoTestRun".to_owned());
        options.run_tests.clear();
    }
    let mut trial = org.clone();
    let ran = run::run(org, &mut trial, zip, &options, &stamp);
    if ran.is_kept && !options.check_only {
        *org = trial;
    }
    ran
}

/// Writes into the job what it came to.
fn record(job: &mut DeployJob, ran: Ran, now: crate::model::Timestamp) {
    job.stage = DeployStage::Ended;
    let (n_errors, n_total) = ran.counts();
    let result = &mut job.result;
    result.done = true;
    result.start_date.get_or_insert(now);
    result.completed_date = Some(now);
    result.last_modified_date = Some(now);
    result.state_detail = None;
    result.number_component_errors = n_errors;
    result.number_components_total = n_total;
    result.number_components_deployed = n_total - n_errors;
    result.number_files = Some(ran.n_files);
    result.number_test_errors = ran.tests.num_failures;
    result.number_tests_completed = ran.tests.num_tests_run - ran.tests.num_failures;
    result.number_tests_total = ran.tests.num_tests_run;
    result.run_tests_enabled = 0 < ran.tests.num_tests_run;
    let status = match (ran.is_kept, ran.failures.is_empty()) {
        (true, true) => "Succeeded",
        (true, false) => "SucceededPartial",
        (false, _) => "Failed",
    };
    status.clone_into(&mut result.status);
    result.success = ran.is_kept;
    if let Some((code, message)) = ran.refusal {
        result.error_status_code = Some(code);
        result.error_message = Some(message);
    }
    result.details = DeployDetails {
        component_failures: ran.failures,
        component_successes: ran.successes,
        run_test_result: Some(ran.tests),
    };
    let may_be_repeated = job.options.check_only && job.result.success;
    if !may_be_repeated {
        job.zip = None;
    }
}

/// Asks a deploy to stop; says whether it has stopped.
///
/// # Errors
///
/// [`Fault`] where there is no such deploy or it has ended.
pub fn cancel(org: &mut SimOrg, user: RecordId, id: &str) -> Result<bool, Fault> {
    permitted(org, user)?;
    let id = id_of(org, id)?;
    let now = org.now();
    let by = org.stamp(user, now).by;
    let job = org.jobs.deploys.get_mut(&id);
    let job = job.ok_or_else(Fault::invalid_cross_reference)?;
    if job.stage == DeployStage::Ended {
        return Err(Fault::new(
            "INVALID_ID_FIELD",
            "Deployment already completed",
        ));
    }
    job.result.canceled_by = by.id.map(|it| it.short().to_owned());
    job.result.canceled_by_name = Some(by.name);
    if job.stage == DeployStage::Queued {
        cancelled(job, now);
        return Ok(true);
    }
    job.stage = DeployStage::Stopping;
    "Canceling".clone_into(&mut job.result.status);
    Ok(false)
}

/// Queues the deploy that the validation `id` has tried, and gives its id.
///
/// # Errors
///
/// [`Fault`] where the validation is unknown or not eligible: it was no validation,
/// ran no tests, is older than ten days, or something was deployed since.
pub fn repeat_validation(org: &mut SimOrg, user: RecordId, id: &str) -> Result<RecordId, Fault> {
    permitted(org, user)?;
    let unknown = |_| {
        Fault::new(
            "INVALID_ID_FIELD",
            "This validation is not eligible for a quick deploy: no validation has this id",
        )
    };
    let id = id_of(org, id).map_err(unknown)?;
    let job = org.jobs.deploys.get(&id);
    let job = job.ok_or_else(Fault::invalid_cross_reference)?;
    let refuse = |why: &str| {
        Err(Fault::new(
            "INVALID_ID_FIELD",
            format!("This validation is not eligible for a quick deploy: {why}"),
        ))
    };
    if !job.options.check_only {
        return refuse("it was not a validation");
    }
    if !job.result.done || !job.result.success {
        return refuse("it did not succeed");
    }
    if job.result.number_tests_completed == 0 {
        return refuse("no tests were run");
    }
    let completed = job.result.completed_date.unwrap_or(job.created.at);
    if VALIDATION_LIFETIME < org.now().since(completed) {
        return refuse("it is older than 10 days");
    }
    let deployed_since = org.jobs.deploys.values().any(|it| {
        let is_deploy = !it.result.check_only && it.result.success;
        is_deploy
            && it.result.completed_date.is_some_and(|at| completed <= at)
            && it.result.id != id
    });
    if deployed_since {
        return refuse("another deployment has been made since");
    }
    let mut options = job.options.clone();
    options.check_only = false;
    let zip = job.zip.clone();
    let n = job.result.number_components_total;
    let mut repeated = queued(org, user, options, zip);
    repeated.validation = Some(id);
    repeated.result.number_components_total = n;
    let new_id = repeated.result.id;
    org.jobs.deploys.insert(new_id, repeated);
    Ok(new_id)
}
