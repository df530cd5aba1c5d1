//! The findings as users read them: one example for each code.

mod causes;
mod limits;
mod text;
mod values;
mod variables;
mod written;
