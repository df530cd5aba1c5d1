//! Writes a letter from a template that lies beside the code. Send the result with your mail service.

use std::path::PathBuf;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

/// The language of a letter that has no other translation.
const FALLBACK: &str = "en";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // Lambda unpacks the zip there. Elsewhere the files are in the working directory.
    let root = std::env::var_os("LAMBDA_TASK_ROOT").map(PathBuf::from).unwrap_or_default();
    let letters = root.join("letters");
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| write(&letters, &event.payload))).await
}

fn write(letters: &std::path::Path, event: &Value) -> Result<Value, Error> {
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    let (letter, language) = (text("letter"), text("language"));
    // Only these characters: a name must not lead to another directory.
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    if !is_name(letter) {
        return Err(format!("no such letter: {letter:?}").into());
    }
    let read = |language: &str| std::fs::read_to_string(letters.join(format!("{letter}.{language}.txt")));
    let translated = if is_name(language) { read(language).ok() } else { None };
    let template = match translated {
        Some(template) => template,
        None => read(FALLBACK).map_err(|error| format!("no such letter: {letter:?} ({error})"))?,
    };
    let written = template.replace("{{name}}", text("name"));
    let (subject, body) = written.split_once('\n').unwrap_or((&written, ""));
    Ok(json!({ "subject": subject, "body": body.trim_end() }))
}
