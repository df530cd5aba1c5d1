//! Kills, edits and reruns against the local cloud, for as many rounds as asked for.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::cargo;

/// Runs the chaos test with `--rounds N` and `--seed N`.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let (mut rounds, mut seed) = (100, fresh_seed());
    let mut words = arguments.iter();
    while let Some(option) = words.next() {
        let number = || format!("{option} takes a number");
        let value: u64 = words.next().and_then(|word| word.parse().ok()).ok_or_else(number)?;
        match option.as_str() {
            "--rounds" => rounds = value,
            "--seed" => seed = value,
            _ => return Err(format!("chaos has no option {option}")),
        }
    }
    eprintln!("cargo xtask chaos --rounds {rounds} --seed {seed}");
    let test = ["test", "--workspace", "--test", "cli", "chaos::", "--", "--nocapture"];
    let status = cargo::cargo()
        .args(test)
        .env("DEPLOYER_CHAOS_ROUNDS", rounds.to_string())
        .env("DEPLOYER_TEST_SEED", seed.to_string())
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("again with: cargo xtask chaos --rounds {rounds} --seed {seed}"))
    }
}

fn fresh_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_secs())
}
