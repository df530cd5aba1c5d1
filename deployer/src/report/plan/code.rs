//! Renders why code differs.

use crate::origin::{CodeChange, FileChange, FileEdit, UnknownOrigin, ValueChange};

/// The most files, crates or settings of a line. `-v` shows all.
const FEW: usize = 4;
/// The most characters of a file's name in a line.
const LONGEST: usize = 60;

/// Renders the change in at most two lines, or with `all` in a line for each file, crate and setting.
pub(super) fn lines(change: &CodeChange, all: bool) -> Vec<String> {
    let unrecorded = || {
        let names: Vec<String> = change.unrecorded.iter().map(|name| format!("`{name}`")).collect();
        names.join(", ")
    };
    match change.unknown {
        Some(UnknownOrigin::NotRecorded) => {
            return vec!["why: unknown, its sources are recorded with the next apply".to_owned()];
        }
        Some(UnknownOrigin::OtherCode) => {
            return vec!["why: AWS has other code than the last finished apply recorded".to_owned()];
        }
        None if change.is_empty() && change.unrecorded.is_empty() => {
            return vec![
                "why: no source, crate or setting differs; perhaps another machine, linker or C compiler".to_owned(),
            ];
        }
        None if change.is_empty() => {
            return vec![format!(
                "why: no source, crate or setting differs; perhaps {}, which the build reads",
                unrecorded()
            )];
        }
        None => {}
    }
    if all {
        let files = change.files.iter().map(|file| format!("{} {}", word(file.edit), file.name));
        let crates = change.crates.iter().map(|one| format!("Cargo.lock: {}", value(one)));
        let settings = change.settings.iter().map(value);
        let also =
            (!change.unrecorded.is_empty()).then(|| format!("perhaps also: {}, which the build reads", unrecorded()));
        return files.chain(crates).chain(settings).chain(also).collect();
    }
    let crates = (!change.crates.is_empty()).then(|| format!("Cargo.lock: {}", few(change.crates.iter().map(value))));
    let settings = (!change.settings.is_empty()).then(|| few(change.settings.iter().map(value)));
    let rest: Vec<String> = crates.into_iter().chain(settings).collect();
    let lines = [files(&change.files), rest.join("; ")];
    lines.into_iter().filter(|line| !line.is_empty()).collect()
}

/// Renders `2 files changed: a.rs, b.rs; 1 added: c.rs`.
fn files(files: &[FileChange]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for edit in [FileEdit::Changed, FileEdit::Added, FileEdit::Removed] {
        let of_edit: Vec<&FileChange> = files.iter().filter(|file| file.edit == edit).collect();
        if of_edit.is_empty() {
            continue;
        }
        let noun = match (parts.is_empty(), of_edit.len()) {
            (true, 1) => " file",
            (true, _) => " files",
            _ => "",
        };
        let names = few(of_edit.iter().map(|file| short(&file.name)));
        parts.push(format!("{}{noun} {}: {names}", of_edit.len(), word(edit)));
    }
    parts.join("; ")
}

fn word(edit: FileEdit) -> &'static str {
    match edit {
        FileEdit::Changed => "changed",
        FileEdit::Added => "added",
        FileEdit::Removed => "removed",
    }
}

/// Renders `serde 1.0.1 → 1.0.2`.
fn value(change: &ValueChange) -> String {
    let name = &change.name;
    match (&change.from, &change.to) {
        _ if change.is_hidden() => format!("{name} changed"),
        (None, Some(to)) => format!("+ {name} {to}"),
        (Some(from), None) => format!("- {name} {from}"),
        (from, to) => {
            let side = |text: &Option<String>| text.clone().unwrap_or_default();
            format!("{name} {} → {}", side(from), side(to))
        }
    }
}

/// Joins the first items, and counts the others.
fn few(items: impl ExactSizeIterator<Item = String>) -> String {
    let more = items.len().saturating_sub(FEW);
    let shown: Vec<String> = items.take(FEW).collect();
    let rest = if more == 0 { String::new() } else { format!(" and {more} more (-v shows them)") };
    shown.join(", ") + &rest
}

/// Cuts the beginning of a long name.
fn short(name: &str) -> String {
    let length = name.chars().count();
    if length <= LONGEST {
        return name.to_owned();
    }
    format!("…{}", name.chars().skip(length - LONGEST + 1).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, edit: FileEdit) -> FileChange {
        FileChange { name: name.to_owned(), edit }
    }

    fn change(name: &str, from: Option<&str>, to: Option<&str>) -> ValueChange {
        ValueChange { name: name.to_owned(), from: from.map(str::to_owned), to: to.map(str::to_owned) }
    }

    #[test]
    fn a_change_takes_two_lines_and_more_with_v() {
        let names = ["src/main.rs", "src/draw.rs", "src/a.rs", "src/b.rs", "src/c.rs"];
        let mut files: Vec<FileChange> = names.iter().map(|name| file(name, FileEdit::Changed)).collect();
        files.push(file("src/new.rs", FileEdit::Added));
        let change = CodeChange {
            files,
            crates: vec![change("serde", Some("1.0.1"), Some("1.0.2")), change("syn", None, Some("2.0.0"))],
            settings: vec![change("profile", Some("release"), Some("lambda")), change("$CFLAGS", Some("#a"), None)],
            ..CodeChange::default()
        };
        assert_eq!(
            lines(&change, false),
            [
                "5 files changed: src/main.rs, src/draw.rs, src/a.rs, src/b.rs and 1 more (-v shows them); 1 added: src/new.rs",
                "Cargo.lock: serde 1.0.1 → 1.0.2, + syn 2.0.0; profile release → lambda, $CFLAGS changed",
            ]
        );
        let all = lines(&change, true);
        assert_eq!((all.len(), all[5].as_str()), (10, "added src/new.rs"));
    }

    #[test]
    fn an_unknown_reason_is_said_with_what_cures_it() {
        let text = |change: &CodeChange| lines(change, false).concat();
        assert!(text(&CodeChange::unknown(UnknownOrigin::NotRecorded)).contains("recorded with the next apply"));
        assert!(text(&CodeChange::unknown(UnknownOrigin::OtherCode)).contains("AWS has other code"));
        assert!(text(&CodeChange::default()).contains("another machine"));
        let read = CodeChange { unrecorded: ["GIT_SHA".to_owned()].into(), ..CodeChange::default() };
        assert!(text(&read).contains("perhaps `GIT_SHA`, which the build reads"));
        let deep = CodeChange { files: vec![file(&"x/".repeat(60), FileEdit::Changed)], ..CodeChange::default() };
        assert!(text(&deep).chars().count() < 90);
    }
}
