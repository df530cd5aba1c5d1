//! Sends one prompt to the queue of Couch Explorers.
//!
//! `SQS_QUEUE_URL=… couch-client "a prompt"` prints `Message sent successfully. Message ID: …`. Exit codes: 0 sent, 1 AWS
//! or its surroundings failed, 2 wrong use, 130 and 143 stopped by SIGINT and SIGTERM.

mod failure;
mod queue;

use failure::Failure;
use queue::{OutgoingMessage, QueueUrl};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "\
usage: couch-client PROMPT

Sends PROMPT to the queue as one message. Exactly one argument of at most 10000 characters: put quotes around a prompt
of several words.

environment:
  SQS_QUEUE_URL          the queue's URL (required)
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
                         credentials; profiles and the roles of containers and instances work as well
  AWS_REGION             the region, when the queue's URL does not name it (default eu-west-1)
  AWS_ENDPOINT_URL       another endpoint than AWS's own

example:
  docker run -e AWS_ACCESS_KEY_ID -e AWS_SECRET_ACCESS_KEY -e SQS_QUEUE_URL IMAGE \"a couch on the moon\"";

/// The most characters of a prompt that the default image model takes (Stability, `prompt`). SQS would accept a longer
/// prompt, and the worker would refuse it later, when no user waits for the answer.
const PROMPT_LIMIT: usize = 10_000;

/// The arguments and settings of one call.
struct Call {
    prompt: String,
    queue: QueueUrl,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let [only] = arguments.as_slice()
        && (only == "--help" || only == "-h")
    {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let call = match Call::read(arguments, |name| std::env::var(name).ok()) {
        Ok(call) => call,
        Err(wrong) => {
            eprintln!("couch-client: {wrong}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let stopped = stopped();
    let sent = tokio::select! {
        sent = send(&call) => sent,
        code = stopped => {
            eprintln!("couch-client: stopped; SQS may have the message all the same");
            return ExitCode::from(code);
        }
    };
    match sent {
        Ok(message_id) => {
            println!("Message sent successfully. Message ID: {message_id}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("couch-client: {failure}");
            ExitCode::FAILURE
        }
    }
}

impl Call {
    /// Reads the call from the arguments and, through `get`, the environment. `Err` names the mistake.
    fn read(arguments: Vec<std::ffi::OsString>, get: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let count = arguments.len();
        let Ok([prompt]) = <[_; 1]>::try_from(arguments) else {
            return Err(format!("one argument is wanted, the prompt; {count} were given"));
        };
        let prompt = prompt.into_string().map_err(|_| "the prompt is not UTF-8".to_owned())?;
        if prompt.trim().is_empty() {
            return Err("the prompt is empty".to_owned());
        }
        let length = prompt.chars().count();
        if length > PROMPT_LIMIT {
            return Err(format!("the prompt has {length} characters; an image model takes at most {PROMPT_LIMIT}"));
        }
        let url = get("SQS_QUEUE_URL").filter(|url| !url.trim().is_empty());
        let url = url.ok_or("SQS_QUEUE_URL is not set")?;
        let queue = QueueUrl::parse(url.trim(), get)?;
        Ok(Self { prompt, queue })
    }
}

/// Handles SIGINT and SIGTERM from now on. Returns a future that waits for one of them and gives its exit code. The
/// first process of a container is not ended by a signal that it does not handle.
fn stopped() -> impl Future<Output = u8> {
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async {
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => 130,
            _ = terminate.recv() => 143,
        }
    }
}

/// Sends the prompt with two new ids, and returns the message's id. Prints the new ids to standard error: the
/// correlation id leads to the message's lines in the logs, the picture id to the record and the picture.
async fn send(call: &Call) -> Result<String, Failure> {
    let (picture_id, correlation_id) = (new_id()?, new_id()?);
    let message = OutgoingMessage { prompt: &call.prompt, picture_id: &picture_id, correlation_id: &correlation_id };
    let message_id = queue::send(&call.queue, message).await?;
    eprintln!("picture id: {picture_id}\ncorrelation id: {correlation_id}");
    Ok(message_id)
}

/// Creates a random UUID (version 4).
fn new_id() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    getrandom::getrandom(&mut bytes).map_err(|error| Failure::Entropy(error.to_string()))?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&index) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_ids_are_uuids_and_differ() {
        let id = new_id().unwrap();
        let lengths: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&id[14..15], "4");
        assert!("89ab".contains(&id[19..20]));
        assert_ne!(id, new_id().unwrap());
    }

    #[test]
    fn a_call_needs_exactly_one_prompt_and_the_queue() {
        let url = |name: &str| {
            (name == "SQS_QUEUE_URL").then(|| "https://sqs.eu-west-1.amazonaws.com/000000000000/q".to_owned())
        };
        assert!(Call::read(vec!["a moon".into()], url).is_ok());
        for arguments in [vec![], vec!["a".into(), "moon".into()], vec![" ".into()]] {
            assert!(Call::read(arguments, url).is_err());
        }
        assert!(Call::read(vec!["a moon".into()], |_| None).is_err());
    }
}
