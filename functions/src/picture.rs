//! Checks that bytes are a picture.

use bytes::Bytes;

/// The eight bytes at the start of every PNG file.
const MAGIC: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// The whole chunk at the end of every PNG file: no data, its name, its checksum.
const END: [u8; 12] = *b"\0\0\0\0IEND\xae\x42\x60\x82";
/// The bytes of a chunk besides its data: length, name, checksum.
const FRAME: usize = 12;

/// The bytes of a PNG file; clones share them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture(Bytes);

impl Picture {
    /// Accepts `bytes` if they are a whole PNG file, from its header to its end; `None` otherwise.
    ///
    /// Some models return JPEG whatever was requested, and a connection may end early. The chunks are counted, not
    /// decoded.
    pub fn from_png(bytes: Vec<u8>) -> Option<Self> {
        is_whole(&bytes).then(|| Self(bytes.into()))
    }

    /// Returns the file's bytes.
    pub fn bytes(&self) -> Bytes {
        self.0.clone()
    }

    /// Returns the file's size in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether the file is empty, which a PNG never is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Walks through the chunks: IHDR first, each within the file, IEND as the last.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(mut rest) = bytes.strip_prefix(&MAGIC) else {
        return false;
    };
    if !rest.starts_with(b"\0\0\0\x0dIHDR") {
        return false;
    }
    while rest != END {
        let length = rest.first_chunk().map(|length| u32::from_be_bytes(*length));
        let whole = length.and_then(|length| usize::try_from(length).ok()?.checked_add(FRAME));
        let Some(after) = whole.and_then(|whole| rest.get(whole..)) else {
            return false;
        };
        rest = after;
    }
    true
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns a PNG file with one chunk of data that nobody decodes.
    pub(crate) fn png() -> Vec<u8> {
        let header = b"\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";
        [&MAGIC[..], header, b"\0\0\0\x02IDAT\x01\x02\0\0\0\0", &END].concat()
    }

    #[test]
    fn only_png_files_are_pictures() {
        assert!(Picture::from_png(png()).is_some());
        for other in [&b"\xff\xd8\xff\xe0JFIF"[..], b"\x89PNG", b"", b"\x89PNG\r\n\x1a\nrest"] {
            assert_eq!(Picture::from_png(other.to_vec()), None);
        }
    }

    #[test]
    fn a_png_cut_anywhere_is_no_picture() {
        let whole = png();
        for length in 0..whole.len() {
            assert_eq!(Picture::from_png(whole[..length].to_vec()), None, "{length}");
        }
    }

    #[test]
    fn a_png_with_something_behind_its_end_is_no_picture() {
        assert_eq!(Picture::from_png([png(), b"x".to_vec()].concat()), None);
    }

    #[test]
    fn a_chunk_that_claims_more_than_the_file_has_is_no_picture() {
        let mut claims = png();
        claims[33..37].copy_from_slice(&[0xff; 4]);
        assert_eq!(Picture::from_png(claims), None);
    }

    #[test]
    fn the_end_without_a_header_is_no_picture() {
        assert_eq!(Picture::from_png([&MAGIC[..], &END].concat()), None);
    }
}
