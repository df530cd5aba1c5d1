//! Budgets for AWS's documented management-plane rates ([`Service::rates`](service::Service::rates)): one token bucket
//! for each service or call.
//!
//! The rates are the account's, so other users may exhaust them. A call that the SDK retries halves the pace of its
//! budget at once; the pace returns to the documented rate within ten seconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use tokio::time::Instant;

use super::service::{self, Rate};
use super::wait;
use crate::mutex::lock;

/// The buckets of one run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Budgets(Arc<Mutex<HashMap<&'static str, Bucket>>>);

#[derive(Debug)]
struct Bucket {
    /// The number of calls so far; each call has its number as its ticket.
    asked: f64,
    /// Calls with tickets up to this one may be sent: at most `burst` beyond the calls so far.
    admitted: f64,
    counted_at: Instant,
    /// The part of the documented rate that was in use when the pace was last set.
    pace: f64,
    set_at: Instant,
}

/// Lower bound of the pace, as a fraction of the documented rate.
const SLOWEST: f64 = 0.1;
/// How much of the documented rate is regained per second, as a fraction.
const RECOVERED: f64 = 0.1;
/// Refusals this close together slow down the budget once.
const ONE_REFUSAL: Duration = Duration::from_secs(1);

/// A longer wait is divided, because the pace may change meanwhile.
const ASKED_AGAIN: Duration = Duration::from_secs(1);

impl Bucket {
    fn new(rate: &Rate, now: Instant) -> Self {
        Self { asked: 0.0, admitted: rate.burst, counted_at: now, pace: 1.0, set_at: now }
    }

    fn pace(&self, now: Instant) -> f64 {
        (self.pace + RECOVERED * now.saturating_duration_since(self.set_at).as_secs_f64()).min(1.0)
    }

    /// Adds the part of the rate that has returned since the last call. Returns the calls that may be sent in a second.
    fn count(&mut self, rate: &Rate, now: Instant) -> f64 {
        let per_second = rate.per_second * self.pace(now);
        let since = now.saturating_duration_since(self.counted_at).as_secs_f64();
        self.admitted = (self.admitted + since * per_second).min(self.asked + rate.burst);
        self.counted_at = now;
        per_second
    }
}

/// Returns how long `operations` take at least at AWS's documented rates, and the rate that decides.
pub fn least(operations: impl Iterator<Item = &'static str>) -> Option<(Duration, String)> {
    let mut wanted: HashMap<&str, (f64, &Rate)> = HashMap::new();
    for rate in operations.flat_map(Rate::of) {
        wanted.entry(rate.name).or_insert((0.0, rate)).0 += 1.0;
    }
    let longest = wanted.values().map(|(calls, rate)| ((calls - rate.burst).max(0.0) / rate.per_second, rate));
    let (seconds, rate) = longest.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.name.cmp(a.1.name)))?;
    Some((Duration::from_secs_f64(seconds), rate.reason()))
}

impl Budgets {
    /// Waits until `operation` fits its budgets. A local AWS has no rates.
    pub(crate) async fn take(&self, operation: &str, local: bool) {
        if local {
            return;
        }
        for rate in Rate::of(operation) {
            let ticket = self.ask(rate);
            let Some(mut pause) = self.wait(rate, ticket) else { continue };
            let _parked = wait::ParkedGuard::new();
            loop {
                tracing::debug!(operation, ?pause, "waiting for AWS's rate");
                // The pace may have changed by then.
                wait::pause(pause.min(ASKED_AGAIN), &rate.reason()).await;
                let Some(longer) = self.wait(rate, ticket) else { break };
                pause = longer;
            }
        }
    }

    fn buckets(&self) -> MutexGuard<'_, HashMap<&'static str, Bucket>> {
        lock(&self.0)
    }

    /// Returns a ticket.
    fn ask(&self, rate: &Rate) -> f64 {
        let now = Instant::now();
        let mut buckets = self.buckets();
        let bucket = buckets.entry(rate.name).or_insert_with(|| Bucket::new(rate, now));
        bucket.count(rate, now);
        bucket.asked += 1.0;
        bucket.asked
    }

    /// Returns how long a ticket has to wait at the present pace; `None` if its call may be sent.
    fn wait(&self, rate: &Rate, ticket: f64) -> Option<Duration> {
        let now = Instant::now();
        let mut buckets = self.buckets();
        let bucket = buckets.get_mut(rate.name)?;
        let per_second = bucket.count(rate, now);
        let ahead = ticket - bucket.admitted;
        // A shorter time is the clock's rounding.
        (ahead > 1e-3).then(|| Duration::from_secs_f64(ahead / per_second))
    }

    /// Halves the pace of `operation`'s budgets, and empties their bursts.
    pub(super) fn slow_down(&self, operation: &str) {
        let now = Instant::now();
        for rate in Rate::of(operation) {
            let mut buckets = self.buckets();
            let bucket = buckets.entry(rate.name).or_insert_with(|| Bucket::new(rate, now));
            if bucket.pace < 1.0 && now.saturating_duration_since(bucket.set_at) < ONE_REFUSAL {
                continue;
            }
            bucket.count(rate, now);
            bucket.admitted = bucket.admitted.min(bucket.asked);
            (bucket.pace, bucket.set_at) = ((bucket.pace(now) / 2.0).max(SLOWEST), now);
            tracing::debug!(operation, pace = bucket.pace, "AWS takes less than its documented rate");
        }
    }
}

impl Intercept for Budgets {
    fn name(&self) -> &'static str {
        "Budgets"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let again = config.load::<RequestAttempts>().is_some_and(|attempts| attempts.attempts() > 1);
        if let Some(call) = config.load::<Metadata>().filter(|_| again)
            && let Some(service) = prefix(call.service())
        {
            self.slow_down(&format!("{service}:{}", call.name()));
        }
        Ok(())
    }
}

/// Returns the prefix of the operations of a service that the SDK calls `name`.
fn prefix(name: &str) -> Option<&'static str> {
    service::ALL.iter().find(|service| service.sdk == name).map(|service| service.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_the_rest_is_spaced_at_the_documented_rate() {
        let budgets = Budgets::default();
        let start = Instant::now();
        for _ in 0..3 {
            budgets.take("cloudwatch:PutMetricAlarm", false).await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..29 {
            budgets.take("cloudwatch:PutMetricAlarm", false).await;
        }
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[test]
    fn a_pause_names_the_rate_it_is_for() {
        let reason = |operation: &str| Rate::of(operation).last().expect("a budget").reason();
        assert_eq!(reason("cloudwatch:PutMetricAlarm"), "AWS takes 3 cloudwatch:PutMetricAlarm calls a second");
        assert_eq!(reason("apigateway:DeleteRestApi"), "AWS takes one apigateway:DeleteRestApi call in 30 s");
    }

    #[test]
    fn the_slowest_rate_decides_how_long_many_calls_take_at_least() {
        let calls = |n: usize| std::iter::repeat_n(["lambda:CreateFunction", "cloudwatch:PutMetricAlarm"], n).flatten();
        let (time, why) = least(calls(90)).expect("calls");
        assert_eq!((time.as_secs(), why.as_str()), (30, "AWS takes 3 cloudwatch:PutMetricAlarm calls a second"));
        assert_eq!(least(calls(2)).expect("calls").0, Duration::ZERO);
    }

    /// Returns how long `calls` calls of IAM take.
    async fn time_calls(budgets: &Budgets, calls: usize) -> Duration {
        let start = Instant::now();
        for _ in 0..calls {
            budgets.take("iam:GetRole", false).await;
        }
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_ends_the_burst_and_halves_the_pace_until_it_has_come_back() {
        let budgets = Budgets::default();
        budgets.slow_down("iam:GetRole");
        // Calls in progress at the same time are refused at the same time.
        budgets.slow_down("iam:PutRolePolicy");
        let slowed = time_calls(&budgets, 20).await.as_secs_f64();
        assert!((1.5..2.1).contains(&slowed), "{slowed} s for 20 calls at 10 to 12 a second");
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(time_calls(&budgets, 40).await, Duration::ZERO);
        assert_eq!(time_calls(&budgets, 20).await.as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_already_are_slowed_down_too() {
        let budgets = Budgets::default();
        let start = Instant::now();
        let all = futures::future::join_all((0..100).map(|_| budgets.take("iam:GetRole", false)));
        let refused = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            budgets.slow_down("iam:GetRole");
        };
        tokio::join!(all, refused);
        let took = start.elapsed().as_secs_f64();
        assert!((3.5..4.5).contains(&took), "{took} s, which would be 3 s without a refusal");
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_without_end_leave_a_tenth_of_the_pace() {
        let budgets = Budgets::default();
        for _ in 0..20 {
            budgets.slow_down("iam:GetRole");
            tokio::time::sleep(ONE_REFUSAL).await;
        }
        assert!(budgets.buckets()["iam"].pace >= SLOWEST);
        assert!(time_calls(&budgets, 2).await < Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_that_the_sdk_leaves_to_us_slows_down_too() {
        use aws_smithy_types::body::SdkBody;
        use aws_smithy_types::error::ErrorMetadata;

        let config = aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::v2026_01_12());
        let clients = crate::aws::Clients::of(&config.build());
        let aws = crate::aws::Aws::new(Arc::new(clients), crate::plan::tests::world::place());
        for (code, slowed) in [("ConflictException", None), ("Throttling", Some(0.5))] {
            let answer =
                aws_smithy_runtime_api::http::Response::new(400.try_into().expect("a status"), SdkBody::empty());
            let why = ErrorMetadata::builder().code(code).build();
            let refused =
                async { Err::<(), _>(aws_smithy_runtime_api::client::result::SdkError::service_error(why, answer)) };
            aws.call("lambda:CreateEventSourceMapping", refused).await.expect_err("a refusal");
            let pace = aws.clients.budgets.buckets()["lambda"].pace;
            assert_eq!(pace, slowed.unwrap_or(1.0), "{code}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_local_cloud_is_never_slowed_down() {
        let budgets = Budgets::default();
        let start = Instant::now();
        for _ in 0..100 {
            budgets.take("apigateway:DeleteRestApi", true).await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
