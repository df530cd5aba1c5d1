//! Runtimes that AWS has retired: their functions still run, but nobody may change them any more.

use super::{CODE, CONFIGURATION, Function};
use crate::kinds::{Changes, Excess};

/// Runtimes that Lambda refuses for new functions, and most of them for changes as well.
pub const RETIRED: &[&str] = &[
    "dotnet5.0",
    "dotnetcore1.0",
    "dotnetcore2.0",
    "dotnetcore2.1",
    "dotnetcore3.1",
    "go1.x",
    "java8",
    "nodejs10.x",
    "nodejs12.x",
    "nodejs14.x",
    "nodejs16.x",
    "nodejs4.x",
    "nodejs6.x",
    "nodejs8.x",
    "provided",
    "python2.7",
    "python3.6",
    "python3.7",
    "ruby2.5",
    "ruby2.7",
];

/// The next step after a runtime has lost AWS's support.
pub fn successor(runtime: &str) -> &'static str {
    let is_native = runtime.starts_with("provided") || runtime == "go1.x";
    if is_native { "write `runtime: provided.al2023`" } else { "take a version of it that AWS still supports" }
}

/// Returns the operation that AWS refuses for a retired runtime.
pub fn refusal(runtime: &str) -> String {
    format!("Lambda creates and changes no function with the retired runtime {runtime}")
}

/// Reports a retired runtime: AWS refuses to create a function with it, and to change its code or its configuration.
pub(super) fn find_refusal(function: &Function, changes: Option<&Changes>) -> Option<Excess> {
    let runtime = function.runtime.as_str();
    let asks = changes.is_none_or(|changes| changes.touch_any(CODE) || changes.touch_any(CONFIGURATION));
    (asks && RETIRED.contains(&runtime)).then(|| Excess {
        code: "function::retired-runtime",
        properties: &["runtime"],
        message: refusal(runtime),
        help: successor(runtime),
        doubt: false,
    })
}
