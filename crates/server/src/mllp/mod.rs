//! MLLP, release 1: where clinics' record systems reach us over TCP, and where we reach theirs.
//!
//! [`Listener`] lets in the permitted peers of one source, [`connection`] holds the conversation with one of them, [`Client`] is
//! the sender's side (`hilum send`, the demonstration, the benchmark). What a message means, and whether it is on disk, is
//! `intake`'s: a conversation hands each frame over and waits for the answers before it takes the next, so that a peer that
//! is faster than the disk is slowed by TCP and by nothing else.
//!
//! No queue stands here and nothing is retried: an answer that did not reach its sender makes the sender ask again, and `intake`
//! knows the message by its bytes.

mod client;
mod connection;
mod count;
mod dial;
mod limits;
mod listener;
mod refusal;
mod strangers;
pub mod tls;

use std::sync::Arc;

pub use client::{Client, Exchange, Failure};
pub use connection::Take;
pub use count::Count;
pub use dial::Dialer;
pub use limits::Limits;
pub use listener::{CONNECTIONS_MAX, Listener, Places};
pub use strangers::Strangers;

use crate::app::App;
use crate::source::Source;

/// What a conversation with this source does with a message.
pub fn take(app: &App, source: Arc<Source>) -> Take {
    let app = app.clone();
    Arc::new(move |peer, bytes| {
        let (app, source) = (app.clone(), Arc::clone(&source));
        Box::pin(async move { app.take(&source, &peer, bytes).await.acks })
    })
}
