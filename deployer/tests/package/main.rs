//! Packaging with the real cargo.

mod builds;
mod files;
mod lambda;
mod origin;
mod project;
mod same;
mod withheld;
