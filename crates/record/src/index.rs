//! The rows of the search index: made from what `fhir::search` extracts, written in sorted batches, found again to be
//! trimmed by extracting anew.
//!
//! Dates, numbers and names are kept as they are, because they are compared by range; all else as a [`crate::hash`].

use fhir::Resource;
use fhir::search::{self, Interval, Own, Reference, Registry, Value};
use rusqlite::{Connection, Statement, params};

use crate::condition::Marks;
use crate::derived;
use crate::hash::{
    base_hash, code_hash, coded_hash, local_hash, of_type_hash, of_type_system_hash, system_hash, unit_hash, url_hash,
};
use crate::wide;

/// The index rows of one version, without its position. Each is there once.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    tokens: Vec<(u16, i64, i64)>,
    references: Vec<(u16, i64)>,
    /// `p` with its class of width (wide.rs), from, to; numbers and quantities too.
    dates: Vec<(i64, i64, i64)>,
    strings: Vec<(u16, String, String)>,
    numbers: Vec<(i64, f64, f64)>,
    quantities: Vec<Quantity>,
}

#[derive(Debug, Clone, PartialEq)]
struct Quantity {
    p: i64,
    low: f64,
    high: f64,
    /// Of system and code, of the code, of the printed unit; 0 where there is none.
    hashes: [i32; 3],
}

/// The index rows of a group of commits, to be written together.
#[derive(Default)]
pub struct Batch {
    tokens: Vec<(u16, i64, i64, i64)>,
    references: Vec<(u16, i64, i64)>,
    dates: Vec<(i64, i64, i64, i64)>,
    strings: Vec<(u16, String, i64, String)>,
    numbers: Vec<(i64, f64, i64, f64)>,
    quantities: Vec<(Quantity, i64)>,
}

impl Rows {
    pub fn of(resource: &Resource<'_>, registry: &Registry) -> Rows {
        let mut rows = Rows::default();
        for entry in registry.extract(resource) {
            if derived::is_stored(entry.parameter, &entry.value) && !of_the_log(entry.parameter) {
                rows.add(entry.parameter.0, &entry.value);
            }
        }
        rows.ordered()
    }

    /// Those of some of a site's own parameters alone.
    pub fn of_own(resource: &Resource<'_>, own: &[Own]) -> Rows {
        let mut rows = Rows::default();
        for own in own.iter().filter(|own| own.parameter.kind == resource.kind()) {
            search::values(resource, own.parameter, &mut |entry| rows.add(entry.parameter.0, &entry.value));
        }
        rows.ordered()
    }

    /// In the order of the tables, each once.
    fn ordered(mut self) -> Rows {
        let rows = &mut self;
        rows.tokens.sort_unstable();
        rows.tokens.dedup();
        rows.references.sort_unstable();
        rows.references.dedup();
        rows.dates.sort_unstable();
        rows.dates.dedup();
        rows.strings.sort_unstable();
        rows.strings.dedup();
        rows.numbers.sort_unstable_by(|a, b| (a.0, a.1).partial_cmp(&(b.0, b.1)).expect("no NaN is written in JSON"));
        rows.numbers.dedup();
        rows.quantities.sort_unstable_by(|a, b| a.order().partial_cmp(&b.order()).expect("no NaN is written in JSON"));
        rows.quantities.dedup();
        self
    }

    fn add(&mut self, p: u16, value: &Value<'_>) {
        match value {
            Value::Token(token) => self.tokens.push((p, code_hash(token.code), system_hash(token.system))),
            Value::OfType(of) => {
                self.tokens.push((p, of_type_hash(of.code, of.value), of_type_system_hash(of.system)));
            }
            Value::String(text) => {
                let exact = if text.exact == text.normalised { "" } else { text.exact };
                self.strings.push((p, text.normalised.clone().into_owned(), exact.to_owned()));
            }
            Value::Reference(reference) => self.add_reference(p, reference),
            Value::Date(Interval { low_us, high_us }) => {
                self.dates.push((wide::date(p, *low_us, *high_us), *low_us, *high_us));
            }
            Value::Number(range) => self.numbers.push((wide::number(p, range.low, range.high), range.low, range.high)),
            Value::Quantity(quantity) => self.add_quantity(p, quantity),
            Value::Uri(uri) => self.references.push((p, url_hash(uri, None))),
        }
    }

    /// As it is written, and in base units.
    fn add_quantity(&mut self, p: u16, quantity: &search::Quantity<'_>) {
        let written = [
            quantity.code.map_or(0, |code| coded_hash(quantity.system, code)),
            quantity.code.map_or(0, unit_hash),
            quantity.unit.map_or(0, unit_hash),
        ];
        let search::Range { low, high } = quantity.range;
        self.quantities.push(Quantity { p: wide::number(p, low, high), low, high, hashes: written });
        if let Some((search::Range { low, high }, unit)) = quantity.in_base() {
            let hashes = [base_hash(&unit), 0, 0];
            self.quantities.push(Quantity { p: wide::in_base(p, low, high), low, high, hashes });
        }
    }

    fn add_reference(&mut self, p: u16, reference: &Reference<'_>) {
        match *reference {
            Reference::Local { kind, id } => self.references.push((p, local_hash(kind, id))),
            Reference::Absolute { url } => self.references.push((p, url_hash(url, None))),
            Reference::Canonical { url, version } => {
                self.references.push((p, url_hash(url, None)));
                if version.is_some() {
                    self.references.push((p, url_hash(url, version)));
                }
            }
            // An identifier is a token wherever it stands; a reference parameter has no other tokens.
            Reference::Identifier { system, value } => {
                self.tokens.push((p, code_hash(value), system_hash(system)));
            }
        }
    }

    /// What a condition is held against before the body.
    pub fn marks(&self) -> Marks {
        let tokens = self.tokens.iter().map(|(p, h, _)| (*p, *h));
        let begin = |text: &str| {
            let mut begin = [0; 8];
            begin.iter_mut().zip(text.bytes()).for_each(|(to, byte)| *to = byte);
            begin
        };
        Marks {
            hashes: tokens.chain(self.references.iter().copied()).collect(),
            strings: self.strings.iter().map(|(p, text, _)| (*p, begin(text))).collect(),
        }
    }

    pub fn len(&self) -> usize {
        self.tokens.len()
            + self.references.len()
            + self.dates.len()
            + self.strings.len()
            + self.numbers.len()
            + self.quantities.len()
    }

    /// Removes these rows of the version at `seq`.
    pub fn delete(&self, db: &Connection, seq: i64) -> rusqlite::Result<()> {
        let mut token = db.prepare_cached("DELETE FROM token WHERE p=?1 AND h=?2 AND seq=?3 AND s=?4")?;
        for (p, h, s) in &self.tokens {
            token.execute(params![p, h, seq, s])?;
        }
        let mut reference = db.prepare_cached("DELETE FROM reference WHERE p=?1 AND h=?2 AND seq=?3")?;
        for (p, h) in &self.references {
            reference.execute(params![p, h, seq])?;
        }
        let mut date = db.prepare_cached("DELETE FROM date WHERE p=?1 AND low=?2 AND seq=?3")?;
        for (p, low, _) in &self.dates {
            date.execute(params![p, low, seq])?;
        }
        let mut string = db.prepare_cached("DELETE FROM string WHERE p=?1 AND text=?2 AND seq=?3")?;
        for (p, text, _) in &self.strings {
            string.execute(params![p, text, seq])?;
        }
        let mut number = db.prepare_cached("DELETE FROM number WHERE p=?1 AND low=?2 AND seq=?3")?;
        for (p, low, _) in &self.numbers {
            number.execute(params![p, low, seq])?;
        }
        let mut quantity = db.prepare_cached("DELETE FROM quantity WHERE p=?1 AND low=?2 AND seq=?3")?;
        for row in &self.quantities {
            quantity.execute(params![row.p, row.low, seq])?;
        }
        Ok(())
    }
}

impl Quantity {
    fn order(&self) -> (i64, f64, f64, [i32; 3]) {
        (self.p, self.low, self.high, self.hashes)
    }
}

impl Batch {
    pub fn add(&mut self, rows: Rows, seq: i64) {
        self.tokens.extend(rows.tokens.into_iter().map(|(p, h, s)| (p, h, seq, s)));
        self.references.extend(rows.references.into_iter().map(|(p, h)| (p, h, seq)));
        self.dates.extend(rows.dates.into_iter().map(|(p, low, high)| (p, low, seq, high)));
        self.strings.extend(rows.strings.into_iter().map(|(p, text, exact)| (p, text, seq, exact)));
        self.numbers.extend(rows.numbers.into_iter().map(|(p, low, high)| (p, low, seq, high)));
        self.quantities.extend(rows.quantities.into_iter().map(|row| (row, seq)));
    }

    /// Writes all rows in the order of their tables' keys, so that neighbours meet the same page.
    pub fn write(mut self, db: &Connection) -> rusqlite::Result<()> {
        self.tokens.sort_unstable();
        self.references.sort_unstable();
        self.dates.sort_unstable();
        self.strings.sort_unstable();
        insert(db, "token", 4, &self.tokens, |to, at, row| {
            to.raw_bind_parameter(at, row.0)?;
            to.raw_bind_parameter(at + 1, row.1)?;
            to.raw_bind_parameter(at + 2, row.2)?;
            to.raw_bind_parameter(at + 3, row.3)
        })?;
        insert(db, "reference", 3, &self.references, |to, at, row| {
            to.raw_bind_parameter(at, row.0)?;
            to.raw_bind_parameter(at + 1, row.1)?;
            to.raw_bind_parameter(at + 2, row.2)
        })?;
        insert(db, "date", 4, &self.dates, |to, at, row| {
            to.raw_bind_parameter(at, row.0)?;
            to.raw_bind_parameter(at + 1, row.1)?;
            to.raw_bind_parameter(at + 2, row.2)?;
            to.raw_bind_parameter(at + 3, row.3)
        })?;
        insert(db, "string", 4, &self.strings, |to, at, row| {
            to.raw_bind_parameter(at, row.0)?;
            to.raw_bind_parameter(at + 1, &row.1)?;
            to.raw_bind_parameter(at + 2, row.2)?;
            to.raw_bind_parameter(at + 3, &row.3)
        })?;
        insert(db, "number", 4, &self.numbers, |to, at, row| {
            to.raw_bind_parameter(at, row.0)?;
            to.raw_bind_parameter(at + 1, row.1)?;
            to.raw_bind_parameter(at + 2, row.2)?;
            to.raw_bind_parameter(at + 3, row.3)
        })?;
        insert(db, "quantity", 7, &self.quantities, |to, at, (row, seq)| {
            to.raw_bind_parameter(at, row.p)?;
            to.raw_bind_parameter(at + 1, row.low)?;
            to.raw_bind_parameter(at + 2, *seq)?;
            to.raw_bind_parameter(at + 3, row.high)?;
            to.raw_bind_parameter(at + 4, row.hashes[0])?;
            to.raw_bind_parameter(at + 5, row.hashes[1])?;
            to.raw_bind_parameter(at + 6, row.hashes[2])
        })
    }
}

/// Rows that one statement inserts, where there are as many: half the work of a small insert is starting it.
const ROWS_A_STATEMENT: usize = 16;

/// Inserts rows of `columns` values; `bind` gives one row's values to the statement from parameter `at` on.
fn insert<R>(
    db: &Connection,
    table: &str,
    columns: usize,
    rows: &[R],
    bind: impl Fn(&mut Statement<'_>, usize, &R) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let row = format!("({})", vec!["?"; columns].join(","));
    let mut chunks = rows.chunks_exact(ROWS_A_STATEMENT);
    if rows.len() >= ROWS_A_STATEMENT {
        // OR IGNORE: a statement that may have to undo itself alone would copy every page that it touches, and a row that a
        // site's own parameter has already may come again.
        let many = vec![row.as_str(); ROWS_A_STATEMENT].join(",");
        let mut statement = db.prepare_cached(&format!("INSERT OR IGNORE INTO {table} VALUES {many}"))?;
        for chunk in &mut chunks {
            for (at, row) in chunk.iter().enumerate() {
                bind(&mut statement, 1 + at * columns, row)?;
            }
            statement.raw_execute()?;
        }
    }
    if !chunks.remainder().is_empty() {
        let mut statement = db.prepare_cached(&format!("INSERT OR IGNORE INTO {table} VALUES {row}"))?;
        for row in chunks.remainder() {
            bind(&mut statement, 1, row)?;
            statement.raw_execute()?;
        }
    }
    Ok(())
}

/// Removes rows of one parameter, at most `limit` of each table. How many it removed.
pub fn remove_parameter(db: &Connection, p: u16, limit: usize) -> rusqlite::Result<usize> {
    const TABLES: [(&str, &str); 6] = [
        ("token", "p, h, seq, s"),
        ("reference", "p, h, seq"),
        ("date", "p, low, seq, high"),
        ("string", "p, text, seq, exact"),
        ("number", "p, low, seq, high"),
        ("quantity", "p, low, seq, high, s, c, u"),
    ];
    let mut removed = 0;
    for (table, key) in TABLES {
        for p in wide::all(p) {
            let sql =
                format!("DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE p = ?1 LIMIT {limit})");
            removed += db.prepare_cached(&sql)?.execute([p])?;
        }
    }
    Ok(removed)
}

/// `_id` and `_lastUpdated` are columns of the version; what a resource says about them itself is not theirs.
fn of_the_log(parameter: search::ParameterId) -> bool {
    search::table().get(parameter).is_some_and(|found| matches!(found.code, "_id" | "_lastUpdated"))
}
