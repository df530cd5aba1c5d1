//! The grammar of conditions: operands, `==`, `!=`, `in [ … ]`, `not`, `and`, `or` and parentheses.

use std::fmt;

/// Shows the forms of a condition.
pub(super) const HELP: &str = "write `${vars.NAME} == VALUE`, `!=`, `${env} in [a, b]` or a variable that is `true` or `false`, joined by `and`, `or` and `not`";

/// The deepest nesting of parentheses and `not`.
const DEEPEST: usize = 50;

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    /// Holds if the operand is `true`.
    Value(Operand),
    Equal(Operand, Operand),
    Among(Operand, Vec<Operand>),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

/// A value to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operand {
    Variable(String),
    /// The name of the environment.
    Env,
    Text(String),
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// Returns the form to write instead.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text)?, next: 0 };
        let condition = parser.any(0)?;
        match parser.tokens.get(parser.next) {
            None => Ok(condition),
            Some(rest) => Err(format!("`{rest}` is one too many here: {HELP}")),
        }
    }

    /// Tells whether the condition holds. `value` returns an operand's text, and is told whether it has to be `true` or
    /// `false`; without a text that matters, the answer is `None`.
    pub(super) fn holds(&self, value: &mut impl FnMut(&Operand, bool) -> Option<String>) -> Option<bool> {
        match self {
            Self::Value(operand) => value(operand, true).map(|text| text == "true"),
            Self::Equal(one, other) => {
                let (one, other) = (value(one, false), value(other, false));
                Some(one? == other?)
            }
            Self::Among(one, all) => {
                let one = value(one, false)?;
                let all: Option<Vec<String>> = all.iter().map(|operand| value(operand, false)).collect();
                Some(all?.contains(&one))
            }
            Self::Not(condition) => condition.holds(value).map(|holds| !holds),
            Self::All(conditions) => decide(conditions, false, value),
            Self::Any(conditions) => decide(conditions, true, value),
        }
    }
}

/// Returns `decisive` if one of the conditions is that; otherwise the opposite, unless one has no answer.
fn decide(
    conditions: &[Condition],
    decisive: bool,
    value: &mut impl FnMut(&Operand, bool) -> Option<String>,
) -> Option<bool> {
    let answers: Vec<Option<bool>> = conditions.iter().map(|condition| condition.holds(value)).collect();
    if answers.contains(&Some(decisive)) {
        return Some(decisive);
    }
    (!answers.contains(&None)).then_some(!decisive)
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, all: &[Self], word: &str| {
            for (index, one) in all.iter().enumerate() {
                let before = if index > 0 { word } else { "" };
                match one {
                    Self::All(_) | Self::Any(_) => write!(f, "{before}({one})")?,
                    _ => write!(f, "{before}{one}")?,
                }
            }
            Ok(())
        };
        match self {
            Self::Value(operand) => write!(f, "{operand}"),
            Self::Equal(one, other) => write!(f, "{one} == {other}"),
            Self::Among(one, all) => {
                let all: Vec<String> = all.iter().map(ToString::to_string).collect();
                write!(f, "{one} in [{}]", all.join(", "))
            }
            Self::Not(condition) => match &**condition {
                Self::Equal(one, other) => write!(f, "{one} != {other}"),
                Self::Among(..) | Self::All(_) | Self::Any(_) => write!(f, "not ({condition})"),
                _ => write!(f, "not {condition}"),
            },
            Self::All(all) => joined(f, all, " and "),
            Self::Any(all) => joined(f, all, " or "),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "${{vars.{name}}}"),
            Self::Env => f.write_str("${env}"),
            Self::Text(text) if !text.is_empty() && text.chars().all(is_plain) => f.write_str(text),
            Self::Text(text) => write!(f, "'{text}'"),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Operand(Operand),
    /// A word or a sign of the grammar.
    Sign(&'static str),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operand(operand) => write!(f, "{operand}"),
            Self::Sign(sign) => f.write_str(sign),
        }
    }
}

const SIGNS: &[&str] = &["==", "!=", "(", ")", "[", "]", ","];
const WORDS: &[&str] = &["and", "or", "not", "in"];

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "_-./:@+*".contains(c)
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let (mut tokens, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let end;
        if let Some(inner) = rest.strip_prefix("${") {
            let close = inner.find('}').ok_or_else(|| "`${` is not closed".to_owned())?;
            tokens.push(Token::Operand(reference(inner[..close].trim())?));
            end = close + 3;
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            end = sign.len();
        } else if first == '\'' || first == '"' {
            let close = rest[1..].find(first).ok_or_else(|| format!("{first} is not closed"))?;
            tokens.push(Token::Operand(Operand::Text(rest[1..=close].to_owned())));
            end = close + 2;
        } else {
            end = rest.find(|c| !is_plain(c)).unwrap_or(rest.len());
            tokens.push(word(&rest[..end], first)?);
        }
        rest = rest[end..].trim_start();
    }
    Ok(tokens)
}

fn reference(inner: &str) -> Result<Operand, String> {
    match inner.split('.').collect::<Vec<_>>()[..] {
        ["env"] | ["stack", "env"] => Ok(Operand::Env),
        ["vars", name] if !name.is_empty() => Ok(Operand::Variable(name.to_owned())),
        _ => Err(format!(
            "`${{{inner}}}` is not known before AWS is asked: a condition takes `${{vars.NAME}}` and `${{env}}`"
        )),
    }
}

fn word(word: &str, first: char) -> Result<Token, String> {
    if let Some(known) = WORDS.iter().find(|known| **known == word) {
        return Ok(Token::Sign(known));
    }
    match word {
        "" => Err(match first {
            '&' => "write `and`".to_owned(),
            '|' => "write `or`".to_owned(),
            '!' => "write `not`, or `!=` between two values".to_owned(),
            '=' => "write `==`".to_owned(),
            _ => format!("put a text with {first:?} in quotes"),
        }),
        "env" => Err("write `${env}`".to_owned()),
        _ if word.starts_with("vars.") => Err(format!("write `${{{word}}}`")),
        _ => Ok(Token::Operand(Operand::Text(word.to_owned()))),
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
}

impl Parser {
    fn takes(&mut self, sign: &str) -> bool {
        let is_next = matches!(self.tokens.get(self.next), Some(Token::Sign(next)) if *next == sign);
        self.next += usize::from(is_next);
        is_next
    }

    fn operand(&mut self) -> Result<Operand, String> {
        match self.tokens.get(self.next) {
            Some(Token::Operand(operand)) => {
                self.next += 1;
                Ok(operand.clone())
            }
            Some(sign) => Err(format!("a value belongs before `{sign}`: {HELP}")),
            None => Err(format!("a value is missing at the end: {HELP}")),
        }
    }

    fn any(&mut self, depth: usize) -> Result<Condition, String> {
        let mut all = vec![self.all(depth)?];
        while self.takes("or") {
            all.push(self.all(depth)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Condition::Any(all) })
    }

    fn all(&mut self, depth: usize) -> Result<Condition, String> {
        let mut all = vec![self.single(depth)?];
        while self.takes("and") {
            all.push(self.single(depth)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Condition::All(all) })
    }

    fn single(&mut self, depth: usize) -> Result<Condition, String> {
        if depth > DEEPEST {
            return Err(format!("write it flatter: conditions stand more than {DEEPEST} deep here"));
        }
        if self.takes("not") {
            return Ok(Condition::Not(Box::new(self.single(depth + 1)?)));
        }
        if self.takes("(") {
            let inner = self.any(depth + 1)?;
            return if self.takes(")") { Ok(inner) } else { Err("a `)` is missing".to_owned()) };
        }
        let left = self.operand()?;
        if self.takes("==") {
            Ok(Condition::Equal(left, self.operand()?))
        } else if self.takes("!=") {
            Ok(Condition::Not(Box::new(Condition::Equal(left, self.operand()?))))
        } else if self.takes("in") {
            self.list().map(|all| Condition::Among(left, all))
        } else if self.takes("not") {
            if !self.takes("in") {
                return Err("write `not in [ … ]`, or `not` at the beginning".to_owned());
            }
            self.list().map(|all| Condition::Not(Box::new(Condition::Among(left, all))))
        } else {
            Ok(Condition::Value(left))
        }
    }

    fn list(&mut self) -> Result<Vec<Operand>, String> {
        if !self.takes("[") {
            return Err("write a list: `in [a, b]`".to_owned());
        }
        let mut all = vec![self.operand()?];
        while self.takes(",") {
            all.push(self.operand()?);
        }
        if self.takes("]") { Ok(all) } else { Err("a `]` is missing".to_owned()) }
    }
}
