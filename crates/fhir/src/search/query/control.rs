//! The parameters that shape the answer rather than select: `_count`, `_sort`, `_total`, `_summary`, `_elements`
//! (R4 §3.1.1.6).

use super::{Context, Query};
use crate::schema;
use crate::search::Parameter;

/// Resources a page where the client does not say.
pub const COUNT_DEFAULT: u32 = 50;
/// More than this is cut to it, as R4 allows; the client follows the link to the next page.
pub const COUNT_MAX: u32 = 1000;

/// One rule of `_sort`.
#[derive(Debug, Clone, Copy)]
pub struct Sort {
    pub parameter: &'static Parameter,
    pub descending: bool,
}

/// `_total`: how well the number of matches must be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Total {
    /// Not asked for: the caller chooses.
    #[default]
    Unspecified,
    None,
    Estimate,
    Accurate,
}

/// `_summary`. `_count=0` asks for `Count` too (R4 §3.1.1.6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Summary {
    #[default]
    False,
    True,
    Text,
    Data,
    Count,
}

/// One of them by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    Count,
    Sort,
    Total,
    Summary,
    Elements,
}

/// More rules of order than this decide nothing.
const SORT_MAX: usize = 8;

impl Control {
    pub(super) fn named(code: &str) -> Option<Control> {
        Some(match code {
            "_count" => Control::Count,
            "_sort" => Control::Sort,
            "_total" => Control::Total,
            "_summary" => Control::Summary,
            "_elements" => Control::Elements,
            _ => return None,
        })
    }
}

/// Sets what the parameter says. The error follows the parameter's name and never repeats the value.
pub(super) fn apply(
    context: Context<'_>,
    query: &mut Query,
    control: Control,
    modifier: Option<&str>,
    value: &str,
) -> Result<(), String> {
    if modifier.is_some() {
        return Err("takes no modifier".into());
    }
    if query.used.iter().any(|(name, _)| Control::named(name) == Some(control)) {
        return Err("is given more than once".into());
    }
    match control {
        Control::Count => match value.parse::<u32>() {
            Ok(0) => query.summary = Summary::Count,
            Ok(count) => query.count = count.min(COUNT_MAX),
            Err(_) => return Err("must be a whole number from 0".into()),
        },
        Control::Sort => query.sort = sort(context, query, value)?,
        Control::Total => query.total = total(value).ok_or("must be none, estimate or accurate")?,
        Control::Summary => {
            let asked = summary(value).ok_or("must be true, text, data, count or false")?;
            // `_count=0` before it has already asked for the count alone.
            if query.summary != Summary::Count {
                query.summary = asked;
            }
        }
        Control::Elements => query.elements = elements(query, value)?,
    }
    Ok(())
}

/// Across types a rule names a parameter that all of them have; it stands for each type's own.
fn sort(context: Context<'_>, query: &Query, value: &str) -> Result<Vec<Sort>, String> {
    let rules: Vec<&str> = value.split(',').collect();
    if rules.len() > SORT_MAX {
        return Err(format!("has more than {SORT_MAX} rules"));
    }
    let known =
        |kind: &'static str, code: &str| context.registry.find(kind, code).filter(|parameter| parameter.is_sortable());
    let rule = |text: &&str| {
        let code = text.strip_prefix('-').unwrap_or(text);
        let mut found = query.each.iter().map(|filter| known(filter.kind, code));
        let first = found.next().flatten().filter(|_| found.all(|parameter| parameter.is_some()));
        let parameter = first.ok_or_else(|| format!("must name search parameters of {}, with commas", query.kind))?;
        Ok(Sort { parameter, descending: text.starts_with('-') })
    };
    rules.iter().map(rule).collect()
}

fn total(value: &str) -> Option<Total> {
    Some(match value {
        "none" => Total::None,
        "estimate" => Total::Estimate,
        "accurate" => Total::Accurate,
        _ => return None,
    })
}

fn summary(value: &str) -> Option<Summary> {
    Some(match value {
        "true" => Summary::True,
        "text" => Summary::Text,
        "data" => Summary::Data,
        "count" => Summary::Count,
        "false" => Summary::False,
        _ => return None,
    })
}

/// Top-level elements by their FHIRPath names: `value`, not `valueQuantity`. Across types, of any of them.
fn elements(query: &Query, value: &str) -> Result<Vec<&'static str>, String> {
    let element = |name: &str| {
        let mut kinds =
            query.each.iter().map(|filter| schema::r4().resource(filter.kind).expect("a filter's type is R4's"));
        let found = kinds.find_map(|kind| kind.stem(name).next()).map(|element| element.stem);
        found.ok_or_else(|| format!("must name elements of {}, with commas", query.kind))
    };
    value.split(',').map(element).collect()
}
