//! The one HTTP client: towards peers, authorization servers and, from the command line, a running Hilum.
//!
//! ```text
//! Address::find("http://127.0.0.1:8080", &networks).await -> Result<Address, Failure>
//! Client::new(address, Limits) -> Client
//! client.open("/Patient.ndjson").await -> Result<Stream, Failure>;  stream.next().await -> Result<Option<Vec<u8>>, Failure>
//! client.ask(Request) -> Result<Answer, Failure>;  of any method, with any headers
//! client.get("/readyz").await / client.post("/hilum/messages/1/replay", media, body).await -> Result<Answer, Failure>
//! ```
//!
//! Whom we may call is decided before a socket is opened. Deliberately absent: redirects, proxies, decompression, and any
//! way for another crate to come by the client inside.
#![forbid(unsafe_code)]

mod address;
mod client;

pub use address::{Address, loopback};
pub use client::{Answer, Client, Failure, Limits, Request, Stream};
