//! deploy, cancelDeploy, deployRecentValidation and the wait for them.

use std::{fs::File, sync::Arc};

use super::{
    deploy_result::{DeployResult, deploy_result},
    envelope::push,
    exchange::Message,
    reply::{flag, required, text},
    scan::{Sink, Whole},
};
use crate::{
    client::{Call, Error, Org, PollPolicy, poll_job},
    xml::Element,
};

const CHECK: Call = Call::read("checkDeployStatus");

/// Which Apex tests a deploy runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TestLevel {
    /// What the org does by itself: none in a sandbox, local ones for Apex in production.
    #[default]
    Default,
    /// None; refused for Apex in production.
    NoTestRun,
    /// Those named.
    RunSpecifiedTests,
    /// All that came with no package.
    RunLocalTests,
    /// All.
    RunAllTestsInOrg,
    /// Those that what is deployed concerns (API 66.0).
    RunRelevantTests,
}

impl TestLevel {
    fn as_str(self) -> Option<&'static str> {
        Some(match self {
            Self::Default => return None,
            Self::NoTestRun => "NoTestRun",
            Self::RunSpecifiedTests => "RunSpecifiedTests",
            Self::RunLocalTests => "RunLocalTests",
            Self::RunAllTestsInOrg => "RunAllTestsInOrg",
            Self::RunRelevantTests => "RunRelevantTests",
        })
    }
}

/// How to deploy.
#[expect(clippy::struct_excessive_bools, reason = "they are the platform's own")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployOptions {
    /// Whether only to check: nothing is kept.
    pub check_only: bool,
    /// Whether a warning lets the deploy go on; not meant for production.
    pub ignore_warnings: bool,
    /// Whether what is deleted skips the recycle bin; refused in production.
    pub purge_on_delete: bool,
    /// Whether one failure undoes all; production demands it.
    pub rollback_on_error: bool,
    /// Whether `package.xml` lies at the root of the zip.
    pub single_package: bool,
    /// Which tests to run.
    pub test_level: TestLevel,
    /// Tests for [`TestLevel::RunSpecifiedTests`].
    pub tests: Vec<String>,
}

impl Default for DeployOptions {
    fn default() -> Self {
        Self {
            check_only: false,
            ignore_warnings: false,
            purge_on_delete: false,
            rollback_on_error: true,
            single_package: true,
            test_level: TestLevel::Default,
            tests: Vec::new(),
        }
    }
}

/// How a job stands that was told to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobState {
    /// Whether it has stopped.
    pub done: bool,
    /// The job.
    pub id: String,
}

impl Org {
    /// Sends `zip` to be deployed and gives the id of the job.
    ///
    /// The zip is read from its begin and encoded while it is sent.
    ///
    /// # Errors
    ///
    /// [`Error::Unconfirmed`] when no answer came: the org may have taken the zip,
    /// so ask [`Org::deploys_since`] before sending it again. After any other
    /// error nothing has been deployed.
    pub async fn start_deploy(&self, zip: File, options: &DeployOptions) -> Result<String, Error> {
        let call = Call::act("deploy");
        let mut after = String::from("</ZipFile><DeployOptions>");
        push_options(&mut after, options);
        after.push_str("</DeployOptions></deploy>");
        let message = Message::AroundZip {
            before: "<deploy><ZipFile>",
            zip: Arc::new(zip),
            after: &after,
        };
        let max_bytes = self.options().sizes.answer_bytes;
        let response = self.soap(call, &message, max_bytes, &mut Whole).await?;
        self.result_of(call, &response, |it| required(it, "id"))
    }

    /// Deploys what a validation of the last ten days has checked, and gives the id of the job.
    ///
    /// # Errors
    ///
    /// As for [`Org::start_deploy`]; a fault where the validation is not eligible
    /// any more, after which a whole deploy is due.
    pub async fn deploy_recent_validation(&self, validation_id: &str) -> Result<String, Error> {
        let call = Call::act("deployRecentValidation");
        let mut body = String::from("<deployRecentValidation>");
        push(&mut body, "validationId", validation_id);
        body.push_str("</deployRecentValidation>");
        let max_bytes = self.options().sizes.answer_bytes;
        let response = self
            .soap(call, &Message::Elements(&body), max_bytes, &mut Whole)
            .await?;
        required(&response, "result").map_err(|reason| self.unreadable(call, &reason))
    }

    /// Asks how a deploy stands, with all details.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call.
    pub async fn check_deploy(&self, job_id: &str) -> Result<DeployResult, Error> {
        let mut body = String::from("<checkDeployStatus>");
        push(&mut body, "asyncProcessId", job_id);
        push(&mut body, "includeDetails", "true");
        body.push_str("</checkDeployStatus>");
        let mut sink = MessageSink::default();
        let max_bytes = self.options().sizes.listing_bytes;
        let response = self
            .soap(CHECK, &Message::Elements(&body), max_bytes, &mut sink)
            .await?;
        self.result_of(CHECK, &response, |it| deploy_result(it, sink.messages))
    }

    /// Waits until a deploy is done; `seen` gets each state on the way.
    ///
    /// The result says itself whether it went well.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call; [`Error::StillRunning`] past the patience of `policy`,
    /// while the org goes on.
    pub async fn finish_deploy(
        &self,
        job_id: &str,
        policy: PollPolicy,
        mut seen: impl FnMut(&DeployResult),
    ) -> Result<DeployResult, Error> {
        poll_job("deploy", job_id, policy, async || {
            let result = self.check_deploy(job_id).await?;
            seen(&result);
            Ok(result.done.then_some(result))
        })
        .await
    }

    /// Asks a deploy to stop.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call; a fault where the deploy is done already.
    pub async fn cancel_deploy(&self, job_id: &str) -> Result<JobState, Error> {
        let call = Call::read("cancelDeploy");
        let mut body = String::from("<cancelDeploy>");
        // The WSDL names the element after its type.
        push(&mut body, "String", job_id);
        body.push_str("</cancelDeploy>");
        let max_bytes = self.options().sizes.answer_bytes;
        let response = self
            .soap(call, &Message::Elements(&body), max_bytes, &mut Whole)
            .await?;
        self.result_of(call, &response, |it| {
            Ok(JobState {
                done: flag(it, "done"),
                id: text(it, "id"),
            })
        })
    }

    fn result_of<T>(
        &self,
        call: Call,
        response: &Element,
        read: impl FnOnce(&Element) -> Result<T, String>,
    ) -> Result<T, Error> {
        response
            .child("result")
            .ok_or_else(|| "`result` is missing in it".to_owned())
            .and_then(read)
            .map_err(|reason| self.unreadable(call, &reason))
    }
}

/// Takes the messages of components out of the answer as they come.
#[derive(Default)]
struct MessageSink {
    messages: Vec<super::deploy_result::DeployMessage>,
}

impl Sink for MessageSink {
    const RECORDS: &'static [&'static str] = &["componentFailures", "componentSuccesses"];

    fn restart(&mut self) -> std::io::Result<()> {
        self.messages.clear();
        Ok(())
    }

    fn record(&mut self, record: &Element) -> Result<(), String> {
        self.messages
            .push(super::deploy_result::deploy_message(record));
        Ok(())
    }
}

/// The options in the order of the WSDL.
fn push_options(body: &mut String, options: &DeployOptions) {
    let flag = |it: bool| if it { "true" } else { "false" };
    push(body, "allowMissingFiles", "false");
    push(body, "autoUpdatePackage", "false");
    push(body, "checkOnly", flag(options.check_only));
    push(body, "ignoreWarnings", flag(options.ignore_warnings));
    push(body, "performRetrieve", "false");
    push(body, "purgeOnDelete", flag(options.purge_on_delete));
    push(body, "rollbackOnError", flag(options.rollback_on_error));
    for test in &options.tests {
        push(body, "runTests", test);
    }
    push(body, "singlePackage", flag(options.single_package));
    if let Some(level) = options.test_level.as_str() {
        push(body, "testLevel", level);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_the_order_of_the_wsdl() {
        let mut body = String::new();
        let options = DeployOptions {
            check_only: true,
            test_level: TestLevel::RunSpecifiedTests,
            tests: vec!["ATest".to_owned(), "BTest".to_owned()],
            ..DeployOptions::default()
        };
        push_options(&mut body, &options);
        insta::assert_snapshot!(body.replace("><", ">\n<"), @r"
        <allowMissingFiles>false</allowMissingFiles>
        <autoUpdatePackage>false</autoUpdatePackage>
        <checkOnly>true</checkOnly>
        <ignoreWarnings>false</ignoreWarnings>
        <performRetrieve>false</performRetrieve>
        <purgeOnDelete>false</purgeOnDelete>
        <rollbackOnError>true</rollbackOnError>
        <runTests>ATest</runTests>
        <runTests>BTest</runTests>
        <singlePackage>true</singlePackage>
        <testLevel>RunSpecifiedTests</testLevel>
        ");
    }
}
