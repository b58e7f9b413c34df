//! Answers that are lost, processes that end, and deploys that go on.

use super::{CLASS, Case, REPORT};

#[test]
fn lost_answer_is_asked_for_and_nothing_is_deployed_twice() {
    let case = Case::of_omar(&[]);
    // The answer to the check, then that to the deploy.
    case.fault("deploy", "drop", 0, 2);
    case.fault("checkDeployStatus", "drop", 1, 3);
    case.rollback(&[REPORT, "--yes"])
        .status(0)
        .says("every component of the plan is as planned");
    assert_eq!(case.n_deploys(), 2);
    case.no_faults();
    // The answer to the deploy of what was checked.
    case.fault("deployRecentValidation", "drop", 0, 1);
    case.rollback(&[CLASS, "--yes", "--test-level", "RunLocalTests"])
        .status(0)
        .says("every component of the plan is as planned");
    assert_eq!(case.n_deploys(), 3);
    assert_eq!(case.env.org.n_calls("deployRecentValidation"), 1);
    assert_eq!(case.differing(), [""; 0]);
    case.env
        .orgkeep(&["jobs", "wait", "0Af000000000001"])
        .status(1)
        .warns("the org knows no deploy `0Af000000000001CAA`");
    case.env
        .orgkeep(&["jobs", "wait", "nonsense"])
        .status(2)
        .warns("`orgkeep jobs` lists the deploys");
    let jobs = case.env.orgkeep(&["jobs"]).status(0).stdout;
    assert_eq!(jobs.lines().count(), 4, "{jobs}");
    assert!(jobs.lines().all(|it| it.contains("Succeeded")), "{jobs}");
}

#[test]
fn deploy_that_never_reached_the_org_is_not_taken_for_one() {
    let case = Case::of_omar(&[]);
    case.fault("deploy", "503", 1, 20);
    case.rollback(&[REPORT, "--yes"])
        .status(1)
        .warns("whether 127.0.0.1");
    case.no_faults();
    case.env
        .orgkeep(&["snapshot"])
        .status(0)
        .warns("never reached the org");
    assert_eq!(case.n_deploys(), 2);
}

#[test]
fn killed_during_a_deploy_the_next_run_says_what_became_of_it() {
    let case = Case::of_omar(&[]);
    case.fault("checkDeployStatus", "slow:700", 0, 0);
    let mut begun = case.begin(&[REPORT, "--yes"]);
    let check = begun.next_job();
    let job = begun.next_job();
    begun.signal("-KILL");
    begun.end();
    case.no_faults();

    // It waits in the org: nothing else may be rolled back before it is done.
    case.rollback(&[CLASS, "--yes"])
        .status(1)
        .warns(&format!("deploy {job} of"))
        .warns("is still running")
        .warns(&format!("orgkeep jobs wait {job}"));
    // Another clone of the repository knows of it too.
    let clone = case.env.scratch("clone");
    let clone = clone.to_str().unwrap();
    case.env.git(&["clone", "-q", "--mirror", ".", clone]);
    case.env
        .orgkeep(&["-C", clone, "jobs"])
        .status(0)
        .says(&job)
        .says(&check);
    case.env
        .orgkeep(&["jobs", "wait", &job])
        .status(0)
        .says("ended as Succeeded")
        .says("Roll back Report Sales/Regional/Big_Deals_This_Quarter to");
    case.env
        .orgkeep(&["jobs"])
        .status(0)
        .says(&format!("{job}  "))
        .says("Succeeded");
    let message = case.env.git(&["log", "-1", "--format=%B"]);
    assert!(message.contains("Orgkeep-Kind: rollback"), "{message}");
    assert!(
        message.contains(&format!("Orgkeep-Deploy: {job}")),
        "{message}"
    );
    case.rollback(&[REPORT, "--yes"])
        .status(0)
        .says("nothing to do");
    case.env.assert_sound();
}

#[test]
fn killed_before_the_answer_came_the_next_snapshot_finds_the_deploy() {
    let case = Case::of_omar(&[]);
    case.fault("deploy", "hang", 2, 1);
    case.fault("deploy", "slow:60000", 1, 1);
    let mut begun = case.begin(&[REPORT, "--yes"]);
    begun.next_job();
    while case.n_deploys() < 2 {
        std::thread::yield_now();
    }
    begun.signal("-KILL");
    begun.end();
    case.no_faults();
    let snapshot = case.env.orgkeep(&["snapshot"]).status(0);
    assert!(
        snapshot.stderr.contains("Roll back Report"),
        "{}",
        snapshot.stderr
    );
    assert!(
        snapshot.stderr.contains("is still running"),
        "{}",
        snapshot.stderr
    );
    let jobs = case.env.orgkeep(&["jobs"]).status(0).stdout;
    let job = jobs.lines().next().unwrap().split(' ').next().unwrap();
    case.env
        .orgkeep(&["jobs", "wait", job])
        .status(0)
        .says("ended as Succeeded");
    assert_eq!(case.n_deploys(), 2);
    assert_eq!(case.differing().len(), 1);
}

#[cfg(unix)]
#[test]
fn interrupted_without_a_terminal_the_deploy_goes_on_and_is_named() {
    let case = Case::of_omar(&[]);
    case.fault("checkDeployStatus", "slow:700", 0, 0);
    let mut begun = case.begin(&[REPORT, "--yes"]);
    begun.next_job();
    let job = begun.next_job();
    begun.signal("-INT");
    begun
        .end()
        .status(1)
        .warns(&format!("deploy `{job}` goes on in the org"))
        .warns(&format!("orgkeep jobs wait {job}"));
    case.no_faults();
    case.env
        .orgkeep(&["jobs", "cancel", &job])
        .status(0)
        .says("was cancelled; nothing has changed in the org");
    case.env.orgkeep(&["jobs"]).status(0).says("Canceled");
    case.env.orgkeep(&["snapshot"]).status(0).says("no change");
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_on_a_terminal_asks_whether_to_leave_or_to_cancel() {
    let case = Case::of_omar(&[]);
    case.fault("checkDeployStatus", "slow:700", 0, 0);
    let start = [
        ("Deploy? Type yes:", "yes\n"),
        // The check, then the deploy.
        ("job ", ""),
        ("job ", ""),
        ("deploying", "\u{3}"),
    ];
    let question = "anything else to wait for it:";
    let keys = [&start[..], &[(question, "cancel\n")]].concat();
    let arguments = format!("{REPORT} --color never");
    let Some(ran) = case.on_terminal(&arguments, &keys) else {
        return;
    };
    ran.status(1)
        .says("it was cancelled; nothing has changed in the org");
    case.no_faults();
    case.env.orgkeep(&["jobs"]).status(0).says("Canceled");
    assert_eq!(case.differing().len(), 2);
    // Whoever waits on sees it to its end.
    case.fault("checkDeployStatus", "slow:700", 0, 0);
    let keys = [&start[..], &[(question, "go on\n")]].concat();
    case.on_terminal(&arguments, &keys)
        .unwrap()
        .status(0)
        .says("every component of the plan is as planned");
}
