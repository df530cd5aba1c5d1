//! Values that must not be printed, logged or written down.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// Replaces a secret in printed texts.
pub const MASK: &str = "(sensitive)";
/// Shorter secrets are masked only as they are: their encodings would match other texts by chance. In bytes.
pub const SHORTEST: usize = 6;
/// Shorter texts cannot be secrets, in bytes: they occur in most texts, so masking them would hide nothing and garble
/// everything.
pub const LEAST: usize = 4;
/// The shortest line of a secret that is also masked on its own, in bytes.
const LINE: usize = 8;

/// A run's secrets, in every form in which they may appear.
#[derive(Clone, Default)]
pub struct Secrets {
    forms: Vec<Form>,
}

/// One spelling of a secret.
#[derive(Clone)]
struct Form {
    text: String,
    /// The variable whose value it is, if any.
    variable: Option<String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} forms)", self.forms.len())
    }
}

/// The characters that RFC 3986 leaves unescaped, besides letters and digits.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The characters that escapers of whole URLs escape.
const URL: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'#').add(b'?').add(b'{').add(b'}');

impl Secrets {
    /// Adds a secret and its JSON-escaped, XML-escaped, percent-encoded and base64 forms. Ignores an empty one.
    pub fn add(&mut self, secret: &str) {
        self.add_all(secret, None);
    }

    /// Adds the value of a variable, like [`Secrets::add`].
    pub fn add_variable(&mut self, name: &str, secret: &str) {
        self.add_all(secret, Some(name));
    }

    /// Adds every secret of `other`.
    pub fn extend(&mut self, other: &Self) {
        for form in &other.forms {
            self.add_form(form.text.clone(), form.variable.as_deref());
        }
    }

    fn add_all(&mut self, secret: &str, variable: Option<&str>) {
        self.add_form(secret.to_owned(), variable);
        // A value read from a file ends in a newline, which other programs strip.
        if secret.trim().len() >= LEAST {
            self.add_form(secret.trim().to_owned(), variable);
        }
        if secret.len() < SHORTEST {
            return;
        }
        let json = json_escaped(secret);
        // A JSON document inside another one is escaped twice. A log quotes an already escaped text once more.
        let plain = [secret.to_owned(), json.clone(), json_escaped(&json), ascii_only(&json)];
        for text in &plain {
            for form in escaped(text) {
                self.add_form(form, variable);
            }
        }
        for line in secret.lines().map(str::trim).filter(|line| line.len() >= LINE && line.len() < secret.len()) {
            self.add_form(line.to_owned(), variable);
        }
        for text in &plain {
            for before in 0..3 {
                self.add_form(base64_core(text, before, &STANDARD_NO_PAD), variable);
                self.add_form(base64_core(text, before, &URL_SAFE_NO_PAD), variable);
            }
        }
    }

    fn add_form(&mut self, text: String, variable: Option<&str>) {
        if !text.is_empty() && !self.forms.iter().any(|known| known.text == text) {
            self.forms.push(Form { text, variable: variable.map(str::to_owned) });
        }
    }

    /// Replaces every occurrence of a secret, in any of its forms, by `(sensitive)`.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.replace(text, |_| MASK.to_owned())
    }

    /// Replaces each secret by the name of its variable: `user:vars.token@host`.
    pub fn name_secrets<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.replace(text, |secret| {
            let forms = self.forms.iter().filter(|form| secret.contains(&form.text));
            let whole = forms.min_by_key(|form| std::cmp::Reverse(form.text.len()));
            let variable = whole.and_then(|form| form.variable.as_deref());
            variable.map_or_else(|| MASK.to_owned(), |name| format!("vars.{name}"))
        })
    }

    /// Also masks truncated secrets: the start of a secret at the end of the text, and the end of a secret at its
    /// start.
    pub fn mask_cut<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let begun = self.forms.iter().filter_map(|form| overlap(text, &form.text)).max();
        let ended = self.forms.iter().filter_map(|form| overlap(&form.text, text)).max();
        let begun = begun.map(|bytes| text.len() - bytes..text.len());
        let cut = begun.into_iter().chain(ended.map(|bytes| 0..bytes));
        replace_places(text, merge_places(self.find_places(text).chain(cut)), |_| MASK.to_owned())
    }

    /// Masks every text of a value, including property names.
    pub fn mask_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.mask(text).into_owned()),
            Value::Array(items) => items.iter().map(|item| self.mask_value(item)).collect(),
            Value::Object(map) => Value::Object(
                map.iter().map(|(key, item)| (self.mask(key).into_owned(), self.mask_value(item))).collect(),
            ),
            other => other.clone(),
        }
    }

    /// Masks the strings inside a JSON text. The JSON between them is not touched, so the text stays valid.
    pub fn mask_json<'a>(&self, json: &'a str) -> Cow<'a, str> {
        if self.forms.is_empty() {
            return Cow::Borrowed(json);
        }
        let mut out = String::new();
        let mut done = 0;
        for place in texts_of(json) {
            let Ok(text) = serde_json::from_str::<String>(&json[place.clone()]) else { continue };
            if let Cow::Owned(masked) = self.mask(&text) {
                out.push_str(&json[done..place.start]);
                out.push_str(&Value::from(masked).to_string());
                done = place.end;
            }
        }
        if done == 0 {
            return Cow::Borrowed(json);
        }
        out.push_str(&json[done..]);
        Cow::Owned(out)
    }

    /// Replaces every occurrence by as many `*` as it has bytes, so that positions stay the same.
    pub fn cover<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.replace(text, |secret| secret.bytes().map(|b| if b == b'\n' { '\n' } else { '*' }).collect())
    }

    /// Lists every masked form, for CI systems that mask by themselves.
    pub fn forms(&self) -> impl Iterator<Item = &str> {
        self.forms.iter().map(|form| form.text.as_str())
    }

    /// Tells whether the text contains a secret.
    pub fn touches(&self, text: &str) -> bool {
        self.forms.iter().any(|form| text.contains(&form.text))
    }

    /// Returns the variable whose value is in the text.
    pub fn variable_in(&self, text: &str) -> Option<&str> {
        self.forms.iter().filter(|form| text.contains(&form.text)).find_map(|form| form.variable.as_deref())
    }

    fn replace<'a>(&self, text: &'a str, stand_in: impl Fn(&str) -> String) -> Cow<'a, str> {
        replace_places(text, merge_places(self.find_places(text)), stand_in)
    }

    /// Finds the places of secrets. A match inside a mask that is already in the text is no secret.
    fn find_places(&self, text: &str) -> impl Iterator<Item = Range<usize>> {
        let masked: Vec<Range<usize>> = text.match_indices(MASK).map(|(at, mask)| at..at + mask.len()).collect();
        let mut found = Vec::new();
        // Preparing a search costs the length of the form, and most texts are short.
        for Form { text: form, .. } in self.forms.iter().filter(|form| form.text.len() <= text.len()) {
            let first = form.chars().next().map_or(1, char::len_utf8);
            let mut from = 0;
            while let Some(at) = text[from..].find(form.as_str()) {
                found.push(from + at..from + at + form.len());
                from += at + first;
            }
        }
        found.into_iter().filter(move |place| !masked.iter().any(|m| m.start <= place.start && place.end <= m.end))
    }
}

/// Merges overlapping places.
fn merge_places(found: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = found.collect();
    found.sort_by_key(|place| (place.start, place.end));
    let mut places: Vec<Range<usize>> = Vec::new();
    for place in found {
        match places.last_mut() {
            Some(last) if place.start < last.end => last.end = last.end.max(place.end),
            _ => places.push(place),
        }
    }
    places
}

fn replace_places(text: &str, places: Vec<Range<usize>>, stand_in: impl Fn(&str) -> String) -> Cow<'_, str> {
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    for place in places {
        masked.push_str(&text[done..place.start]);
        masked.push_str(&stand_in(&text[place.clone()]));
        done = place.end;
    }
    masked.push_str(&text[done..]);
    Cow::Owned(masked)
}

/// Returns a text and its spellings in logs, XML and URLs.
fn escaped(text: &str) -> Vec<String> {
    let mut forms = vec![
        text.to_owned(),
        text.escape_debug().to_string(),
        text.as_bytes().escape_ascii().to_string(),
        xml_escaped(text, "&apos;"),
        xml_escaped(text, "&#39;"),
    ];
    for set in [NON_ALPHANUMERIC, UNRESERVED, URL] {
        let encoded = utf8_percent_encode(text, set).to_string();
        let form = encoded.replace("%20", "+");
        forms.extend([lower_hex(&encoded), lower_hex(&form), encoded, form]);
    }
    forms
}

fn xml_escaped(text: &str, apostrophe: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', apostrophe)
}

fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Returns the length of the longest overlap: bytes, at least [`LINE`], that end `first` and begin `second`. Less than
/// all of `second`.
fn overlap(first: &str, second: &str) -> Option<usize> {
    let begin = second.get(..second.ceil_char_boundary(LINE)).filter(|begin| begin.len() < second.len())?;
    let tail = first.ceil_char_boundary(first.len().saturating_sub(second.len() - 1));
    let mut places = first[tail..].match_indices(begin).map(|(at, _)| first.len() - tail - at);
    places.find(|length| second.as_bytes().starts_with(&first.as_bytes()[first.len() - length..]))
}

/// Finds the strings of a JSON text, with their quotes.
fn texts_of(json: &str) -> Vec<Range<usize>> {
    let (mut places, mut begun, mut escaped) = (Vec::new(), None, false);
    for (at, byte) in json.bytes().enumerate() {
        match (begun, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(start), b'"') => {
                places.push(start..at + 1);
                begun = None;
            }
            (None, b'"') => begun = Some(at),
            _ => {}
        }
    }
    places
}

/// Escapes all but ASCII, as many JSON writers do: `é` → `\u00e9`.
fn ascii_only(json: &str) -> String {
    let unit = |unit: &mut u16| format!("\\u{unit:04x}");
    let one =
        |c: char| if c.is_ascii() { c.to_string() } else { c.encode_utf16(&mut [0; 2]).iter_mut().map(unit).collect() };
    json.chars().map(one).collect()
}

/// Writes percent-encoded digits in lower case: `%2F` → `%2f`.
fn lower_hex(encoded: &str) -> String {
    let mut left = 0;
    let lower = |c: char| {
        left = if c == '%' { 3 } else { left };
        let hex = left > 0;
        left = i32::max(left - 1, 0);
        if hex { c.to_ascii_lowercase() } else { c }
    };
    encoded.chars().map(lower).collect()
}

/// Encodes the secret as it appears inside a longer text, at offset `before` (mod 3). Returns only the characters that
/// depend on the secret alone.
fn base64_core(secret: &str, before: usize, engine: &impl base64::Engine) -> String {
    let mut bytes = vec![0; before];
    bytes.extend(secret.as_bytes());
    let whole = bytes.len() * 8 / 6;
    let encoded = engine.encode(bytes);
    encoded[(before * 8).div_ceil(6)..whole].to_owned()
}

#[cfg(test)]
mod tests;
