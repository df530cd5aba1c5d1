//! Budgets for AWS's documented management-plane rates, one token bucket a service or call.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::wait;

/// The buckets of one run.
#[derive(Default)]
pub(crate) struct Budgets {
    buckets: Mutex<HashMap<&'static str, Bucket>>,
}

struct Bucket {
    /// When the bucket is full again; it holds `burst` intervals.
    full_at: Instant,
}

/// Rate in calls per second and burst in calls. Figures are AWS's documented limits, a little
/// below where several stacks of one account share them.
struct Budget {
    name: &'static str,
    per_second: f64,
    burst: f64,
}

impl Budget {
    /// "AWS takes 3 cloudwatch:PutMetricAlarm calls a second".
    fn reason(&self) -> String {
        let Self { name, per_second, .. } = self;
        if *per_second >= 1.0 {
            format!("AWS takes {per_second:.0} {name} calls a second")
        } else {
            format!("AWS takes one {name} call in {:.0} s", 1.0 / per_second)
        }
    }
}

const fn budget(name: &'static str, per_second: f64, burst: f64) -> Budget {
    Budget { name, per_second, burst }
}

fn budgets_of(operation: &str) -> &'static [Budget] {
    const LAMBDA_READ: &[Budget] = &[budget("lambda:GetFunction", 90.0, 90.0)];
    const LAMBDA: &[Budget] = &[budget("lambda", 14.0, 14.0)];
    const API: &[Budget] = &[budget("apigateway", 9.0, 40.0)];
    const API_DEPLOYMENT: &[Budget] =
        &[budget("apigateway", 9.0, 40.0), budget("apigateway:CreateDeployment", 0.2, 1.0)];
    const API_CREATE: &[Budget] = &[budget("apigateway", 9.0, 40.0), budget("apigateway:CreateRestApi", 0.33, 1.0)];
    const API_DELETE: &[Budget] = &[budget("apigateway", 9.0, 40.0), budget("apigateway:DeleteRestApi", 0.033, 1.0)];
    const API_RESOURCES: &[Budget] = &[budget("apigateway", 9.0, 40.0), budget("apigateway:GetResources", 2.4, 5.0)];
    const API_RESOURCE: &[Budget] = &[budget("apigateway", 9.0, 40.0), budget("apigateway:CreateResource", 4.8, 5.0)];
    const ALARM_PUT: &[Budget] = &[budget("cloudwatch:PutMetricAlarm", 2.9, 3.0)];
    const ALARM_DELETE: &[Budget] = &[budget("cloudwatch:DeleteAlarms", 2.9, 3.0)];
    const ALARM_READ: &[Budget] = &[budget("cloudwatch:DescribeAlarms", 8.8, 9.0)];
    const ALARM_TAGS: &[Budget] = &[budget("cloudwatch:ListTagsForResource", 9.8, 10.0)];
    const LOGS: &[Budget] = &[budget("logs", 5.0, 10.0)];
    const SNS: &[Budget] = &[budget("sns", 28.0, 30.0)];
    const SNS_TAGS: &[Budget] = &[budget("sns", 28.0, 30.0), budget("sns tags", 9.8, 10.0)];
    // Not published, and one budget for the whole account.
    const IAM: &[Budget] = &[budget("iam", 20.0, 40.0)];
    const NONE: &[Budget] = &[];
    match operation {
        "lambda:GetFunction" => LAMBDA_READ,
        "apigateway:CreateDeployment" => API_DEPLOYMENT,
        "apigateway:CreateRestApi" => API_CREATE,
        "apigateway:DeleteRestApi" => API_DELETE,
        "apigateway:GetResources" => API_RESOURCES,
        "apigateway:CreateResource" | "apigateway:DeleteResource" => API_RESOURCE,
        "cloudwatch:PutMetricAlarm" => ALARM_PUT,
        "cloudwatch:DeleteAlarms" => ALARM_DELETE,
        "cloudwatch:DescribeAlarms" => ALARM_READ,
        "cloudwatch:ListTagsForResource" => ALARM_TAGS,
        "sns:ListTagsForResource" | "sns:TagResource" | "sns:UntagResource" => SNS_TAGS,
        _ => match operation.split(':').next() {
            Some("lambda") => LAMBDA,
            Some("apigateway") => API,
            Some("logs") => LOGS,
            Some("sns") => SNS,
            Some("iam") => IAM,
            _ => NONE,
        },
    }
}

/// How long `operations` take at least by AWS's documented rates, and the rate that decides.
pub fn least(operations: impl Iterator<Item = &'static str>) -> Option<(Duration, String)> {
    let mut wanted: HashMap<&str, (f64, &Budget)> = HashMap::new();
    for budget in operations.flat_map(budgets_of) {
        wanted.entry(budget.name).or_insert((0.0, budget)).0 += 1.0;
    }
    let longest = wanted.values().map(|(calls, budget)| ((calls - budget.burst).max(0.0) / budget.per_second, budget));
    let (seconds, budget) = longest.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.name.cmp(a.1.name)))?;
    Some((Duration::from_secs_f64(seconds), budget.reason()))
}

impl Budgets {
    /// Waits until `operation` fits its budgets. A local AWS has no rates.
    pub(crate) async fn take(&self, operation: &str, local: bool) {
        if local {
            return;
        }
        for budget in budgets_of(operation) {
            let pause = self.reserve(budget);
            if !pause.is_zero() {
                tracing::debug!(operation, ?pause, "waiting for AWS's rate");
                wait::pause(pause, &budget.reason()).await;
            }
        }
    }

    fn reserve(&self, budget: &Budget) -> Duration {
        let now = Instant::now();
        let interval = Duration::from_secs_f64(1.0 / budget.per_second);
        let mut buckets = self.buckets.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let bucket = buckets.entry(budget.name).or_insert(Bucket { full_at: now });
        let full_at = bucket.full_at.max(now) + interval;
        bucket.full_at = full_at;
        full_at.saturating_duration_since(now).saturating_sub(interval.mul_f64(budget.burst))
    }
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
        let reason = |operation: &str| budgets_of(operation).last().expect("a budget").reason();
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
