//! What people are told: one example a code, as they see it.

mod limits;
mod text;
mod values;
mod variables;
mod written;
