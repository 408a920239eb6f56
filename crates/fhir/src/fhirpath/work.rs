//! How much one evaluation may do.
//!
//! An expression may come from outside, and a nested `select` would multiply a large resource by itself. So every step,
//! every item that is put into a list and every piece of text or of a tree that is compared is counted.

use std::cell::Cell;

use super::evaluate::EvaluateError;

/// How many steps and items one evaluation may take together. Ten million would be about a second.
pub const WORK_MAX: usize = 2_000_000;
/// How many bytes of text are looked at in a step.
const STEP_BYTES: usize = 64;

#[derive(Default)]
pub struct Work {
    done: Cell<usize>,
}

impl Work {
    /// Counts so many steps, and one.
    pub fn spend(&self, steps: usize) -> Result<(), EvaluateError> {
        self.done.set(self.done.get().saturating_add(steps).saturating_add(1));
        self.check()
    }

    /// Counts one step where an error cannot be told: whether to go on. What is made of an answer that was cut short is
    /// never seen, since the evaluation ends with [`Work::check`].
    pub fn step(&self) -> bool {
        self.done.set(self.done.get().saturating_add(1));
        self.done.get() <= WORK_MAX
    }

    /// The same for text of this length.
    pub fn step_text(&self, bytes: usize) -> bool {
        self.done.set(self.done.get().saturating_add(bytes / STEP_BYTES));
        self.step()
    }

    pub fn check(&self) -> Result<(), EvaluateError> {
        if self.done.get() > WORK_MAX {
            return Err(EvaluateError::new(format!(
                "the expression takes more than {WORK_MAX} steps on this resource"
            )));
        }
        Ok(())
    }
}
