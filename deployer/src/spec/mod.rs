//! Text → [`Document`]: YAML, positions, variables, checks against the sections' schema.

pub mod finding;
pub mod sections;
pub mod values;
