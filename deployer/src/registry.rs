//! Lists that a program completes before it first reads them.

use std::ops::Deref;
use std::sync::OnceLock;

/// A list of `T`, whose own entries are compiled in.
///
/// A program that is built on this library may add to it once, before anything reads it: kinds and sections of its own
/// stand beside those of the deployer, and the rest of the library makes no difference between them. From the first
/// reading on the list is closed.
pub struct Registry<T: 'static> {
    own: &'static [T],
    all: OnceLock<Vec<T>>,
}

impl<T: Copy> Registry<T> {
    pub(crate) const fn new(own: &'static [T]) -> Self {
        Self { own, all: OnceLock::new() }
    }

    /// Appends `more`, for the rest of the process.
    ///
    /// # Panics
    /// If the list was read or added to before.
    pub fn add(&self, more: &[T]) {
        assert!(self.all.set([self.own, more].concat()).is_ok(), "the list was read or added to before");
    }
}

impl<T: Copy> Deref for Registry<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.all.get_or_init(|| self.own.to_vec())
    }
}

impl<'a, T: Copy> IntoIterator for &'a Registry<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::Registry;

    #[test]
    fn additions_stand_behind_the_own_entries() {
        static LIST: Registry<u8> = Registry::new(&[1, 2]);
        LIST.add(&[3]);
        assert_eq!(LIST.iter().copied().collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    #[should_panic(expected = "was read")]
    fn a_list_that_was_read_takes_no_more() {
        static LIST: Registry<u8> = Registry::new(&[1]);
        assert_eq!(LIST.len(), 1);
        LIST.add(&[2]);
    }
}
