//! Random choices for random stacks.

use crate::dice::Dice;

/// Ways to choose among things.
pub trait Choose {
    /// Returns true in `percent` of 100 cases.
    fn chance(&mut self, percent: usize) -> bool;
    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T;
    fn shuffle<T>(&mut self, items: &mut [T]);
}

impl Choose for Dice {
    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
