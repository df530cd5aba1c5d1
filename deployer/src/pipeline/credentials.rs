//! Checks how long the credentials last, before the first write.

use std::time::SystemTime;

use super::Progress;
use crate::aws::Clients;
use crate::failure::Failure;

/// Remaining seconds within which an apply is not certain to end.
const SHORT: i64 = 300;
/// Remaining seconds within which hardly any apply ends.
const TOO_SHORT: i64 = 60;

/// Warns when the credentials end soon; `now` is RFC 3339.
///
/// # Errors
/// When they are about to end and the run would be interrupted.
pub(super) async fn last(clients: &Clients, now: String, progress: &dyn Progress) -> Result<(), Failure> {
    let (Some(end), Ok(now)) = (clients.credentials_end().await, now.parse::<jiff::Timestamp>()) else {
        return Ok(());
    };
    match seconds_left(end, now) {
        left if left < TOO_SHORT => Err(Failure::plain(
            "aws::expired-credentials",
            if left > 0 { format!("the credentials end in {left} s") } else { "the credentials have ended".to_owned() },
            "nothing was changed; sign in again (`aws sso login`, or fresh keys), then run the same command",
        )),
        left if left < SHORT => {
            progress.say(&format!(
                "the credentials end in {left} s; should they end before this run does, sign in again and run the same command"
            ));
            Ok(())
        }
        _ => Ok(()),
    }
}

fn seconds_left(end: SystemTime, now: jiff::Timestamp) -> i64 {
    jiff::Timestamp::try_from(end).map_or(i64::MAX, |end| end.as_second() - now.as_second())
}
