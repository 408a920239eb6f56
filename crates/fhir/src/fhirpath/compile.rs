//! A tree to a program: every function, type, operator and constant is looked up here, and what Hilum does not serve
//! yet is refused by name.

use std::borrow::Cow;

use super::CompileError;
use super::ast::{Ast, Form, Literal, Operator, TypeName};
use super::function;
use super::item::Scalar;
use super::program::{Kind, Program};
use crate::decimal::Decimal;
use crate::schema;

pub fn compile(tree: &Ast) -> Result<Program, CompileError> {
    let boxed = |tree: &Ast| compile(tree).map(Box::new);
    Ok(match &tree.form {
        Form::Literal(value) => literal(tree, value)?,
        Form::Constant(name) => constant(tree, name)?,
        Form::This => Program::This,
        Form::Index => Program::Index,
        Form::Total => return Err(not_served(tree, "$total")),
        Form::Name(name) => Program::Start(name.clone()),
        Form::Member(on, name) => Program::Member(boxed(on)?, name.clone()),
        Form::Call(on, name, arguments) => call(tree, on.as_deref(), name, arguments)?,
        Form::Indexer(on, index) => Program::Indexer(boxed(on)?, boxed(index)?),
        Form::Negative(on) => negative(tree, on)?,
        Form::Binary(operator, left, right) => {
            if !served(*operator) {
                return Err(not_served(tree, &format!("operator {}", operator.text())));
            }
            Program::Binary(*operator, boxed(left)?, boxed(right)?)
        }
        Form::Is(on, kind) => type_test(tree, on, kind)?,
        Form::As(on, kind) => Program::As(boxed(on)?, find_kind(tree, kind)?),
    })
}

/// The operators that `evaluate` knows; the rest of the language comes with arithmetic.
fn served(operator: Operator) -> bool {
    use Operator::{Add, Concatenate, Div, Divide, Equivalent, Mod, Multiply, NotEquivalent, Subtract};
    !matches!(operator, Multiply | Divide | Div | Mod | Add | Subtract | Concatenate | Equivalent | NotEquivalent)
}

fn not_served(tree: &Ast, what: &str) -> CompileError {
    CompileError::new(tree.at, format!("{what} is not served yet"))
}

fn literal(tree: &Ast, literal: &Literal) -> Result<Program, CompileError> {
    let owned = |text: &String| Cow::Owned(text.clone());
    let number =
        |text: &str| Decimal::read(text).ok_or_else(|| CompileError::new(tree.at, "a number with too many digits"));
    Ok(Program::Literal(match literal {
        Literal::Empty => return Ok(Program::Empty),
        Literal::Boolean(value) => Scalar::Boolean(*value),
        Literal::Integer(value) => Scalar::Integer(*value),
        Literal::Decimal(text) => Scalar::Decimal(number(text)?),
        Literal::String(text) => Scalar::String(owned(text)),
        Literal::Date(text) => Scalar::Date(owned(text)),
        Literal::DateTime(text) => Scalar::DateTime(owned(text)),
        Literal::Time(text) => Scalar::Time(owned(text)),
        Literal::Quantity(value, unit) => Scalar::Quantity(number(value)?, owned(unit)),
    }))
}

fn negative(tree: &Ast, on: &Ast) -> Result<Program, CompileError> {
    let flipped = |value: Decimal| Decimal { mantissa: -value.mantissa, ..value };
    Ok(Program::Literal(match compile(on)? {
        Program::Literal(Scalar::Integer(value)) => Scalar::Integer(-value),
        Program::Literal(Scalar::Decimal(value)) => Scalar::Decimal(flipped(value)),
        Program::Literal(Scalar::Quantity(value, unit)) => Scalar::Quantity(flipped(value), unit),
        _ => return Err(not_served(tree, "the minus sign of anything but a number")),
    }))
}

fn constant(tree: &Ast, name: &str) -> Result<Program, CompileError> {
    let text = match name {
        "resource" | "rootResource" | "context" => return Ok(Program::Root),
        "ucum" => "http://unitsofmeasure.org",
        "sct" => "http://snomed.info/sct",
        "loinc" => "http://loinc.org",
        _ => return Err(not_served(tree, &format!("%{name}"))),
    };
    Ok(Program::Literal(Scalar::String(Cow::Borrowed(text))))
}

fn call(tree: &Ast, on: Option<&Ast>, name: &str, arguments: &[Ast]) -> Result<Program, CompileError> {
    let before = || on.map_or(Ok(Program::This), compile).map(Box::new);
    if let ("is" | "as" | "ofType", [argument]) = (name, arguments) {
        let kind =
            type_argument(argument).ok_or_else(|| CompileError::new(argument.at, "expected the name of a type"))?;
        return match name {
            "is" => match on {
                Some(on) => type_test(tree, on, &kind),
                None => Ok(Program::Is(before()?, find_kind(tree, &kind)?)),
            },
            _ => Ok(Program::As(before()?, find_kind(tree, &kind)?)),
        };
    }
    if name == "resolve" {
        let text =
            "resolve() is served only as `resolve() is Type`: the type of a reference is known, and nothing is fetched";
        return Err(CompileError::new(tree.at, text));
    }
    let function = function::find(name).ok_or_else(|| not_served(tree, &format!("the function {name}()")))?;
    if !function.arguments.contains(&arguments.len()) {
        let (least, most) = (function.arguments.start(), function.arguments.end());
        let text = format!("{name}() takes {least} to {most} arguments, not {}", arguments.len());
        return Err(CompileError::new(tree.at, text));
    }
    let on = on.map(compile).transpose()?.map(Box::new);
    Ok(Program::Call(on, function, arguments.iter().map(compile).collect::<Result<_, _>>()?))
}

fn type_test(tree: &Ast, on: &Ast, kind: &TypeName) -> Result<Program, CompileError> {
    let found = find_kind(tree, kind)?;
    if let Form::Call(references, name, arguments) = &on.form
        && name == "resolve"
        && arguments.is_empty()
    {
        let references = references.as_deref().map_or(Ok(Program::This), compile)?;
        let Some(kind) = schema::r4().resource(&kind.name) else {
            return Err(CompileError::new(tree.at, "a reference is only to a type of resource"));
        };
        return Ok(Program::Refers(Box::new(references), kind.name));
    }
    Ok(Program::Is(Box::new(compile(on)?), found))
}

/// The type that an argument of `as`, `is` or `ofType` names: `Quantity`, `FHIR.Quantity`.
pub fn type_argument(argument: &Ast) -> Option<TypeName> {
    match &argument.form {
        Form::Name(name) => Some(TypeName { namespace: None, name: name.clone() }),
        Form::Member(on, name) => match &on.form {
            Form::Name(namespace) => Some(TypeName { namespace: Some(namespace.clone()), name: name.clone() }),
            _ => None,
        },
        _ => None,
    }
}

const SYSTEM: [&str; 8] = ["Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time", "Quantity"];

fn find_kind(tree: &Ast, kind: &TypeName) -> Result<Kind, CompileError> {
    let fhir = || schema::r4().kind(&kind.name).map(Kind::Fhir);
    let system = || SYSTEM.iter().find(|name| **name == kind.name).map(|name| Kind::System(name));
    let found = match kind.namespace.as_deref() {
        None => fhir().or_else(system),
        Some("FHIR") => fhir(),
        Some("System") => system(),
        Some(_) => None,
    };
    found.ok_or_else(|| CompileError::new(tree.at, format!("no type {}", kind.name)))
}
