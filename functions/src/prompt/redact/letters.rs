//! The letters of a text, with its escapes resolved.

use std::ops::Range;

/// How many times over a text may have been escaped.
const LAYERS: usize = 3;
/// The longest name of an HTML character that is recognised, with `&` and `;`.
const LONGEST_ENTITY: usize = 12;

/// A letter, and the bytes of the text that mean it.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) letter: char,
    pub(super) span: Range<usize>,
    /// Whether the letter directly follows the one before it, as within a word.
    pub(super) joined: bool,
}

/// Returns the letters, digits and symbols of `text` in lower case, without blanks and punctuation.
pub(super) fn letters(text: &str) -> Vec<Letter> {
    let mut read: Vec<Letter> = text
        .char_indices()
        .map(|(start, letter)| Letter { letter, span: start..start + letter.len_utf8(), joined: false })
        .collect();
    for _ in 0..LAYERS {
        let escaped = |letter: &Letter| ['\\', '&', '%'].contains(&letter.letter);
        if !read.iter().any(escaped) {
            break;
        }
        read = resolved(&read);
    }
    let mut kept = Vec::with_capacity(read.len());
    let mut joined = false;
    for letter in read {
        let counts = counts(letter.letter);
        if counts {
            let lower = letter.letter.to_lowercase().next().unwrap_or(letter.letter);
            kept.push(Letter { letter: lower, joined, ..letter });
        }
        joined = counts;
    }
    kept
}

/// Tells whether `letter` counts. Blanks and punctuation do not: a quotation may have others.
fn counts(letter: char) -> bool {
    let general_punctuation = '\u{2000}'..='\u{206f}';
    let symbol = !letter.is_ascii() && !letter.is_whitespace() && !letter.is_control();
    letter.is_alphanumeric()
        || (symbol && !general_punctuation.contains(&letter) && letter != char::REPLACEMENT_CHARACTER)
}

/// Resolves one layer of escapes.
fn resolved(text: &[Letter]) -> Vec<Letter> {
    let mut resolved = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let escape = match first.letter {
            '\\' => backslash(rest),
            '&' => entity(rest),
            '%' => percent(rest),
            _ => None,
        };
        let Some((meant, length)) = escape else {
            resolved.push(first.clone());
            rest = after;
            continue;
        };
        let (escape, after) = rest.split_at(length);
        let end = escape.last().map_or(first.span.end, |last| last.span.end);
        let span = first.span.start..end;
        resolved.extend(meant.chars().map(|letter| Letter { letter, span: span.clone(), joined: false }));
        rest = after;
    }
    resolved
}

/// Resolves one or several backslashes: `\u00f8`, `\ud83c\udf19`, `\u{f8}`, `\U000000f8`, `\xf8`, `\n`, and a backslash
/// before a character that means itself. Returns the meaning and the length of the escape.
fn backslash(text: &[Letter]) -> Option<(String, usize)> {
    let run = text.iter().take_while(|letter| letter.letter == '\\').count();
    let one = |digits: Option<u32>, length: usize| Some((digits.and_then(char::from_u32)?.to_string(), run + length));
    let meant = match text.get(run).map(|letter| letter.letter) {
        Some('u') if text.get(run + 1).is_some_and(|letter| letter.letter == '{') => {
            let digits = text.iter().skip(run + 2).take_while(|letter| letter.letter.is_ascii_hexdigit()).count();
            one(hex(text, run + 2, digits), digits + 3)
        }
        Some('u') => utf16(text),
        Some('U') => one(hex(text, run + 1, 8), 9),
        Some('x') => one(hex(text, run + 1, 2), 3),
        Some('n' | 'r' | 't' | 'b' | 'f') => Some((" ".to_owned(), run + 1)),
        _ => None,
    };
    meant.or_else(|| Some((" ".to_owned(), run))).filter(|(_, length)| *length <= text.len())
}

/// Resolves the units `\uXXXX` at the start of `text`. Two of them may form one letter.
fn utf16(text: &[Letter]) -> Option<(String, usize)> {
    let mut units = Vec::new();
    let mut length = 0;
    loop {
        let run = text.iter().skip(length).take_while(|letter| letter.letter == '\\').count();
        let marked = text.get(length + run).is_some_and(|letter| run > 0 && letter.letter == 'u');
        let unit = hex(text, length + run + 1, 4).and_then(|unit| u16::try_from(unit).ok());
        let Some(unit) = unit.filter(|_| marked) else { break };
        units.push(unit);
        length += run + 5;
    }
    (length > 0).then(|| (String::from_utf16_lossy(&units), length))
}

/// Resolves `&#248;`, `&#xf8;`, `&amp;` and other names, which count as punctuation.
fn entity(text: &[Letter]) -> Option<(String, usize)> {
    let length = text.iter().take(LONGEST_ENTITY).position(|letter| letter.letter == ';')? + 1;
    let name: String = text.get(1..length - 1)?.iter().map(|letter| letter.letter).collect();
    let number = match name.strip_prefix('#') {
        Some(digits) => match digits.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => digits.parse().ok(),
        },
        None => {
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic());
            let meant = if name == "amp" { "&" } else { " " };
            return is_name.then(|| (meant.to_owned(), length));
        }
    };
    Some((char::from_u32(number?)?.to_string(), length))
}

/// Resolves the bytes `%XX` at the start of `text`.
fn percent(text: &[Letter]) -> Option<(String, usize)> {
    let mut bytes = Vec::new();
    while text.get(bytes.len() * 3).is_some_and(|letter| letter.letter == '%') {
        let byte = hex(text, bytes.len() * 3 + 1, 2).and_then(|byte| u8::try_from(byte).ok());
        let Some(byte) = byte else { break };
        bytes.push(byte);
    }
    (!bytes.is_empty()).then(|| (String::from_utf8_lossy(&bytes).into_owned(), bytes.len() * 3))
}

/// Reads `digits` hexadecimal digits at `start`.
fn hex(text: &[Letter], start: usize, digits: usize) -> Option<u32> {
    let text: String = text.get(start..start.checked_add(digits)?)?.iter().map(|letter| letter.letter).collect();
    let is_hex = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u32::from_str_radix(&text, 16).ok()).flatten()
}
