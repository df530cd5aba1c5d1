//! The common start of every command: settings, terminal, signals.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::environment::{ProcessEnvironment, now};
use super::options::{Choice, Global};
use super::signals;
use crate::aws::clients::Transport;
use crate::aws::network::is_loopback;
use crate::aws::profile::{self, AskForCode};
use crate::execute::Stop;
use crate::failure::Failure;
use crate::local;
use crate::package;
use crate::pipeline::{self, AwsSettings, LoadedStack, LockSettings, Machine, Ready, Request, Settings};
use crate::plan::{Goal, Selection};
use crate::report::progress::Preparation;
use crate::report::terminal::{Terminal, Wishes};
use crate::spec::finding::Findings;
use crate::spec::secrets::Secrets;
use crate::spec::source::SourceText;
use crate::spec::variables::{self, Inputs};
use crate::state::Holder;

/// A custom endpoint for AWS, and the fixed keys (id, secret) for it.
type Endpoint = (Option<String>, Option<(String, String)>);

/// Shows findings beside their lines on GitHub, if GitHub Actions runs this.
pub(super) fn annotate(
    environment: &ProcessEnvironment,
    terminal: &Terminal,
    file: &Path,
    findings: &Findings,
    secrets: Option<&Secrets>,
) {
    if let Some(step) = environment.github_step() {
        terminal.command(&step.annotations(findings, file, secrets));
    }
}

/// Returns the terminal as the options and the environment want it.
pub(super) fn terminal(environment: &ProcessEnvironment, global: &Global) -> Terminal {
    Terminal::new(&Wishes {
        no_color: global.no_color,
        json: global.json,
        quiet: global.quiet,
        verbose: global.verbose,
        ..environment.wishes()
    })
}

/// One invocation of the program.
pub(super) struct Run {
    pub global: Global,
    pub environment: ProcessEnvironment,
    pub terminal: Terminal,
    pub stop: Stop,
}

impl Run {
    /// Changes to the requested directory and starts to listen for signals.
    pub(super) fn new(global: Global, environment: ProcessEnvironment) -> Result<Self, Failure> {
        if let Some(directory) = &global.directory {
            std::env::set_current_dir(directory).map_err(|error| {
                let message = format!("cannot change to {}: {error}", directory.display());
                Failure::plain("run::directory", message, "name an existing directory with `-C DIR`")
            })?;
        }
        let terminal = terminal(&environment, &global);
        Ok(Self { global, environment, terminal, stop: signals::listen(terminal) })
    }

    /// Returns the directory of the stack's file.
    pub(super) fn root(&self) -> PathBuf {
        pipeline::root(&self.global.file)
    }

    /// Combines the command line and the environment into settings for the pipeline.
    pub(super) fn settings(&self, choice: &Choice, operation: &str) -> Result<Settings, Failure> {
        let offline = self.settings_of(choice, operation)?;
        let (endpoint_url, credentials) = self.endpoint()?;
        let transport = Transport { bedrock_url: self.bedrock_url(), ..offline.aws.transport };
        Ok(Settings { aws: AwsSettings { endpoint_url, credentials, transport, ..offline.aws }, ..offline })
    }

    /// Returns settings for commands that need no AWS.
    pub(super) fn settings_offline(&self, choice: &Choice) -> Result<Settings, Failure> {
        self.settings_of(choice, "validate")
    }

    /// Like [`Self::settings`], for commands that compute no desired value: variables need no values.
    pub(super) fn settings_to_operate(&self, choice: &Choice, operation: &str) -> Result<Settings, Failure> {
        let mut settings = self.settings(choice, operation)?;
        settings.inputs.accept_missing = true;
        Ok(settings)
    }

    fn settings_of(&self, choice: &Choice, operation: &str) -> Result<Settings, Failure> {
        let Global { file, local, parallelism, lock_timeout, lease, .. } = &self.global;
        let transport = Transport { ask_for_code: self.ask_for_code(), ..Transport::default() };
        Ok(Settings {
            inputs: self.inputs()?,
            aws: AwsSettings {
                transport,
                local: *local,
                parallelism: usize::from(*parallelism),
                ..AwsSettings::default()
            },
            lock: LockSettings { timeout: *lock_timeout, terms: *lease, holder: self.holder(operation) },
            machine: Machine {
                build: package::BuildEnvironment::of_process(),
                own_directory: self.environment.own_directory(),
                in_ci: operation == "ci" || self.environment.is_ci_system(),
            },
            selection: Selection {
                target: choice.target.clone(),
                exclude: choice.exclude.clone(),
                replace: choice.replace.clone(),
                adopt: choice.adopt.clone(),
                prune: choice.prune,
            },
            create_state_bucket: choice.create_state_bucket,
            ..Settings::of(file.clone(), now)
        })
    }

    fn holder(&self, operation: &str) -> Holder {
        Holder {
            who: self.environment.who(),
            host: self.environment.host(),
            operation: operation.to_owned(),
            run_url: self.environment.run_url(),
        }
    }

    /// Returns a prompt for the code of an MFA device, if a person can answer.
    fn ask_for_code(&self) -> Option<AskForCode> {
        let terminal = self.terminal;
        let ask = move |device: &str| -> profile::CodeInput {
            let question = format!("MFA code of {device}:");
            Box::pin(async move { terminal.ask(&question).await })
        };
        (terminal.interactive && !terminal.json).then(|| AskForCode(Arc::new(ask)))
    }

    /// Makes a plan that is only shown.
    pub(super) async fn plan(&self, loaded: LoadedStack, settings: &Settings, goal: &Goal) -> Result<Ready, Failure> {
        self.prepare(loaded, settings, goal, false).await
    }

    /// Makes a plan under the state's lock, so that it can be carried out.
    pub(super) async fn plan_to_write(
        &self,
        loaded: LoadedStack,
        settings: &Settings,
        goal: &Goal,
    ) -> Result<Ready, Failure> {
        self.prepare(loaded, settings, goal, true).await
    }

    async fn prepare(
        &self,
        loaded: LoadedStack,
        settings: &Settings,
        goal: &Goal,
        hold: bool,
    ) -> Result<Ready, Failure> {
        let progress = Preparation::new(self.terminal);
        let request = Request { settings, goal, hold, progress: &progress, stop: &self.stop };
        Box::pin(pipeline::prepare(loaded, &request)).await
    }

    /// Collects the sources of the variables' values.
    pub(super) fn inputs(&self) -> Result<Inputs, Failure> {
        if let Some(name) = self.environment.unreadable(variables::ENVIRONMENT, "DEPLOYER_VAR_FILE") {
            let message = format!("the value of {name} in the environment is no UTF-8 text");
            let help = format!("set it again, or unset it: `unset {name}`");
            return Err(Failure::plain("stack::variable", message, help));
        }
        let mut var_files = Vec::new();
        for file in &self.global.var_file {
            let bytes = std::fs::read(file).map_err(|error| {
                let message = format!("cannot read {}: {error}", file.display());
                Failure::plain("stack::var-file", message, "name an existing YAML or JSON file with `--var-file`")
            })?;
            var_files.push(SourceText::new(file, bytes));
        }
        let preview = self.global.preview.clone().filter(|name| !name.is_empty());
        let (vars, env) = (self.global.var.clone(), self.environment.all().clone());
        Ok(Inputs { vars, var_files, env, preview, ..Inputs::default() })
    }

    /// Returns the local cloud's address and keys, or the requested endpoint.
    fn endpoint(&self) -> Result<Endpoint, Failure> {
        if self.global.local {
            let cloud = local::current(&self.root()).map_err(|error| {
                Failure::plain("local::not-running", error.to_string(), "start it: `deployer local start`")
            })?;
            let keys = cloud.keys();
            return Ok((Some(cloud.endpoint_url()), Some((keys.access_key_id, keys.secret_access_key))));
        }
        let asked = self.global.endpoint_url.as_deref().or_else(|| self.environment.get("AWS_ENDPOINT_URL"));
        if let Some(url) = asked.filter(|url| !is_address(url)) {
            return Err(Failure::plain(
                "run::endpoint-url",
                format!("{url:?} is not the address of an AWS endpoint"),
                "write `--endpoint-url http://HOST:PORT`, or unset AWS_ENDPOINT_URL",
            ));
        }
        if let Some(url) = asked.filter(|url| url.starts_with("http://") && !is_loopback(url)) {
            self.terminal.warn_unencrypted(url);
        }
        Ok((asked.map(str::to_owned), None))
    }

    /// Returns Bedrock's endpoint if it differs from the other services': the local cloud's stand-in, or
    /// AWS_ENDPOINT_URL_BEDROCK beside AWS_ENDPOINT_URL. Without a common endpoint, the SDK finds Bedrock's itself.
    fn bedrock_url(&self) -> Option<String> {
        if self.global.local {
            return local::current(&self.root()).ok().map(|cloud| cloud.bedrock_endpoint_url());
        }
        let for_all = self.environment.get("AWS_ENDPOINT_URL");
        if self.global.endpoint_url.is_some() || for_all.is_none() {
            return None;
        }
        self.environment.get("AWS_ENDPOINT_URL_BEDROCK").map(str::to_owned)
    }

    /// Reads and checks `stack.yaml`, and prints its warnings.
    pub(super) fn load(&self, settings: &Settings) -> Result<LoadedStack, Failure> {
        self.report_loaded(pipeline::load(settings)?)
    }

    /// Like [`Self::load`], with the resources that need variables without values as the state has them.
    pub(super) async fn recall(&self, settings: &Settings) -> Result<LoadedStack, Failure> {
        let loaded = self.load(settings)?;
        pipeline::recall(loaded, settings, &Preparation::new(self.terminal), &self.stop).await
    }

    /// Like [`Self::recall`], without the warnings.
    pub(super) async fn recall_quietly(&self, settings: &Settings) -> Result<LoadedStack, Failure> {
        let loaded = pipeline::load(settings)?;
        pipeline::recall(loaded, settings, &Preparation::new(self.terminal), &self.stop).await
    }

    /// Like [`Self::load`], and asks cargo for the functions' packages.
    pub(super) fn validate(&self, settings: &Settings) -> Result<LoadedStack, Failure> {
        self.report_loaded(pipeline::validate(settings)?)
    }

    /// Prints the warnings of a stack.
    pub(super) fn report_loaded(&self, loaded: LoadedStack) -> Result<LoadedStack, Failure> {
        self.terminal.warnings(&loaded.warnings, loaded.document.source());
        self.annotate(&loaded.warnings, Some(loaded.document.secrets()));
        Ok(loaded)
    }

    /// Shows findings beside their lines on GitHub, if GitHub Actions runs this.
    pub(super) fn annotate(&self, findings: &Findings, secrets: Option<&Secrets>) {
        annotate(&self.environment, &self.terminal, &self.global.file, findings, secrets);
    }
}

/// Tells whether a text is an `http://` or `https://` URL with a host.
fn is_address(url: &str) -> bool {
    let Ok(uri) = url.parse::<hyper::Uri>() else { return false };
    matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
}
