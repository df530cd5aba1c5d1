//! The real binary against a local AWS: what people and scripts may rely on.

#[path = "../common/mod.rs"]
mod common;

mod bench;
mod inventory;

mod changes;
mod ci;
mod concurrency;
mod contract;
mod envs;
mod forge;
mod kills;
mod lifecycle;
mod operate;
mod ownership;
mod proxy;
mod review;
mod secrets;
mod workflows;
