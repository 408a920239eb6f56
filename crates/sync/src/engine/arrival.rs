//! What becomes of a version that another node sent: the home's versions advance a replica, and nothing else does.

/// What is to be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It is newer than what is here.
    Write,
    /// It is here already, or something newer is: it was sent twice or came late. To be answered like success.
    Known,
}

/// `held` is the home's version that is here, that of a delete included; `came` the home's version that came.
///
/// Both are numbers that the home gave. So what is delivered twice, late or in another order ends at the same version, and a
/// delete is not undone by a version from before it.
pub fn arrival(held: Option<u64>, came: u64) -> Arrival {
    if held.is_none_or(|held| held < came) { Arrival::Write } else { Arrival::Known }
}
