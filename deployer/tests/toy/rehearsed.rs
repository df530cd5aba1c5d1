//! Rehearsals find faults that are planted into the toy.

use crate::bench::{Bench, RunOutput};
use crate::toy::{FAULT, FORGOTTEN_PERMISSION, LATE_TAGS};

/// Each test by its name.
pub const ALL: [(&str, fn()); 3] = [
    ("a_kill_at_any_call_of_the_toy_is_healed", a_kill_at_any_call_of_the_toy_is_healed),
    ("a_kill_between_two_calls_that_belong_together_is_found", a_kill_between_two_calls_that_belong_together_is_found),
    ("a_permission_that_the_printed_policy_lacks_is_found", a_permission_that_the_printed_policy_lacks_is_found),
];

const STACK: &str = "stack: shop\nregion: eu-west-1\nstate: { bucket: BUCKET, key: shop.json }\ntoys: { bear: {} }\n";

/// Rehearses a stack with a toy that has this fault.
fn rehearse(fault: &str, arguments: &[&str]) -> RunOutput {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let bench = runtime.block_on(Bench::new(STACK));
    let mut command = bench.command(&[&["rehearse"], arguments].concat());
    command.env(FAULT, fault);
    for name in ["HOME", "XDG_CACHE_HOME"] {
        // The emulator is installed in the user's own cache.
        command.env_remove(name).envs(std::env::var_os(name).map(|value| (name, value)));
    }
    let ran = RunOutput::of(command.output().expect("the program runs"));
    assert!(runtime.block_on(bench.state()).is_none(), "AWS was only read");
    ran
}

fn a_kill_at_any_call_of_the_toy_is_healed() {
    let ran = rehearse("", &["--crash"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let healed = "Killed 2 times, before and after its only write: the next run healed every kill.";
    assert!(ran.stdout.contains(healed), "{ran}");
    assert!(ran.stderr.contains("killing the rehearsed run at each of its writes"), "{ran}");
}

fn a_kill_between_two_calls_that_belong_together_is_found() {
    assert_eq!(rehearse(LATE_TAGS, &[]).code, Some(0), "a run that is not killed succeeds");
    let ran = rehearse(LATE_TAGS, &["--crash"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    for part in [
        "error[rehearse::not-healed]: rehearsal: 2 of 4 kills are not healed by the next run; the first at iam \
         CreateInstanceProfile, 1 of 2 writes, after the call arrived",
        "stack.yaml:4",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {ran}");
    }
}

fn a_permission_that_the_printed_policy_lacks_is_found() {
    let ran = rehearse(FORGOTTEN_PERMISSION, &[]);
    assert_eq!(ran.code, Some(1), "{ran}");
    for part in [
        "error[rehearse::refused]: rehearsal: `toys.bear`",
        "iam:CreateInstanceProfile",
        "stack.yaml:4",
        "the policy of `deployer iam apply --with-state` does not have this permission",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {ran}");
    }
}
