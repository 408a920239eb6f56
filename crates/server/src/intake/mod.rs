//! A message on its way into the record: understood, applied, committed, and only then answered.

use std::sync::Arc;

use record::{MessageId, Outcome};

use crate::source::Source;

/// What the sender is told, and what became of the message.
#[derive(Debug)]
pub struct Answer {
    /// Unframed ACKs in the order in which they are sent; none where the sender wants none.
    pub acks: Vec<Vec<u8>>,
    pub outcome: Option<Outcome>,
    pub message: Option<MessageId>,
}

/// Takes messages; cheap to clone.
#[derive(Clone)]
pub struct Intake {}

impl Intake {
    pub async fn take(&self, _source: &Arc<Source>, _peer: &str, _bytes: Vec<u8>) -> Answer {
        Answer { acks: Vec::new(), outcome: None, message: None }
    }

    pub async fn replay(&self, _id: MessageId, _edited: Option<Vec<u8>>) -> Answer {
        Answer { acks: Vec::new(), outcome: None, message: None }
    }
}
