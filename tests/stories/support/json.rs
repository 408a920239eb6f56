//! Whether a resource says at least what is expected.

use serde_json::Value;

/// Each member of an expected object must be there; each item of an expected list must be contained in some item;
/// an expected null is absent; everything else is equal. The error names the path.
pub fn contains(actual: &Value, expected: &Value) -> Result<(), String> {
    compare(actual, expected, "")
}

fn compare(actual: &Value, expected: &Value, path: &str) -> Result<(), String> {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            for (key, expected) in expected {
                let path = format!("{path}.{key}");
                match actual.get(key) {
                    None if expected.is_null() => {}
                    None => return Err(format!("{path} is absent, expected {expected}")),
                    Some(actual) => compare(actual, expected, &path)?,
                }
            }
            Ok(())
        }
        (Value::Array(actual), Value::Array(expected)) => {
            for (number, expected) in expected.iter().enumerate() {
                let path = format!("{path}[{number}]");
                let faults: Vec<String> =
                    actual.iter().filter_map(|actual| compare(actual, expected, &path).err()).collect();
                if faults.len() == actual.len() {
                    return Err(format!("{path}: no item contains {expected}: {}", faults.join("; ")));
                }
            }
            Ok(())
        }
        (actual, expected) if actual == expected => Ok(()),
        (actual, expected) => Err(format!("{path} is {actual}, expected {expected}")),
    }
}

mod tests {
    use super::contains;
    use serde_json::json;

    #[test]
    fn only_what_is_expected_is_compared() {
        let actual = json!({ "a": 1, "list": [{ "b": 1, "c": 2 }, { "b": 3 }], "n": 4.10 });
        for (expected, holds) in [
            (json!({ "a": 1 }), true),
            (json!({ "a": 2 }), false),
            (json!({ "x": null, "a": 1 }), true),
            (json!({ "a": null }), false),
            (json!({ "list": [{ "b": 3 }, { "b": 1 }] }), true),
            (json!({ "list": [{ "b": 3, "c": 2 }] }), false),
            (json!({ "list": [] }), true),
            (json!({ "missing": 1 }), false),
        ] {
            assert_eq!(contains(&actual, &expected).is_ok(), holds, "{expected}");
        }
    }
}
