//! Runs an image's entry point in its root file system, as its user.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use serde_json::Value;

use super::{CLIENT, Program, Stage, captured, dns, failed};
use crate::signed::Signer;
use xtask::cargo;

const STACK: &str =
    "stack: image-check\nregion: eu-west-1\nqueues: { prompts: {} }\noutputs: { url: \"${queues.prompts.url}\" }\n";
const PROMPT: &str = "a couch in a container";

/// A complete root file system.
pub struct Image<'a> {
    pub root: &'a Path,
    pub rootfs: &'a Path,
    pub stage: &'a Stage,
}

/// Tests a program: its output without arguments and settings, and, for the client, whether a message arrives.
pub fn run(program: &Program, image: &Image<'_>) -> Result<(), String> {
    if captured(Command::new("id").arg("-u"))? != "0" {
        println!("skipped  running it: only root can change the root directory");
        return Ok(());
    }
    let Output { status, stderr, stdout } = image.command().output().map_err(|error| format!("chroot: {error}"))?;
    let said = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    if program.bin != CLIENT.bin {
        // The program itself has to name the missing settings.
        return match status.code() {
            Some(1..) if !said.trim().is_empty() => Ok(()),
            _ => Err(format!("without settings {} does not say what is missing ({status}): {said}", program.bin)),
        };
    }
    if status.code() != Some(2) || !said.contains("usage: couch-client") {
        return Err(format!("without arguments the client does not say its usage ({status}): {said}"));
    }
    send(image)?;
    send_by_name(image)
}

impl Image<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new("chroot");
        command.arg(format!("--userspec={}", self.stage.user)).arg(self.rootfs).arg(&self.stage.entrypoint).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }

    /// Adds the file that a container engine adds, with this program's own server as name server.
    fn ask(&self, server: Ipv4Addr) -> Result<(), String> {
        let file = self.rootfs.join("etc/resolv.conf");
        fs::write(&file, format!("nameserver {server}\noptions timeout:1 attempts:2\n"))
            .map_err(|error| failed(&file, &error))
    }
}

/// Sends a prompt to a queue of the local cloud.
fn send(image: &Image<'_>) -> Result<(), String> {
    let deployer = cargo::build(&["deployer"])?.join("deployer");
    let place = image.root.join("target/image/stack");
    fs::create_dir_all(&place).map_err(|error| failed(&place, &error))?;
    fs::write(place.join("stack.yaml"), STACK).map_err(|error| failed(&place, &error))?;
    let run = |arguments: &[&str]| captured(Command::new(&deployer).arg("-C").arg(&place).args(arguments));
    run(&["local", "start"])?;
    let sent = (|| {
        run(&["--local", "apply", "-y"])?;
        let url = run(&["--local", "output", "url"])?;
        let status = run(&["local", "status", "--json"])?;
        let status: Value = serde_json::from_str(&status).map_err(|error| error.to_string())?;
        let mut sending = image.command();
        for (name, member) in [("AWS_ACCESS_KEY_ID", "access_key_id"), ("AWS_SECRET_ACCESS_KEY", "secret_access_key")] {
            sending.env(name, status[member].as_str().unwrap_or_default());
        }
        sending.env("SQS_QUEUE_URL", &url).env("AWS_ENDPOINT_URL", origin(&url)).arg(PROMPT);
        println!("{}", captured(&mut sending)?);
        let received = Signer::of(&status)?.get("sqs", &format!("{url}?Action=ReceiveMessage"))?;
        let received = String::from_utf8_lossy(&received).into_owned();
        match received.contains(PROMPT) {
            true => Ok(()),
            false => Err(format!("the queue has another message: {received}")),
        }
    })();
    let stopped = run(&["local", "stop"]);
    sent.and(stopped.map(|_| ()))
}

/// Sends a prompt to a host name that only DNS knows. The local cloud accepts requests for its own name only, so a
/// server with one answer replaces SQS.
fn send_by_name(image: &Image<'_>) -> Result<(), String> {
    let problem = |error: std::io::Error| format!("the stand-in for SQS: {error}");
    image.ask(dns::serve().map_err(|error| format!("no DNS server on port 53: {error}"))?)?;
    let listener = TcpListener::bind("127.0.0.1:0").map_err(problem)?;
    let host = format!("{}:{}", dns::NAME, listener.local_addr().map_err(problem)?.port());
    let answering = thread::spawn(move || answer(&listener));
    let mut sending = image.command();
    sending.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    sending.env("SQS_QUEUE_URL", format!("http://{host}/000000000000/prompts")).arg(PROMPT);
    println!("{host}: {}", captured(&mut sending)?);
    let head = answering.join().map_err(|_| "the stand-in for SQS panicked".to_owned())?.map_err(problem)?;
    match head.contains(&format!("host: {host}")) {
        true => Ok(()),
        false => Err(format!("the request is for another host: {head}")),
    }
}

/// Answers one SendMessage, and returns the request's head in lower case.
fn answer(listener: &TcpListener) -> io::Result<String> {
    let (stream, _) = listener.accept()?;
    let mut reader = BufReader::new(&stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    reader.read_exact(&mut vec![0; length.unwrap_or(0)])?;
    let body = r#"{"MessageId":"by-name"}"#;
    let length = body.len();
    write!(
        &stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    Ok(head)
}

/// Returns the origin of a URL: `http://127.0.0.1:4566/0/q` → `http://127.0.0.1:4566`.
fn origin(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_url_without_its_path() {
        assert_eq!(origin("http://a:1/b/c"), "http://a:1");
    }
}
