//! The hashes under which the index keeps texts that are only compared for equality. Part of the format on disk.
//!
//! An index row is 20 bytes where it would be 80. The hash is no proof against an adversary, so whoever shows a match
//! checks it against the body. Each kind of text has its own word in front, so that none meets another's.

pub fn code_hash(code: &str) -> i64 {
    hash(&["code", code])
}

/// 0 stands for no system, and no system hashes to it.
pub fn system_hash(system: Option<&str>) -> i64 {
    system.map_or(0, |system| hash(&["system", system]))
}

pub fn of_type_hash(code: &str, value: &str) -> i64 {
    hash(&["of-type", code, value])
}

/// Apart from other systems, so that `system|` does not find a type's.
pub fn of_type_system_hash(system: Option<&str>) -> i64 {
    hash(&["of-type system", system.unwrap_or_default()])
}

pub fn local_hash(kind: &str, id: &str) -> i64 {
    hash(&["local", kind, id])
}

pub fn url_hash(url: &str, version: Option<&str>) -> i64 {
    hash(&["url", url, version.unwrap_or_default()])
}

/// Of a quantity's unit: its system and code. Half as wide, because a row is found by its value first.
pub fn coded_hash(system: Option<&str>, code: &str) -> i32 {
    half(hash(&["coded", system.unwrap_or_default(), code]))
}

/// Of a quantity's unit: its code, or what is printed.
pub fn unit_hash(unit: &str) -> i32 {
    half(hash(&["unit", unit]))
}

/// Of the base units of UCUM in which an amount is kept beside how it was written.
pub fn base_hash(unit: &str) -> i32 {
    half(hash(&["base", unit]))
}

fn half(hash: i64) -> i32 {
    // The lower bits of this hash are the better mixed; the cut is meant.
    hash as i32
}

/// FNV-1a over the parts, each ended by a byte that UTF-8 does not have, never 0. Part of the format on disk.
fn hash(parts: &[&str]) -> i64 {
    let mut state: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in part.bytes().chain([0xff]) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    i64::from_ne_bytes(state.max(1).to_ne_bytes())
}
