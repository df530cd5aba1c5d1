//! The reasons why a run ended early: findings with a stable code, a place in `stack.yaml` if there is one, and the
//! next step.

mod advice;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use crate::aws::AwsError;
use crate::execute::ExecutionOutcome;
use crate::observe::{FailedRead, ObserveError};
use crate::package::{self, PackageError};
use crate::plan::PlanError;
use crate::spec::RefusedCall;
use crate::spec::document::Document;
use crate::spec::finding::{At, DocPath, Finding, Findings, Severity};
use crate::spec::nearest::quoted;
use crate::spec::secrets::Secrets;
use crate::spec::source::SourceText;
use crate::spec::variables::how_to_give;
use crate::state::StateError;

/// Explains in a plan why a resource counts as absent although nobody looked.
pub(crate) fn unread(error: &AwsError) -> String {
    let lacking = advice::lacking(error);
    format!("counts as to be created: the state does not know it, and the credentials may not look for it ({lacking})")
}

/// Part of the path where `aws login` caches credentials.
const LOGIN_CACHE: &str = "/login/cache/";

/// A whole stack for somebody who has none yet, and where to go on.
const FIRST_STACK: &str = "\
stack: hello
region: eu-west-1
queues:
  jobs: { visibility_timeout: 3m, redrive: { max_receive_count: 3 } }
outputs: { jobs: \"${queues.jobs.url}\" }
Save it as stack.yaml, then: `deployer validate`, `deployer local start`, `deployer apply --local`
Functions and more: https://github.com/couch-explorers/deployer#your-own-stack";

const NO_CREDENTIALS: &str = "aws::no-credentials";
const WRONG_ACCOUNT: &str = "aws::wrong-account";

/// One or more findings, and the text that they point into.
#[derive(Debug)]
pub struct Failure {
    pub findings: Findings,
    pub source: Option<SourceText>,
}

impl Failure {
    /// Wraps findings unchanged.
    pub fn of(findings: Findings, document: Option<&Document>) -> Self {
        Self { findings, source: document.map(|d| d.source().clone()) }
    }

    /// Wraps a single reason without a place.
    pub fn plain(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        let help = help.into();
        Self { findings: Findings(vec![finding(code, DocPath::default(), message.into(), help)]), source: None }
    }

    /// Reports that a signal ended the run before it changed anything.
    pub fn interrupted() -> Self {
        Self::plain("run::interrupted", "interrupted; nothing was changed", "run the same command again")
    }

    /// Tells whether a finding says that there are no credentials.
    pub fn is_without_credentials(&self) -> bool {
        self.findings.0.iter().any(|finding| finding.code == NO_CREDENTIALS)
    }

    /// Tells whether a finding says that the credentials are for another account than the stack's.
    pub fn is_wrong_account(&self) -> bool {
        self.findings.0.iter().any(|finding| finding.code == WRONG_ACCOUNT)
    }

    /// Masks secrets in messages of stages that do not know the secrets.
    #[must_use]
    pub fn masked(mut self, secrets: &Secrets) -> Self {
        for finding in &mut self.findings.0 {
            finding.message = secrets.mask(&finding.message).into_owned();
            finding.help = finding.help.take().map(|help| secrets.mask(&help).into_owned());
        }
        self
    }

    /// Adds the profile that the credentials were looked up in.
    #[must_use]
    pub fn of_profile(mut self, profile: Option<&str>) -> Self {
        let codes = [NO_CREDENTIALS, "aws::bad-credentials", "aws::expired-credentials", "state::credentials"];
        for finding in self.findings.0.iter_mut().filter(|finding| codes.contains(&finding.code)) {
            if let Some(profile) = profile {
                finding.message = format!("{} (AWS_PROFILE is `{profile}`)", finding.message);
                let tried = finding.help.as_deref().and_then(|help| help.find('\n').map(|at| help[at..].to_owned()));
                let tried = tried.unwrap_or_default();
                if finding.code == NO_CREDENTIALS && tried.contains(LOGIN_CACHE) {
                    finding.help = Some(format!("sign in first: `aws login --profile {profile}`{tried}"));
                } else if finding.code == NO_CREDENTIALS {
                    finding.help = Some(format!(
                        "check that the profile `{profile}` exists and has credentials (`aws configure list-profiles`), or unset AWS_PROFILE{tried}"
                    ));
                }
            }
        }
        self
    }

    pub fn is_interrupted(&self) -> bool {
        self.findings.0.iter().any(|finding| finding.code == "run::interrupted")
    }

    /// Reports that variables without a value leave open what an element is, and that no record tells it.
    pub fn lacking(element: &str, variables: &BTreeSet<String>, document: &Document) -> Self {
        let named = quoted(variables.iter().map(String::as_str));
        let message = format!("`{element}` needs {named}: not set, and there is no record of `{element}` to go by");
        let help = variables.first().map_or_else(String::new, |name| how_to_give(name));
        let mut findings = Findings(vec![finding("stack::missing-variable", document.locate(element), message, help)]);
        document.place(&mut findings);
        Self::of(findings, Some(document))
    }

    pub(crate) fn internal(message: &str) -> Self {
        Self::plain("deployer::internal", message, "this is a defect of the deployer: please report it")
    }

    pub(crate) fn invalid(findings: Findings, source: SourceText) -> Self {
        Self { findings, source: Some(source) }
    }

    pub(crate) fn unreadable(file: &Path, error: &std::io::Error) -> Self {
        let elsewhere = "name the file with `-f FILE`, or change to its directory with `-C DIR`";
        let (message, help) = match error.kind() {
            ErrorKind::NotFound => (
                format!("there is no {}", file.display()),
                format!("{elsewhere}. Or begin with this one:\n{FIRST_STACK}"),
            ),
            _ => (format!("cannot read {}: {error}", file.display()), elsewhere.to_owned()),
        };
        Self { source: Some(SourceText::new(file, "")), ..Self::plain("stack::unreadable", message, help) }
    }

    pub(crate) fn state(error: StateError) -> Self {
        Self::plain(error.code(), error.to_string(), error.help())
    }

    pub(crate) fn observe(error: ObserveError, document: &Document) -> Self {
        let reads = match error {
            ObserveError::Reads(reads) => reads,
            unknown @ ObserveError::UnknownKind { .. } => {
                return Self::plain(
                    "state::unknown-kind",
                    unknown.to_string(),
                    "use the version of the deployer that wrote it",
                );
            }
        };
        let mut findings = Findings::default();
        // Refused credentials fail every read: report them once.
        if let Some(first) = reads.iter().find(|read| read.error.is_credentials()) {
            findings.0.push(aws_finding(&first.error, "", document));
        } else {
            findings.0.extend(reads.iter().map(|read| read_finding(read, document)));
        }
        document.place(&mut findings);
        Self::of(findings, Some(document))
    }

    pub(crate) fn plan(error: PlanError, document: &Document) -> Self {
        let mut findings = Findings(
            error
                .0
                .into_iter()
                .map(|problem| {
                    let path =
                        if problem.element.is_empty() { DocPath::default() } else { document.locate(&problem.element) };
                    Finding { at: At::Key, ..finding(problem.code, path, problem.message, problem.help) }
                })
                .collect(),
        );
        document.place(&mut findings);
        Self::of(findings, Some(document))
    }

    pub(crate) fn package(errors: Vec<(String, PackageError)>, document: &Document) -> Self {
        let mut findings = of_code(errors, document);
        document.place(&mut findings);
        Self::of(findings, Some(document))
    }

    /// Reports a refusal by AWS at the element that the call was for.
    pub(crate) fn aws(error: &AwsError, element: &str, document: &Document) -> Self {
        let mut findings = Findings(vec![aws_finding(error, element, document)]);
        document.place(&mut findings);
        Self::of(findings, Some(document))
    }

    /// Describes a refusal to read stored values. `needs` are the permissions for it.
    pub(crate) fn of_stored(error: &AwsError, path: DocPath, needs: &str, document: &Document) -> Finding {
        let mut finding = Finding { path, at: At::Value, ..aws_finding(error, "", document) };
        // KMS refuses without naming action or key.
        if error.is_access_denied() && !error.message().contains("perform: ") {
            finding.help = Some(format!(
                "allow {needs}, for these credentials; `deployer iam plan` prints the exact policy for a plan"
            ));
        }
        finding
    }

    /// Reports the elements whose roles lack the permissions boundary that new roles must have.
    pub(crate) fn unbounded(elements: &[&str], arn: &str, document: &Document) -> Self {
        let help = format!("add `permissions_boundary: {arn}` to it");
        let problem = |element: &&str| {
            let message = format!("the role of `{element}` does not carry the boundary {arn}, so it could not be made");
            Finding { at: At::Key, ..finding("iam::no-boundary", document.locate(element), message, help.clone()) }
        };
        let mut findings = Findings(elements.iter().map(problem).collect());
        document.place(&mut findings);
        Self::of(findings, Some(document))
    }

    /// Reports that the state is in a directory that a CI job loses when it ends.
    pub(crate) fn gone_with_the_job(document: &Document) -> Self {
        let message =
            "the state is in a directory, and this is for a CI job: what the job writes there is gone with it";
        let help = "keep it in S3: `state: { bucket: NAME, key: STACK.json }` (`--create-state-bucket` makes the bucket); \
                    where the directory is kept, or losing it does no harm: `state: { path: DIR, in_ci: true }`";
        let mut findings =
            Findings(vec![finding("state::gone-with-the-job", DocPath::of(["state"]), message.into(), help.into())]);
        document.place(&mut findings);
        Self::of(findings, Some(document))
    }

    pub(crate) fn wrong_account(wanted: &str, found: &str, document: &Document) -> Self {
        let owner = match document.env() {
            Some(env) => format!("the environment `{env}`"),
            None => "the stack".to_owned(),
        };
        let message = format!("these credentials are for the account {found}, but {owner} belongs to {wanted}");
        let help = "choose the right profile with AWS_PROFILE, or correct `account:`";
        let mut findings = Findings(vec![finding(WRONG_ACCOUNT, DocPath::of(["account"]), message, help.into())]);
        document.place(&mut findings);
        Self::of(findings, Some(document))
    }
}

/// Reports warnings about packages at the functions that they concern, each text once.
pub(crate) fn package_warnings(
    warnings: impl IntoIterator<Item = (String, package::Warning)>,
    document: &Document,
) -> Findings {
    let mut findings = Findings::default();
    for (element, warning) in warnings {
        let one = finding(warning.code(), document.locate(&element), warning.to_string(), warning.help());
        if !findings.0.iter().any(|seen| seen.message == one.message) {
            findings.0.push(Finding { at: At::Key, severity: Severity::Warning, ..one });
        }
    }
    document.place(&mut findings);
    findings
}

/// Reports errors in code at the elements that the code belongs to.
pub(crate) fn of_code(errors: Vec<(String, PackageError)>, document: &Document) -> Findings {
    let mut findings = Findings::default();
    for (element, error) in errors {
        let path = document.locate(&element);
        let stated = error.properties().iter().map(|property| path.then(*property)).find(|path| document.states(path));
        let at = if stated.is_some() { At::Value } else { At::Key };
        let one = finding(error.code(), stated.unwrap_or(path), error.to_string(), error.help());
        // One failed cargo run is one finding, however many functions it was for.
        if !findings.0.iter().any(|seen| seen.message == one.message) {
            findings.0.push(Finding { at, ..one });
        }
    }
    findings
}

fn finding(code: &'static str, path: DocPath, message: String, help: String) -> Finding {
    let help = (!help.is_empty()).then_some(help);
    Finding { code, severity: Severity::Error, path, at: At::Value, span: None, message, help }
}

fn read_finding(read: &FailedRead, document: &Document) -> Finding {
    let mut one = aws_finding(&read.error, &read.element, document);
    one.message = format!("cannot read `{}` ({}): {}", read.address, read.kind, one.message);
    one
}

/// Reports each refusal by AWS at the element that it concerns, and a failure of the state.
pub fn refusals(outcome: &ExecutionOutcome, document: &Document) -> Findings {
    let findings = outcome.failed.iter().map(|failed| {
        let mut finding = refusal(&failed.error, &failed.address, document);
        finding.message = format!("`{}`: {}", failed.address, finding.message);
        finding
    });
    let mut findings = Findings(findings.collect());
    if let Some(error) = &outcome.state_error {
        findings.0.push(finding(error.code(), DocPath::of(["state"]), error.to_string(), error.help()));
    }
    document.place(&mut findings);
    findings
}

/// Reports a refusal for the resource at `address`, at the property that caused it if that is known.
fn refusal(error: &AwsError, address: &str, document: &Document) -> Finding {
    let (code, message) = match error {
        AwsError::Deadline { last, .. } => ("", last.as_deref().unwrap_or_default()),
        AwsError::Service(service) => (service.code.as_str(), service.message.as_str()),
        _ => ("", ""),
    };
    let path = document.locate_refusal(RefusedCall { address, operation: error.operation(), code, message });
    let exact = path != document.locate(address);
    let finding = aws_finding(error, "", document);
    Finding { path, at: if exact { At::Value } else { At::Key }, ..finding }
}

/// Describes an AWS error and the next step.
pub fn aws_finding(error: &AwsError, element: &str, document: &Document) -> Finding {
    let path = if element.is_empty() { DocPath::default() } else { document.locate(element) };
    let (code, help) = advice::of(error);
    if code == NO_CREDENTIALS {
        // The SDK lists every source that it tried, which tells little to somebody who has set up none.
        let message = "no AWS credentials were found".to_owned();
        return Finding { at: At::Key, ..finding(code, path, message, format!("{help}\n({error})")) };
    }
    Finding { at: At::Key, ..finding(code, path, error.to_string(), help) }
}
