//! Operators (FHIRPath §6).

use std::cmp::Ordering;

use super::ast::Operator;
use super::compare::{compare, equal, equivalent, moment, same};
use super::distinct::Distinct;
use super::evaluate::{ENOUGH, EvaluateError, Flow, MORE, Scope, Step, collect, each, each_of, one, text, truth};
use super::item::{Item, Scalar, Visit};
use super::program::Program;
use super::quantity;
use super::temporal::Unit;
use crate::decimal::Decimal;

pub fn binary<'r>(
    scope: &Scope<'_, 'r>,
    operator: Operator,
    left: &Program,
    right: &Program,
    visit: Visit<'_, 'r>,
) -> Step {
    use Operator as O;
    let answer = match operator {
        O::Union => return union(scope, left, right, visit),
        O::And | O::Or | O::Xor | O::Implies => logic(scope, operator, left, right)?,
        O::Equal => equals(scope, left, right)?,
        O::NotEqual => equals(scope, left, right)?.map(|equal| !equal),
        O::Equivalent => Some(is_equivalent(scope, left, right)?),
        O::NotEquivalent => Some(!is_equivalent(scope, left, right)?),
        O::In => contains(scope, right, left)?,
        O::Contains => contains(scope, left, right)?,
        O::Less => order(scope, left, right)?.map(Ordering::is_lt),
        O::LessOrEqual => order(scope, left, right)?.map(Ordering::is_le),
        O::Greater => order(scope, left, right)?.map(Ordering::is_gt),
        O::GreaterOrEqual => order(scope, left, right)?.map(Ordering::is_ge),
        O::Concatenate => return visit(&concatenated(scope, left, right)?),
        O::Multiply | O::Divide | O::Div | O::Mod | O::Add | O::Subtract => {
            return match counted(scope, operator, left, right)? {
                Some(item) => visit(&item),
                None => MORE,
            };
        }
    };
    answer.map_or(MORE, |answer| visit(&Item::from(answer)))
}

/// `and`, `or`, `xor`, `implies` where a side may be unknown (FHIRPath §6.5). The right side is left alone where the
/// left one decides.
fn logic(
    scope: &Scope<'_, '_>,
    operator: Operator,
    left: &Program,
    right: &Program,
) -> Result<Option<bool>, EvaluateError> {
    let left = truth(scope, left)?;
    match (operator, left) {
        (Operator::And, Some(false)) => return Ok(Some(false)),
        (Operator::Or, Some(true)) | (Operator::Implies, Some(false)) => return Ok(Some(true)),
        _ => {}
    }
    let right = truth(scope, right)?;
    Ok(match (operator, left, right) {
        (Operator::And, Some(true), right) => right,
        (Operator::And, None, Some(false)) => Some(false),
        (Operator::Or, Some(false), right) => right,
        (Operator::Or, None, Some(true)) => Some(true),
        (Operator::Xor, Some(left), Some(right)) => Some(left != right),
        (Operator::Implies, Some(true), right) => right,
        (Operator::Implies, None, Some(true)) => Some(true),
        _ => None,
    })
}

fn equals(scope: &Scope<'_, '_>, left: &Program, right: &Program) -> Result<Option<bool>, EvaluateError> {
    let (left, literal) = match (left, right) {
        (Program::Literal(literal), other) | (other, Program::Literal(literal)) => (other, literal),
        _ => return Ok(equal(&scope.run.work, &collect(scope, left)?, &collect(scope, right)?)),
    };
    let (mut items, mut answer) = (0usize, None);
    each(scope, left, &mut |item| {
        items += 1;
        answer = same(&scope.run.work, item, literal);
        if items > 1 { ENOUGH } else { MORE }
    })?;
    Ok(if items > 1 { Some(false) } else { answer })
}

fn is_equivalent(scope: &Scope<'_, '_>, left: &Program, right: &Program) -> Result<bool, EvaluateError> {
    let (left, right) = (collect(scope, left)?, collect(scope, right)?);
    Ok(equivalent(&scope.run.work, &left, &right))
}

/// The items of both, each once.
fn union<'r>(scope: &Scope<'_, 'r>, left: &Program, right: &Program, visit: Visit<'_, 'r>) -> Step {
    let mut all = Distinct::default();
    for side in [left, right] {
        each(scope, side, &mut |item| all.insert(scope, item.clone()).map(|_| Flow::More))?;
    }
    each_of(&all.into_items(), visit)
}

fn contains(scope: &Scope<'_, '_>, many: &Program, item: &Program) -> Result<Option<bool>, EvaluateError> {
    let Some(item) = one(scope, item)? else { return Ok(None) };
    let mut found = false;
    search(scope, many, &item, &mut found)?;
    Ok(Some(found))
}

/// A union is searched side by side: what is in both is found as well in one.
fn search<'r>(scope: &Scope<'_, 'r>, many: &Program, item: &Item<'r>, found: &mut bool) -> Result<(), EvaluateError> {
    if let Program::Binary(Operator::Union, left, right) = many {
        search(scope, left, item, found)?;
        return if *found { Ok(()) } else { search(scope, right, item, found) };
    }
    each(scope, many, &mut |known| {
        *found = same(&scope.run.work, known, item) == Some(true);
        if *found { ENOUGH } else { MORE }
    })?;
    Ok(())
}

fn order(scope: &Scope<'_, '_>, left: &Program, right: &Program) -> Result<Option<Ordering>, EvaluateError> {
    match (one(scope, left)?, one(scope, right)?) {
        (Some(left), Some(right)) => compare(&scope.run.work, &left, &right),
        _ => Ok(None),
    }
}

/// `&`, to which nothing is an empty text.
fn concatenated<'r>(scope: &Scope<'_, 'r>, left: &Program, right: &Program) -> Result<Item<'r>, EvaluateError> {
    let mut joined = String::new();
    for side in [left, right] {
        if let Some(item) = one(scope, side)?
            && let Some(part) = text(&item)?
        {
            joined.push_str(&part);
        }
    }
    scope.spend(joined.len())?;
    Ok(Item::from(joined))
}

pub fn negative<'r>(scope: &Scope<'_, 'r>, on: &Program, visit: Visit<'_, 'r>) -> Step {
    let Some(item) = one(scope, on)? else { return MORE };
    let negated = match item.scalar() {
        Some(Scalar::Integer(value)) => value.checked_neg().map(Scalar::Integer),
        Some(Scalar::Decimal(value)) => Some(Scalar::Decimal(value.negate())),
        Some(Scalar::Quantity(value, unit)) => Some(Scalar::Quantity(value.negate(), unit)),
        _ => return Err(EvaluateError::new("a minus sign must stand before a number or a quantity")),
    };
    negated.map_or(MORE, |negated| visit(&Item::Scalar(negated)))
}

/// Arithmetic; what is too large, or divided by zero, is nothing.
fn counted<'r>(
    scope: &Scope<'_, 'r>,
    operator: Operator,
    left: &Program,
    right: &Program,
) -> Result<Option<Item<'r>>, EvaluateError> {
    let (Some(left), Some(right)) = (one(scope, left)?, one(scope, right)?) else { return Ok(None) };
    let (Some(left), Some(right)) = (left.scalar(), right.scalar()) else {
        return Err(unfit(operator));
    };
    if let (Scalar::Integer(left), Scalar::Integer(right)) = (&left, &right)
        && let Some(found) = integers(operator, *left, *right)
    {
        return Ok(found.map(Item::from));
    }
    if let (Some(left), Some(right)) = (left.decimal(), right.decimal()) {
        return Ok(decimals(operator, left, right).map(Item::Scalar));
    }
    if let (Some(left), Some(right)) = (amount(&left), amount(&right)) {
        return Ok(quantities(operator, left, right)?.map(Item::Scalar));
    }
    match (operator, &left, &right) {
        (Operator::Add, Scalar::String(left), Scalar::String(right)) => {
            scope.spend(left.len() + right.len())?;
            Ok(Some(Item::from(format!("{left}{right}"))))
        }
        (Operator::Add | Operator::Subtract, _, Scalar::Quantity(value, unit)) => {
            Ok(later(operator, &left, *value, unit)?.map(Item::Scalar))
        }
        _ => Err(unfit(operator)),
    }
}

fn unfit(operator: Operator) -> EvaluateError {
    EvaluateError::new(format!("{} cannot be asked of values of these types", operator.text()))
}

/// `None` where the answer is no integer: `/`.
fn integers(operator: Operator, left: i64, right: i64) -> Option<Option<i64>> {
    Some(match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Div => left.checked_div(right),
        Operator::Mod => left.checked_rem(right),
        _ => return None,
    })
}

fn decimals(operator: Operator, left: Decimal, right: Decimal) -> Option<Scalar<'static>> {
    let found = match operator {
        Operator::Add => left.add(right),
        Operator::Subtract => left.subtract(right),
        Operator::Multiply => left.multiply(right),
        Operator::Divide => left.divide(right),
        Operator::Div => return left.divide_whole(right)?.0.whole().map(Scalar::Integer),
        Operator::Mod => left.divide_whole(right).map(|(_, rest)| rest),
        _ => None,
    };
    found.map(Scalar::Decimal)
}

/// A quantity, or a number as one without a unit.
fn amount<'s>(scalar: &'s Scalar<'_>) -> Option<quantity::Amount<'s>> {
    match scalar {
        Scalar::Quantity(value, unit) => Some((*value, unit)),
        _ => scalar.decimal().map(|value| (value, "1")),
    }
}

fn quantities<'r>(
    operator: Operator,
    left: quantity::Amount<'_>,
    right: quantity::Amount<'_>,
) -> Result<Option<Scalar<'r>>, EvaluateError> {
    let sum = |right| quantity::add(left, right).map(|sum| Scalar::Quantity(sum, left.1.to_owned().into()));
    let scaled = |sign| quantity::scale(left, sign, right).map(|(value, unit)| Scalar::Quantity(value, unit.into()));
    Ok(match operator {
        Operator::Add => sum(right),
        Operator::Subtract => sum((right.0.negate(), right.1)),
        Operator::Multiply => scaled('*'),
        Operator::Divide => scaled('/'),
        _ => return Err(unfit(operator)),
    })
}

/// A date or a time so much later, or earlier.
fn later<'r>(
    operator: Operator,
    from: &Scalar<'_>,
    value: Decimal,
    unit: &str,
) -> Result<Option<Scalar<'r>>, EvaluateError> {
    let Some(moment) = moment(from) else { return Err(unfit(operator)) };
    let Some(unit) = Unit::counted(unit) else {
        let text = "only a duration in the words of a calendar, or in UCUM's wk, d, h, min, s or ms, \
                    can be added to a date or time";
        return Err(EvaluateError::new(text));
    };
    let value = if operator == Operator::Subtract { value.negate() } else { value };
    let Some(moved) = moment.plus(value, unit) else { return Ok(None) };
    let text = moved.to_string().into();
    Ok(Some(match from {
        Scalar::Date(_) => Scalar::Date(text),
        Scalar::Time(_) => Scalar::Time(text),
        _ => Scalar::DateTime(text),
    }))
}
