//! When a read has to have its answer: SQLite looks at the clock between its steps, and gives up.
//!
//! One for each reading connection. What is done between SQLite's rows looks at the clock by itself (`search/moment.rs`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// Steps of SQLite's machine from one look at the clock to the next: about a tenth of a millisecond.
const STEPS_A_LOOK: i32 = 5_000;
const NEVER: u64 = u64::MAX;

pub struct Deadline {
    made: Instant,
    /// Since `made`, in microseconds.
    end_us: Arc<AtomicU64>,
}

impl Deadline {
    /// Of the connection's statements from now on. There is no end until one is set.
    pub fn of(db: &mut Connection) -> rusqlite::Result<Deadline> {
        let (made, end_us) = (Instant::now(), Arc::new(AtomicU64::new(NEVER)));
        let end = Arc::clone(&end_us);
        let is_over = move || match end.load(Ordering::Relaxed) {
            NEVER => false,
            end => micros(made.elapsed()) >= end,
        };
        db.progress_handler(STEPS_A_LOOK, Some(is_over))?;
        Ok(Deadline { made, end_us })
    }

    /// What `read` says, whose statements are interrupted when the time is over.
    pub fn within<T>(&self, time: Duration, read: impl FnOnce() -> T) -> T {
        let _ended = Ended(&self.end_us);
        self.end_us.store(micros(self.made.elapsed().saturating_add(time)), Ordering::Relaxed);
        read()
    }
}

/// Takes the end away again, also where the read stops at a broken invariant.
struct Ended<'d>(&'d AtomicU64);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(NEVER, Ordering::Relaxed);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(NEVER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ErrorCode;

    /// Numbers that SQLite counts by itself, without a row in between.
    fn count(db: &Connection, to: i64) -> Result<i64, Option<ErrorCode>> {
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) SELECT count(*) FROM n";
        db.query_row(sql, [to], |row| row.get(0)).map_err(|error| error.sqlite_error_code())
    }

    #[test]
    fn a_statement_is_given_up_when_its_time_is_over_and_the_next_one_is_not() {
        let mut db = Connection::open_in_memory().expect("there is memory");
        let deadline = Deadline::of(&mut db).expect("it can be set");
        assert_eq!(count(&db, 100_000), Ok(100_000));
        let over = deadline.within(Duration::ZERO, || count(&db, i64::MAX));
        assert_eq!(over, Err(Some(ErrorCode::OperationInterrupted)));
        assert_eq!(deadline.within(Duration::MAX, || count(&db, 100_000)), Ok(100_000));
        assert_eq!(count(&db, 100_000), Ok(100_000));
    }
}
