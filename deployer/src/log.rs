//! The program's own log on stderr: the SDK writes whole requests into it, so secrets are masked on the way out.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use crate::spec::secrets::Secrets;

/// What is masked; grows as `stack.yaml` and the state are read.
static SECRETS: Mutex<Option<Secrets>> = Mutex::new(None);

/// Masks these, too, from now on.
pub fn mask(secrets: &Secrets) {
    let mut known = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    known.get_or_insert_default().extend(secrets);
}

/// One event on its way to stderr, written when it is whole.
#[derive(Default)]
pub struct Masked(Vec<u8>);

impl Write for Masked {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Masked {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.0);
        let known = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
        let masked = known.as_ref().map_or(text.clone(), |secrets| secrets.mask(&text));
        // Where stderr is closed, nobody reads the log.
        let _ = std::io::stderr().write_all(masked.as_bytes());
    }
}
