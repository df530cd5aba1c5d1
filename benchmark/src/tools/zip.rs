//! The code of every function: one small zip, the same bytes for all tools.

use std::io;
use std::path::Path;

const CODE: &str = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'ok'}\n";

/// Writes the zip uncompressed, which needs no library.
pub fn write_zip(path: &Path) -> io::Result<()> {
    std::fs::write(path, zip("index.py", CODE.as_bytes()))
}

/// Returns the zip in base64.
pub fn zip_base64() -> String {
    base64(&zip("index.py", CODE.as_bytes()))
}

fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    // Fields: version 1.0, no flags, stored, 1980-01-01 00:00, checksum, both sizes, length of the name, no extra
    // field.
    let length = u32::try_from(content.len()).unwrap_or(0).to_le_bytes();
    let name_length = u16::try_from(name.len()).unwrap_or(0).to_le_bytes();
    let common: Vec<u8> = [
        &[10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0][..],
        &crc32(content).to_le_bytes(),
        &length,
        &length,
        &name_length,
        &[0, 0],
    ]
    .concat();
    let local = [b"PK\x03\x04", common.as_slice(), name.as_bytes(), content].concat();
    // Fields: created on Unix; no comment, disk 0, binary; mode 0644; at offset 0.
    let attributes = (0o100_644_u32 << 16).to_le_bytes();
    let central = [b"PK\x01\x02\x14\x03", common.as_slice(), &[0; 6], &attributes, &[0; 4], name.as_bytes()].concat();
    let sizes = [central.len(), local.len()].map(|size| u32::try_from(size).unwrap_or(0).to_le_bytes());
    let end = [b"PK\x05\x06", &[0, 0, 0, 0, 1, 0, 1, 0][..], &sizes[0], &sizes[1], &[0, 0]].concat();
    [local, central, end].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_usize, |bits, byte| (bits << 8) | usize::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let letter = char::from(LETTERS[(bits >> (18 - 6 * at)) & 63]);
            text.push(if at > chunk.len() { '=' } else { letter });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zip_is_written_as_the_format_asks() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let zip = zip("a", b"hello");
        assert_eq!(zip.len(), 30 + 1 + 5 + 46 + 1 + 22);
        assert_eq!(&zip[zip.len() - 22..][..4], b"PK\x05\x06");
        let central = u32::from_le_bytes(zip[zip.len() - 6..zip.len() - 2].try_into().unwrap()) as usize;
        assert_eq!(&zip[central..central + 4], b"PK\x01\x02");
    }

    #[test]
    fn base64_is_padded() {
        assert_eq!(
            ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
        );
    }
}
