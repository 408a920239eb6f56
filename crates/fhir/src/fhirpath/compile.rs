//! A tree to a program: every function, type, operator and constant is looked up here, and what cannot be is refused by
//! name. Beside the program goes what is known of its items, see `known`.

use std::borrow::Cow;

use super::CompileError;
use super::ast::{Ast, Form, Literal, Operator, TypeName};
use super::function::{self, Function};
use super::item::{Item, Scalar};
use super::kind;
use super::known::{Known, OfType};
use super::program::{Kind, Program};
use super::temporal::Moment;
use crate::decimal::Decimal;
use crate::schema::{self, Type};
use crate::ucum;

/// Compiles an expression that is asked of items of these types, and says what is known of its own.
pub fn compile(tree: &Ast, contexts: &[&'static Type]) -> Compiled {
    let context = Known::of(contexts.iter().map(|kind| OfType::Fhir(kind)));
    Compiler { context: &context }.compile(tree, &context)
}

pub type Compiled = Result<(Program, Known), CompileError>;

struct Compiler<'c> {
    context: &'c Known,
}

impl Compiler<'_> {
    fn compile(&self, tree: &Ast, this: &Known) -> Compiled {
        Ok(match &tree.form {
            Form::Literal(value) => literal(tree, value)?,
            Form::Constant(name) => self.constant(tree, name)?,
            Form::This => (Program::This, this.clone()),
            Form::Index => (Program::Index, Known::system("Integer")),
            Form::Total => (Program::Total, Known::Anything),
            Form::Name(name) => start(tree, name, this)?,
            Form::Member(on, name) => {
                let (on, known) = self.compile(on, this)?;
                (Program::Member(Some(Box::new(on)), name.clone()), known.member(tree, name)?)
            }
            Form::Call(on, name, arguments) => self.call(tree, on.as_deref(), name, arguments, this)?,
            Form::Indexer(on, index) => {
                let (on, known) = self.compile(on, this)?;
                let (index, _) = self.compile(index, this)?;
                (Program::Indexer(Box::new(on), Box::new(index)), known)
            }
            Form::Negative(on) => negative(self.compile(on, this)?),
            Form::Binary(operator, left, right) => self.binary(*operator, left, right, this)?,
            Form::Is(on, of) => self.type_test(tree, Some(on), of, this)?,
            Form::As(on, to) => self.cast(tree, Some(on), to, this)?,
        })
    }

    /// What is asked of `$this` where nothing stands before it.
    fn on(&self, on: Option<&Ast>, this: &Known) -> Result<(Option<Box<Program>>, Known), CompileError> {
        let Some(on) = on else { return Ok((None, this.clone())) };
        let (program, known) = self.compile(on, this)?;
        Ok((Some(Box::new(program)), known))
    }

    fn binary(&self, operator: Operator, left: &Ast, right: &Ast, this: &Known) -> Compiled {
        use Operator::{Add, Concatenate, Div, Divide, Mod, Multiply, Subtract, Union};
        let (left, left_known) = self.compile(left, this)?;
        let (right, right_known) = self.compile(right, this)?;
        let known = match operator {
            Union => left_known.or(right_known),
            Multiply | Divide | Div | Mod | Add | Subtract => Known::Anything,
            Concatenate => Known::system("String"),
            _ => Known::system("Boolean"),
        };
        Ok((Program::Binary(operator, Box::new(left), Box::new(right)), known))
    }

    fn constant(&self, tree: &Ast, name: &str) -> Compiled {
        let text = match name {
            "resource" => return Ok((Program::Resource, Known::Anything)),
            "rootResource" => return Ok((Program::Root, Known::Anything)),
            "context" => return Ok((Program::Context, self.context.clone())),
            "ucum" => Cow::Borrowed(ucum::SYSTEM),
            "sct" => Cow::Borrowed("http://snomed.info/sct"),
            "loinc" => Cow::Borrowed("http://loinc.org"),
            _ => match (name.strip_prefix("vs-"), name.strip_prefix("ext-")) {
                (Some(name), _) => Cow::Owned(format!("http://hl7.org/fhir/ValueSet/{name}")),
                (_, Some(name)) => Cow::Owned(format!("http://hl7.org/fhir/StructureDefinition/{name}")),
                _ => return Err(CompileError::new(tree.at, format!("%{name} is not known"))),
            },
        };
        Ok((Program::Literal(Item::Scalar(Scalar::String(text))), Known::system("String")))
    }

    fn call(&self, tree: &Ast, on: Option<&Ast>, name: &str, arguments: &[Ast], this: &Known) -> Compiled {
        if let ("is" | "as" | "ofType", [argument]) = (name, arguments) {
            let of =
                kind::named(argument).ok_or_else(|| CompileError::new(argument.at, "expected the name of a type"))?;
            return if name == "is" { self.type_test(tree, on, &of, this) } else { self.cast(tree, on, &of, this) };
        }
        let function =
            function::find(name).ok_or_else(|| CompileError::new(tree.at, format!("no function {name}()")))?;
        if !function.arguments.contains(&arguments.len()) {
            let (least, most) = (function.arguments.start(), function.arguments.end());
            let text = format!("{name}() takes {least} to {most} arguments, not {}", arguments.len());
            return Err(CompileError::new(tree.at, text));
        }
        let (on, input) = self.on(on, this)?;
        self.arguments(tree, on, input, function, arguments, this)
    }

    fn arguments(
        &self,
        tree: &Ast,
        on: Option<Box<Program>>,
        input: Known,
        function: &'static Function,
        arguments: &[Ast],
        this: &Known,
    ) -> Compiled {
        let this = match (function.inner, function.name) {
            // What is found is asked again.
            (_, "repeat") => &Known::Anything,
            (true, _) => &input,
            (false, _) => this,
        };
        let (mut programs, mut knowns) = (Vec::new(), Vec::new());
        for argument in arguments {
            let (program, known) = self.compile(argument, this)?;
            programs.push(program);
            knowns.push(known);
        }
        function::check(function, &programs).map_err(|text| CompileError::new(tree.at, text))?;
        Ok((Program::Call(on, function, programs), input.call(function, knowns)))
    }

    fn cast(&self, tree: &Ast, on: Option<&Ast>, to: &TypeName, this: &Known) -> Compiled {
        let to = find_kind(tree, to)?;
        let (on, _) = self.on(on, this)?;
        Ok((Program::As(or_this(on), to), Known::cast(to)))
    }

    fn type_test(&self, tree: &Ast, on: Option<&Ast>, of: &TypeName, this: &Known) -> Compiled {
        let found = find_kind(tree, of)?;
        let boolean = Known::system("Boolean");
        if let Some(Form::Call(references, name, arguments)) = on.map(|on| &on.form)
            && name == "resolve"
            && arguments.is_empty()
        {
            let (references, _) = self.on(references.as_deref(), this)?;
            let Some(kind) = schema::r4().resource(&of.name) else {
                return Err(CompileError::new(tree.at, "a reference is only to a type of resource"));
            };
            return Ok((Program::Refers(or_this(references), kind.name), boolean));
        }
        let (on, _) = self.on(on, this)?;
        Ok((Program::Is(or_this(on), found), boolean))
    }
}

fn or_this(on: Option<Box<Program>>) -> Box<Program> {
    on.unwrap_or_else(|| Box::new(Program::This))
}

/// A name at the beginning: of a type, with a capital, or of an element.
fn start(tree: &Ast, name: &str, this: &Known) -> Compiled {
    if !name.starts_with(|first: char| first.is_ascii_uppercase()) {
        return Ok((Program::Member(None, name.to_owned()), this.member(tree, name)?));
    }
    let Some(kind) = schema::r4().kind(name) else {
        return Err(CompileError::new(tree.at, format!("no type {name}")));
    };
    Ok((Program::Start(name.to_owned()), this.start(kind)))
}

fn literal(tree: &Ast, literal: &Literal) -> Compiled {
    let owned = |text: &str| Cow::Owned(text.to_owned());
    let number =
        |text: &str| Decimal::read(text).ok_or_else(|| CompileError::new(tree.at, "a number with too many digits"));
    let no_time =
        || CompileError::new(tree.at, "no date or time that exists: @YYYY-MM-DD, @YYYY-MM-DDThh:mm:ssZ, @Thh:mm");
    let scalar = match literal {
        // It may stand where a value of any type is expected.
        Literal::Empty => return Ok((Program::Empty, Known::Anything)),
        Literal::Boolean(value) => Scalar::Boolean(*value),
        Literal::Integer(value) => Scalar::Integer(*value),
        Literal::Decimal(text) => Scalar::Decimal(number(text)?),
        Literal::String(text) => Scalar::String(owned(text)),
        Literal::Date(text) => Moment::date(text).map(|_| Scalar::Date(owned(text))).ok_or_else(no_time)?,
        // `@2024T` is a dateTime that is known to the year.
        Literal::DateTime(text) => {
            Moment::date_time(text).map(|_| Scalar::DateTime(owned(text.trim_end_matches('T')))).ok_or_else(no_time)?
        }
        Literal::Time(text) => Moment::time(text).map(|_| Scalar::Time(owned(text))).ok_or_else(no_time)?,
        Literal::Quantity(value, unit) => Scalar::Quantity(number(value)?, owned(unit)),
    };
    let known = Known::system(scalar.kind());
    Ok((Program::Literal(Item::Scalar(scalar)), known))
}

/// A number with its sign is a literal as well.
fn negative((program, known): (Program, Known)) -> (Program, Known) {
    let flipped = match &program {
        Program::Literal(Item::Scalar(Scalar::Integer(value))) => Scalar::Integer(-value),
        Program::Literal(Item::Scalar(Scalar::Decimal(value))) => Scalar::Decimal(value.negate()),
        _ => return (Program::Negative(Box::new(program)), known),
    };
    (Program::Literal(Item::Scalar(flipped)), known)
}

fn find_kind(tree: &Ast, of: &TypeName) -> Result<Kind, CompileError> {
    kind::find(of).ok_or_else(|| CompileError::new(tree.at, format!("no type {}", of.name)))
}
