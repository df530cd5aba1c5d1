//! The emulator that all tools are measured against, and checks of its resources after each operation.

use std::env;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{Answer, Client, Request, json_rpc, query, rest};
use crate::proxy::Proxy;
use crate::{REGION, STATE_BUCKET, UPLOAD_BUCKET};
use xtask::cargo;

const REQUIREMENTS: &str = include_str!("../../deployer/src/local/requirements.txt");
const READY_DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
/// The emulator makes a function Active half a second after it was created or changed, even if another function has its
/// name by then.
const SETTLES: Duration = Duration::from_millis(600);

/// The emulator with the proxy before it; dropping this value stops the emulator.
pub struct Cloud {
    pub proxy: Proxy,
    /// HOST:PORT of the emulator itself.
    pub address: String,
    child: Child,
}

impl Cloud {
    /// Starts both in `directory`; `deployer` installs the emulator if it is missing.
    pub fn start(directory: &Path, deployer: &Path) -> Result<Self, String> {
        let python = python(directory, deployer)?;
        let failed = |error: std::io::Error| format!("cannot start the emulator: {error}");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(failed)?.port();
        let address = format!("127.0.0.1:{port}");
        let proxy = Proxy::start(&address).map_err(failed)?;
        let log_path = directory.join("emulator.log");
        let log = File::create(&log_path).map_err(failed)?;
        let child = Command::new(python)
            .arg(cargo::root().join("benchmark/python/emulator.py"))
            .current_dir(directory)
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", directory)
            .env("TMPDIR", directory)
            .env("LANG", "C.UTF-8")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_HOST", "127.0.0.1")
            .env("MINISTACK_REGION", REGION)
            .env("GATEWAY_PORT", port.to_string())
            .env("AWS_ENDPOINT_URL", format!("http://{address}"))
            .env("BENCH_PROXY_PORT", proxy.port.to_string())
            .env("LOG_LEVEL", "ERROR")
            .env("LAMBDA_EXECUTOR", "local")
            .env("DOCKER_HOST", format!("unix://{}", directory.join("no-docker.sock").display()))
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .spawn()
            .map_err(failed)?;
        let mut cloud = Self { proxy, address, child };
        cloud.await_ready(&log_path)?;
        Ok(cloud)
    }

    fn await_ready(&mut self, log: &Path) -> Result<(), String> {
        let start = Instant::now();
        let health = Request { method: "GET", path: "/_ministack/health".to_owned(), ..Request::default() };
        while !Client::new(&self.address, REGION).send(&health).is_ok_and(|answer| answer.status == 200) {
            let ended = self.child.try_wait().is_ok_and(|status| status.is_some());
            if ended || start.elapsed() > READY_DEADLINE {
                let said = fs::read_to_string(log).unwrap_or_default();
                return Err(format!("the emulator does not answer; it said:\n{said}"));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the emulator has finished what an earlier tool started, empties the account, and recreates the
    /// buckets for tools' states and uploads.
    pub fn reset(&self) -> Result<(), String> {
        thread::sleep(SETTLES);
        self.ask(&Request { method: "POST", path: "/_ministack/reset".to_owned(), ..Request::default() })?;
        for bucket in [STATE_BUCKET, UPLOAD_BUCKET] {
            let place = format!("<LocationConstraint>{REGION}</LocationConstraint>");
            let body = format!("<CreateBucketConfiguration>{place}</CreateBucketConfiguration>").into_bytes();
            self.ask(&Request {
                method: "PUT",
                path: format!("/{bucket}"),
                service: "s3",
                body,
                ..Request::default()
            })?;
        }
        Ok(())
    }

    /// Sends a request directly to the emulator, uncounted.
    pub fn ask(&self, request: &Request) -> Result<Answer, String> {
        let what = format!("{} {} of {}", request.method, request.path, request.service);
        let answer = Client::new(&self.address, REGION).send(request).map_err(|error| format!("{what}: {error}"))?;
        if answer.status < 300 { Ok(answer) } else { Err(format!("{what}: {} {}", answer.status, answer.text())) }
    }

    /// Fails if the function has a different memory.
    pub fn check_memory(&self, name: &str, memory_mib: u64) -> Result<(), String> {
        let functions = self.functions()?;
        let found = functions.iter().find(|function| function.name == name).map(|function| function.memory_mib);
        if found == Some(memory_mib) {
            return Ok(());
        }
        Err(format!("{name} has {found:?} MB of memory, not {memory_mib}"))
    }

    /// Fails if there are more or fewer resources.
    pub fn check_counts(&self, wanted: Counts) -> Result<(), String> {
        let found = self.counts()?;
        if found == wanted { Ok(()) } else { Err(format!("there are {found:?} where {wanted:?} should be")) }
    }

    /// Fails if a function is not Active.
    pub fn check_active(&self) -> Result<(), String> {
        match self.functions()?.iter().find(|function| function.state != "Active") {
            Some(function) => Err(format!("{} is {} when it is done", function.name, function.state)),
            None => Ok(()),
        }
    }

    fn functions(&self) -> Result<Vec<Function>, String> {
        let pages = self.pages("/2015-03-31/functions/?MaxItems=1000", "Functions")?;
        let read = |item: &Value| {
            let text = |member: &str| item[member].as_str().map(str::to_owned);
            let (name, state) = (text("FunctionName")?, text("State")?);
            Some(Function { name, memory_mib: item["MemorySize"].as_u64()?, state })
        };
        Ok(pages.iter().filter_map(read).collect())
    }

    fn counts(&self) -> Result<Counts, String> {
        let count = |request: Request, mark: &str| Ok::<_, String>(self.ask(&request)?.text().matches(mark).count());
        let queues = json_rpc("sqs", "AmazonSQS.ListQueues", &json!({"MaxResults": 1000}));
        let apis = self.ask(&rest("apigateway", "GET", "/restapis?limit=500", &Value::Null))?;
        let apis: Value = serde_json::from_slice(&apis.body).map_err(|error| format!("GetRestApis: {error}"))?;
        let sns = "2010-03-31";
        Ok(Counts {
            functions: self.functions()?.len(),
            mappings: self.pages("/2015-03-31/event-source-mappings/?MaxItems=1000", "EventSourceMappings")?.len(),
            queues: count(queues, "http://")?,
            roles: count(query("iam", "ListRoles", "2010-05-08", &[("MaxItems", "1000")]), "<RoleName>")?,
            alarms: self.alarms()?,
            topics: count(query("sns", "ListTopics", sns, &[]), "<TopicArn>")?,
            subscriptions: count(query("sns", "ListSubscriptions", sns, &[]), "<SubscriptionArn>")?,
            apis: apis["item"].as_array().or(apis["items"].as_array()).map_or(0, Vec::len),
        })
    }

    fn alarms(&self) -> Result<usize, String> {
        let mut count = 0;
        let mut token = String::new();
        loop {
            let mut parameters = vec![("MaxRecords", "100")];
            if !token.is_empty() {
                parameters.push(("NextToken", &token));
            }
            let page = self.ask(&query("monitoring", "DescribeAlarms", "2010-08-01", &parameters))?.text();
            count += page.matches("<AlarmName>").count();
            let next = page.split_once("<NextToken>").and_then(|(_, rest)| rest.split_once('<'));
            match next {
                Some((next, _)) => token = next.to_owned(),
                None => return Ok(count),
            }
        }
    }

    /// Returns all items of a list of Lambda's.
    fn pages(&self, path: &str, member: &str) -> Result<Vec<Value>, String> {
        let mut items = Vec::new();
        let mut marker = String::new();
        loop {
            let page = self.ask(&rest("lambda", "GET", &format!("{path}{marker}"), &Value::Null))?;
            let mut page: Value = serde_json::from_slice(&page.body).map_err(|error| format!("{path}: {error}"))?;
            items.extend(page[member].as_array_mut().map(std::mem::take).unwrap_or_default());
            match page["NextMarker"].as_str() {
                Some(next) if !next.is_empty() => marker = format!("&Marker={next}"),
                _ => return Ok(items),
            }
        }
    }
}

/// A function as listed by the emulator.
struct Function {
    name: String,
    memory_mib: u64,
    state: String,
}

/// Number of resources of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub functions: usize,
    pub mappings: usize,
    pub queues: usize,
    pub roles: usize,
    pub alarms: usize,
    pub topics: usize,
    pub subscriptions: usize,
    pub apis: usize,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        // The emulator may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the Python for which `deployer local` installed the emulator; installs it first if it is missing.
fn python(directory: &Path, deployer: &Path) -> Result<PathBuf, String> {
    if let Some(python) = installed() {
        return Ok(python);
    }
    eprintln!("installing the emulator by `deployer local start`");
    let stack = "stack: bench\nregion: eu-west-1\n";
    fs::write(directory.join("stack.yaml"), stack).map_err(|error| format!("cannot write a stack: {error}"))?;
    for verb in ["start", "stop"] {
        let status = Command::new(deployer).args(["local", verb]).current_dir(directory).status();
        if !status.is_ok_and(|status| status.success()) {
            return Err(format!("`deployer local {verb}` failed"));
        }
    }
    installed().ok_or_else(|| "the emulator is not where `deployer local start` puts it".to_owned())
}

/// Returns the Python in the user's cache whose packages match the requirements of this checkout.
fn installed() -> Option<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = cache.or_else(|| env::home_dir().map(|home| home.join(".cache")))?.join("deployer");
    let environments = fs::read_dir(cache).ok()?.flatten().map(|entry| entry.path());
    let complete = |path: &PathBuf| fs::read_to_string(path.join(".complete")).is_ok_and(|text| text == REQUIREMENTS);
    environments.filter(complete).map(|path| path.join("bin/python")).find(|python| python.exists())
}
