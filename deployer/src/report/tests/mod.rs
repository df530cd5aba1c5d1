//! What people read, phenomenon by phenomenon.

mod phenomena;
mod schema;
