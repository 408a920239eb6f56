//! A file of an export, whole or from where a client's line broke off (RFC 9110 §14): one range of bytes.
//!
//! A small one is answered as everything else is, and pressed where the client takes that. A large one goes part by part as it
//! is read, so that no client costs more memory than a part.

use std::fs::File;
use std::future::Future;
use std::io::{Read, Seek, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_RANGES, CONTENT_RANGE, RANGE};
use actix_web::web::{self, Bytes, Path};
use actix_web::{HttpRequest, HttpResponse};
use futures_core::Stream;

use super::found;
use crate::http::{Ask, Failure, Kind};

/// Files up to this are answered at once.
const SMALL_BYTES: u64 = 4 << 20;
const PART_BYTES: u64 = 256 << 10;
const MEDIA: &str = "application/fhir+ndjson";

pub async fn show(ask: Ask, request: HttpRequest, path: Path<(String, String)>) -> Result<HttpResponse, Failure> {
    let (id, name) = path.into_inner();
    let job = found(&ask, &id)?;
    let kept = job.kept();
    // The name is compared with those that were made and never becomes a path of its own.
    let part = [&kept.output, &kept.deleted, &kept.errors].into_iter().flatten().find(|part| part.name == name);
    let part = part.ok_or_else(|| Failure::new(Kind::NotFound, "the export has no such file"))?;
    let range = request.headers().get(RANGE).map(|range| range.to_str().unwrap_or_default());
    let (first, beyond) = match range.map(|range| one_range(range, part.bytes)) {
        None => (0, part.bytes),
        Some(Some(range)) => range,
        Some(None) => return Err(Failure::at(Kind::NoRange, "http.Range", "no range of bytes that the file has")),
    };
    let mut response = HttpResponse::Ok();
    response.insert_header((ACCEPT_RANGES, "bytes")).content_type(MEDIA);
    if range.is_some() {
        let says = format!("bytes {first}-{}/{}", beyond.saturating_sub(1), part.bytes);
        response.status(StatusCode::PARTIAL_CONTENT).insert_header((CONTENT_RANGE, says));
    }
    let path = job.dir.join(&part.name);
    let opened =
        web::block(move || File::open(path).and_then(|mut file| file.seek(SeekFrom::Start(first)).map(|_| file)));
    let file = opened.await.map_err(|_| busy())?.map_err(|_| Failure::new(Kind::Gone, "the file was removed"))?;
    if beyond - first <= SMALL_BYTES {
        let (_, bytes) = read(file, beyond - first).await.map_err(|_| busy())?;
        return Ok(response.body(bytes));
    }
    let parts = Parts { left: beyond - first, reading: Box::pin(read(file, PART_BYTES)) };
    Ok(response.body(SizedStream::new(beyond - first, parts)))
}

fn busy() -> Failure {
    Failure::new(Kind::Busy, "the file could not be read; try again soon")
}

/// `bytes=0-99`, `bytes=100-`, `bytes=-100`: the first byte and the one behind the last. None where the file has none of it.
fn one_range(range: &str, bytes: u64) -> Option<(u64, u64)> {
    let (first, last) = range.strip_prefix("bytes=")?.trim().split_once('-')?;
    let (first, beyond) = match (first, last) {
        ("", last) => (bytes.saturating_sub(last.parse().ok().filter(|count: &u64| *count > 0)?), bytes),
        (first, "") => (first.parse().ok()?, bytes),
        (first, last) => (first.parse().ok()?, last.parse::<u64>().ok()?.saturating_add(1).min(bytes)),
    };
    (first < beyond).then_some((first, beyond))
}

type Reading = Pin<Box<dyn Future<Output = std::io::Result<(File, Bytes)>>>>;

async fn read(mut file: File, most: u64) -> std::io::Result<(File, Bytes)> {
    let read = web::block(move || {
        let mut bytes = Vec::with_capacity(usize::try_from(most).unwrap_or(0));
        (&mut file).take(most).read_to_end(&mut bytes)?;
        Ok((file, Bytes::from(bytes)))
    });
    read.await.unwrap_or_else(|_| Err(std::io::Error::other("more is being read than there are threads")))
}

/// What is left of a file, read when it is wanted.
struct Parts {
    left: u64,
    reading: Reading,
}

impl Stream for Parts {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let Poll::Ready(part) = self.reading.as_mut().poll(context) else { return Poll::Pending };
        Poll::Ready(Some(match part {
            Ok((_, bytes)) if bytes.is_empty() => Err(std::io::Error::other("the file was cut off")),
            Ok((file, mut bytes)) => {
                bytes.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= bytes.len() as u64;
                self.reading = Box::pin(read(file, PART_BYTES));
                Ok(bytes)
            }
            Err(why) => Err(why),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::one_range;

    #[test]
    fn a_range_is_one_that_the_file_has() {
        for (range, expected) in [
            ("bytes=0-9", Some((0, 10))),
            ("bytes=5-", Some((5, 100))),
            ("bytes=-10", Some((90, 100))),
            ("bytes=-1000", Some((0, 100))),
            ("bytes=90-1000", Some((90, 100))),
            ("bytes=100-", None),
            ("bytes=9-5", None),
            ("bytes=-0", None),
            ("bytes=0-1,5-6", None),
            ("bytes=", None),
            ("lines=1-2", None),
            ("bytes=0-18446744073709551615", Some((0, 100))),
        ] {
            assert_eq!(one_range(range, 100), expected, "{range}");
        }
    }
}
