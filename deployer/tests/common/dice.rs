//! Pseudo-random numbers that are the same for the same seed.

/// Pseudo-random numbers for one task (splitmix64).
pub struct Dice(u64);

/// Returns `DEPLOYER_TEST_SEED`, or else the usual seed. Prints it, so that a failure can be repeated.
pub fn seed(usual: u64) -> u64 {
    let given = std::env::var("DEPLOYER_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or(usual);
    eprintln!("DEPLOYER_TEST_SEED={seed}");
    seed
}

impl Dice {
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns independent dice for the `n`th of several concurrent tasks.
    pub fn split(&self, n: u64) -> Self {
        Self(self.0 ^ n.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).expect("below a usize")
    }
}
