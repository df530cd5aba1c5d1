//! Random numbers. Only this file requests them from the system.

/// A source of random numbers. Tests use fixed ones.
pub trait Random {
    /// Returns a number in `0..=most`.
    fn up_to(&self, most: u32) -> u32;
    /// Returns 128 bits that nobody can guess; `None` if the source is empty.
    fn secret(&self) -> Option<u128> {
        Some((0..4).fold(0, |bits, _| bits << 32 | u128::from(self.up_to(u32::MAX))))
    }
}

/// The operating system's random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn up_to(&self, most: u32) -> u32 {
        // A system without entropy still draws: the seed is then always the same, which makes no picture wrong.
        let word = getrandom::u64().unwrap_or_default();
        let reduced = word % (u64::from(most) + 1);
        u32::try_from(reduced).unwrap_or(most)
    }

    fn secret(&self) -> Option<u128> {
        let (high, low) = (getrandom::u64().ok()?, getrandom::u64().ok()?);
        Some(u128::from(high) << 64 | u128::from(low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_within_the_bound() {
        assert!((0..200).all(|_| OsRandom.up_to(3) <= 3));
        assert_eq!(OsRandom.up_to(0), 0);
        let distinct: std::collections::BTreeSet<_> = (0..50).map(|_| OsRandom.up_to(u32::MAX)).collect();
        assert!(distinct.len() > 1);
    }

    #[test]
    fn no_part_of_a_secret_is_the_same_twice() {
        let (a, b) = (OsRandom.secret().unwrap(), OsRandom.secret().unwrap());
        assert_ne!(a >> 64, b >> 64);
        assert_ne!(a << 64, b << 64);
    }
}
