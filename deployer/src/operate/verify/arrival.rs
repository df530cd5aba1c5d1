//! Waits for the arrival of a probe at the end of an edge.

use tokio::time::Instant;

use super::alarm::{self, Action};
use super::calls::{Call, Watched};
use super::probe::Word;
use super::request::HttpReply;
use super::send::Sent;
use super::{Arrival, Departure, Edge, Means, Outcome, redrive, sweep};
use crate::operate::FunctionTarget;
use crate::operate::queues::{Depth, QueueTarget, depth};
use crate::operate::trace::ending::Ending;

/// The state of an edge's end before the probe was sent.
pub struct End {
    /// The functions whose calls are evidence.
    watched: Vec<Watched>,
    /// The messages of the queue that the probe goes through.
    before: Depth,
}

/// Looks at the end of an edge before the probe is sent. What cannot be read counts as empty; the reads after the
/// sending report the reason.
pub async fn prepare(edge: &Edge, means: Means<'_>) -> End {
    let functions: Vec<&FunctionTarget> = match &edge.arrival {
        Arrival::Call { function, .. } => vec![function],
        Arrival::Message { consumers, .. } => consumers.iter().collect(),
        _ => Vec::new(),
    };
    let queue = match (&edge.departure, &edge.arrival) {
        (Departure::Enqueue { queue }, _) | (_, Arrival::Message { queue, .. }) => Some(queue),
        _ => None,
    };
    let before = async {
        match queue {
            Some(queue) => depth(means.aws, &queue.url).await.unwrap_or_default(),
            None => Depth::default(),
        }
    };
    let watched = futures::future::join_all(functions.into_iter().map(|function| Watched::begin(function, means)));
    let (watched, before) = tokio::join!(watched, before);
    End { watched, before }
}

/// Waits for the probe, or until its time is over.
pub async fn wait(edge: &Edge, end: &End, sent: &Sent, word: &Word, means: Means<'_>) -> Outcome {
    let wait = Wait { edge, end, sent, word, means, until: sent.began + means.timeout + edge.holds };
    match &edge.arrival {
        Arrival::Answer(function) => answer(sent, function),
        Arrival::Call { function, is_silent } => wait.call(function, *is_silent).await,
        Arrival::Message { queue, consumers } if consumers.is_empty() => wait.message(queue).await,
        Arrival::Message { queue, .. } => wait.message_taken(queue).await,
        Arrival::Action(arn) => wait.action(arn).await,
        Arrival::Accepted(place) => Outcome::ok(accepted(place), sent.began),
        Arrival::Settings(dead) => match &edge.departure {
            Departure::Settings { queue } => redrive::check(means.aws, queue, dead).await,
            _ => Outcome::untried("its settings are not known"),
        },
        Arrival::Nowhere => Outcome::untried("nothing here shows what arrives there"),
    }
}

fn accepted(place: &str) -> String {
    let confirmed = if place == "a telephone" { "" } else { "the subscription is confirmed, and " };
    format!("{confirmed}SNS accepted the message; {place} cannot be looked into")
}

/// Judges the answer to a request.
fn answer(sent: &Sent, function: &FunctionTarget) -> Outcome {
    let Some(HttpReply { status, of_gateway, is_recognised }) = &sent.reply else {
        return Outcome::failed("no answer");
    };
    let log = || format!("`deployer logs {}`", function.name());
    let Some(text) = of_gateway else {
        let known = if *is_recognised { ", and recognised the probe" } else { "" };
        return Outcome::ok(format!("the function answered {status}{known}"), sent.began);
    };
    let failed = |why: &str| Outcome::failed(format!("the answer was {status} ({text}): {why}"));
    match status {
        401 | 403 | 404 => failed("this is not served to everybody")
            .with_help("`deployer apply` deploys the routes of stack.yaml, and the permissions to call them"),
        429 => failed("the rate is used up").with_help("try again with a longer `--timeout`"),
        500 => failed("it may not call the function, or there is none")
            .with_help("`deployer plan` shows a permission that is missing"),
        502 => failed("the function failed on the request, or its answer has another form than the caller takes")
            .with_help(log()),
        503 | 504 => failed("the function did not answer in time").with_help(log()),
        _ => failed("the request did not reach the function"),
    }
}

struct Wait<'a> {
    edge: &'a Edge,
    end: &'a End,
    sent: &'a Sent,
    word: &'a Word,
    means: Means<'a>,
    until: Instant,
}

impl Wait<'_> {
    fn is_over(&self) -> bool {
        Instant::now() >= self.until || self.means.is_stopped()
    }

    fn too_late(&self, what: &str) -> Outcome {
        if self.means.is_stopped() {
            return Outcome::untried("interrupted");
        }
        Outcome::failed(format!("{what} within {} s", (self.means.timeout + self.edge.holds).as_secs()))
    }

    async fn find(&self) -> Result<Option<(&FunctionTarget, Call)>, Outcome> {
        for watched in &self.end.watched {
            let found = watched.find(self.sent, self.word, self.means).await;
            let unread =
                |error| Outcome::failed(format!("the log of {} cannot be read: {error}", watched.function.element));
            if let Some(call) = found.map_err(unread)? {
                return Ok(Some((&watched.function, call)));
            }
        }
        Ok(None)
    }

    /// Waits until the function was called and has ended; if the probe came from a queue, until it is gone from there.
    async fn call(&self, function: &FunctionTarget, is_silent: bool) -> Outcome {
        loop {
            let over = self.is_over();
            match self.find().await {
                Err(outcome) => return outcome,
                Ok(Some((_, call))) => {
                    if let Some(outcome) = self.judge(function, &call, over).await {
                        return outcome;
                    }
                }
                Ok(None) if over && is_silent && !self.means.is_stopped() => {
                    let why = "its log shows no calls with `system_log_level: WARN`, and does not name the probe";
                    return Outcome::untried(why);
                }
                Ok(None) if over => {
                    let log = format!("`deployer logs {}` and `deployer status`", function.name());
                    return self.too_late("its log shows no call").with_help(log);
                }
                Ok(None) => {}
            }
            self.means.pause().await;
        }
    }

    async fn judge(&self, function: &FunctionTarget, call: &Call, over: bool) -> Option<Outcome> {
        let named = if call.is_named { "its log names the probe" } else { "its log shows a call since then" };
        let ending = call.invocation.ending();
        match ending {
            Ending::Open if !over => return None,
            Ending::Open => return Some(Outcome::ok(format!("{named}, which has not ended yet"), self.sent.began)),
            Ending::Ended | Ending::Logged(_) => {}
            _ => return Some(failed_on_probe(function, &ending, &self.edge.departure)),
        }
        let Departure::Enqueue { queue } = &self.edge.departure else {
            return Some(Outcome::ok(named, self.sent.began));
        };
        if self.end.before.all() > 0 {
            let others = "the queue has other messages, so nothing shows that this one was consumed";
            return Some(Outcome::ok(format!("{named}; {others}"), self.sent.began));
        }
        match depth(self.means.aws, &queue.url).await {
            Ok(now) if now.all() == 0 => {
                Some(Outcome::ok(format!("{named}, and the queue is empty again"), self.sent.began))
            }
            Ok(_) if over => {
                let why = "the function was called, but its message is still in the queue: it was not consumed";
                Some(Outcome::failed(why).with_help(unaware(function, &self.edge.departure)))
            }
            Ok(_) => None,
            Err(error) => Some(Outcome::failed(format!("the queue cannot be read: {error}"))),
        }
    }

    /// Waits until the probe can be received from a queue that nothing of the stack receives from.
    async fn message(&self, queue: &QueueTarget) -> Outcome {
        let others = self.end.before.waiting;
        if others > 0 {
            let why = "receiving them would count against them, so the probe was not looked for";
            return Outcome::untried(format!("about {others} other messages wait in the queue; {why}"));
        }
        loop {
            let over = self.is_over();
            match sweep::take(self.means.aws, &queue.url, &[self.word]).await {
                Ok(0) if over => return self.too_late("no message could be received from the queue"),
                Ok(0) => {}
                Ok(_) => return Outcome::ok("received from the queue, and deleted", self.sent.began),
                Err(error) => return Outcome::failed(format!("the queue cannot be read: {error}")),
            }
            self.means.pause().await;
        }
    }

    /// Waits until a function that receives from the queue was called. If none is, the message may wait in the queue.
    async fn message_taken(&self, queue: &QueueTarget) -> Outcome {
        loop {
            let over = self.is_over();
            match self.find().await {
                Err(outcome) => return outcome,
                Ok(Some((function, call))) => {
                    let named = if call.is_named { ", whose log names the probe" } else { "" };
                    return Outcome::ok(format!("it went on to {}{named}", function.element), self.sent.began);
                }
                Ok(None) if over && self.end.before.waiting == 0 => {
                    return match sweep::take(self.means.aws, &queue.url, &[self.word]).await {
                        Ok(0) => self.too_late("nothing arrived"),
                        Ok(_) => Outcome::ok("received from the queue, and deleted", self.sent.began),
                        Err(error) => Outcome::failed(format!("the queue cannot be read: {error}")),
                    };
                }
                Ok(None) if over => return self.too_late("no function received a message"),
                Ok(None) => {}
            }
            self.means.pause().await;
        }
    }

    /// Waits until the alarm's history has the action.
    async fn action(&self, arn: &str) -> Outcome {
        let Departure::Ring { alarm_name } = &self.edge.departure else { return Outcome::untried("it is no alarm") };
        loop {
            let over = self.is_over();
            match alarm::action(self.means.aws, alarm_name, arn, self.sent).await {
                Ok(Some(Action::Done)) => {
                    return Outcome::ok("it rang, and by its history the action was carried out", self.sent.began);
                }
                Ok(Some(Action::Failed(why))) => {
                    let help = "check the policy and the key of the action's target: CloudWatch has to be allowed";
                    return Outcome::failed(format!("CloudWatch could not carry out the action: {why}"))
                        .with_help(help);
                }
                Ok(None) if over => return self.too_late("the alarm's history shows no action"),
                Ok(None) => {}
                Err(error) => return Outcome::failed(format!("the alarm's history cannot be read: {error}")),
            }
            self.means.pause().await;
        }
    }
}

fn failed_on_probe(function: &FunctionTarget, ending: &Ending, departure: &Departure) -> Outcome {
    let detail = ending.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    let text = format!("the function was called, and failed ({}{detail})", ending.word().replace('_', " "));
    Outcome::failed(text).with_help(unaware(function, departure))
}

fn unaware(function: &FunctionTarget, departure: &Departure) -> String {
    let probes = match departure {
        Departure::Store { .. } => "objects with `deployer-verify-` in their keys",
        _ => "messages with `deployer.verify`",
    };
    format!("`deployer logs {}`; a function that fails on the probe alone can leave {probes} out", function.name())
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn judged(status: u16, of_gateway: Option<&str>) -> (Verdict, String) {
        let reply = HttpReply { status, of_gateway: of_gateway.map(str::to_owned), is_recognised: false };
        let sent = Sent { began: Instant::now(), at_ms: 0, id: None, reply: Some(reply), state: None, object: None };
        let function = FunctionTarget {
            element: "functions.f".into(),
            function_name: "f".into(),
            log_group: "g".into(),
            external: false,
        };
        let outcome = answer(&sent, &function);
        (outcome.verdict, outcome.text)
    }

    #[tokio::test]
    async fn every_answer_of_the_function_is_an_arrival_and_none_of_the_gateway_is() {
        for status in [200, 400, 404, 500] {
            assert_eq!(judged(status, None), (Verdict::Ok, format!("the function answered {status}")));
        }
        for (status, why) in [
            (403, "not served to everybody"),
            (429, "rate is used up"),
            (500, "may not call the function"),
            (502, "failed on the request"),
            (504, "did not answer in time"),
            (413, "did not reach the function"),
        ] {
            let (verdict, text) = judged(status, Some("no"));
            assert!(verdict == Verdict::Failed && text.contains(why), "{text}");
        }
    }

    #[test]
    fn an_outside_place_is_never_said_to_have_received_anything() {
        assert_eq!(
            accepted("a mailbox"),
            "the subscription is confirmed, and SNS accepted the message; a mailbox cannot be looked into"
        );
        assert_eq!(accepted("a telephone"), "SNS accepted the message; a telephone cannot be looked into");
    }
}
