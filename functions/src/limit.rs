//! Limits the pictures that may be drawn in a day.
//!
//! The count of a day is one object, changed by conditional writes. All processes with the same prefix share it.

use crate::budget::Budget;
use crate::clock::{self, Clock};
use crate::random::Random;
use crate::records::BUCKET_LIMITS;
use crate::retry::{RetryError, retry_within};
use crate::seed;
use crate::store::{Condition, Store, StoreError, Version};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// How often the count is tried again if another process changes it meanwhile.
const TURNS: u32 = 25;

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Count {
    drawn: u32,
}

/// The limit of a day's pictures.
#[derive(Debug)]
pub struct DailyLimit {
    most: u32,
    /// Locked while the count is changed. Otherwise the concurrent messages of one process would block each other.
    turn: Mutex<()>,
}

impl DailyLimit {
    /// Allows at most `most` pictures a day.
    pub fn of(most: u32) -> Self {
        Self { most, turn: Mutex::default() }
    }
}

/// The count of the pictures of a day.
pub struct Limit<'a, S, R> {
    pub store: &'a S,
    pub random: &'a R,
    pub clock: &'a Clock,
    pub prefix: &'a str,
    pub daily: &'a DailyLimit,
}

/// Whether a picture may be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// The picture may be drawn, and is counted.
    Granted,
    /// No picture may be drawn before `until`.
    Spent { until: SystemTime },
}

impl<S: Store, R: Random> Limit<'_, S, R> {
    /// Counts one picture, if today's limit allows one more.
    pub async fn take(&self, budget: Budget) -> Result<Allowance, RetryError<StoreError>> {
        let now = self.clock.now();
        let taken = self.change(now, budget, |drawn| (drawn < self.daily.most).then_some(drawn + 1)).await?;
        Ok(if taken { Allowance::Granted } else { Allowance::Spent { until: now + clock::until_midnight(now) } })
    }

    /// Subtracts a picture that was counted at `counted` and not drawn.
    pub async fn give_back(&self, counted: SystemTime, budget: Budget) -> Result<(), RetryError<StoreError>> {
        self.change(counted, budget, |drawn| Some(drawn.saturating_sub(1))).await.map(drop)
    }

    /// Applies `next` to the count of the day of `time`. Returns whether `next` returned a number.
    async fn change(
        &self,
        time: SystemTime,
        budget: Budget,
        next: impl Fn(u32) -> Option<u32>,
    ) -> Result<bool, RetryError<StoreError>> {
        let key = seed::key_under(self.prefix, &format!("limits/{}.json", clock::date(time)));
        let turn = tokio::time::timeout(budget.left(), self.daily.turn.lock()).await;
        let _turn = turn.map_err(|_| RetryError::OutOfTime { cause: None, attempts: 0 })?;
        for turn in 0..TURNS {
            let (count, condition) = match self.read(&key, budget).await? {
                Some((count, version)) => (count, Condition::Unchanged(version)),
                None => (Count::default(), Condition::Absent),
            };
            let Some(drawn) = next(count.drawn) else { return Ok(false) };
            let body = serde_json::to_vec(&Count { drawn }).unwrap_or_default();
            let write = async || self.store.write(&key, body.clone(), &condition).await;
            if retry_within(budget, BUCKET_LIMITS, self.random, write).await?.is_some() {
                return Ok(true);
            }
            let longest_ms = 20 << turn.min(5);
            tokio::time::sleep(Duration::from_millis(self.random.up_to(longest_ms).into())).await;
        }
        Err(RetryError::Failed { cause: StoreError::Contended(key), attempts: TURNS })
    }

    async fn read(&self, key: &str, budget: Budget) -> Result<Option<(Count, Version)>, RetryError<StoreError>> {
        let found = match retry_within(budget, BUCKET_LIMITS, self.random, async || self.store.read(key).await).await {
            // Without `s3:ListBucket` S3 answers 403 for the first picture of a day. If it refuses every call, the
            // write fails.
            Err(RetryError::Failed { cause: StoreError::Refused(_), .. }) => None,
            other => other?,
        };
        let Some(found) = found else { return Ok(None) };
        match serde_json::from_slice(&found.body) {
            Ok(count) => Ok(Some((count, found.version))),
            Err(_) => Err(RetryError::Failed { cause: StoreError::Unreadable(key.to_owned()), attempts: 1 }),
        }
    }
}
