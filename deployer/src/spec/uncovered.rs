//! Resources and settings that the deployer does not manage: words of AWS and of other tools that are no property here.
//!
//! A word gets a sentence that says what to do instead. The words of an element stand in its section's
//! [`About`](super::sections::About), those of the top level in [`head`](super::head). docs/coverage.md lists all of them.

use super::head;
use super::nearest::nearest_besides;
use super::sections;

/// Words that are no property in one place, and the answer to a user who writes one.
#[derive(Debug)]
pub struct UncoveredWords {
    /// The property of the element that the words stand inside; empty for the element itself and the top level.
    pub inside: &'static str,
    /// As `stack.yaml` would have them, in snake case. Every other spelling counts, too: `FunctionUrl`, `function-url`.
    pub words: &'static [&'static str],
    pub answer: UncoveredAnswer,
}

/// An answer to a user.
#[derive(Debug)]
pub enum UncoveredAnswer {
    /// The deployer does not manage `things`. Functions use one by its ARN.
    Elsewhere {
        things: &'static str,
        /// The variable that passes the ARN.
        variable: &'static str,
        /// The actions that a function usually needs.
        allow: &'static [&'static str],
        /// The ends of the ARNs that these actions are about: `""`, `"/*"`.
        on: &'static [&'static str],
    },
    /// The deployer does not manage `things`.
    Unmanaged { things: &'static str, instead: &'static str },
    /// `stack.yaml` has it in another form, which the sentence describes.
    Otherwise(&'static str),
}

impl UncoveredWords {
    /// Describes words of a property inside an element.
    pub const fn inside(property: &'static str, words: &'static [&'static str], answer: UncoveredAnswer) -> Self {
        Self { inside: property, words, answer }
    }

    /// Describes words of an element, or of the top level.
    pub const fn of(words: &'static [&'static str], answer: UncoveredAnswer) -> Self {
        Self::inside("", words, answer)
    }
}

/// Shortens the tables: things that the deployer does not manage, and what to do instead.
pub const fn unmanaged(things: &'static str, instead: &'static str) -> UncoveredAnswer {
    UncoveredAnswer::Unmanaged { things, instead }
}

impl UncoveredAnswer {
    /// Returns the things that the deployer does not manage; `None` if `stack.yaml` has them in another form.
    pub fn things(&self) -> Option<&'static str> {
        match self {
            Self::Elsewhere { things, .. } | Self::Unmanaged { things, .. } => Some(things),
            Self::Otherwise(_) => None,
        }
    }

    /// Tells the user what to do instead.
    pub fn help(&self) -> String {
        match self {
            Self::Unmanaged { instead, .. } => (*instead).to_owned(),
            Self::Otherwise(how) => (*how).to_owned(),
            Self::Elsewhere { .. } => {
                format!(
                    "create it elsewhere, pass its ARN as a variable, and allow the function to use it:\n{}",
                    self.lines()
                )
            }
        }
    }

    /// Returns the lines of `stack.yaml` that pass an ARN and allow a function to use it.
    pub fn lines(&self) -> String {
        let Self::Elsewhere { variable, allow, on, .. } = self else { return String::new() };
        let on: Vec<String> = on.iter().map(|end| format!("\"${{vars.{variable}}}{end}\"")).collect();
        let (allow, on) = (join_texts(allow), join_texts(&on));
        format!(
            "vars: {{ {variable}: {{ required: true }} }}\npermissions: [ {{ allow: {allow}, on: {on} }} ]  # of the function"
        )
    }
}

fn join_texts<T: AsRef<str>>(texts: &[T]) -> String {
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    if let [one] = texts[..] { one.to_owned() } else { format!("[{}]", texts.join(", ")) }
}

/// Lists the uncovered words of the map at `path`.
pub fn at(path: &[String]) -> impl Iterator<Item = &'static UncoveredWords> {
    let (table, inside) = match path {
        [] => (head::UNCOVERED, ""),
        [section, _, inner @ ..] => {
            let table = sections::find(section).map_or(&[][..], |section| section.about().uncovered);
            (table, inner.first().map_or("", String::as_str))
        }
        [_] => (&[][..], ""),
    };
    let inside = inside.to_owned();
    table.iter().filter(move |uncovered| uncovered.inside == inside)
}

/// The meaning of an unknown word.
pub enum WordMeaning<'a> {
    /// A misspelt property.
    Property(&'a str),
    /// A word with an answer.
    Word(&'static UncoveredAnswer),
    Nothing,
}

/// Finds out what an unknown word in the map at `path` was probably meant to be. `known` are the map's properties.
pub fn find_meaning<'a>(word: &str, known: &[&'a str], path: &[String]) -> WordMeaning<'a> {
    let words = at(path).flat_map(|uncovered| uncovered.words).copied();
    let Some(nearest) = nearest_besides(word, known.iter().copied(), words) else { return WordMeaning::Nothing };
    match at(path).find(|uncovered| uncovered.words.contains(&nearest)) {
        Some(uncovered) if !known.contains(&nearest) => WordMeaning::Word(&uncovered.answer),
        _ => WordMeaning::Property(nearest),
    }
}

#[cfg(test)]
mod tests;
