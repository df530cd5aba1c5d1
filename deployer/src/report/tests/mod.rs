//! Tests the output, phenomenon by phenomenon.

mod phenomena;
mod pictures;
mod schema;
