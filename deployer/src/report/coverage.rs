//! docs/coverage.md: what a stack can have, and what the deployer does not manage. It is generated from the sections and
//! their words.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::reference;
use crate::spec::document::Document;
use crate::spec::head;
use crate::spec::schema::checked_schema;
use crate::spec::sections::SECTIONS;
use crate::spec::sections::any::AnySection;
use crate::spec::source::SourceText;
use crate::spec::uncovered::UncoveredWords;
use crate::spec::variables::Inputs;

const INTRODUCTION: &str = "\
<!-- Generated from the sections by `cargo xtask docs`. -->
# What it covers, and what not yet

`deployer` manages the resources below. Each is created, compared, changed in place where AWS can, and deleted. All
others belong to other tools. Pass their ARNs as variables, and let functions use them with `permissions`:

```yaml
vars:
  state_machine_arn: { required: true }
functions:
  worker:
    crate: worker
    environment: { STATE_MACHINE: \"${vars.state_machine_arn}\" }
    permissions:
      - { allow: states:StartExecution, on: \"${vars.state_machine_arn}\" }
```

`external: true` refers to a resource of a section that others manage. A permission on a function that others added
stays, and is no drift.

A word of the second part that stands in `stack.yaml` gets the answer beside it from `deployer validate`.

## What it covers
| section | element | resources |
| --- | --- | --- |
";

/// Renders docs/coverage.md.
pub fn document() -> String {
    let mut text = INTRODUCTION.to_owned();
    for section in SECTIONS {
        let about = checked_schema()["properties"][section.name()]["description"].as_str().unwrap_or_default();
        let about = about.replace('\n', " ");
        let kinds: Vec<String> = kinds(*section).into_iter().map(|kind| format!("`{kind}`")).collect();
        let _ = writeln!(text, "| [`{0}`](kinds/{0}.md) | {about} | {1} |", section.name(), kinds.join(", "));
    }
    text += "\n## What it does not cover\n";
    table(&mut text, "Resources", head::UNCOVERED);
    for section in SECTIONS {
        table(&mut text, &format!("In {}", section.name()), section.about().uncovered);
    }
    text
}

/// Lists the kinds that the example of a section is lowered to for the section itself.
fn kinds(section: &dyn AnySection) -> BTreeSet<&'static str> {
    let example = SourceText::new("", reference::example(section));
    let Ok((document, _)) = Document::load(example, &Inputs::default()) else { return BTreeSet::new() };
    let (lowered, _) = document.lower();
    let own = lowered.resources.iter().filter(|resource| resource.element.split('.').next() == Some(section.name()));
    own.map(|resource| resource.kind).collect()
}

fn table(text: &mut String, title: &str, table: &[UncoveredWords]) {
    let missing: Vec<(&str, &UncoveredWords)> =
        table.iter().filter_map(|uncovered| Some((uncovered.answer.things()?, uncovered))).collect();
    if missing.is_empty() {
        return;
    }
    let _ = write!(text, "\n### {title}\n| not managed | words | instead |\n| --- | --- | --- |\n");
    for (things, uncovered) in missing {
        let words: Vec<String> = uncovered.words.iter().map(|word| format!("`{word}`")).collect();
        let place = if uncovered.inside.is_empty() { String::new() } else { format!(" in `{}`", uncovered.inside) };
        // The introduction has the lines around the permission.
        let instead = match uncovered.answer.lines().lines().last() {
            Some(permission) => format!("`{}`", permission.split("  #").next().unwrap_or(permission)),
            None => uncovered.answer.help(),
        };
        let _ = writeln!(text, "| {things}{place} | {} | {} |", words.join(", "), instead.replace('|', "\\|"));
    }
}

#[cfg(test)]
mod tests {
    use crate::report::written;

    #[test]
    fn the_page_of_coverage_is_up_to_date() {
        written::hold("docs/coverage.md", &super::document());
    }
}
