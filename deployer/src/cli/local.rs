//! `deployer local`

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand};
use tokio::net::TcpListener;

use super::examples::Examples;
use super::options::Choice;
use super::run::Run;
use super::{Exit, OK};
use crate::failure::Failure;
use crate::local::{self, LocalError, RuleOptions, StartOptions, Subscriptions};
use crate::pipeline::{self, LoadedStack};
use crate::report::local as form;
use crate::spec::head::StateLocation;
use crate::strict::serve::Gateway;
use crate::strict::{self, Emulator, Strict, Switches};

/// Start, stop or show the local cloud
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Local {
    #[command(subcommand)]
    command: LocalCommand,
}

/// Whether IAM permissions are enforced. Without an option, a new cloud enforces them.
#[derive(Debug, Args)]
struct Permissions {
    /// Refuse what IAM does not allow: the default.
    #[arg(long, hide = true, value_parser = FalseyValueParser::new())]
    check_permissions: bool,
    /// Let functions and users do everything.
    #[arg(long, conflicts_with = "check_permissions", value_parser = FalseyValueParser::new())]
    no_check_permissions: bool,
}

impl Permissions {
    fn check(&self) -> Option<bool> {
        match (self.check_permissions, self.no_check_permissions) {
            (false, false) => None,
            (check, _) => Some(check),
        }
    }
}

/// How strict the local cloud is. Without an option, a new cloud has all rules, and short delays.
#[derive(Debug, Args)]
struct Rules {
    /// Switch this rule of AWS off (repeatable); `deployer local status` lists the rules.
    #[arg(long, value_name = "RULE")]
    without: Vec<String>,
    /// Switch a rule on that is off by default (repeatable); some have a value: `lost-answers=0.1`.
    #[arg(long, value_name = "RULE")]
    with: Vec<String>,
    /// Let AWS's delays be as long as on AWS; they are fifty times shorter otherwise.
    #[arg(long, value_parser = FalseyValueParser::new())]
    as_slow_as_aws: bool,
}

impl Rules {
    /// Returns the options. None if the user gave none.
    fn chosen(&self) -> Result<Option<RuleOptions>, Failure> {
        let rules = all_rules();
        if let Some(unknown) = self.without.iter().find(|name| rules.iter().all(|rule| rule.name != **name)) {
            let help = "list the rules: `deployer local status`";
            return Err(Failure::plain("local::no-rule", format!("there is no rule `{unknown}`"), help));
        }
        self.with.iter().try_for_each(|rule| optional_rule(rule).map(drop))?;
        let (off, on) = (self.without.clone(), self.with.clone());
        let options = RuleOptions { off, on, as_slow_as_aws: self.as_slow_as_aws };
        Ok((options != RuleOptions::default()).then_some(options))
    }

    fn switches(&self) -> Result<Switches, Failure> {
        let pace = if self.as_slow_as_aws { Switches::as_slow_as_aws() } else { Switches::default() };
        let switches = pace.without(self.without.iter().map(String::as_str));
        self.with.iter().try_fold(switches, |switches, rule| {
            let (name, value) = optional_rule(rule)?;
            Ok(switches.with(name, value))
        })
    }
}

/// Reads `RULE` or `RULE=VALUE`. Returns the rule with its value, which is 1 for a rule without one.
fn optional_rule(text: &str) -> Result<(&'static str, f64), Failure> {
    let (name, stated) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
    let wrong = |message: String, help: &str| Failure::plain("local::no-rule", message, help);
    let Some((about, off)) = strict::optional_rules().into_iter().find(|(about, _)| about.name == name) else {
        let message = match all_rules().iter().any(|rule| rule.name == name) {
            true => format!("the rule `{name}` is on by default"),
            false => format!("there is no rule `{name}`"),
        };
        return Err(wrong(message, "list the rules: `deployer local status`"));
    };
    let value = match (stated.map(str::parse::<f64>), off.value) {
        (None, default) => default.unwrap_or(1.0),
        (Some(Ok(value)), Some(_)) if value.is_finite() && value > 0.0 => value,
        (Some(_), Some(default)) => {
            let help = format!("for example `--with {name}={default}`");
            return Err(wrong(format!("the value of the rule `{name}` is a number above 0"), &help));
        }
        (Some(_), None) => {
            return Err(wrong(format!("the rule `{name}` has no value"), &format!("write `--with {name}`")));
        }
    };
    Ok((about.name, value))
}

#[derive(Debug, Args)]
struct ServedPorts {
    /// The gateway's port.
    #[arg(long)]
    port: u16,
    #[arg(long)]
    emulator_port: u16,
    #[arg(long)]
    bedrock_port: u16,
}

/// The local cloud's verbs.
#[derive(Debug, Subcommand)]
enum LocalCommand {
    /// Start the local cloud, with the buckets that the stack expects to find
    #[command(add = START)]
    Start {
        /// Create this bucket, too (repeatable).
        #[arg(long, value_name = "NAME")]
        bucket: Vec<String>,
        #[command(flatten)]
        permissions: Permissions,
        #[command(flatten)]
        rules: Rules,
        /// Let the picture models that Bedrock has retired answer.
        #[arg(long, value_parser = FalseyValueParser::new())]
        allow_retired_models: bool,
    },
    /// Stop the local cloud; its data stays
    #[command(add = STOP)]
    Stop,
    /// Show whether the local cloud runs, and where
    #[command(add = STATUS)]
    Status,
    /// Confirm e-mail subscriptions as their recipient does by a click; list those that wait
    #[command(add = CONFIRM)]
    Confirm {
        /// The address whose subscriptions to confirm; without it, list the waiting ones.
        address: Option<String>,
    },
    /// Serve the gateway, and the stand-in for Bedrock's picture models
    #[command(hide = true)]
    Serve {
        #[command(flatten)]
        ports: ServedPorts,
        #[command(flatten)]
        rules: Rules,
        #[arg(long, value_parser = FalseyValueParser::new())]
        allow_retired: bool,
        /// The secret that requests are signed with
        #[arg(long, env = local::SECRET_VARIABLE, hide_env_values = true)]
        secret: String,
    },
}

const EXAMPLES: Examples = Examples(&[
    ("deployer local start", "start the local cloud"),
    ("deployer --local apply --auto-approve", "deploy to it"),
    ("deployer local stop", "stop it; its data stays"),
]);
const START: Examples = Examples(&[
    ("deployer local start", "with the buckets that stack.yaml expects to find"),
    ("deployer local start --no-check-permissions", "functions may do more than their roles allow"),
    ("deployer local start --with lost-answers=0.1", "a tenth of the answers is lost, after the call took effect"),
    ("deployer local start --as-slow-as-aws", "a deleted queue's name is taken for 60 s, as on AWS"),
]);
const STOP: Examples = Examples(&[("deployer local stop", "its data stays in .deployer/local")]);
const STATUS: Examples = Examples(&[
    ("deployer local status", "whether it runs, where, and the rules of AWS that it holds"),
    ("deployer local status --json", "the same for programs, with the keys"),
]);
const CONFIRM: Examples = Examples(&[
    ("deployer local confirm", "list the e-mail subscriptions that wait"),
    ("deployer local confirm you@example.com", "alarms reach this address from now on"),
]);

impl Local {
    pub(super) async fn run(self, run: &Run) -> Exit {
        match self.command {
            LocalCommand::Start { bucket, permissions, rules, allow_retired_models } => {
                let (check_permissions, rules) = (permissions.check(), rules.chosen()?);
                start(run, bucket, |options| StartOptions { check_permissions, rules, allow_retired_models, ..options })
                    .await
            }
            LocalCommand::Stop => {
                let stopped = local::stop(&run.root()).await.map_err(failure)?;
                form::print_stop(&run.terminal, stopped);
                Ok(OK)
            }
            LocalCommand::Status => status(run),
            LocalCommand::Confirm { address } => confirm(run, address).await,
            LocalCommand::Serve { ports, rules, allow_retired, secret } => {
                let served = serve(ports, &rules, local::bedrock::Settings { allow_retired, secret });
                let mut stop = run.stop.clone();
                tokio::select! {
                    ended = served => ended,
                    _ = stop.wait_for(|signals| *signals > 0) => Ok(OK),
                }
            }
        }
    }
}

async fn start(run: &Run, buckets: Vec<String>, chosen: impl FnOnce(StartOptions) -> StartOptions) -> Exit {
    let mut options = chosen(StartOptions {
        root: run.root(),
        deployer: std::env::current_exe().map_err(|error| {
            Failure::plain(
                "local::no-executable",
                format!("cannot find this program's own file: {error}"),
                "run it again",
            )
        })?,
        region: "us-east-1".to_owned(),
        check_permissions: None,
        rules: None,
        allow_retired_models: false,
        buckets,
        venv: None,
    });
    if run.global.file.exists() {
        let mut offline = run.settings_offline(&Choice::default())?;
        // The region and the names of buckets are all that is needed.
        offline.inputs.accept_missing = true;
        for settings in pipeline::in_each_environment(&offline)? {
            let loaded = pipeline::load(&settings)?;
            options.region = loaded.document.region().to_owned();
            options.buckets.extend(expected_buckets(&loaded));
        }
    }
    let cloud = local::start(&options, &|line| run.terminal.say(line)).await.map_err(failure)?;
    form::print_start(&run.terminal, &cloud, &options.buckets);
    Ok(OK)
}

/// Lists the buckets that the stack expects to exist: the state's and external ones.
fn expected_buckets(loaded: &LoadedStack) -> Vec<String> {
    let state = match loaded.document.state() {
        Some(StateLocation::S3(s3)) => Some(s3.bucket.clone()),
        _ => None,
    };
    let external = loaded.graph.nodes().filter(|node| node.external && node.kind.about().calls.provided_locally);
    let external = external.filter_map(|node| node.kind.identify(&node.spec).into());
    state.into_iter().chain(external).collect()
}

fn status(run: &Run) -> Exit {
    let status = local::status(&run.root()).map_err(failure)?;
    form::print_status(&run.terminal, &status, &all_rules(), &strict::optional_rules());
    Ok(OK)
}

async fn confirm(run: &Run, address: Option<String>) -> Exit {
    let cloud = local::current(&run.root()).map_err(failure)?;
    // The stack's region may have changed since the start. A stack.yaml with errors changes nothing about subscriptions.
    let loaded = run.settings_offline(&Choice::default()).ok().and_then(|settings| pipeline::load(&settings).ok());
    let region = loaded.map_or_else(|| cloud.region().to_owned(), |loaded| loaded.document.region().to_owned());
    let subscriptions = Subscriptions::of(&cloud, &region);
    let mut waiting = subscriptions.pending().await.map_err(failure)?;
    let Some(address) = address else {
        form::print_pending(&run.terminal, &waiting);
        return Ok(OK);
    };
    waiting.retain(|pending| pending.address == address);
    if waiting.is_empty() {
        let message = format!("no e-mail subscription of {address:?} waits for its confirmation");
        let help = "list the waiting ones: `deployer local confirm`";
        return Err(Failure::plain("local::not-pending", message, help));
    }
    for pending in &waiting {
        subscriptions.confirm(pending).await.map_err(failure)?;
    }
    form::print_confirmed(&run.terminal, &waiting);
    Ok(OK)
}

/// Names the command that confirms e-mail subscriptions, if some of this region wait in the local cloud.
pub(super) async fn tell_waiting(run: &Run, region: &str) {
    if !run.global.local {
        return;
    }
    // The hint is worth no failure of a command that has done its work.
    let Ok(cloud) = local::current(&run.root()) else { return };
    if let Ok(waiting) = Subscriptions::of(&cloud, region).pending().await {
        form::print_waiting(&run.terminal, &waiting);
    }
}

/// Lists the rules of the gateway and of the emulator.
fn all_rules() -> Vec<strict::About> {
    strict::rules().into_iter().chain(local::rules()).collect()
}

async fn serve(ports: ServedPorts, rules: &Rules, settings: local::bedrock::Settings) -> Exit {
    let began = Instant::now();
    let endpoint = format!("http://{}:{}", Ipv4Addr::LOCALHOST, ports.emulator_port);
    let emulator = Emulator::new(endpoint, settings.secret.clone(), None);
    let strict = Strict::new(rules.switches()?, Arc::new(move || began.elapsed()), emulator);
    let gateway = Gateway { strict, emulator_port: ports.emulator_port, guarded_by: Some(settings.secret.clone()) };
    let (gateway_listener, bedrock_listener) = (listen(ports.port).await?, listen(ports.bedrock_port).await?);
    let (port, error) = tokio::select! {
        served = strict::serve::serve(gateway_listener, gateway) => match served {
            Ok(never) => match never {},
            Err(error) => (ports.port, error),
        },
        served = local::bedrock::serve(bedrock_listener, settings) => match served {
            Ok(never) => match never {},
            Err(error) => (ports.bedrock_port, error),
        },
    };
    Err(broken(port, &error))
}

async fn listen(port: u16) -> Result<TcpListener, Failure> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| broken(port, &error))
}

fn broken(port: u16, error: &std::io::Error) -> Failure {
    let help = "run `deployer local stop`, then `deployer local start`";
    Failure::plain("local::serve", format!("port {port}: {error}"), help)
}

fn failure(error: LocalError) -> Failure {
    Failure::plain("local::failed", error.to_string(), error.help())
}
