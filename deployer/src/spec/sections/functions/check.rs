//! Checks of a function beyond the schema.

use std::collections::BTreeSet;

use super::{EventElement, FunctionElement, LogFormat, Retention, lower, sources};
use crate::kinds::lambda_function::runtime;
use crate::kinds::log_group::RETENTION_DAYS;
use crate::spec::finding::{DocPath, Findings};
use crate::spec::sections::{Scope, filter, permission};

/// Environment variables that Lambda sets itself and refuses.
const RESERVED: &[&str] = &[
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

pub(super) fn code(element: &FunctionElement, at: &Scope<'_>, findings: &mut Findings) {
    if at.common.external {
        return;
    }
    let given: Vec<&str> = [
        element.package.is_some().then_some("crate"),
        element.zip.is_some().then_some("zip"),
        element.binary.is_some().then_some("binary"),
        element.dir.is_some().then_some("dir"),
    ]
    .into_iter()
    .flatten()
    .collect();
    match given.as_slice() {
        [_] => {}
        [] => {
            findings
                .error("function::code", at.path::<&str>([]), "the function has no code")
                .at_key()
                .help("name a cargo package with `crate: …`, or give `zip: PATH`, `binary: PATH` or `dir: PATH`");
        }
        [_, second, ..] => {
            findings
                .error("function::code", at.path([*second]), format!("code is given twice: {}", given.join(" and ")))
                .at_key()
                .help(format!("keep one of {}", given.join(", ")));
        }
    }
    // Only a runtime that starts an executable takes any text.
    let is_code = ["dotnet", "java", "nodejs", "python", "ruby"].iter().any(|name| element.runtime.starts_with(name));
    if is_code && element.handler == super::BOOTSTRAP {
        findings
            .error("function::handler", at.path(["runtime"]), format!("`{}` needs a `handler`", element.runtime))
            .help("name the function in the code that Lambda calls: `handler: FILE.FUNCTION`");
    }
    if element.package.is_none() {
        let only_cargo = [
            ("bin", element.bin.is_some()),
            ("profile", element.profile.is_some()),
            ("features", !element.features.is_empty()),
        ];
        for (property, _) in only_cargo.into_iter().filter(|(_, given)| *given) {
            findings
                .error("function::only-with-crate", at.path([property]), format!("`{property}` belongs to `crate`"))
                .at_key()
                .help(format!("add `crate: PACKAGE` or remove `{property}`"));
        }
    }
}

pub(super) fn environment(element: &FunctionElement, at: &Scope<'_>, findings: &mut Findings) {
    for name in element.environment.keys() {
        let path = at.path(["environment", name]);
        let mut characters = name.chars();
        let valid = characters.next().is_some_and(|c| c.is_ascii_alphabetic())
            && name.len() >= 2
            && characters.all(|c| c.is_ascii_alphanumeric() || c == '_');
        if RESERVED.contains(&name.as_str()) {
            findings
                .error("function::reserved-variable", path, format!("Lambda sets `{name}` itself"))
                .at_key()
                .help("remove it, or choose another name");
        } else if !valid {
            findings
                .error("function::variable-name", path, format!("Lambda does not take `{name}` as a variable's name"))
                .at_key()
                .help("begin with a letter, go on with letters, digits or `_`; two characters at least");
        }
    }
    for (name, value) in &element.environment {
        if value.to_string().contains("{{resolve:") {
            let message = format!("`{name}` gets this text as it is: only CloudFormation replaces `{{{{resolve:…}}}}`");
            findings
                .warning("function::unresolved", at.path(["environment", name]), message)
                .help("read the value into a variable, `vars: { token: { from_secret: NAME } }` or `{ from_ssm: /PATH }`, and write `${vars.token}`");
        }
    }
}

pub(super) fn logging(element: &FunctionElement, at: &Scope<'_>, findings: &mut Findings) {
    let levels = [
        ("application_log_level", element.application_log_level.is_some()),
        ("system_log_level", element.system_log_level.is_some()),
    ];
    if element.log_format == LogFormat::Text {
        for (property, _) in levels.into_iter().filter(|(_, given)| *given) {
            findings
                .error("function::log-level", at.path([property]), "Lambda filters by level only with JSON lines")
                .help("set `log_format: JSON` or remove the level");
        }
    }
    let (message, help) = match &element.log_retention {
        Retention::Text(text) if text == NEVER => return,
        Retention::Days(days) if RETENTION_DAYS.contains(days) => return,
        // Other tools write 0 for "never".
        Retention::Days(0) => {
            ("0 days keep no line".to_owned(), format!("to keep all lines write `log_retention: {NEVER}`"))
        }
        Retention::Days(days) => {
            let longer = RETENTION_DAYS.iter().find(|known| *known >= days);
            let help = longer.map_or(NEVER.to_owned(), u32::to_string);
            (format!("CloudWatch Logs cannot keep lines for {days} days"), format!("write `log_retention: {help}`"))
        }
        Retention::Text(text) => (
            format!("`{text}` is no number of days"),
            format!("write a number such as `log_retention: 30`, or `{NEVER}` to keep all lines"),
        ),
    };
    findings.error("function::log-retention", at.path(["log_retention"]), message).help(help);
}

/// The retention that keeps lines for ever.
const NEVER: &str = "never";

/// Runtimes that AWS no longer patches. It refuses new functions some time later.
const DEPRECATED: &[&str] =
    &["dotnet6", "nodejs18.x", "nodejs20.x", "provided.al2", "python3.8", "python3.9", "ruby3.2"];

pub(super) fn runtime(element: &FunctionElement, at: &Scope<'_>, findings: &mut Findings) {
    let runtime = element.runtime.as_str();
    if at.common.external {
        return;
    }
    let help = runtime::successor(runtime);
    if runtime::RETIRED.contains(&runtime) {
        let message = format!("{}; functions that run with it go on as they are", runtime::refusal(runtime));
        findings.warning("function::retired-runtime", at.path(["runtime"]), message).help(help);
    } else if DEPRECATED.contains(&runtime) {
        let message =
            format!("AWS has given up the runtime {runtime}: it mends no holes in it, and will refuse new functions");
        findings.warning("function::deprecated-runtime", at.path(["runtime"]), message).help(help);
    }
}

/// Reports layers without a version, and layers that are used twice.
pub(super) fn layers(element: &FunctionElement, at: &Scope<'_>, findings: &mut Findings) {
    let unversioned = |layer: &str| layer.rsplit_once(':').map(|(layer, _)| layer.to_owned());
    for (index, layer) in element.layers.iter().enumerate() {
        let path = at.path(["layers".to_owned(), index.to_string()]);
        if element.layers[..index].iter().any(|other| lower::layer_arn(other) == lower::layer_arn(layer)) {
            findings
                .error("function::layer-twice", path, format!("the function has the layer `{layer}` already"))
                .help("remove one of them");
            continue;
        }
        let twin = element.layers[..index].iter().find(|other| unversioned(other) == unversioned(layer));
        if let Some(twin) = twin.filter(|_| layer.matches(':').count() > 6) {
            findings
                .error("function::layer-twice", path, format!("`{layer}` and `{twin}` are versions of one layer"))
                .help("keep one of them");
        }
    }
    let is_literal = |layer: &String| layer.starts_with("arn:") && !layer.contains("${");
    for (index, layer) in element.layers.iter().enumerate().filter(|(_, layer)| is_literal(layer)) {
        let mut parts = layer.split(':').skip(5);
        let is_layer = parts.next() == Some("layer") && parts.next().is_some_and(|name| !name.is_empty());
        let version = parts.next().and_then(|version| version.parse::<u64>().ok());
        if is_layer && version.is_some() && parts.next().is_none() {
            continue;
        }
        let help = if is_layer && version.is_none() {
            format!("add a version: `{}:1`", layer.trim_end_matches(':'))
        } else {
            "write `arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION`".to_owned()
        };
        findings
            .error(
                "function::layer-version",
                at.path(["layers".to_owned(), index.to_string()]),
                format!("`{layer}` is no version of a layer"),
            )
            .help(help);
    }
}

pub(super) fn role(element: &FunctionElement, at: &Scope<'_>, findings: &mut Findings) {
    permission::check(&element.permissions, "permissions", at, findings);
    if element.role.is_none() {
        return;
    }
    let derived = [
        ("permissions", !element.permissions.is_empty()),
        ("managed_policy_arns", !element.managed_policy_arns.is_empty()),
        ("permissions_boundary", element.permissions_boundary.is_some()),
    ];
    for (property, _) in derived.into_iter().filter(|(_, given)| *given) {
        findings
            .error(
                "function::role-and-permissions",
                at.path([property]),
                format!("`{property}` is for a derived role, but the function uses the one under `role`"),
            )
            .at_key()
            .help(format!("give `{property}` to that role, or remove `role`"));
    }
}

pub(super) fn events(element: &FunctionElement, at: &Scope<'_>, findings: &mut Findings) {
    let mut labels = BTreeSet::new();
    for (index, event) in element.events.iter().enumerate() {
        let whole = at.path(["events".to_owned(), index.to_string()]);
        if !sources::check(event, &whole, findings) || !event.is_mapping() {
            continue;
        }
        if !labels.insert(event.label()) {
            let message = format!("the function already receives `{}`", event.label().trim_start_matches("table:"));
            findings
                .error("function::event-twice", whole.clone(), message)
                .help("AWS keeps one mapping for a queue or stream and a function; remove one of them");
        }
        if event.is_of_stream() {
            stream(event, &whole, findings);
        } else {
            queue(event, element, &whole, findings);
        }
        filters(event, &whole.then("filter"), findings);
    }
}

/// Reports settings that a queue does not take together.
fn queue(event: &EventElement, element: &FunctionElement, at: &DocPath, findings: &mut Findings) {
    // The settings of queues of the stack are held against these queues, once all elements are known.
    let elsewhere = event.outside_queue().is_some_and(|arn| !arn.contains("${"));
    let fifo = event.label().ends_with(".fifo");
    let (size, window) = (event.batch_size(), event.maximum_batching_window());
    if size > 10 && fifo {
        findings
            .error("function::batch-size", at.then("batch_size"), "a FIFO queue gives at most 10 messages at once")
            .help("write `batch_size: 10`");
    } else if elsewhere && size > 10 && window == 0 {
        findings
            .error("function::batch-window", at.then("batch_size"), "more than 10 messages at once need a window")
            .help("add `maximum_batching_window: 1s`, or write `batch_size: 10`");
    }
    if fifo && event.outside_queue().is_some() && window > 0 {
        findings
            .error(
                "function::batch-window",
                at.then("maximum_batching_window"),
                "Lambda does not wait for the batches of a FIFO queue to fill",
            )
            .help("remove `maximum_batching_window`");
    }
    if let (Some(maximum), Some(reserved)) = (event.maximum_concurrency, element.reserved_concurrency)
        && maximum > reserved
    {
        findings
            .warning(
                "function::event-concurrency",
                at.then("maximum_concurrency"),
                format!("{maximum} invocations at once, but only {reserved} are reserved: the rest is throttled, and each throttle counts as a receive"),
            )
            .help(format!("lower it to {reserved}, or raise `reserved_concurrency`"));
    }
}

/// Reports records of a stream that are tried again for ever.
fn stream(event: &EventElement, at: &DocPath, findings: &mut Findings) {
    if event.maximum_retry_attempts.is_none() && event.maximum_record_age.is_none() {
        findings
            .warning(
                "function::endless-retries",
                at.clone(),
                "a record that always fails is tried again until it expires, and holds up all behind it for as long",
            )
            .help("add `maximum_retry_attempts: 3`, `bisect_batch_on_function_error: true` and, so that nothing is lost unseen, `on_failure: \"${queues.NAME.arn}\"`");
    }
}

/// Default quota of filters of an event source. AWS raises it to ten on request (Lambda developer guide,
/// "Control which events Lambda sends to your function").
const FILTERS: usize = 5;

fn filters(event: &EventElement, path: &DocPath, findings: &mut Findings) {
    if event.filter.len() > FILTERS {
        let message = format!("{} filters; without a raised quota Lambda takes {FILTERS}", event.filter.len());
        findings
            .warning("function::filter-count", path.clone(), message)
            .help("join some of them: a list names several values, `$or` several rules")
            .at_key();
    }
    for (index, pattern) in event.filter.iter().enumerate() {
        let path = path.then(index.to_string());
        filter::check(pattern, filter::Of::Record, &path, findings);
        if event.is_of_stream() {
            continue;
        }
        // "Amazon SQS event source mappings only support filtering on the body key."
        let other = pattern.as_object().into_iter().flatten().find(|(key, _)| !matches!(key.as_str(), "body" | "$or"));
        if let Some((key, _)) = other {
            findings
                .warning("function::filter-key", path.then(key), "Lambda filters a queue's messages by `body` alone")
                .help(format!("write `body: {{ {key}: … }}` if it is a part of the message"))
                .at_key();
        }
    }
}
