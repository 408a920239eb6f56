//! A resource's bytes: canonical JSON without what the log says beside it, compressed; and back.
//!
//! `resourceType`, `id` and `meta` come first. The type and the id are the version's key and are not said twice, and
//! `meta.versionId` and `meta.lastUpdated` are the log's to give: all four are put in on the way out, without reading the
//! JSON again.

use std::cell::RefCell;
use std::fmt::Write;
use std::io;

use fhir::{Node, Object, Resource};
use zstd::bulk::{Compressor, Decompressor};

use crate::version::{Key, Time};

/// The largest JSON that comes out again; the server's limits are far below.
const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;
const LEVEL: i32 = 1;

/// The first byte of what is stored says how to read the rest.
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
const ZSTD_DICTIONARY_1: u8 = 2;

/// Made of invented resources by `examples/dictionary`. It is part of the format: what it compressed needs it for ever.
const DICTIONARY_1: &[u8] = include_bytes!("dictionary-1.zstd");

thread_local! {
    static COMPRESSORS: RefCell<Option<(Compressor<'static>, Compressor<'static>)>> = const { RefCell::new(None) };
    static DECOMPRESSORS: RefCell<Option<(Decompressor<'static>, Decompressor<'static>)>> = const { RefCell::new(None) };
}

/// What the log keeps of a resource.
pub fn of(resource: &Resource<'_>, key: &Key) -> Vec<u8> {
    pack(&canonical(resource)[head(key).len()..], true)
}

/// How every resource of the log begins.
fn head(key: &Key) -> String {
    format!(r#"{{"resourceType":"{}","id":"{}""#, key.kind, key.id)
}

/// The JSON of a resource in the order in which the log keeps it.
fn canonical(resource: &Resource<'_>) -> Vec<u8> {
    let mut json = Vec::with_capacity(2048);
    if is_canonical(&resource.object) {
        fhir::json::write(resource, &mut json);
    } else {
        fhir::json::write(&Resource { object: reorder(&resource.object) }, &mut json);
    }
    json
}

fn is_canonical(object: &Object<'_>) -> bool {
    let at = |name: &str| object.fields.iter().position(|(field, _)| *field == name);
    let meta_fits = match object.get("meta") {
        Some(Node::Object(meta)) => {
            at("meta") == Some(2) && !meta.is_empty() && !meta.fields.iter().any(|(name, _)| of_the_log(name))
        }
        _ => true,
    };
    at("resourceType") == Some(0) && at("id") == Some(1) && meta_fits
}

fn reorder<'a>(object: &Object<'a>) -> Object<'a> {
    let first = ["resourceType", "id", "meta"];
    let rank = |name: &str| first.iter().position(|known| *known == name).unwrap_or(first.len());
    let mut fields = object.fields.clone();
    fields.sort_by_key(|(name, _)| rank(name));
    if let Some((_, Node::Object(meta))) = fields.iter_mut().find(|(name, _)| *name == "meta") {
        meta.fields.retain(|(name, _)| !of_the_log(name));
    }
    fields.retain(|(_, node)| !matches!(node, Node::Object(object) if object.is_empty()));
    Object { fields }
}

/// The elements of `meta` that the log gives, whatever the caller wrote there.
fn of_the_log(name: &str) -> bool {
    matches!(name, "versionId" | "lastUpdated" | "_versionId" | "_lastUpdated")
}

/// The whole JSON of what the log keeps, with its version and time in `meta`.
pub fn whole(rest: &[u8], key: &Key, vid: u64, time: Time) -> Vec<u8> {
    let mut ours = head(key);
    write!(ours, r#","meta":{{"versionId":"{vid}","lastUpdated":"{}""#, instant(time))
        .expect("a String takes all that is written");
    let mut out = Vec::with_capacity(ours.len() + rest.len() + 16);
    out.extend_from_slice(ours.as_bytes());
    match rest.strip_prefix(br#","meta":{"#) {
        Some(rest) => {
            out.push(b',');
            out.extend_from_slice(rest);
        }
        None => {
            out.push(b'}');
            out.extend_from_slice(rest);
        }
    }
    out
}

fn instant(time: Time) -> String {
    let time = jiff::Timestamp::from_microsecond(time.0).expect("the writer keeps times within the calendar");
    format!("{time:.3}")
}

/// Compresses JSON with the dictionary, and other bytes (messages, states) without; small ones stay as they are.
pub fn pack(bytes: &[u8], json: bool) -> Vec<u8> {
    const SMALL: usize = 64;
    if bytes.len() < SMALL {
        return [&[PLAIN], bytes].concat();
    }
    COMPRESSORS.with_borrow_mut(|slot| {
        let (plain, dictionary) = slot.get_or_insert_with(compressors);
        let (format, compressor) = if json { (ZSTD_DICTIONARY_1, dictionary) } else { (ZSTD, plain) };
        let mut out = vec![0; 1 + 8 + zstd::zstd_safe::compress_bound(bytes.len())];
        out[0] = format;
        let length = u32::try_from(bytes.len()).expect("limits of the readers are far below 4 GB").to_le_bytes();
        out[1..5].copy_from_slice(&length);
        let written = compressor.compress_to_buffer(bytes, &mut out[5..]).expect("the buffer holds the worst case");
        out.truncate(5 + written);
        out
    })
}

/// What was given to [`pack`].
pub fn unpack(stored: &[u8]) -> io::Result<Vec<u8>> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "a stored body is damaged");
    let (format, rest) = stored.split_first().ok_or_else(damaged)?;
    if *format == PLAIN {
        return Ok(rest.to_vec());
    }
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > BODY_BYTES_MAX {
        return Err(damaged());
    }
    DECOMPRESSORS.with_borrow_mut(|slot| {
        let (plain, dictionary) = slot.get_or_insert_with(decompressors);
        let bytes = match *format {
            ZSTD => plain.decompress(rest, length)?,
            ZSTD_DICTIONARY_1 => dictionary.decompress(rest, length)?,
            _ => return Err(damaged()),
        };
        if bytes.len() == length { Ok(bytes) } else { Err(damaged()) }
    })
}

fn compressors() -> (Compressor<'static>, Compressor<'static>) {
    let mut made = (
        Compressor::new(LEVEL).expect("zstd has memory for a context"),
        Compressor::with_dictionary(LEVEL, DICTIONARY_1).expect("zstd has memory for a context"),
    );
    for compressor in [&mut made.0, &mut made.1] {
        use zstd::zstd_safe::CParameter;
        // The length is kept beside the frame; four bytes less a body.
        compressor.set_parameter(CParameter::ContentSizeFlag(false)).expect("zstd knows its own parameter");
        compressor.set_parameter(CParameter::DictIdFlag(false)).expect("zstd knows its own parameter");
    }
    made
}

fn decompressors() -> (Decompressor<'static>, Decompressor<'static>) {
    (
        Decompressor::new().expect("zstd has memory for a context"),
        Decompressor::with_dictionary(DICTIONARY_1).expect("zstd has memory for a context"),
    )
}
