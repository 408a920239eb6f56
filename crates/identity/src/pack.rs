//! A registration in about a hundred bytes, for an index that holds millions of them.
//!
//! The logical id is not packed: it is what the index finds it by. What is packed is a person's data all the same; where it lies
//! outside the process it lies encrypted.

use crate::normal::address::Address;
use crate::normal::birth::Birth;
use crate::normal::identifier::Identifier;
use crate::normal::name::{Name, Newborn, Suffix};
use crate::registration::{Registration, Sex};

/// The form of the bytes; another one is read as none.
const FORM: u8 = 1;

/// Packs a registration.
pub fn pack(of: &Registration) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    out.push(FORM);
    let sex = match of.sex {
        None => 0,
        Some(Sex::Female) => 1,
        Some(Sex::Male) => 2,
        Some(Sex::Other) => 3,
    };
    let newborn = match of.newborn {
        None => 0,
        Some(Newborn { letter: None }) => 1,
        Some(Newborn { letter: Some(letter) }) => letter.saturating_sub(b'a') + 2,
    };
    out.extend([sex | (suffix(of.suffix) << 2), newborn]);
    let birth = of.birth.unwrap_or(Birth { year: 0, month: 0, day: 0 });
    out.extend(birth.year.to_be_bytes());
    out.extend([birth.month, birth.day]);
    out.extend(of.last_four.unwrap_or(u16::MAX).to_be_bytes());
    list(&mut out, &of.names, |out, name| {
        text(out, &name.given);
        text(out, &name.middle);
        match name.parts.is_empty() {
            true => list(out, std::slice::from_ref(&name.family), |out, part| text(out, part)),
            false => list(out, &name.parts, |out, part| text(out, part)),
        }
    });
    list(&mut out, &of.addresses, |out, address| {
        [&address.number, &address.street, &address.city, &address.postcode]
            .into_iter()
            .for_each(|part| text(out, part));
    });
    list(&mut out, &of.phones, |out, phone| out.extend(&phone.to_be_bytes()[3..]));
    list(&mut out, &of.emails, |out, email| text(out, email));
    list(&mut out, &of.identifiers, |out, identifier| {
        out.extend(identifier.system.to_be_bytes());
        out.push(u8::from(identifier.strong));
        text(out, &identifier.value);
    });
    out
}

/// Unpacks a registration; none where the bytes are no such form.
pub fn unpack(id: &str, bytes: &[u8]) -> Option<Registration> {
    let mut input = Input(bytes);
    if input.byte()? != FORM {
        return None;
    }
    let mut of = Registration { id: id.to_owned(), ..Registration::default() };
    let (flags, newborn) = (input.byte()?, input.byte()?);
    of.sex = [None, Some(Sex::Female), Some(Sex::Male), Some(Sex::Other)][usize::from(flags & 3)];
    of.suffix = suffixes().into_iter().find(|known| suffix(Some(*known)) == flags >> 2);
    of.newborn = match newborn {
        0 => None,
        1 => Some(Newborn { letter: None }),
        letter => Some(Newborn { letter: Some(letter.wrapping_add(b'a' - 2)) }),
    };
    let birth = Birth { year: input.short()?, month: input.byte()?, day: input.byte()? };
    of.birth = (birth.year != 0).then_some(birth);
    of.last_four = Some(input.short()?).filter(|four| *four != u16::MAX);
    of.names = input.list(|input| {
        let (given, middle, parts) = (input.text()?, input.text()?, input.list(Input::text)?);
        let family = parts.concat();
        Some(Name { given, middle, family, parts: if parts.len() > 1 { parts } else { Vec::new() } })
    })?;
    of.addresses = input.list(|input| {
        Some(Address { number: input.text()?, street: input.text()?, city: input.text()?, postcode: input.text()? })
    })?;
    of.phones =
        input.list(|input| Some(input.take(5)?.iter().fold(0, |phone, byte| (phone << 8) | u64::from(*byte))))?;
    of.emails = input.list(Input::text)?;
    of.identifiers = input.list(|input| {
        let system = u64::from_be_bytes(input.take(8)?.try_into().ok()?);
        Some(Identifier { system, strong: input.byte()? != 0, value: input.text()? })
    })?;
    input.0.is_empty().then_some(of)
}

fn suffixes() -> [Suffix; 5] {
    [Suffix::Senior, Suffix::Junior, Suffix::Third, Suffix::Fourth, Suffix::Fifth]
}

fn suffix(of: Option<Suffix>) -> u8 {
    of.map_or(0, |of| of as u8 + 1)
}

/// Every list and text that a registration has is shorter than 256: its bounds are far below.
fn list<T>(out: &mut Vec<u8>, items: &[T], each: impl Fn(&mut Vec<u8>, &T)) {
    let items = &items[..items.len().min(255)];
    out.push(items.len() as u8);
    items.iter().for_each(|item| each(out, item));
}

fn text(out: &mut Vec<u8>, text: &str) {
    let text = crate::normal::cut(text, 255);
    out.push(text.len() as u8);
    out.extend(text.as_bytes());
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    fn short(&mut self) -> Option<u16> {
        self.take(2).map(|taken| u16::from_be_bytes([taken[0], taken[1]]))
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::from(self.byte()?);
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }

    fn list<T>(&mut self, each: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..self.byte()?).map(|_| each(self)).collect()
    }
}
