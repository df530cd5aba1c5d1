//! Packaging with the real cargo.

mod builds;
mod lambda;
mod project;
mod same;
mod withheld;
