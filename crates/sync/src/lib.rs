//! How records travel between servers: what a peer gets next, in which order, how often it is tried, and that nothing of it is lost.
//!
//! ```text
//! engine                                  the decisions, without I/O
//! driver::Line { .. }.run(orders, told)   a sender over the record and HTTP, until it is taken away
//! home::Source, node_name, is_replica     where a resource is at home, what it is called elsewhere
//! engine::arrival(held, came)             what becomes of a version that another node sent
//! subscription                            what a subscriber is told, and when; without I/O too
//! ```
//!
//! Deliberately absent: HL7 v2, credentials, which addresses may be reached (whoever makes a [`link::Link`] looks them up).
#![forbid(unsafe_code)]

pub mod driver;
pub mod engine;
pub mod home;
mod item;
pub mod link;
mod note;
mod outgoing;
pub mod subscription;

pub use item::stays_at_home;
