//! The origin of code names what differs from the code before.

use deployer::origin::{CodeChange, FileEdit, WholeOrigin};

use crate::project::Project;

/// Builds until the origin is known. A file that was written within the clock's tick before a build may have changed
/// during it.
async fn origin(project: &Project) -> WholeOrigin {
    for _ in 0..3 {
        if let Some(origin) = project.hello().await.origin {
            return origin;
        }
    }
    panic!("a build that nobody disturbs has an origin");
}

fn files(change: &CodeChange) -> Vec<(&str, FileEdit)> {
    change.files.iter().map(|file| (file.name.as_str(), file.edit)).collect()
}

#[tokio::test]
async fn an_edited_and_a_new_file_are_named_and_nothing_else() {
    let project = Project::tiny();
    let first = origin(&project).await;
    assert_eq!(origin(&project).await, first, "without a build it comes from the stamp");
    project.edit("src/lib.rs", "mod word;\npub use word::WORD;\n");
    project.edit("src/word.rs", "pub const WORD: &str = \"two\";\n");
    let second = origin(&project).await;
    let change = CodeChange::between(&first, &second);
    assert_eq!(files(&change), [("src/lib.rs", FileEdit::Changed), ("src/word.rs", FileEdit::Added)]);
    assert_eq!((change.settings.len(), change.crates.len()), (0, 0), "{change:?}");
    let back = CodeChange::between(&second, &first);
    assert_eq!(files(&back), [("src/lib.rs", FileEdit::Changed), ("src/word.rs", FileEdit::Removed)]);
}

#[tokio::test]
async fn a_setting_of_the_profile_and_a_feature_are_named() {
    let mut project = Project::tiny();
    let first = origin(&project).await;
    let manifest = std::fs::read_to_string(project.path("Cargo.toml")).unwrap();
    project.edit("Cargo.toml", &format!("{manifest}opt-level = 1\n"));
    let second = origin(&project).await;
    let change = CodeChange::between(&first, &second);
    let settings: Vec<_> = change.settings.iter().map(|one| (one.name.as_str(), one.to.as_deref())).collect();
    assert_eq!(settings, [("profile.opt-level", Some("1"))]);
    assert_eq!(files(&change), [("Cargo.toml", FileEdit::Changed)]);
    project.environment = project.environment.with("TINY_STAGE", "staging");
    let change = CodeChange::between(&second, &origin(&project).await);
    assert!(change.is_empty() && change.unrecorded.contains("TINY_STAGE"), "{change:?}");
    let text = serde_json::to_string(&second).unwrap();
    assert!(!text.contains(project.dir.path().to_str().unwrap()), "no directory of this machine: {text}");
    assert!(text.contains("\"toolchain\":\"1."), "{text}");
}
