//! Random stacks with random edits end in the same account as a fresh apply of the last stack.

mod dice;
mod edit;
mod maker;
mod play;
mod shrink;
mod story;
mod valid;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::dice::{Dice, seed};
use crate::{STACK, roomy};
use maker::Maker;
use play::{Trouble, Verdict, play};
use shrink::smallest;
use story::Story;

/// The rounds of a normal run: about twenty seconds on two cores. The stacks are the same each time.
const ROUNDS: u64 = 24;
const SEED: u64 = 1;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn edits_end_where_a_fresh_apply_would() {
    roomy(try_edits);
}

/// Each directory in `found/` is a story that once failed.
#[test]
fn what_was_found_stays_right() {
    roomy(|| {
        let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/edits/found");
        for story in std::fs::read_dir(found).expect("a directory") {
            let directory = story.expect("an entry").path();
            assert_eq!(play(&Story::read(&directory)), Verdict::Fine, "{}", directory.display());
        }
    });
}

fn try_edits() {
    let one = number("DEPLOYER_EDITS_ROUND");
    if let Some(directory) = std::env::var_os("DEPLOYER_EDITS_AGAIN") {
        let verdict = play(&Story::read(Path::new(&directory)));
        assert_eq!(verdict, Verdict::Fine);
        return;
    }
    let seed = seed(SEED);
    let rounds = number("DEPLOYER_EDITS_ROUNDS").unwrap_or(ROUNDS);
    let maker = Maker::new();
    let rounds = one.map_or(0..rounds, |round| round..round + 1);
    let (next, thrown_away) = (AtomicU64::new(rounds.start), AtomicUsize::new(0));
    let refused: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let lost: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) * 2 {
            let worker = || loop {
                let round = next.fetch_add(1, Ordering::Relaxed);
                if !rounds.contains(&round) {
                    return;
                }
                let (story, thrown) = Story::of(&maker, &mut Dice::of(seed).split(round + 1));
                thrown_away.fetch_add(thrown, Ordering::Relaxed);
                let Some(story) = story else { continue };
                match play(&story) {
                    Verdict::Fine => {}
                    Verdict::Refused(why) => {
                        story.write(&directory(seed, round));
                        *refused.lock().unwrap().entry(why).or_default() += 1;
                    }
                    Verdict::Wrong(trouble) => {
                        eprintln!("round {round}: {}: {}", trouble.kind, trouble.why);
                        let (story, trouble) = smallest(story, trouble, &directory(seed, round));
                        let told = tell(&story, &trouble, seed, round);
                        eprintln!("{told}");
                        lost.lock().unwrap().push(told);
                    }
                }
            };
            std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, worker).expect("a thread");
        }
    });
    let refused = refused.into_inner().unwrap();
    let lost = lost.into_inner().unwrap();
    for (why, times) in &refused {
        eprintln!("refused {times}: {why}");
    }
    let many: usize = refused.values().sum();
    println!(
        "edits: {} rounds of seed {seed}, {many} refused, {} stacks thrown away, {} lost",
        rounds.end - rounds.start,
        thrown_away.into_inner(),
        lost.len()
    );
    assert!(lost.is_empty(), "{}", lost.join("\n\n"));
}

fn directory(seed: u64, round: u64) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("edits-{seed}-{round}"))
}

fn tell(story: &Story, trouble: &Trouble, seed: u64, round: u64) -> String {
    let directory = directory(seed, round);
    let files: Vec<String> =
        story.files().iter().enumerate().map(|(number, file)| format!("--- {}.yaml\n{file}", number + 1)).collect();
    format!(
        "round {round}: {}: {}\n{}again with: cargo xtask edits --again {}",
        trouble.kind,
        trouble.why,
        files.concat(),
        directory.display()
    )
}
