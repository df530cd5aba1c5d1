//! The requests that are under way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::super::place::Key;
use crate::mutex::lock;

/// Counts the requests under way by what they change.
#[derive(Default)]
pub struct InFlight(Arc<Mutex<HashMap<Key, usize>>>);

/// One request, until it is dropped.
pub struct Flight {
    requests: Arc<Mutex<HashMap<Key, usize>>>,
    key: Key,
}

impl InFlight {
    /// Counts a request, and tells whether another one for the same `key` is under way.
    pub fn start(&self, key: Key) -> (Flight, bool) {
        let mut requests = lock(&self.0);
        let count = requests.entry(key.clone()).or_default();
        *count += 1;
        let is_second = *count > 1;
        drop(requests);
        (Flight { requests: self.0.clone(), key }, is_second)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut requests = lock(&self.requests);
        if let Some(count) = requests.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                requests.remove(&self.key);
            }
        }
    }
}
