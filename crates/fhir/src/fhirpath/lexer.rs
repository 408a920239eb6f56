//! Text to tokens: FHIRPath 2.0 (N1), the lexical part of the grammar.
//!
//! Keywords are not told from names here: `as`, `is`, `in` and `contains` may be either, and only the parser knows.

use super::CompileError;

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// A name or a keyword.
    Word(String),
    /// A name in backticks (or, as older texts have it, in double quotes): never a keyword.
    Delimited(String),
    String(String),
    /// Digits with or without a fraction.
    Number(String),
    Date(String),
    DateTime(String),
    Time(String),
    /// `$this`, without the dollar sign.
    Dollar(String),
    Percent,
    Symbol(&'static str),
}

/// Two-character symbols first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 22] =
    ["<=", ">=", "!=", "!~", "<", ">", "=", "~", "+", "-", "*", "/", "&", "|", ".", ",", "(", ")", "[", "]", "{", "}"];

/// The tokens with where each begins, comments and white space left out.
pub fn tokens(text: &str) -> Result<Vec<(usize, Token)>, CompileError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank()?;
        let at = lexer.at;
        match lexer.token()? {
            Some(token) => tokens.push((at, token)),
            None => return Ok(tokens),
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn token(&mut self) -> Result<Option<Token>, CompileError> {
        let Some(first) = self.rest().chars().next() else { return Ok(None) };
        Ok(Some(match first {
            'A'..='Z' | 'a'..='z' | '_' => Token::Word(self.word().to_owned()),
            '0'..='9' => Token::Number(self.number().to_owned()),
            '\'' => Token::String(self.quoted('\'')?),
            '`' | '"' => Token::Delimited(self.quoted(first)?),
            '@' => self.time()?,
            '$' => {
                self.at += 1;
                Token::Dollar(self.word().to_owned())
            }
            '%' => {
                self.at += 1;
                Token::Percent
            }
            _ => Token::Symbol(self.symbol()?),
        }))
    }

    fn skip_blank(&mut self) -> Result<(), CompileError> {
        loop {
            self.take(|c| c.is_ascii_whitespace());
            if self.rest().starts_with("//") {
                self.take(|c| c != '\n' && c != '\r');
            } else if self.rest().starts_with("/*") {
                let Some(end) = self.rest().find("*/") else {
                    return Err(CompileError::new(self.at, "comment without an end: expected */"));
                };
                self.at += end + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn take(&mut self, accept: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn word(&mut self) -> &'t str {
        self.take(|c| c.is_ascii_alphanumeric() || c == '_')
    }

    /// A dot that no digit follows belongs to what comes next: `1.toString()`.
    fn number(&mut self) -> &'t str {
        let rest = self.rest();
        self.take(|c| c.is_ascii_digit());
        let mut after = self.rest().chars();
        if after.next() == Some('.') && after.next().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
            self.take(|c| c.is_ascii_digit());
        }
        &rest[..rest.len() - self.rest().len()]
    }

    /// `@2024-01`, `@2024-01-02T10:00Z`, `@2024T`, `@T10:00`.
    fn time(&mut self) -> Result<Token, CompileError> {
        let start = self.at;
        self.at += 1;
        let date = self.take(|c| c.is_ascii_digit() || c == '-');
        if !self.rest().starts_with('T') {
            return match date {
                "" => Err(CompileError::new(start, "expected a date or time after @")),
                _ => Ok(Token::Date(date.to_owned())),
            };
        }
        self.at += 1;
        let clock = self.clock();
        match date {
            "" => Ok(Token::Time(clock.to_owned())),
            _ => Ok(Token::DateTime(format!("{date}T{clock}"))),
        }
    }

    /// The clock and the zone after `T`. A minus sign is a zone only where hours and minutes follow it.
    fn clock(&mut self) -> &'t str {
        let rest = self.rest();
        self.take(|c| c.is_ascii_digit() || c == ':');
        let mut after = self.rest().chars();
        if after.next() == Some('.') && after.next().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
            self.take(|c| c.is_ascii_digit());
        }
        match self.rest().as_bytes() {
            [b'Z', ..] => self.at += 1,
            [b'+' | b'-', a, b, b':', c, d, ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()) => {
                self.at += 6;
            }
            _ => {}
        }
        &rest[..rest.len() - self.rest().len()]
    }

    fn symbol(&mut self) -> Result<&'static str, CompileError> {
        match SYMBOLS.iter().find(|symbol| self.rest().starts_with(**symbol)) {
            Some(symbol) => {
                self.at += symbol.len();
                Ok(symbol)
            }
            None => Err(CompileError::new(self.at, "a character that FHIRPath does not know")),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, CompileError> {
        let start = self.at;
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((offset, character)) = characters.next() {
            if character == quote {
                self.at += offset + 1;
                return Ok(text);
            }
            if character != '\\' {
                text.push(character);
                continue;
            }
            let escape = characters.next().map(|(_, escape)| escape);
            match escape.and_then(|escape| unescape(escape, &mut characters)) {
                Some(character) => text.push(character),
                None => return Err(CompileError::new(start + offset, "an escape that FHIRPath does not know")),
            }
        }
        Err(CompileError::new(start, format!("text without an end: expected {quote}")))
    }
}

fn unescape(escape: char, characters: &mut impl Iterator<Item = (usize, char)>) -> Option<char> {
    Some(match escape {
        '`' | '\'' | '"' | '\\' | '/' => escape,
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let mut code = 0;
            for _ in 0..4 {
                code = code * 16 + characters.next()?.1.to_digit(16)?;
            }
            char::from_u32(code)?
        }
        _ => return None,
    })
}
