//! Waiting for a job: decide, then sleep.
//!
//! The schedule is an iterator and is tested as numbers; the loop is tested on
//! paused time.

use std::time::Duration;

use super::Error;

/// Waits shorter than this double.
const QUICK: Duration = Duration::from_secs(1);

/// How often to ask, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollPolicy {
    /// Wait before the first question.
    pub first: Duration,
    /// Longest wait between two questions.
    pub longest: Duration,
    /// Give up once this much time has been waited in all.
    pub patience: Duration,
    /// Most questions in a row that may fail in passing.
    pub most_failures: u32,
}

impl Default for PollPolicy {
    /// A small job is through within a second, a large one is asked every ten
    /// seconds for two hours at most.
    ///
    /// Own figures: six questions in the first three seconds, most of them early.
    fn default() -> Self {
        Self {
            first: Duration::from_millis(50),
            longest: Duration::from_secs(10),
            patience: Duration::from_hours(2),
            most_failures: 8,
        }
    }
}

impl PollPolicy {
    /// The waits between questions, ending when patience does.
    ///
    /// Doubles from `first` while below a second, since a job that short is over soon,
    /// then grows by half up to `longest`, so that a long one is not overslept by much.
    /// Pure, so it is tested without a clock.
    pub fn waits(self) -> impl Iterator<Item = Duration> + Send {
        let mut next = self.first.max(Duration::from_millis(1));
        let mut left = self.patience;
        std::iter::from_fn(move || {
            if left.is_zero() {
                return None;
            }
            let wait = next.min(self.longest).min(left);
            next = match next < QUICK {
                true => next.saturating_mul(2),
                false => next.saturating_mul(3) / 2,
            };
            left -= wait;
            Some(wait)
        })
    }
}

/// Asks `check` until it yields a result.
///
/// A job that the org does not know yet, `INVALID_CROSS_REFERENCE_KEY`, is asked
/// for again until the org has answered once: a replica may lag behind. Source:
/// source-deploy-retrieve, `metadataTransfer.ts`.
///
/// # Errors
///
/// The first error of `check` that is not transient, the last of too many in a
/// row, or [`Error::StillRunning`] when `policy.patience` is spent.
pub async fn poll_job<T>(
    call: &'static str,
    job_id: &str,
    policy: PollPolicy,
    mut check: impl AsyncFnMut() -> Result<Option<T>, Error>,
) -> Result<T, Error> {
    let mut n_failures = 0;
    let mut was_seen = false;
    for wait in policy.waits() {
        tokio::time::sleep(wait).await;
        match check().await {
            Ok(Some(res)) => return Ok(res),
            Ok(None) => {
                was_seen = true;
                n_failures = 0;
            }
            Err(err) => {
                n_failures += 1;
                if n_failures > policy.most_failures || !may_pass(&err, was_seen) {
                    return Err(err);
                }
            }
        }
    }
    Err(Error::StillRunning {
        call,
        job_id: job_id.to_owned(),
        waited: policy.patience,
    })
}

fn may_pass(err: &Error, was_seen: bool) -> bool {
    let lags = match err {
        Error::Fault { code, .. } => match code.as_str() {
            "INVALID_CROSS_REFERENCE_KEY" => !was_seen,
            // A cursor of the org's own, behind the question. Source: as above.
            "INVALID_QUERY_LOCATOR" => true,
            _ => false,
        },
        _ => false,
    };
    err.is_transient() || lags
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: PollPolicy = PollPolicy {
        first: Duration::from_secs(4),
        longest: Duration::from_secs(8),
        patience: Duration::from_secs(23),
        most_failures: 2,
    };

    fn fault(code: &str) -> Error {
        Error::Fault {
            call: "checkRetrieveStatus",
            host: String::new(),
            code: code.to_owned(),
            message: String::new(),
        }
    }

    #[test]
    fn waits_grow_then_stay_and_never_pass_patience() {
        let waits: Vec<_> = POLICY.waits().map(|it| it.as_secs()).collect();
        assert_eq!(waits, [4, 6, 8, 5]);
    }

    #[test]
    fn short_job_is_asked_about_soon_and_a_long_one_seldom() {
        let waits: Vec<_> = PollPolicy::default().waits().collect();
        let until = |n: usize| waits[..n].iter().map(Duration::as_millis).sum::<u128>();
        assert_eq!(
            [until(1), until(3), until(5), until(7)],
            [50, 350, 1550, 5550]
        );
        assert_eq!(waits[12], Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn job_that_never_ends_is_reported_with_its_id() {
        let err = poll_job("retrieve", "09S1", POLICY, async || Ok(None::<()>))
            .await
            .unwrap_err();
        assert!(matches!(err, Error::StillRunning { job_id, .. } if job_id == "09S1"));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_end_the_waiting_and_answers_between_them_do_not() {
        let mut n = 0;
        let asked = poll_job("retrieve", "09S1", POLICY, async || {
            n += 1;
            Err::<Option<()>, _>(fault("SERVER_UNAVAILABLE"))
        })
        .await;
        assert!(asked.is_err());
        assert_eq!(n, 3);

        let policy = PollPolicy {
            patience: Duration::from_secs(200),
            ..POLICY
        };
        let mut n = 0;
        let asked = poll_job("retrieve", "09S1", policy, async || {
            n += 1;
            match n {
                12 => Ok(Some(n)),
                n if n % 3 == 0 => Ok(None),
                _ => Err(fault("SERVER_UNAVAILABLE")),
            }
        })
        .await;
        assert_eq!(asked.unwrap(), 12);
    }

    #[tokio::test(start_paused = true)]
    async fn job_that_the_org_does_not_know_yet_is_asked_for_again() {
        let mut n = 0;
        let asked = poll_job("retrieve", "09S1", POLICY, async || {
            n += 1;
            if n < 3 {
                Err(fault("INVALID_CROSS_REFERENCE_KEY"))
            } else {
                Ok(Some(n))
            }
        })
        .await;
        assert_eq!(asked.unwrap(), 3);

        let mut n = 0;
        let asked = poll_job("retrieve", "09S1", POLICY, async || {
            n += 1;
            if n == 1 {
                Ok(None::<()>)
            } else {
                Err(fault("INVALID_CROSS_REFERENCE_KEY"))
            }
        })
        .await;
        assert!(asked.is_err(), "a job once seen does not vanish in passing");
        assert_eq!(n, 2);
    }
}
