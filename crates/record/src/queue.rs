//! What waits for the writer, and whose turn it is.
//!
//! Small commits go together in groups. A large one goes alone, and so does maintenance; the three take turns, so that a
//! small commit waits for one large one at most, however many there are, and a large one for one group of small ones.

use std::collections::VecDeque;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::commit::{CommitError, Committed};
use crate::transaction::Ready;

/// A group ends at this many commits, or at this many bytes, whichever comes first.
const GROUP_COMMITS_MAX: usize = 256;
const GROUP_BYTES_MAX: usize = 1024 * 1024;
/// A commit of more bytes than this, some two hundred resources, is a large one.
const SMALL_BYTES_MAX: usize = 128 * 1024;

pub type Answer = oneshot::Sender<Result<Committed, CommitError>>;
/// Answers its caller itself; returns what happened for the writer's own sake.
pub type Alone = Box<dyn FnOnce(&mut Connection) -> Result<(), CommitError> + Send>;

pub enum Task {
    Commit(Box<Ready>, Answer),
    /// Maintenance in a transaction of its own.
    Alone(Alone),
}

/// What the writer does next.
pub enum Turn {
    Group(Vec<(Ready, Answer)>),
    Alone(Alone),
}

pub struct Queue {
    waiting: mpsc::Receiver<Task>,
    /// As many as the channel holds: what waits here waits there no more.
    room: usize,
    small: VecDeque<(Box<Ready>, Answer)>,
    large: VecDeque<(Box<Ready>, Answer)>,
    alone: VecDeque<Alone>,
    next: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Small,
    Large,
    Alone,
}

impl Queue {
    pub fn new(waiting: mpsc::Receiver<Task>, room: usize) -> Queue {
        let (small, large, alone) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        Queue { waiting, room, small, large, alone, next: Kind::Small }
    }

    /// Waits until there is something to do; none when nothing more can come and all is done.
    pub fn next(&mut self) -> Option<Turn> {
        if self.is_empty() {
            let first = self.waiting.blocking_recv()?;
            self.sort(first);
        }
        while self.small.len() + self.large.len() + self.alone.len() < self.room {
            let Ok(task) = self.waiting.try_recv() else { break };
            self.sort(task);
        }
        loop {
            let turn = match self.next {
                Kind::Small => self.group(),
                Kind::Large => self.large.pop_front().map(|(commit, answer)| Turn::Group(vec![(*commit, answer)])),
                Kind::Alone => self.alone.pop_front().map(Turn::Alone),
            };
            self.next = match self.next {
                Kind::Small => Kind::Large,
                Kind::Large => Kind::Alone,
                Kind::Alone => Kind::Small,
            };
            if turn.is_some() {
                return turn;
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.small.is_empty() && self.large.is_empty() && self.alone.is_empty()
    }

    fn sort(&mut self, task: Task) {
        match task {
            Task::Commit(commit, answer) if commit.bytes() > SMALL_BYTES_MAX => self.large.push_back((commit, answer)),
            Task::Commit(commit, answer) => self.small.push_back((commit, answer)),
            Task::Alone(work) => self.alone.push_back(work),
        }
    }

    /// The small commits that have waited longest.
    fn group(&mut self) -> Option<Turn> {
        let (mut group, mut bytes) = (Vec::new(), 0);
        while group.len() < GROUP_COMMITS_MAX && bytes < GROUP_BYTES_MAX {
            let Some((commit, answer)) = self.small.pop_front() else { break };
            bytes += commit.bytes();
            group.push((*commit, answer));
        }
        (!group.is_empty()).then_some(Turn::Group(group))
    }
}
