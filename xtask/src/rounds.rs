//! Tests with an adjustable number of rounds: `chaos` and `edits`.

use std::time::{SystemTime, UNIX_EPOCH};

use xtask::cargo;

/// A test of many rounds.
pub struct Rounds {
    /// Name of the task.
    pub name: &'static str,
    /// The test binary, and the common prefix of its tests' names.
    pub test: (&'static str, &'static str),
    /// The environment variable for the number of rounds.
    pub variable: &'static str,
    /// Options besides `--rounds` and `--seed`, and the environment variables for their values.
    pub options: &'static [(&'static str, &'static str)],
}

/// Kills, edits and reruns the binary against the local cloud.
pub const CHAOS: Rounds =
    Rounds { name: "chaos", test: ("cli", "chaos::"), variable: "DEPLOYER_CHAOS_ROUNDS", options: &[] };

/// Edits random stacks at random, and compares the result with a fresh apply.
pub const EDITS: Rounds = Rounds {
    name: "edits",
    test: ("faults", "edits::"),
    variable: "DEPLOYER_EDITS_ROUNDS",
    options: &[("--round", "DEPLOYER_EDITS_ROUND"), ("--again", "DEPLOYER_EDITS_AGAIN")],
};

impl Rounds {
    /// Runs the test with `--rounds N`, `--seed N` and its own options.
    pub fn run(&self, arguments: &[String]) -> Result<(), String> {
        let (mut rounds, mut seed) = (100, fresh_seed());
        let mut given = Vec::new();
        let mut words = arguments.iter();
        while let Some(option) = words.next() {
            let value = words.next().ok_or_else(|| format!("{option} takes a value"))?;
            let number = || value.parse().map_err(|_| format!("{option} takes a number"));
            match (option.as_str(), self.options.iter().find(|(name, _)| name == option)) {
                ("--rounds", _) => rounds = number()?,
                ("--seed", _) => seed = number()?,
                (_, Some((_, variable))) => given.push((*variable, value)),
                _ => return Err(format!("{} has no option {option}", self.name)),
            }
        }
        let again = format!("cargo xtask {} --rounds {rounds} --seed {seed}", self.name);
        eprintln!("{again}");
        let (binary, tests) = self.test;
        let status = cargo::cargo()
            .args(["test", "--workspace", "--test", binary, tests, "--", "--nocapture"])
            .env(self.variable, rounds.to_string())
            .env("DEPLOYER_TEST_SEED", seed.to_string())
            .envs(given)
            .status()
            .map_err(|error| format!("cannot start cargo: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("again with: {again}")) }
    }
}

fn fresh_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_secs())
}
