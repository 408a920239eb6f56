//! Tokens to a tree: FHIRPath 2.0 (N1), the whole grammar, by precedence climbing.
//!
//! An expression may come from outside, so its length, its nesting and the size of its tree are bounded; the tree's
//! bound is also how deep the evaluator can recurse.

use super::CompileError;
use super::ast::{Ast, Form, Literal, Operator, SIGN_POWER, TYPE_POWER, TypeName};
use super::lexer::{Token, tokens};

/// The longest expression that is read. R4's longest search expression has 1,100 bytes, its longest invariant 1,300.
pub const LENGTH_MAX_BYTES: usize = 16 * 1024;
/// How deep parentheses, arguments and indexers may be nested.
pub const NESTING_MAX: usize = 32;
/// How many nodes a tree may have.
pub const NODES_MAX: usize = 512;

/// Reads a whole expression.
pub fn parse(text: &str) -> Result<Ast, CompileError> {
    if text.len() > LENGTH_MAX_BYTES {
        return Err(CompileError::new(0, format!("longer than {LENGTH_MAX_BYTES} bytes")));
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, next: 0, end: text.len(), nesting: 0, nodes: 0 };
    let tree = parser.expression(0)?;
    match parser.peek() {
        None => Ok(tree),
        Some(_) => Err(parser.error("expected an operator or the end")),
    }
}

struct Parser<'t> {
    tokens: &'t [(usize, Token)],
    next: usize,
    end: usize,
    nesting: usize,
    nodes: usize,
}

impl Parser<'_> {
    /// An expression whose operators bind at least as tightly as `power`.
    fn expression(&mut self, power: u8) -> Result<Ast, CompileError> {
        self.nesting += 1;
        if self.nesting > NESTING_MAX {
            return Err(self.error(format!("nested deeper than {NESTING_MAX}")));
        }
        let mut left = self.signed()?;
        while let Some((spelling, operator_power)) = self.operator() {
            if operator_power < power {
                break;
            }
            self.next += 1;
            let at = left.at;
            let form = match spelling {
                Joint::Is => Form::Is(Box::new(left), self.type_name()?),
                Joint::As => Form::As(Box::new(left), self.type_name()?),
                Joint::Binary(operator) => {
                    let right = self.expression(operator_power + 1)?;
                    Form::Binary(operator, Box::new(left), Box::new(right))
                }
            };
            left = self.node(at, form)?;
        }
        self.nesting -= 1;
        Ok(left)
    }

    fn signed(&mut self) -> Result<Ast, CompileError> {
        let at = self.at();
        if self.accept("-") {
            let on = self.expression(SIGN_POWER)?;
            return self.node(at, Form::Negative(Box::new(on)));
        }
        if self.accept("+") {
            return self.expression(SIGN_POWER);
        }
        let term = self.term()?;
        self.postfix(term)
    }

    /// `.invocation` and `[index]`, as many as follow.
    fn postfix(&mut self, mut on: Ast) -> Result<Ast, CompileError> {
        loop {
            let at = on.at;
            if self.accept(".") {
                let name = self.name()?;
                let form = match self.arguments()? {
                    Some(arguments) => Form::Call(Some(Box::new(on)), name, arguments),
                    None => Form::Member(Box::new(on), name),
                };
                on = self.node(at, form)?;
            } else if self.accept("[") {
                let index = self.expression(0)?;
                self.expect("]")?;
                on = self.node(at, Form::Indexer(Box::new(on), Box::new(index)))?;
            } else {
                return Ok(on);
            }
        }
    }

    fn term(&mut self) -> Result<Ast, CompileError> {
        let at = self.at();
        if self.accept("(") {
            let inner = self.expression(0)?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.accept("{") {
            self.expect("}")?;
            return self.node(at, Form::Literal(Literal::Empty));
        }
        let form = match self.peek() {
            Some(Token::Word(_) | Token::Delimited(_)) => self.word()?,
            Some(Token::Percent) => {
                self.next += 1;
                Form::Constant(self.constant()?)
            }
            Some(Token::Dollar(name)) => match name.as_str() {
                "this" => self.advance(Form::This),
                "index" => self.advance(Form::Index),
                "total" => self.advance(Form::Total),
                _ => return Err(self.error("expected $this, $index or $total")),
            },
            Some(_) => Form::Literal(self.literal()?),
            None => return Err(self.error("expected an expression")),
        };
        self.node(at, form)
    }

    /// `true`, `false`, a function or a name.
    fn word(&mut self) -> Result<Form, CompileError> {
        match self.peek() {
            Some(Token::Word(word)) if word == "true" => return Ok(self.advance(Form::Literal(Literal::Boolean(true)))),
            Some(Token::Word(word)) if word == "false" => {
                return Ok(self.advance(Form::Literal(Literal::Boolean(false))));
            }
            _ => {}
        }
        let name = self.name()?;
        Ok(match self.arguments()? {
            Some(arguments) => Form::Call(None, name, arguments),
            None => Form::Name(name),
        })
    }

    /// The arguments of a call, or `None` where no parenthesis follows.
    fn arguments(&mut self) -> Result<Option<Vec<Ast>>, CompileError> {
        if !self.accept("(") {
            return Ok(None);
        }
        let mut arguments = Vec::new();
        if self.accept(")") {
            return Ok(Some(arguments));
        }
        loop {
            arguments.push(self.expression(0)?);
            if !self.accept(",") {
                self.expect(")")?;
                return Ok(Some(arguments));
            }
        }
    }

    fn literal(&mut self) -> Result<Literal, CompileError> {
        let token = self.peek().cloned();
        let literal = match token {
            Some(Token::String(text)) => Literal::String(text),
            Some(Token::Date(text)) => Literal::Date(text),
            Some(Token::DateTime(text)) => Literal::DateTime(text),
            Some(Token::Time(text)) => Literal::Time(text),
            Some(Token::Number(text)) => {
                self.next += 1;
                return self.number(text);
            }
            _ => return Err(self.error("expected a name, a literal or a parenthesis")),
        };
        self.next += 1;
        Ok(literal)
    }

    /// A number, with the unit that makes it a quantity where one follows.
    fn number(&mut self, text: String) -> Result<Literal, CompileError> {
        let unit = match self.peek() {
            Some(Token::String(unit)) => Some(unit.clone()),
            Some(Token::Word(word)) if calendar_unit(word) => Some(word.clone()),
            _ => None,
        };
        if let Some(unit) = unit {
            self.next += 1;
            return Ok(Literal::Quantity(text, unit));
        }
        if text.contains('.') {
            return Ok(Literal::Decimal(text));
        }
        text.parse().map(Literal::Integer).map_err(|_| self.error("an integer beyond 64 bits"))
    }

    fn constant(&mut self) -> Result<String, CompileError> {
        match self.peek() {
            Some(Token::String(name)) => {
                let name = name.clone();
                self.next += 1;
                Ok(name)
            }
            _ => self.name(),
        }
    }

    fn type_name(&mut self) -> Result<TypeName, CompileError> {
        let first = self.name()?;
        if self.accept(".") {
            let name = self.name()?;
            return Ok(TypeName { namespace: Some(first), name });
        }
        Ok(TypeName { namespace: None, name: first })
    }

    fn name(&mut self) -> Result<String, CompileError> {
        match self.peek() {
            Some(Token::Word(name)) if reserved(name) => {
                Err(self.error(format!("{name} is a keyword: write `{name}` in backticks to use it as a name")))
            }
            Some(Token::Word(name) | Token::Delimited(name)) => {
                let name = name.clone();
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.error("expected a name")),
        }
    }

    /// The operator that comes next, not yet taken.
    fn operator(&self) -> Option<(Joint, u8)> {
        let text = match self.peek()? {
            Token::Symbol(symbol) => symbol,
            Token::Word(word) => word.as_str(),
            _ => return None,
        };
        match text {
            "is" => Some((Joint::Is, TYPE_POWER)),
            "as" => Some((Joint::As, TYPE_POWER)),
            _ => Operator::read(text).map(|(operator, power)| (Joint::Binary(operator), power)),
        }
    }

    fn node(&mut self, at: usize, form: Form) -> Result<Ast, CompileError> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(self.error(format!("more than {NODES_MAX} parts")));
        }
        Ok(Ast { at, form })
    }

    fn advance(&mut self, form: Form) -> Form {
        self.next += 1;
        form
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(next)) if *next == symbol);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), CompileError> {
        if self.accept(symbol) {
            return Ok(());
        }
        Err(self.error(format!("expected {symbol}")))
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    fn error(&self, text: impl Into<String>) -> CompileError {
        CompileError::new(self.at(), text)
    }
}

enum Joint {
    Is,
    As,
    Binary(Operator),
}

/// Keywords that the grammar does not also allow as names.
fn reserved(word: &str) -> bool {
    matches!(word, "and" | "or" | "xor" | "implies" | "div" | "mod" | "true" | "false")
}

fn calendar_unit(word: &str) -> bool {
    let singular = word.strip_suffix('s').unwrap_or(word);
    matches!(singular, "year" | "month" | "week" | "day" | "hour" | "minute" | "second" | "millisecond")
}
