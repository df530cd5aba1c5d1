//! The first stack of README.md: valid as it stands there, and drawn as the picture shows.

use std::path::Path;

use crate::bench::Bench;

/// The first YAML block of README.md.
fn first_stack(readme: &str) -> &str {
    let (_, rest) = readme.split_once("```yaml\n").expect("README.md has a stack");
    let (stack, _) = rest.split_once("```").expect("the block ends");
    stack
}

#[tokio::test]
async fn the_first_stack_of_the_readme_is_valid_and_its_picture_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let readme = std::fs::read_to_string(root.join("README.md")).expect("README.md");
    let bench = Bench::without_bucket(first_stack(&readme)).await;
    bench.write("Cargo.toml", "[package]\nname = \"orders\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n");
    std::fs::create_dir_all(bench.path().join("src/bin")).expect("directory");
    for binary in ["src/bin/api.rs", "src/bin/worker.rs"] {
        bench.write(binary, "fn main() {}\n");
    }
    let valid = bench.run(&["validate"]);
    assert!(valid.code == Some(0) && valid.stdout.contains("stack.yaml is valid"), "{valid}");
    assert_eq!(valid.stderr, "", "{valid}");

    let picture = root.join("docs/orders.svg");
    let drawn = bench.ok(&["graph", "--format", "svg"]);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&picture, &drawn).expect("picture");
    }
    let kept = std::fs::read_to_string(&picture).expect("docs/orders.svg");
    assert!(drawn == kept, "docs/orders.svg is not the picture of README.md's stack: run this test with UPDATE=1");
}
