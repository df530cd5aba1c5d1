//! Background processes that outlive the command that started them.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};

use super::LocalError;
use crate::files;

/// Pause between two checks while waiting.
pub(super) const POLL: Duration = Duration::from_millis(20);
/// How long a killed process may take to disappear.
const KILL_DEADLINE: Duration = Duration::from_secs(5);

/// A process started by the deployer, and the group that it leads. `mark` contains its start time, so that a later
/// process with the same id is not mistaken for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    pub pid: u32,
    mark: String,
}

/// The system's information about a process id.
struct Glimpse {
    mark: String,
    /// The process has ended, but its parent has not asked for its exit status.
    zombie: bool,
}

impl Process {
    /// Starts a command in a process group of its own, so that neither the terminal's signals nor the caller's end
    /// reach it. Its output goes to `log`. `program` names it in errors. The returned `Child` shows whether it ended
    /// early.
    pub fn spawn(command: Command, program: &str, log: &Path) -> Result<(Self, Child), LocalError> {
        Self::spawn_reading(command, program, log, Stdio::null())
    }

    /// Like [`Self::spawn`], for a process that reads `input`.
    pub fn spawn_reading(
        mut command: Command,
        program: &str,
        log: &Path,
        input: Stdio,
    ) -> Result<(Self, Child), LocalError> {
        use std::os::unix::process::CommandExt;
        let out = files::create(log).map_err(LocalError::io("write", log))?;
        let err = out.try_clone().map_err(LocalError::io("write", log))?;
        let child = command
            .process_group(0)
            .stdin(input)
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(|source| LocalError::Run { program: program.to_owned(), source })?;
        let pid = child.id();
        // The child is not reaped yet, so the system still knows it even if it has ended.
        let mark = glimpse(pid).map(|seen| seen.mark).unwrap_or_default();
        Ok((Self { pid, mark }, child))
    }

    /// Tells whether the process still runs.
    pub fn running(&self) -> bool {
        glimpse(self.pid).is_some_and(|seen| seen.mark == self.mark && !seen.zombie)
    }

    /// Stops the process and everything it started: sends TERM, waits up to `patience`, then kills. A process that has
    /// already ended counts as stopped.
    pub async fn stop(&self, patience: Duration) -> Result<(), LocalError> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else {
            return Ok(());
        };
        if self.running() {
            // Fails only when the process has just ended by itself, which is the desired result.
            let _ = kill_process(pid, Signal::TERM);
            self.gone_within(patience).await;
        }
        // If the mark differs, a later process received this id after our group had ended. Neither it nor its group is
        // ours.
        if glimpse(self.pid).is_none_or(|seen| seen.mark == self.mark) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        if self.gone_within(KILL_DEADLINE).await { Ok(()) } else { Err(LocalError::WillNotStop { pid: self.pid }) }
    }

    async fn gone_within(&self, deadline: Duration) -> bool {
        let start = Instant::now();
        while self.running() {
            if start.elapsed() >= deadline {
                return false;
            }
            tokio::time::sleep(POLL).await;
        }
        true
    }
}

/// Reads from `/proc` the start time in ticks since boot, and the boot's id.
#[cfg(target_os = "linux")]
fn glimpse(pid: u32) -> Option<Glimpse> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets and may contain blanks. After it come state (third) and start
    // time (22nd).
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    let began = fields.nth(18)?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Some(Glimpse { mark: format!("{began}@{}", boot.trim()), zombie: matches!(state, "Z" | "X") })
}

#[cfg(not(target_os = "linux"))]
fn glimpse(pid: u32) -> Option<Glimpse> {
    let listing = Command::new("ps").args(["-o", "state=,lstart=", "-p", &pid.to_string()]).output().ok()?;
    let line = String::from_utf8(listing.stdout).ok()?;
    let (state, began) = line.trim().split_once(' ')?;
    Some(Glimpse { mark: began.trim().to_owned(), zombie: state.starts_with('Z') })
}

/// Returns the last lines of a log.
pub(super) fn tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts a shell that runs `script`.
    fn shell(script: &str) -> (tempfile::TempDir, std::path::PathBuf, Process, Child) {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let (process, child) = Process::spawn(command, "sh", &log).unwrap();
        (directory, log, process, child)
    }

    async fn first_line(log: &Path) -> String {
        loop {
            let text = fs::read_to_string(log).unwrap();
            if let Some((line, _)) = text.split_once('\n') {
                return line.to_owned();
            }
            tokio::time::sleep(POLL).await;
        }
    }

    #[tokio::test]
    async fn a_process_that_ends_when_asked_is_stopped() {
        let (_directory, _, process, _child) = shell("exec sleep 600");
        assert!(process.running());
        process.stop(Duration::from_secs(60)).await.unwrap();
        assert!(!process.running());
        process.stop(Duration::from_secs(60)).await.unwrap();
    }

    #[tokio::test]
    async fn a_process_that_ignores_the_request_is_killed_with_its_children() {
        let (_directory, log, process, _child) = shell("trap '' TERM; sleep 600 & echo $!; wait; wait; wait");
        let grandchild: u32 = first_line(&log).await.parse().unwrap();
        process.stop(Duration::ZERO).await.unwrap();
        assert!(!process.running());
        let gone = || glimpse(grandchild).is_none_or(|seen| seen.zombie);
        while !gone() {
            tokio::time::sleep(POLL).await;
        }
    }

    #[tokio::test]
    async fn children_left_behind_are_stopped_too() {
        let (_directory, log, process, mut child) = shell("sleep 600 & echo $!");
        let orphan: u32 = first_line(&log).await.parse().unwrap();
        child.wait().unwrap();
        assert!(!process.running());
        assert!(glimpse(orphan).is_some_and(|seen| !seen.zombie));
        process.stop(Duration::ZERO).await.unwrap();
        while glimpse(orphan).is_some_and(|seen| !seen.zombie) {
            tokio::time::sleep(POLL).await;
        }
    }

    #[tokio::test]
    async fn another_process_with_the_same_id_is_left_alone() {
        let (_directory, _, process, _child) = shell("exec sleep 600");
        let stale = Process { pid: process.pid, mark: "earlier".into() };
        assert!(!stale.running());
        stale.stop(Duration::from_secs(60)).await.unwrap();
        assert!(process.running());
        process.stop(Duration::from_secs(60)).await.unwrap();
    }
}
