//! Files of the deployer are closed to other users of the machine, whatever the umask is.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bench::{Bench, RunOutput};

const STACK: &str = "
stack: shop
region: eu-west-1
queues: { orders: {} }
";

/// Runs the binary with umask 0, under which new files would be open to everybody.
fn careless(bench: &Bench, arguments: &str) -> RunOutput {
    let known = bench.command(&[]);
    let mut command = Command::new("sh");
    let binary = known.get_program().to_str().expect("a UTF-8 path");
    command.args(["-c", &format!("umask 0; exec {binary} {arguments}")]).current_dir(bench.path()).env_clear();
    command.envs(known.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let ran = RunOutput::of(command.output().expect("a shell runs"));
    assert_eq!(ran.code, Some(0), "{ran}");
    ran
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

/// Lists a directory and everything below it.
fn all(directory: PathBuf) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(&directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<_> = entries.flat_map(|path| if path.is_dir() { all(path) } else { vec![path] }).collect();
    found.push(directory);
    found
}

#[tokio::test]
async fn what_is_left_on_the_machine_is_the_users_alone_and_no_part_of_the_code() {
    let bench = Bench::without_bucket(STACK).await;
    let own = bench.path().join(".deployer");
    std::fs::create_dir(&own).expect("a directory of an earlier version");
    std::fs::set_permissions(&own, PermissionsExt::from_mode(0o777)).expect("open to all");
    bench.write("plan.json", "an earlier plan");
    careless(&bench, "plan --out plan.json --html plan.html");
    careless(&bench, "apply --auto-approve");
    let found = all(own.clone());
    assert!(found.len() > 4, "{found:?}");
    for path in found.iter().chain(&[bench.path().join("plan.json"), bench.path().join("plan.html")]) {
        assert_eq!(mode(path) & 0o077, 0, "{}: {:o}", path.display(), mode(path));
    }
    assert_eq!(std::fs::read_to_string(own.join(".gitignore")).expect("a file"), "*\n");
}

#[tokio::test]
async fn a_directory_that_is_shared_with_a_group_keeps_a_state_for_that_group() {
    let bench = Bench::without_bucket(&format!("{STACK}state: {{ path: kept }}\n")).await;
    let kept = bench.path().join("kept");
    std::fs::create_dir(&kept).expect("a directory");
    std::fs::set_permissions(&kept, PermissionsExt::from_mode(0o2770)).expect("shared");
    careless(&bench, "apply --auto-approve");
    assert_eq!(mode(&kept.join("shop.json")), 0o660);
    std::fs::set_permissions(&kept, PermissionsExt::from_mode(0o755)).expect("not shared any more");
    bench.write("stack.yaml", &format!("{}state: {{ path: kept }}\n", STACK.replace("{}", "{ delay_seconds: 5s }")));
    careless(&bench, "apply --auto-approve");
    assert_eq!(mode(&kept.join("shop.json")), 0o600);
}
