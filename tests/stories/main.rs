//! The stories of Hilum's users, one a file, told against the built program from outside: over MLLP, HTTP and its command line.
//!
//! `support` starts `hilum` on free ports over a directory of its own. No story sleeps, none needs anything beyond this
//! machine, and one that lacks something says `skipped: …` where it can be seen. `tests/README.md` lists the cases.
#![forbid(unsafe_code)]
// The test runner keeps what a story says, and shows it when the story fails.
#![allow(clippy::print_stderr)]

mod support;

mod acks;
mod admission;
mod arrows;
mod backup;
mod batch;
mod charset;
mod chart;
mod cli;
mod conditional;
mod content;
mod convert;
mod demo;
mod discharge_and_cancel;
mod drain;
mod export;
mod fhir_clients;
mod formats;
mod framing;
mod hl7_over_http;
mod hostile_http;
mod hostile_parsing;
mod hostile_query;
mod http;
mod identity;
mod identity_redis;
mod ihe;
mod import;
mod kill;
mod lab_result;
mod licences;
mod link;
mod lists;
mod member;
mod merge;
mod moving;
mod node_peer;
mod operations;
mod order;
mod parked;
mod phi;
mod query;
mod readme;
mod reindex;
mod search;
mod sending;
mod sources;
mod stewards;
mod subscription;
mod subscription_socket;
mod sync;
mod tls;
mod transaction;
mod transfer;
mod validate;
mod wrong_patient;
