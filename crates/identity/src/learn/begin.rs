//! Where learning begins: what anybody would say of the five classes before looking.

use std::collections::BTreeMap;

use crate::compare::{FIELDS, Field, LEVELS_MAX};
use crate::model::{CLASSES, Model, Shares, Table};

/// Rows are the classes (same, twin, namesake, household, stranger), columns the levels of the field from the second on.
fn rows(field: Field) -> [&'static [f64]; CLASSES] {
    match field {
        Field::Given => [
            &[0.79, 0.05, 0.05, 0.01, 0.003, 0.01, 0.015, 0.01, 0.01, 0.03, 0.001, 0.005, 0.005, 0.003],
            &[0.008, 0.001, 0.003, 0.004, 0.03, 0.003, 0.006, 1e-5, 0.77, 0.01, 0.03, 0.003, 0.01, 0.12],
            &[0.82, 0.06, 0.06, 0.01, 0.003, 0.01, 0.015, 0.01, 0.002, 0.005, 1e-5, 0.005, 0.002, 1e-4],
            &[0.005, 0.001, 0.003, 0.003, 0.02, 0.005, 0.006, 1e-5, 0.92, 0.02, 0.001, 0.003, 0.01, 0.002],
            &[0.008, 0.003, 0.004, 0.004, 0.01, 0.001, 0.006, 1e-6, 0.94, 0.01, 0.0005, 0.001, 0.01, 0.001],
        ],
        Field::Family => [
            &[0.83, 0.03, 0.05, 0.01, 0.07, 0.01],
            &[0.85, 0.05, 0.06, 0.02, 0.01, 0.01],
            &[0.88, 0.02, 0.06, 0.02, 0.01, 0.01],
            &[0.65, 0.08, 0.06, 0.02, 0.15, 0.04],
            &[0.003, 0.001, 0.005, 0.003, 0.6, 0.388],
        ],
        Field::Middle => [
            &[0.35, 0.58, 0.02, 0.05],
            &[0.01, 0.07, 0.01, 0.91],
            &[0.35, 0.58, 0.02, 0.05],
            &[0.01, 0.07, 0.01, 0.91],
            &[0.01, 0.07, 0.01, 0.91],
        ],
        Field::Suffix => [
            &[0.985, 0.005, 0.0098, 0.0002],
            &[0.985, 0.0002, 0.0138, 0.001],
            &[0.25, 0.001, 0.5, 0.249],
            &[0.98, 0.001, 0.0185, 0.0005],
            &[0.98, 0.0005, 0.019, 0.0005],
        ],
        Field::Birth => [
            &[0.93, 0.006, 0.009, 0.02, 0.012, 0.003, 0.008, 0.003, 0.005],
            &[0.93, 0.006, 0.009, 0.02, 0.012, 0.003, 0.008, 0.003, 0.005],
            &[1e-4, 1e-4, 1e-4, 3e-4, 5e-4, 3e-4, 1e-3, 0.987, 0.005],
            &[2e-4, 1e-4, 5e-4, 2e-3, 2e-3, 1e-2, 0.35, 0.62, 0.003],
            &[4e-5, 2e-5, 6e-4, 1.5e-3, 2e-4, 0.012, 0.22, 0.76, 1e-4],
        ],
        Field::Sex => [&[0.985, 0.015], &[0.65, 0.35], &[0.985, 0.015], &[0.45, 0.55], &[0.5, 0.5]],
        Field::Contact => [
            &[0.36, 0.33, 0.16, 0.02, 0.005, 0.005, 0.12],
            &[0.36, 0.33, 0.16, 0.02, 0.005, 0.005, 0.12],
            &[0.36, 0.33, 0.16, 0.02, 0.005, 0.005, 0.12],
            &[0.36, 0.33, 0.16, 0.02, 0.005, 0.005, 0.12],
            &[1e-6, 1e-6, 1e-6, 1e-4, 1e-3, 0.02, 0.979],
        ],
        Field::Email => [
            &[0.3, 0.02, 0.08, 0.6],
            &[0.05, 0.1, 0.6, 0.25],
            &[0.05, 0.1, 0.6, 0.25],
            &[0.05, 0.05, 0.87, 0.03],
            &[1e-6, 1e-5, 0.79999, 0.2],
        ],
        Field::LastFour => [
            &[0.93, 0.03, 0.001, 0.04],
            &[0.03, 0.03, 0.4, 0.54],
            &[0.03, 0.003, 0.001, 0.966],
            &[0.02, 0.003, 0.001, 0.976],
            &[1e-4, 4e-3, 2e-4, 0.9957],
        ],
        Field::Identifier => [
            &[0.6, 0.03, 0.35, 0.02],
            &[0.001, 0.01, 0.5, 0.489],
            &[0.001, 0.005, 0.5, 0.494],
            &[0.001, 0.005, 0.5, 0.494],
            &[1e-6, 1e-4, 0.5, 0.4999],
        ],
    }
}

/// The model before anything was learned.
pub fn begin() -> Model {
    let mut table: Table = [[[1.0; LEVELS_MAX]; FIELDS]; CLASSES];
    for field in Field::ALL {
        for (class, row) in rows(field).into_iter().enumerate() {
            let first = usize::from(field != Field::Suffix);
            assert_eq!(row.len() + first, field.levels().len(), "a number for each level of {}", field.name());
            table[class][field as usize][first..first + row.len()].copy_from_slice(row);
        }
    }
    let shares = |rare: f32, mean: f32| Shares { usual: BTreeMap::new(), rare, mean };
    Model {
        version: "begin".to_owned(),
        source: "written by hand".to_owned(),
        pairs: [0.7, 0.05, 0.03, 1.5, 0.0],
        table,
        given: shares(1e-4, 0.008),
        family: shares(2e-5, 0.003),
    }
}
