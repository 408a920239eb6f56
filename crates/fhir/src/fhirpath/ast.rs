//! The tree that an expression is read into: all of the FHIRPath 2.0 (N1) grammar, whether or not the evaluator knows
//! it yet. What a tree means is decided in `compile`.

/// One node, with where it began in the text so that an error can point at it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ast {
    pub at: usize,
    pub form: Form,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    Literal(Literal),
    /// `%resource`, `` %`us-zip` ``, `%'us-zip'`.
    Constant(String),
    /// `$this`
    This,
    /// `$index`
    Index,
    /// `$total`
    Total,
    /// An element, or at the very beginning a type: `name`, `Patient`.
    Name(String),
    /// `on.name`
    Member(Box<Ast>, String),
    /// `name(arguments)`, or `on.name(arguments)`.
    Call(Option<Box<Ast>>, String, Vec<Ast>),
    /// `on[index]`
    Indexer(Box<Ast>, Box<Ast>),
    /// `-on`; a plus sign changes nothing and is not kept.
    Negative(Box<Ast>),
    Binary(Operator, Box<Ast>, Box<Ast>),
    /// `on is Type`
    Is(Box<Ast>, TypeName),
    /// `on as Type`
    As(Box<Ast>, TypeName),
}

/// `FHIR.Patient`, `System.Boolean`, `Quantity`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeName {
    pub namespace: Option<String>,
    pub name: String,
}

/// Numbers and times are kept as written; `@` and `T` marks of times are not.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `{}`
    Empty,
    Boolean(bool),
    String(String),
    Integer(i64),
    Decimal(String),
    Date(String),
    DateTime(String),
    Time(String),
    /// `4 days`, `4 'mg'`.
    Quantity(String, String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Multiply,
    Divide,
    Div,
    Mod,
    Add,
    Subtract,
    Concatenate,
    Union,
    LessOrEqual,
    Less,
    Greater,
    GreaterOrEqual,
    Equal,
    Equivalent,
    NotEqual,
    NotEquivalent,
    In,
    Contains,
    And,
    Or,
    Xor,
    Implies,
}

impl Operator {
    /// As it is written.
    pub fn text(self) -> &'static str {
        SPELLINGS.iter().find(|(_, operator, _)| *operator == self).map_or("", |(text, _, _)| text)
    }

    /// Reads an operator; also how tightly it binds (more is tighter, from the order of the grammar's alternatives).
    pub(super) fn read(text: &str) -> Option<(Operator, u8)> {
        SPELLINGS.iter().find(|(spelling, _, _)| *spelling == text).map(|&(_, operator, power)| (operator, power))
    }
}

/// How tightly `is` and `as` bind: between `+` and `|`.
pub(super) const TYPE_POWER: u8 = 8;
/// A sign binds looser than `.` and `[]`, and tighter than `*`.
pub(super) const SIGN_POWER: u8 = 11;

const SPELLINGS: [(&str, Operator, u8); 22] = [
    ("*", Operator::Multiply, 10),
    ("/", Operator::Divide, 10),
    ("div", Operator::Div, 10),
    ("mod", Operator::Mod, 10),
    ("+", Operator::Add, 9),
    ("-", Operator::Subtract, 9),
    ("&", Operator::Concatenate, 9),
    ("|", Operator::Union, 7),
    ("<=", Operator::LessOrEqual, 6),
    ("<", Operator::Less, 6),
    (">", Operator::Greater, 6),
    (">=", Operator::GreaterOrEqual, 6),
    ("=", Operator::Equal, 5),
    ("~", Operator::Equivalent, 5),
    ("!=", Operator::NotEqual, 5),
    ("!~", Operator::NotEquivalent, 5),
    ("in", Operator::In, 4),
    ("contains", Operator::Contains, 4),
    ("and", Operator::And, 3),
    ("or", Operator::Or, 2),
    ("xor", Operator::Xor, 2),
    ("implies", Operator::Implies, 1),
];
