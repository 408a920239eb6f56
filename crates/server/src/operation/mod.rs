//! What is served beside the RESTful API: `POST /hl7v2`, the messages that came in, health and metrics.

pub mod definitions;
pub mod digests;
pub mod everything;
pub mod export;
pub mod feed;
pub mod health;
pub mod hl7v2;
pub mod identity;
pub mod import;
pub mod inbox;
pub mod lastn;
pub mod merge;
pub mod messages;
pub mod meta;
pub mod metrics;
pub mod openapi;
pub mod peers;
pub mod reindex;
pub mod relocate;
pub mod strangers;
pub mod subscription;
pub mod validate;
mod view;
pub mod websocket;
