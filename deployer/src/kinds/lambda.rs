//! The facts that the Lambda kinds share.

/// The key under which [`Memory::is_done`](crate::aws::Memory) knows that this run created a function.
pub(super) fn created_key(function: &str) -> String {
    format!("lambda:CreateFunction {function}")
}
