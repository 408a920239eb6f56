//! How a message is read, and the bounds within which it is.

use crate::Charset;

/// What the reader of a source configures.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Used where MSH-18 is empty, or says ASCII and the bytes say otherwise. None: valid UTF-8, else Windows-1252.
    pub default_charset: Option<Charset>,
    pub limits: Limits,
}

/// Bounds of one message or batch. Beyond one of them lies a [`crate::Fault`] of kind `OverLimit`.
///
/// Nesting needs no bound: a v2 value has four fixed levels, and a batch inside a batch is reported, never descended into.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Default 64 MiB; a base64 PDF of 50 MB passes. Never more than 1 GiB, because offsets are 32 bits.
    pub message_bytes: usize,
    /// Default 500,000; a message of 200,000 OBX passes.
    pub segments: usize,
    /// Default 1,000; no segment of the standard has 150. Never more than 65,535.
    pub fields_per_segment: usize,
    /// Default 5,000.
    pub repetitions_per_field: usize,
    /// Issues kept for one message or batch; default 100. One more says that others were left out.
    pub issues: usize,
    /// Default 1,000,000.
    pub messages_per_batch: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            message_bytes: 64 << 20,
            segments: 500_000,
            fields_per_segment: 1_000,
            repetitions_per_field: 5_000,
            issues: 100,
            messages_per_batch: 1_000_000,
        }
    }
}
