//! What people read, phenomenon by phenomenon.

mod phenomena;
mod pictures;
mod schema;
