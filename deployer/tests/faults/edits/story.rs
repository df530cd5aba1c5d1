//! A stack's life: applied, edited, applied again, interrupted in between. It is stored as a directory: `1.yaml`,
//! `2.yaml`, ….

use std::path::Path;

use serde_json::Value;

use super::dice::Choose;
use super::edit::edited;
use super::maker::Maker;
use super::valid::{mended, text};
use crate::dice::Dice;
use crate::wire::{Fault, FaultKind};

/// The start of the first line of a stack's file, which says where the run is killed.
const CUT: &str = "# cut off at call ";
/// The last call at which a run may be killed: about as many as a run makes.
const CALLS: usize = 90;
const DEATHS: &[FaultKind] = &[FaultKind::Unsent, FaultKind::Lost, FaultKind::Answered];

/// One stack, and the fault that ends the run that applies it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub stack: Value,
    pub fault: Option<Fault>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    pub steps: Vec<Step>,
    /// Whether the state is lost before the end.
    pub loses_state: bool,
}

impl Story {
    /// Generates a random story; `None` if no valid stack was found. Returns also how many stacks were discarded.
    pub fn of(maker: &Maker, dice: &mut Dice) -> (Option<Self>, usize) {
        let mut thrown_away = 0;
        let mut valid = |stack: Value| {
            let stack = mended(stack);
            thrown_away += usize::from(stack.is_none());
            stack
        };
        let Some(first) = valid(maker.stack(dice)) else { return (None, thrown_away) };
        let mut steps = vec![Step { stack: first, fault: None }];
        for _ in 0..1 + dice.below(3) {
            let before = &steps[steps.len() - 1].stack;
            if let Some(stack) = valid(edited(maker, dice, before)) {
                steps.push(Step { stack, fault: None });
            }
        }
        let last = steps.len() - 1;
        for step in &mut steps[..last] {
            if dice.chance(30) {
                step.fault = Some(Fault { at: 1 + dice.below(CALLS), wrong: *dice.pick(DEATHS) });
            }
        }
        (Some(Self { steps, loses_state: dice.chance(40) }), thrown_away)
    }

    /// Returns the content of each stack's file.
    pub fn files(&self) -> Vec<String> {
        let lost = if self.loses_state { "# the state is lost after the last\n" } else { "" };
        let file = |step: &Step| {
            let cut = step.fault.map(|fault| format!("{CUT}{} ({})\n", fault.at, fault.wrong)).unwrap_or_default();
            format!("{cut}{}", text(&step.stack))
        };
        let files = self.steps.iter().map(file);
        files.enumerate().map(|(number, file)| if number == 0 { format!("{lost}{file}") } else { file }).collect()
    }

    pub fn write(&self, directory: &Path) {
        let _ = std::fs::remove_dir_all(directory);
        std::fs::create_dir_all(directory).expect("a directory");
        for (number, file) in self.files().iter().enumerate() {
            std::fs::write(directory.join(format!("{}.yaml", number + 1)), file).expect("a file");
        }
    }

    pub fn read(directory: &Path) -> Self {
        let file = |number: usize| std::fs::read_to_string(directory.join(format!("{number}.yaml"))).ok();
        let files: Vec<String> = (1..).map_while(file).collect();
        assert!(!files.is_empty(), "{} has no 1.yaml", directory.display());
        let loses_state = files[0].contains("# the state is lost");
        let steps = files.iter().map(|file| {
            let stack = serde_yaml::from_str(file).expect("a stack");
            let cut = file.lines().find_map(|line| line.strip_prefix(CUT)?.split_once(" ("));
            let fault = cut.map(|(at, wrong)| Fault {
                at: at.parse().expect("a number"),
                wrong: wrong.trim_end_matches(')').parse().expect("a fault"),
            });
            Step { stack, fault }
        });
        Self { steps: steps.collect(), loses_state }
    }
}
