//! The real binary against a local AWS: what people and scripts may rely on.

#[path = "../common/mod.rs"]
mod common;

mod bench;
mod inventory;

mod changes;
mod ci;
mod concurrency;
mod contract;
mod forge;
mod kills;
mod lifecycle;
mod newcomer;
mod operate;
mod ownership;
mod proxy;
mod review;
mod secrets;
