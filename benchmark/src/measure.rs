//! Runs a command and measures it together with everything it starts: wall time, processor time, peak memory.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// Pause between two samples of memory. The peak of a single process is exact, as the system records it.
const SAMPLE: Duration = Duration::from_millis(10);
const SAMPLES_A_SEARCH: u32 = 10;

pub struct Measurement {
    pub exit_code: Option<i32>,
    pub wall_s: f64,
    /// User and system time; `None` if the system has no /proc.
    pub cpu_s: Option<f64>,
    pub peak_mib: Option<f64>,
    /// Share of the machine's processors that other programs used meanwhile, not counting the emulator and this
    /// program.
    pub others: Option<f64>,
    pub output: String,
}

/// Runs a command to its end and writes its output to `log`. `servers` are processes whose processor time belongs to
/// the run.
pub fn run(mut command: Command, log: &Path, servers: &[u32]) -> Result<Measurement, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| format!("cannot run {program}: {error}");
    let file = fs::File::create(log).map_err(failed)?;
    let both = file.try_clone().map_err(failed)?;
    command.stdin(Stdio::null()).stdout(file).stderr(both);
    let before = Busy::now(servers);
    let start = Instant::now();
    let mut child = command.spawn().map_err(failed)?;
    let id = child.id();
    let ended = Arc::new(AtomicBool::new(false));
    let sampler = {
        let ended = Arc::clone(&ended);
        thread::spawn(move || peak(id, &ended))
    };
    // The process has ended but is not reaped, so its entry in /proc still has its times.
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw).ok_or("a process id of 0")?;
    let waited = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    let wall = start.elapsed();
    let cpu = cpu_of(id);
    let after = Busy::now(servers);
    ended.store(true, Ordering::Relaxed);
    let status = child.wait().map_err(failed)?;
    waited.map_err(|error| format!("cannot wait for {program}: {error}"))?;
    let peak_kib = sampler.join().unwrap_or(None);
    let output = String::from_utf8_lossy(&fs::read(log).map_err(failed)?).into_owned();
    Ok(Measurement {
        exit_code: status.code(),
        wall_s: wall.as_secs_f64(),
        cpu_s: cpu,
        peak_mib: peak_kib.map(|kib| kib as f64 / 1024.0),
        others: before.zip(after).and_then(|(before, after)| before.others(&after, cpu?, wall.as_secs_f64())),
        output,
    })
}

/// Processor seconds since boot: of all processes, and of those that serve the run.
struct Busy {
    all: f64,
    servers: f64,
}

impl Busy {
    fn now(servers: &[u32]) -> Option<Self> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let fields: Vec<f64> =
            stat.lines().next()?.split_ascii_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
        // Sums all fields but idle (4th) and waiting for disks (5th); user time already includes guests.
        let all = fields.iter().take(8).enumerate().filter(|(at, _)| !matches!(at, 3 | 4)).map(|(_, ticks)| ticks);
        let own = std::process::id();
        let servers = servers.iter().chain([&own]).filter_map(|pid| cpu_of(*pid)).sum();
        Some(Self { all: all.sum::<f64>() / TICKS_A_SECOND, servers })
    }

    fn others(&self, after: &Self, own: f64, wall: f64) -> Option<f64> {
        let processors = thread::available_parallelism().ok()?.get() as f64;
        let others = after.all - self.all - (after.servers - self.servers) - own;
        Some((others / wall / processors).clamp(0.0, 1.0))
    }
}

/// Unit of processor times in /proc, the same on every Linux.
const TICKS_A_SECOND: f64 = 100.0;

/// Returns the processor time of a process and of its children that have ended.
fn cpu_of(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields = stat.rsplit_once(')')?.1;
    let ticks = fields.split_ascii_whitespace().skip(11).take(4).filter_map(|field| field.parse::<f64>().ok());
    Some(ticks.sum::<f64>() / TICKS_A_SECOND)
}

/// Returns the peak of the summed resident memory of a process and its descendants, in KiB.
fn peak(root: u32, ended: &AtomicBool) -> Option<u64> {
    let mut most = None;
    let mut family = Vec::new();
    let mut samples = 0;
    while !ended.load(Ordering::Relaxed) {
        // Finding descendants reads all of /proc. On a slow machine, doing so for every sample would cost more than the
        // measured command.
        if samples % SAMPLES_A_SEARCH == 0 {
            family = tree(root);
        }
        samples += 1;
        let sum = family.iter().filter_map(|pid| status_kib(*pid, "VmRSS:")).sum::<u64>();
        most = most.max(Some(sum)).max(status_kib(root, "VmHWM:")).filter(|kib| *kib > 0);
        thread::sleep(SAMPLE);
    }
    most
}

fn tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        if let Some(parent) = parent_of(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = vec![root];
    let mut at = 0;
    while at < found.len() {
        found.extend(children.remove(&found[at]).unwrap_or_default());
        at += 1;
    }
    found
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn status_kib(pid: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}
