//! Supports the part of Dockerfiles that ours uses: parses its stages, and runs the first one in a separate directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{failed, succeed};

/// One instruction, with continued lines joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    pub word: String,
    pub rest: String,
}

/// Parses a Dockerfile: the instructions before the first stage, and those of each stage.
pub fn stages(text: &str) -> Vec<Vec<Instruction>> {
    let mut stages = vec![Vec::new()];
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    for line in lines.join("\n").replace("\\\n", " ").lines() {
        let (word, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        if word.is_empty() {
            continue;
        }
        if word == "FROM" {
            stages.push(Vec::new());
        }
        let instruction = Instruction { word: word.to_owned(), rest: rest.trim().to_owned() };
        stages.last_mut().expect("a stage").push(instruction);
    }
    stages
}

/// Splits `NAME="a value" OTHER=value` into names and values.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut left = text.trim();
    while let Some((name, rest)) = left.split_once('=') {
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        found.push((name.trim().to_owned(), value.to_owned()));
        left = after.trim();
    }
    found
}

/// Runs a stage in `site`, which replaces its working directory; `arguments` replace `--build-arg`s. Only files that
/// `.dockerignore` admits to the context are copied from `root`.
pub fn carry_out(
    stage: &[Instruction],
    root: &Path,
    site: &Path,
    arguments: &BTreeMap<&str, &str>,
) -> Result<(), String> {
    let context = Context::of(root)?;
    clear(site)?;
    let mut variables: BTreeMap<String, String> = BTreeMap::new();
    for Instruction { word, rest } in stage {
        match word.as_str() {
            "ARG" => {
                let (name, default) = rest.split_once('=').unwrap_or((rest, ""));
                let value = arguments.get(name).copied().unwrap_or(default);
                variables.insert(name.to_owned(), value.to_owned());
            }
            "ENV" => variables.extend(pairs(rest)),
            "COPY" => {
                let paths: Vec<&str> = rest.split_whitespace().collect();
                let (to, from) = paths.split_last().ok_or("COPY without paths")?;
                for from in from {
                    context.copy(from, site, to)?;
                }
            }
            "RUN" => {
                let mut command = Command::new("sh");
                succeed(command.args(["-ec", rest]).current_dir(site).envs(&variables))?;
            }
            "FROM" | "WORKDIR" => {}
            _ => return Err(format!("{word} is not expected in the stage that builds")),
        }
    }
    Ok(())
}

/// Empties a directory of everything but `target`, so that no source remains at its former place.
fn clear(site: &Path) -> Result<(), String> {
    fs::create_dir_all(site).map_err(|error| failed(site, &error))?;
    for entry in fs::read_dir(site).map_err(|error| failed(site, &error))? {
        let path = entry.map_err(|error| failed(site, &error))?.path();
        let removed = match path.is_dir() {
            true if path.ends_with("target") => Ok(()),
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        removed.map_err(|error| failed(&path, &error))?;
    }
    Ok(())
}

/// The files that a build may see.
struct Context<'a> {
    root: &'a Path,
    allowed: Vec<String>,
}

impl<'a> Context<'a> {
    /// Reads `.dockerignore`, which must exclude everything except the files that it names.
    fn of(root: &'a Path) -> Result<Self, String> {
        let place = root.join(".dockerignore");
        let text = fs::read_to_string(&place).map_err(|error| failed(&place, &error))?;
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        if lines.next() != Some("*") {
            return Err(".dockerignore does not begin by leaving everything out (`*`)".to_owned());
        }
        let allowed = lines.map(|line| line.strip_prefix('!').map(str::to_owned).ok_or(line));
        let allowed =
            allowed.collect::<Result<_, _>>().map_err(|line| format!(".dockerignore: `{line}` lets nothing in"))?;
        Ok(Self { root, allowed })
    }

    fn copy(&self, from: &str, site: &Path, to: &str) -> Result<(), String> {
        let seen = self.allowed.iter().any(|path| from == path || from.starts_with(&format!("{path}/")));
        if !seen {
            return Err(format!("COPY {from}: .dockerignore leaves it out"));
        }
        let source = self.root.join(from);
        let target = match to {
            "./" => site.join(from),
            _ if to.ends_with('/') => site.join(to).join(source.file_name().unwrap_or_default()),
            _ => site.join(to),
        };
        copy(&source, &target)
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    if !from.is_dir() {
        let parent = to.parent().map_or_else(PathBuf::new, Path::to_owned);
        fs::create_dir_all(&parent).map_err(|error| failed(&parent, &error))?;
        return fs::copy(from, to).map(|_| ()).map_err(|error| failed(from, &error));
    }
    for entry in fs::read_dir(from).map_err(|error| failed(from, &error))? {
        let entry = entry.map_err(|error| failed(from, &error))?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continued_lines_are_one_instruction_and_comments_none() {
        let stages = stages("ARG A=1\nFROM ${A} AS b\n# why\nRUN a \\\n# why\n    && b\nFROM scratch\nUSER 1:1\n");
        assert_eq!(stages.len(), 3);
        assert_eq!(stages[0][0], Instruction { word: "ARG".into(), rest: "A=1".into() });
        assert_eq!(stages[1][1].rest.split_whitespace().collect::<Vec<_>>(), ["a", "&&", "b"]);
        assert_eq!(stages[2][1].rest, "1:1");
    }

    #[test]
    fn values_may_be_quoted() {
        let found = pairs("A=\"b c\"  D=e");
        assert_eq!(found, [("A".to_owned(), "b c".to_owned()), ("D".to_owned(), "e".to_owned())]);
    }

    #[test]
    fn a_stage_sees_no_file_that_dockerignore_leaves_out() {
        let place = tempfile::tempdir().unwrap();
        let (root, site) = (place.path().join("root"), place.path().join("site"));
        fs::create_dir_all(root.join("client/src")).unwrap();
        fs::write(root.join("client/src/main.rs"), "main").unwrap();
        fs::write(root.join("secret"), "no").unwrap();
        fs::write(root.join(".dockerignore"), "# why\n*\n!client\n").unwrap();
        let run = |text: &str| carry_out(&stages(text)[1], &root, &site, &BTreeMap::from([("B", "given")]));
        fs::create_dir_all(site.join("client")).unwrap();
        fs::write(site.join("client/moved.rs"), "").unwrap();
        run("FROM a\nARG A=own\nARG B=own\nENV C=\"c d\"\nCOPY client client\nRUN echo $A $B $C > said").unwrap();
        assert_eq!(fs::read_to_string(site.join("client/src/main.rs")).unwrap(), "main");
        assert!(!site.join("client/moved.rs").exists(), "a source of an earlier run");
        assert_eq!(fs::read_to_string(site.join("said")).unwrap(), "own given c d\n");
        assert!(run("FROM a\nCOPY secret ./").unwrap_err().contains("leaves it out"));
        assert!(run("FROM a\nRUN false").is_err());
    }
}
