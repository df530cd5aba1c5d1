//! Several processes that use the same stand-ins.

use super::{Shared, World, command};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A running process, which ends when this value is dropped.
pub struct Process {
    child: Child,
    access_key: String,
    shared: Arc<Shared>,
    log: Arc<Mutex<Vec<Value>>>,
    reading: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts `binary` with the stand-ins of `world`. `name` distinguishes the process.
    pub fn start(world: &World, binary: &str, name: &str, variables: &[(&str, &str)]) -> Self {
        let access_key = format!("AKID{name}");
        let mut child = command(binary, &world.address.to_string())
            .env_remove("AWS_LAMBDA_RUNTIME_API")
            .env_remove("AWS_LAMBDA_FUNCTION_NAME")
            .env_remove("AWS_LAMBDA_FUNCTION_VERSION")
            .env("AWS_ACCESS_KEY_ID", &access_key)
            .envs(variables.iter().copied())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let reading = {
            let (log, shared) = (log.clone(), world.shared.clone());
            std::thread::spawn(move || {
                for line in stdout.lines().map_while(Result::ok) {
                    log.lock().unwrap().push(serde_json::from_str(&line).unwrap());
                    shared.changed.notify_all();
                }
            })
        };
        Self { child, access_key, shared: world.shared.clone(), log, reading: Some(reading) }
    }

    /// Tells whether a line was written whose message begins with `message`.
    pub fn has_written(&self, message: &str) -> bool {
        let log = self.log.lock().unwrap();
        log.iter().any(|line: &Value| line["message"].as_str().is_some_and(|text| text.starts_with(message)))
    }

    /// Asks the process to end, as `docker stop` does.
    pub fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Ends the process at once.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.wait();
    }

    /// Waits for the end. Returns the exit status and the lines that the process wrote.
    pub fn end(mut self) -> (ExitStatus, Vec<Value>) {
        let status = self.wait();
        self.reading.take().unwrap().join().unwrap();
        let log = std::mem::take(&mut *self.log.lock().unwrap());
        (status, log)
    }

    fn wait(&mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        self.shared.lock().queue.leave(&self.access_key);
        self.shared.changed.notify_all();
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
