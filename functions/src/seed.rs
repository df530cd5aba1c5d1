//! Seeds and keys, which link pictures to ids.
//!
//! The seed of an id is a digest of it, so that a second delivery of the same message looks for the same key. Two ids
//! may share a seed. Therefore each id has a sequence of seeds, and uses the first whose key belongs to no other id.

use sha2::{Digest, Sha256};

/// The length of an id's sequence. So many foreign pictures in a row do not occur by chance, even if half of all seeds
/// are taken. A picture without a free key would be lost, and drawn and paid for again with each delivery.
pub const ROW: u32 = 64;

/// The seeds that every family of models accepts. For Stability 0 means "choose one"; Nova's older limit is the lowest.
pub const RANGE: (u32, u32) = (1, 858_993_459);

/// Returns the seed at `place` in the sequence of `id`, within `least..=most`.
pub fn seed(id: &str, place: u32, (least, most): (u32, u32)) -> u32 {
    let mut digest = Sha256::new();
    digest.update(id.as_bytes());
    if place > 0 {
        digest.update(format!("#{place}").as_bytes());
    }
    let mut word = [0; 8];
    word.copy_from_slice(&digest.finalize()[..8]);
    let span = u64::from(most.saturating_sub(least)) + 1;
    let reduced = u32::try_from(u64::from_be_bytes(word) % span).unwrap_or_default();
    least.saturating_add(reduced)
}

/// Returns the key of the picture of `seed` under `prefix`, which has no slash at its end and may be empty.
pub fn picture_key(prefix: &str, seed: u32) -> String {
    key_under(prefix, &format!("titan_{seed}.png"))
}

/// Returns `name` under `prefix`.
pub fn key_under(prefix: &str, name: &str) -> String {
    match prefix {
        "" => name.to_owned(),
        prefix => format!("{prefix}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_the_same_seed_every_time() {
        assert_eq!(seed("m-1", 0, RANGE), seed("m-1", 0, RANGE));
        assert_ne!(seed("m-1", 0, RANGE), seed("m-2", 0, RANGE));
        assert_ne!(seed("m-1", 0, RANGE), seed("m-1", 1, RANGE));
    }

    #[test]
    fn seeds_stay_within_the_range() {
        for number in 0..1_000 {
            let id = format!("m-{number}");
            assert!((1..=3).contains(&seed(&id, 0, (1, 3))));
            assert_eq!(seed(&id, 5, (7, 7)), 7);
        }
        let whole = (0, u32::MAX);
        assert_ne!(seed("a", 0, whole), seed("b", 0, whole));
    }

    #[test]
    fn a_key_stands_under_the_prefix() {
        assert_eq!(picture_key("32/generated_images", 7), "32/generated_images/titan_7.png");
        assert_eq!(picture_key("", 7), "titan_7.png");
    }
}
