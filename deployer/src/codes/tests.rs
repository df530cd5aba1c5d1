//! Checks that the registry is complete and true, and that docs/errors.md agrees with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Example, all, find};
use crate::pipeline;
use crate::report::{explain, written};
use crate::spec::finding::Severity;
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

fn list_findings(lines: &str) -> Vec<(&'static str, Severity)> {
    let source = SourceText::new("stack.yaml", Example::complete_stack(lines));
    let inputs = Inputs { env: [("AWS_REGION".into(), "eu-west-1".into())].into(), ..Inputs::default() };
    let findings = match pipeline::check(source, &inputs) {
        Ok(loaded) => loaded.warnings,
        Err(failure) => failure.findings,
    };
    findings.0.into_iter().map(|finding| (finding.code, finding.severity)).collect()
}

#[test]
fn every_example_has_its_finding_and_put_right_has_none() {
    let mut wrongs = Vec::new();
    for code in all() {
        let Example::Stack { wrong, right } = code.example else { continue };
        if !list_findings(wrong).contains(&(code.code, code.severity)) {
            wrongs.push(format!("{} is not found, but {:?}", code.code, list_findings(wrong)));
        }
        if !list_findings(right).is_empty() {
            wrongs.push(format!("{} put right: {:?}", code.code, list_findings(right)));
        }
    }
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
}

/// Returns every text in the crate's own code that looks like a code, with a file that contains it. Tests are left out.
fn collect_codes() -> BTreeMap<String, String> {
    let pattern = regex_lite::Regex::new("\"([a-z_]+::[a-z0-9-]+)\"").unwrap();
    let mut used = BTreeMap::new();
    let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "codes" && name != "tests" {
                    directories.push(path);
                }
            } else if name.ends_with(".rs") && !name.contains("tests") {
                let text = std::fs::read_to_string(&path).unwrap();
                let own = text.split("#[cfg(test)]").next().unwrap();
                used.extend(pattern.captures_iter(own).map(|found| (found[1].to_owned(), name.clone())));
            }
        }
    }
    used
}

#[test]
fn the_source_uses_the_codes_of_the_registry_and_no_others() {
    let used = collect_codes();
    assert!(used.len() > 100, "{}", used.len());
    let known: BTreeSet<String> = all().map(|code| code.code.to_owned()).collect();
    let undocumented: Vec<_> = used.iter().filter(|(code, _)| !known.contains(*code)).collect();
    assert!(undocumented.is_empty(), "add them to deployer/src/codes: {undocumented:?}");
    let unused: Vec<_> = known.iter().filter(|code| !used.contains_key(*code)).collect();
    assert!(unused.is_empty(), "nothing reports them any more: {unused:?}");
}

#[test]
fn a_code_stands_once_and_says_what_to_do() {
    let mut seen = BTreeSet::new();
    for code in all() {
        assert!(seen.insert(code.code), "{} stands twice", code.code);
        for text in [code.means, code.fix] {
            assert!(text.ends_with(['.', '?']) && text.len() > 12, "{}: {text}", code.code);
        }
    }
}

#[test]
fn a_code_is_found_by_its_end_if_no_other_ends_so() {
    assert_eq!(find("queue::fifo-name").map(|code| code.code), Some("queue::fifo-name"));
    assert_eq!(find("unknown-property").map(|code| code.code), Some("stack::unknown-property"));
    assert!(find("fifo-name").is_none());
}

#[test]
fn the_document_of_all_codes_is_up_to_date() {
    written::hold("docs/errors.md", &explain::document());
}
