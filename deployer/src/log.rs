//! The program's own log on stderr: the SDK writes whole requests into it, so secrets are masked on the way out.

use std::io::Write;
use std::sync::Mutex;

use crate::mutex::lock;
use crate::spec::secrets::Secrets;
use crate::spec::visible;

/// The secrets to mask. The list grows as `stack.yaml` and the state are read.
static SECRETS: Mutex<Option<Secrets>> = Mutex::new(None);

/// Adds secrets to mask from now on.
pub fn mask(secrets: &Secrets) {
    let mut known = lock(&SECRETS);
    known.get_or_insert_default().extend(secrets);
}

/// Returns a text for output, with every secret masked that is known by now.
pub fn masked(text: &str) -> String {
    with_known(text, |secrets| secrets.mask(text))
}

/// Like [`masked`], for a JSON text, which stays valid JSON.
pub fn masked_json(json: &str) -> String {
    with_known(json, |secrets| secrets.mask_json(json))
}

fn with_known<'a>(text: &'a str, mask: impl FnOnce(&Secrets) -> std::borrow::Cow<'a, str>) -> String {
    let known = lock(&SECRETS);
    known.as_ref().map_or_else(|| text.to_owned(), |secrets| mask(secrets).into_owned())
}

/// One event on its way to stderr, written when it is whole.
#[derive(Default)]
pub struct MaskedEvent(Vec<u8>);

impl Write for MaskedEvent {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for MaskedEvent {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.0);
        let masked = masked(&text);
        // If stderr is closed, nobody reads the log.
        let _ = std::io::stderr().write_all(visible::text(&masked).as_bytes());
    }
}
