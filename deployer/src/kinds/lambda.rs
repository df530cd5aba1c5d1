//! The facts that the Lambda kinds share.

/// The key under which [`Aws::has_done`](crate::aws::Aws::has_done) knows that this run created a function.
pub(super) fn made_key(function: &str) -> String {
    format!("lambda:CreateFunction {function}")
}
