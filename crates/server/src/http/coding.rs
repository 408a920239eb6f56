//! gzip and zstd: bodies pressed, and bodies unpacked within bounds (RFC 1952, RFC 8878; RFC 9659 for the window).
//!
//! Unpacking stops at a size and at a ratio, whichever is met first, so that a few bytes cannot become the memory of the
//! machine. No brotli: it is slow to write and no client of FHIR depends on it.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::format::weight;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    Zstd,
}

/// Why a body was not unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It would be larger than the bound.
    TooLarge,
    /// It would be more than [`RATIO_MAX`] times as large as it came.
    TooDense,
    /// It is not what it says it is, or broke off.
    Damaged,
}

/// How much larger than it came a body may be. Resources come to 10 to 30.
pub const RATIO_MAX: usize = 100;
/// Small bodies may be as dense as they like.
const RATIO_FROM: usize = 64 * 1024;
/// The largest window that RFC 9659 lets a server expect: 8 MiB.
const WINDOW_LOG_MAX: u32 = 23;
/// The quickest that still halves a small resource.
const ZSTD_LEVEL: i32 = 1;
const CHUNK: usize = 16 * 1024;
/// What can be sent and asked for, for whoever sent something else.
pub const SERVED: &str = "gzip, zstd";

impl Coding {
    /// The name as Content-Encoding has it.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Zstd => "zstd",
        }
    }

    pub fn of(name: &str) -> Option<Coding> {
        let is = |known: &str| known.eq_ignore_ascii_case(name.trim());
        if is("gzip") || is("x-gzip") {
            Some(Coding::Gzip)
        } else if is("zstd") {
            Some(Coding::Zstd)
        } else {
            None
        }
    }

    /// The best coding that an Accept-Encoding takes; none where the body had better go as it is. Of two with the same
    /// weight zstd, which costs us least.
    pub fn accepted(header: &str) -> Option<Coding> {
        let (mut gzip, mut zstd, mut any, mut plain) = (None, None, None, None);
        for entry in header.split(',') {
            let (name, parameters) = entry.split_once(';').unwrap_or((entry, ""));
            let q = parameters.split(';').find_map(|part| part.trim().strip_prefix("q="));
            let weight = q.map_or(1000, weight);
            match (Coding::of(name), name.trim()) {
                (Some(Coding::Gzip), _) => gzip = Some(weight),
                (Some(Coding::Zstd), _) => zstd = Some(weight),
                (None, "*") => any = Some(weight),
                (None, "identity") => plain = Some(weight),
                (None, _) => {}
            }
        }
        let (gzip, zstd) = (gzip.or(any).unwrap_or(0), zstd.or(any).unwrap_or(0));
        // Who takes identity and says how gladly means it; whoever does not say prefers what he names.
        let plain = plain.unwrap_or(0);
        match (gzip, zstd) {
            (0, 0) => None,
            (gzip, zstd) if plain > gzip.max(zstd) => None,
            (gzip, zstd) if gzip > zstd => Some(Coding::Gzip),
            _ => Some(Coding::Zstd),
        }
    }

    pub fn press(self, body: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Coding::Gzip => {
                let mut out = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
                out.write_all(body)?;
                out.finish()
            }
            Coding::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL),
        }
    }

    /// At most `bytes_max` bytes.
    pub fn unpack(self, body: &[u8], bytes_max: usize) -> Result<Vec<u8>, Refused> {
        match self {
            Coding::Gzip => read(MultiGzDecoder::new(body), body.len(), bytes_max),
            Coding::Zstd => {
                let mut reader = zstd::stream::read::Decoder::with_buffer(body).map_err(|_| Refused::Damaged)?;
                reader.window_log_max(WINDOW_LOG_MAX).map_err(|_| Refused::Damaged)?;
                read(reader, body.len(), bytes_max)
            }
        }
    }
}

/// How large a body of so many bytes may be when it is unpacked.
pub fn largest(packed: usize) -> usize {
    RATIO_FROM.saturating_add(packed.saturating_mul(RATIO_MAX))
}

fn read(mut from: impl Read, packed: usize, bytes_max: usize) -> Result<Vec<u8>, Refused> {
    let dense = largest(packed);
    let mut out = Vec::with_capacity(bytes_max.min(packed.saturating_mul(8)));
    let mut chunk = [0; CHUNK];
    loop {
        let count = from.read(&mut chunk).map_err(|_| Refused::Damaged)?;
        if count == 0 {
            return Ok(out);
        }
        if out.len() + count > bytes_max {
            return Err(Refused::TooLarge);
        }
        if out.len() + count > dense {
            return Err(Refused::TooDense);
        }
        out.extend_from_slice(&chunk[..count]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Coding; 2] = [Coding::Gzip, Coding::Zstd];

    #[test]
    fn what_is_pressed_is_unpacked_again() {
        let text: Vec<u8> =
            (0..50_000).flat_map(|id| format!(r#"{{"resourceType":"Patient","id":"{id}"}}"#).into_bytes()).collect();
        for coding in BOTH {
            for body in [&b""[..], b"a", &text] {
                let pressed = coding.press(body).expect("memory takes all that is written");
                assert_eq!(coding.unpack(&pressed, text.len()).as_deref(), Ok(body), "{coding:?}");
            }
            let pressed = coding.press(&text).expect("memory takes all that is written");
            assert!(pressed.len() * 2 < text.len(), "{coding:?}: {}", pressed.len());
            assert_eq!(coding.unpack(&pressed, text.len() - 1), Err(Refused::TooLarge), "{coding:?}");
        }
    }

    #[test]
    fn what_is_dense_or_damaged_is_not_unpacked() {
        let bomb = vec![0; 64 << 20];
        for coding in BOTH {
            let pressed = coding.press(&bomb).expect("memory takes all that is written");
            assert_eq!(coding.unpack(&pressed, 1 << 30), Err(Refused::TooDense), "{coding:?}");
            assert_eq!(
                coding.unpack(&pressed, 16 << 20).map(|_| ()),
                Err(match pressed.len() * RATIO_MAX {
                    small if small < 16 << 20 => Refused::TooDense,
                    _ => Refused::TooLarge,
                })
            );
            let small = coding.press(&[b' '; 60_000]).expect("memory takes all that is written");
            assert_eq!(coding.unpack(&small, 1 << 20).map(|body| body.len()), Ok(60_000), "{coding:?}");
            let half = &small[..small.len() - 3];
            for damaged in [&b"{\"resourceType\":"[..], half, &[small.clone(), b"more".to_vec()].concat()] {
                assert_eq!(coding.unpack(damaged, 1 << 20), Err(Refused::Damaged), "{coding:?}");
            }
        }
        assert_eq!(Coding::Gzip.unpack(b"", 10), Err(Refused::Damaged), "not even a header");
    }

    #[test]
    fn accept_encoding_is_weighed() {
        let (gzip, zstd) = (Some(Coding::Gzip), Some(Coding::Zstd));
        for (header, expected) in [
            ("gzip", gzip),
            ("gzip, deflate, br", gzip),
            ("gzip, deflate, br, zstd", zstd),
            ("zstd;q=0.1, gzip;q=0.9", gzip),
            ("X-GZIP", gzip),
            ("*", zstd),
            ("*;q=0.5, zstd;q=0", gzip),
            ("identity", None),
            ("identity, gzip;q=0.5", None),
            ("gzip;q=0", None),
            ("br, deflate", None),
            ("", None),
        ] {
            assert_eq!(Coding::accepted(header), expected, "{header}");
        }
    }
}
