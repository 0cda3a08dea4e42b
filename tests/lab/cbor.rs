//! CBOR (RFC 8949), as far as RPC v2 of Smithy needs it: values of JSON, there and back. Pure.

use serde_json::{Map, Number, Value, json};

/// A value as bytes. A float stays one.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    push(&mut bytes, value);
    bytes
}

fn push(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => bytes.push(0xf6),
        Value::Bool(is) => bytes.push(if *is { 0xf5 } else { 0xf4 }),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(positive), _) => head(bytes, 0, positive),
            (None, Some(negative)) => head(bytes, 1, negative.unsigned_abs() - 1),
            (None, None) => {
                bytes.push(0xfb);
                bytes.extend(number.as_f64().unwrap_or_default().to_be_bytes());
            }
        },
        Value::String(text) => push_text(bytes, text),
        Value::Array(all) => {
            head(bytes, 4, all.len() as u64);
            all.iter().for_each(|one| push(bytes, one));
        }
        Value::Object(all) => {
            head(bytes, 5, all.len() as u64);
            for (name, value) in all {
                push_text(bytes, name);
                push(bytes, value);
            }
        }
    }
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    head(bytes, 3, text.len() as u64);
    bytes.extend(text.as_bytes());
}

fn head(bytes: &mut Vec<u8>, major: u8, count: u64) {
    let long = count.to_be_bytes();
    match count {
        0..24 => bytes.push((major << 5) | long[7]),
        24..0x100 => bytes.extend([(major << 5) | 24, long[7]]),
        0x100..0x1_0000 => bytes.extend([&[(major << 5) | 25], &long[6..]].concat()),
        0x1_0000..0x1_0000_0000 => bytes.extend([&[(major << 5) | 26], &long[4..]].concat()),
        _ => bytes.extend([&[(major << 5) | 27], &long[..]].concat()),
    }
}

/// The value of these bytes; none where they are not one whole value.
pub fn decode(bytes: &[u8]) -> Option<Value> {
    let mut rest = bytes;
    let value = item(&mut rest)?;
    rest.is_empty().then_some(value)
}

const BREAK: u8 = 0xff;

fn item(rest: &mut &[u8]) -> Option<Value> {
    let first = take(rest, 1)?[0];
    let (major, low) = (first >> 5, first & 31);
    if low == 31 {
        return endless(rest, major);
    }
    let count = match low {
        0..24 => u64::from(low),
        24..28 => take(rest, 1 << (low - 24))?.iter().fold(0, |count, byte| (count << 8) | u64::from(*byte)),
        _ => return None,
    };
    match (major, low) {
        (0, _) => Some(count.into()),
        (1, _) => Some((-1 - i64::try_from(count).ok()?).into()),
        (3, _) => Some(String::from_utf8(take(rest, usize::try_from(count).ok()?)?.to_vec()).ok()?.into()),
        (4, _) => (0..count).map(|_| item(rest)).collect::<Option<Vec<Value>>>().map(Value::Array),
        (5, _) => (0..count).map(|_| Some((name(rest)?, item(rest)?))).collect::<Option<Map<String, Value>>>().map(Value::Object),
        // A tag says what the number is: a time.
        (6, _) => item(rest),
        (7, 20 | 21) => Some(json!(low == 21)),
        (7, 22) => Some(Value::Null),
        (7, 26) => Number::from_f64(f64::from(f32::from_bits(u32::try_from(count).ok()?))).map(Value::Number),
        (7, 27) => Number::from_f64(f64::from_bits(count)).map(Value::Number),
        _ => None,
    }
}

/// What ends with a break in the place of a length.
fn endless(rest: &mut &[u8], major: u8) -> Option<Value> {
    let (mut list, mut map) = (Vec::new(), Map::new());
    while *rest.first()? != BREAK {
        match major {
            4 => list.push(item(rest)?),
            5 => {
                let name = name(rest)?;
                map.insert(name, item(rest)?);
            }
            _ => return None,
        }
    }
    take(rest, 1)?;
    Some(if major == 4 { Value::Array(list) } else { Value::Object(map) })
}

fn name(rest: &mut &[u8]) -> Option<String> {
    item(rest)?.as_str().map(str::to_owned)
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}
