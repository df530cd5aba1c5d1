//! Runs the real binary against a local AWS: the behaviour that people and scripts may rely on.

#[path = "../common/mod.rs"]
mod common;

#[path = "../common/catalog/mod.rs"]
#[allow(dead_code)]
mod catalog;

#[path = "../common/dice.rs"]
mod dice;

mod bench;
mod bucket;
mod seat;

mod access;
mod approval;
mod changes;
mod chaos;
mod ci;
mod concurrency;
mod contract;
mod endpoints;
mod envs;
mod fence;
mod forge;
mod forged;
mod gate;
mod hostile;
mod iam;
mod keep;
mod kills;
mod late;
mod lifecycle;
mod likeness;
mod local;
mod markers;
mod models;
mod names;
mod network;
mod newcomer;
mod operate;
mod orphans;
mod ownership;
mod privacy;
mod proxy;
mod queues;
mod readme;
mod redrive;
mod refusals;
mod rehearse;
mod review;
mod rollback;
mod secrets;
mod signals;
mod stages;
mod stored;
mod tampering;
mod trace;
mod variables;
mod verify;
mod workflows;

/// Returns the binary, with an empty environment.
fn program() -> std::process::Command {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_deployer"));
    program.env_clear();
    program
}
