//! Finds the files that paths and patterns name.
//!
//! **Guarantees**: no file outside the project is found, neither by `..` nor by a symbolic link. A link to a file or a
//! directory of the project stands for its content. The order of a directory's listing does not matter.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::{FileRule, PackageError};

/// The most files of one zip. Lambda has no such limit; a zip's directory has.
const MOST: usize = 65_000;

/// Files by their names.
type Files = BTreeMap<String, PathBuf>;

/// Finds the files that the rules name, by their names in the zip. Paths start at `root`, and `top` is the project.
///
/// # Errors
/// [`PackageError::Files`] if a rule names no file or one outside `top`, or if two files have one name.
pub(super) fn find(root: &Path, top: &Path, rules: &[FileRule]) -> Result<Files, PackageError> {
    let mut found = Files::new();
    for rule in rules {
        let from = tidy(&rule.from);
        let refused = |why: &str| PackageError::file(&rule.from, why);
        let matching = Search::at(root, top)?.run(&rule.from, &from)?;
        if matching.is_empty() {
            return Err(refused("matches no file"));
        }
        for (relative, path) in matching {
            let name = name_in_zip(rule.to.as_deref(), &from, &relative);
            if name.split('/').any(|part| part == "..") {
                let why = "is above the directory of stack.yaml: name its place in the zip, `{ from: …, to: … }`";
                return Err(refused(why));
            }
            match found.insert(name.clone(), path.clone()) {
                Some(other) if other != path => {
                    return Err(refused(&format!("gives `{name}`, which {} gives already", other.display())));
                }
                _ => {}
            }
        }
    }
    Ok(found)
}

/// Returns a path or pattern without parts that say nothing.
fn tidy(pattern: &str) -> String {
    pattern.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/")
}

/// Returns the name of a file in the zip: its own path, or `to`. The files of a pattern or a directory go below `to`.
fn name_in_zip(to: Option<&str>, from: &str, relative: &str) -> String {
    let Some(to) = to else { return relative.to_owned() };
    if relative == from && !to.ends_with('/') {
        return tidy(to);
    }
    let base = match relative == from {
        true => relative.rsplit_once('/').map_or("", |(base, _)| base),
        false => fixed_part(from),
    };
    tidy(&format!("{to}/{}", relative.strip_prefix(base).unwrap_or(relative)))
}

/// Returns the directory that a pattern begins with: its parts before the first with `*` or `?`.
fn fixed_part(pattern: &str) -> &str {
    match pattern.find(['*', '?']) {
        Some(wild) => pattern[..wild].rsplit_once('/').map_or("", |(base, _)| base),
        None => pattern,
    }
}

/// A search below one directory.
struct Search<'a> {
    root: &'a Path,
    /// The project's directory, without links.
    top: PathBuf,
    found: Files,
    /// The directories that the search is in, without links.
    trail: Vec<PathBuf>,
}

impl<'a> Search<'a> {
    fn at(root: &'a Path, top: &Path) -> Result<Self, PackageError> {
        let top = fs::canonicalize(top).map_err(|e| PackageError::io(top, &e))?;
        Ok(Self { root, top, found: Files::new(), trail: Vec::new() })
    }

    /// Lists the files that a pattern, a directory or a name means, by their paths relative to the root.
    fn run(mut self, stated: &str, pattern: &str) -> Result<Files, PackageError> {
        if Path::new(stated).is_absolute() {
            return Err(PackageError::file(stated, "begins with `/`: write it from the directory of stack.yaml"));
        }
        let base = fixed_part(pattern);
        let start = self.root.join(base);
        let parts = |text: &'_ str| text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let mut wanted: Vec<String> = parts(pattern);
        if !pattern.contains(['*', '?']) && start.is_dir() {
            wanted.push("**".to_owned());
        }
        if start.symlink_metadata().is_ok() {
            self.visit(&start, base, &wanted)?;
        }
        Ok(self.found)
    }

    /// Adds the file at `at`, or the files below it, that match.
    fn visit(&mut self, at: &Path, relative: &str, wanted: &[String]) -> Result<(), PackageError> {
        let failed = |error: std::io::Error| PackageError::io(at, &error);
        let real = fs::canonicalize(at).map_err(failed)?;
        if !real.starts_with(&self.top) {
            return Err(refuse_outside(relative));
        }
        let kind = fs::metadata(&real).map_err(failed)?;
        if !kind.is_dir() {
            let parts: Vec<&str> = relative.split('/').filter(|part| !part.is_empty()).collect();
            if matches(wanted, &parts) {
                self.add(relative, at, kind.is_file())?;
            }
            return Ok(());
        }
        if self.trail.contains(&real) {
            return Err(PackageError::file(relative, "is a link to a directory that it lies in"));
        }
        self.trail.push(real);
        let mut names = Vec::new();
        for entry in fs::read_dir(at).map_err(failed)? {
            names.push(entry.map_err(failed)?.file_name());
        }
        names.sort();
        for name in names {
            let Some(text) = name.to_str() else {
                let path = at.join(&name).display().to_string();
                return Err(PackageError::file(path, "has a name that is no Unicode text"));
            };
            let inner = if relative.is_empty() { text.to_owned() } else { format!("{relative}/{text}") };
            let parts: Vec<&str> = inner.split('/').collect();
            if may_match(wanted, &parts) {
                self.visit(&at.join(&name), &inner, wanted)?;
            }
        }
        self.trail.pop();
        Ok(())
    }

    fn add(&mut self, relative: &str, at: &Path, is_file: bool) -> Result<(), PackageError> {
        let refused = |why: &str| Err(PackageError::file(relative, why));
        if !is_file {
            return refused("is neither a file nor a directory");
        }
        if self.found.len() == MOST {
            return refused(&format!("is one of more than {MOST} files"));
        }
        self.found.insert(relative.to_owned(), at.to_owned());
        Ok(())
    }
}

fn refuse_outside(path: &str) -> PackageError {
    PackageError::file(path, "is outside the project")
}

/// Tells whether a path matches a pattern, part by part. `**` stands for any number of parts. A name that begins with a
/// dot matches only a part that does so, too.
fn matches(pattern: &[String], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((part, rest)), Some((first, others))) if part == "**" => {
            (!is_hidden(first) && matches(pattern, others)) || matches(rest, path)
        }
        (Some((part, rest)), None) => part == "**" && matches(rest, path),
        (Some((part, rest)), Some((first, others))) => is_name(part, first) && matches(rest, others),
        (None, Some(_)) => false,
    }
}

/// Tells whether a path, or one below it, can match a pattern.
fn may_match(pattern: &[String], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some((part, rest)), Some((first, others))) if part == "**" => {
            (!is_hidden(first) && may_match(pattern, others)) || may_match(rest, path)
        }
        (Some((part, rest)), Some((first, others))) => is_name(part, first) && may_match(rest, others),
    }
}

/// Tells whether `*` passes over a name. `..` begins a path and hides nothing.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') && name != ".."
}

/// Tells whether a name matches a part of a pattern: `*` stands for any characters, `?` for one.
fn is_name(part: &str, name: &str) -> bool {
    if name.starts_with('.') && !part.starts_with('.') {
        return false;
    }
    let (part, name): (Vec<char>, Vec<char>) = (part.chars().collect(), name.chars().collect());
    // The positions behind the last `*`, in the part and in the name.
    let (mut at, mut in_name, mut star) = (0, 0, None);
    while in_name < name.len() {
        match part.get(at) {
            Some('*') => {
                star = Some((at + 1, in_name));
                at += 1;
            }
            Some(c) if *c == '?' || *c == name[in_name] => (at, in_name) = (at + 1, in_name + 1),
            _ => match star {
                Some((behind, from)) => {
                    star = Some((behind, from + 1));
                    (at, in_name) = (behind, from + 1);
                }
                None => return false,
            },
        }
    }
    part[at..].iter().all(|c| *c == '*')
}
