//! Digests: short texts that represent a long one where AWS has room for no more.

use sha2::{Digest, Sha256};

const PREFIX: &str = "sha256:";

/// Computes `sha256:` and 64 hex digits. A text of that form is returned unchanged.
pub fn of(text: &str) -> String {
    if is_digest(text) {
        return text.to_owned();
    }
    let hex: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}{hex}")
}

/// Tells whether `text` is a digest as [`of`] writes it.
pub fn is_digest(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_digest_stands_for_itself() {
        let digest = of("");
        assert_eq!(digest, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(of(&digest), digest);
        assert_ne!(of("POST /a"), of("POST /b"));
    }
}
