//! CBOR ⇄ JSON, as far as CloudWatch's calls use them.

use aws_smithy_cbor::data::Type;
use aws_smithy_cbor::decode::DeserializeError;
use aws_smithy_cbor::{Decoder, Encoder};
use aws_smithy_types::DateTime;
use serde_json::{Map, Value};

/// Properties that are encoded as fractions even if they are whole numbers.
const FRACTIONS: &[&str] = &["Threshold", "Average", "Sum", "Minimum", "Maximum", "SampleCount", "Values", "Value"];

/// Reads one document. `None` if it contains something that no call contains.
pub(crate) fn to_json(bytes: &[u8]) -> Option<Value> {
    if bytes.is_empty() {
        return Some(Value::Object(Map::new()));
    }
    value(&mut Decoder::new(bytes)).ok()
}

fn value(decoder: &mut Decoder<'_>) -> Result<Value, DeserializeError> {
    Ok(match decoder.datatype()? {
        Type::Bool => decoder.boolean()?.into(),
        Type::Null => {
            decoder.null()?;
            Value::Null
        }
        Type::F16 | Type::F32 | Type::F64 => decoder.double()?.into(),
        Type::String | Type::StringIndef => decoder.string()?.into(),
        Type::Tag => decoder.timestamp()?.as_secs_f64().into(),
        Type::Array | Type::ArrayIndef => array(decoder)?,
        Type::Map | Type::MapIndef => map(decoder)?,
        _ => decoder.long()?.into(),
    })
}

fn array(decoder: &mut Decoder<'_>) -> Result<Value, DeserializeError> {
    let (length, mut items) = (decoder.list()?, Vec::new());
    while more(decoder, length, items.len())? {
        items.push(value(decoder)?);
    }
    Ok(items.into())
}

fn map(decoder: &mut Decoder<'_>) -> Result<Value, DeserializeError> {
    let (length, mut items, mut read) = (decoder.map()?, Map::new(), 0);
    while more(decoder, length, read)? {
        let key = decoder.string()?;
        items.insert(key, value(decoder)?);
        read += 1;
    }
    Ok(items.into())
}

/// Tells whether a list or map has another entry. One without a length ends with a mark, which is skipped.
fn more(decoder: &mut Decoder<'_>, length: Option<u64>, read: usize) -> Result<bool, DeserializeError> {
    match length {
        Some(length) => Ok((read as u64) < length),
        None if decoder.datatype()? == Type::Break => {
            decoder.skip()?;
            Ok(false)
        }
        None => Ok(true),
    }
}

/// Writes one document. Times and fractions are recognised by their names.
pub(crate) fn from_json(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder, "", value);
    encoder.into_writer()
}

fn write(encoder: &mut Encoder, name: &str, value: &Value) {
    match value {
        Value::Null => {
            encoder.null();
        }
        Value::Bool(value) => {
            encoder.boolean(*value);
        }
        Value::String(text) => {
            encoder.str(text);
        }
        Value::Number(number) => {
            let fraction = number.as_f64().unwrap_or_default();
            match number.as_i64() {
                _ if name.ends_with("Timestamp") => encoder.timestamp(&DateTime::from_secs_f64(fraction)),
                Some(whole) if !FRACTIONS.contains(&name) => encoder.long(whole),
                _ => encoder.double(fraction),
            };
        }
        Value::Array(items) => {
            encoder.array(items.len());
            items.iter().for_each(|item| write(encoder, name, item));
        }
        Value::Object(map) => {
            encoder.map(map.len());
            for (key, item) in map {
                encoder.str(key);
                write(encoder, key, item);
            }
        }
    }
}
