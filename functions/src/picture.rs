//! What counts as a picture.

use bytes::Bytes;

/// The eight bytes every PNG file starts with.
const MAGIC: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Holds the bytes of a PNG file; clones share them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture(Bytes);

impl Picture {
    /// Accepts `bytes` when they start as a PNG file does; `None` otherwise. Some models answer JPEG whatever was asked.
    pub fn from_png(bytes: Vec<u8>) -> Option<Self> {
        bytes.starts_with(&MAGIC).then(|| Self(bytes.into()))
    }

    /// Returns the file's bytes.
    pub fn bytes(&self) -> Bytes {
        self.0.clone()
    }

    /// Returns the file's size in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether the file is empty, which a PNG never is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_png_files_are_pictures() {
        assert!(Picture::from_png(b"\x89PNG\r\n\x1a\nrest".to_vec()).is_some());
        for other in [&b"\xff\xd8\xff\xe0JFIF"[..], b"\x89PNG", b""] {
            assert_eq!(Picture::from_png(other.to_vec()), None);
        }
    }
}
