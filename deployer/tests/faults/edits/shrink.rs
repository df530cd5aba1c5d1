//! Shrinks a failing story as far as possible.

use std::path::Path;

use serde_json::Value;

use super::edit::{places_from, remove};
use super::play::{Trouble, Verdict, play};
use super::story::Story;
use super::valid::first_error;

/// The highest number of smaller stories to play.
const TRIES: usize = 200;

/// Returns the smallest story found that fails in the same way, and its failure. `directory` always has the smallest so
/// far, even if the search is interrupted.
pub fn smallest(story: Story, trouble: Trouble, directory: &Path) -> (Story, Trouble) {
    story.write(directory);
    let mut best = (story, trouble);
    let mut left = TRIES;
    while let Some(smaller) = smaller(&best.0, &best.1, &mut left) {
        smaller.0.write(directory);
        best = smaller;
    }
    best
}

/// Returns the first smaller story that fails in the same way.
fn smaller(story: &Story, trouble: &Trouble, left: &mut usize) -> Option<(Story, Trouble)> {
    for candidate in candidates(story) {
        if *left == 0 {
            return None;
        }
        if candidate.steps.iter().any(|step| first_error(&step.stack).is_some()) {
            continue;
        }
        *left -= 1;
        match play(&candidate) {
            Verdict::Wrong(found) if found.kind == trouble.kind => return Some((candidate, found)),
            _ => {}
        }
    }
    None
}

/// Lists stories with one thing less, the largest first.
fn candidates(story: &Story) -> Vec<Story> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Story)| {
        let mut smaller = story.clone();
        change(&mut smaller);
        if smaller != *story && !all.contains(&smaller) {
            all.push(smaller);
        }
    };
    for number in 0..story.steps.len() - 1 {
        with(&|story| drop(story.steps.remove(number)));
    }
    with(&|story| story.loses_state = false);
    for number in 0..story.steps.len() {
        with(&|story| story.steps[number].fault = None);
    }
    let mut places: Vec<Vec<String>> = story.steps.iter().flat_map(|step| places_from(&step.stack, 2)).collect();
    places.sort_by_key(Vec::len);
    places.dedup();
    for place in &places {
        with(&|story| {
            story.steps.iter_mut().for_each(|step| {
                remove(&mut step.stack, place);
            })
        });
        for number in 0..story.steps.len() {
            with(&|story| {
                remove(&mut story.steps[number].stack, place);
            });
        }
    }
    // A section without elements has no effect.
    with(&|story| story.steps.iter_mut().for_each(|step| tidy(&mut step.stack)));
    all
}

fn tidy(stack: &mut Value) {
    if let Some(sections) = stack.as_object_mut() {
        sections.retain(|_, section| section.as_object().is_none_or(|elements| !elements.is_empty()));
    }
}
