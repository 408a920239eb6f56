//! Names of people: given, middle, family and suffix, as written by registrars of many habits.
//!
//! Particles join the word behind them (de la Cruz, van Dyke, Al-Hassan, St. Clair); a hyphen or space otherwise parts a
//! family name. Names that stand for "we do not know" (John Doe, Test, Unknown) are nothing; those of a newborn child who has
//! no name yet (BABY BOY, Baby Girl B) are said as such, because they do tell a mother's child.

use super::fold;

/// The longest word of a name that is kept.
const WORD_BYTES_MAX: usize = 40;
/// Words of a family name that are kept apart.
pub const PARTS_MAX: usize = 4;

/// One name of a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Name {
    /// Of letters and digits only; empty where unknown.
    pub given: String,
    /// The second given name, perhaps only its initial.
    pub middle: String,
    /// All parts, joined without anything between them.
    pub family: String,
    /// The parts, where there are several.
    pub parts: Vec<String>,
}

/// What stands behind a name and parts father and son.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suffix {
    Senior,
    Junior,
    Third,
    Fourth,
    Fifth,
}

/// A child who had no name yet, with the letter of a multiple birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newborn {
    /// `b'a'` for the first of twins; none where nothing was said.
    pub letter: Option<u8>,
}

/// What the words of one HumanName say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Read {
    pub name: Name,
    pub suffix: Option<Suffix>,
    pub newborn: Option<Newborn>,
    /// A placeholder stood where a name should.
    pub placeholder: bool,
}

const PARTICLES: [&str; 38] = [
    "de", "la", "las", "los", "del", "della", "di", "da", "das", "do", "dos", "du", "le", "van", "von", "der", "den",
    "ter", "ten", "zu", "al", "el", "bin", "ibn", "ben", "abu", "abd", "st", "saint", "san", "santa", "sao", "mc",
    "mac", "o", "ap", "fitz", "y",
];
/// These join even behind a hyphen.
const HYPHENED: [&str; 6] = ["al", "el", "abu", "abd", "ibn", "bin"];
const NOBODY: [&str; 26] = [
    "unknown",
    "unk",
    "unkn",
    "unidentified",
    "test",
    "testing",
    "tester",
    "patient",
    "testpatient",
    "none",
    "noname",
    "na",
    "nfn",
    "nln",
    "nmn",
    "anonymous",
    "anon",
    "xxx",
    "xxxx",
    "xx",
    "zzz",
    "zzzz",
    "zztest",
    "zzztest",
    "null",
    "notgiven",
];
const DOES: [&str; 6] = ["john", "jane", "jon", "johnny", "jonathan", "janie"];

/// Reads one name. `given` are the given names in their order, `suffix` the words behind the name.
pub fn read<'a>(given: impl Iterator<Item = &'a str>, family: &str, suffix: impl Iterator<Item = &'a str>) -> Read {
    let mut read = Read { suffix: suffix.flat_map(words).find_map(|word| suffix_of(&word)), ..Read::default() };
    let mut givens: Vec<String> = given.flat_map(words).collect();
    if read.suffix.is_none() && givens.len() > 1 {
        read.suffix = givens.last().and_then(|word| suffix_of(word));
        givens.truncate(givens.len() - usize::from(read.suffix.is_some()));
    }
    read.newborn = newborn(&givens);
    if read.newborn.is_some() {
        givens.clear();
    }
    let mut parts = family_parts(family);
    if read.suffix.is_none() && parts.len() > 1 {
        read.suffix = parts.last().and_then(|word| suffix_of(word));
        parts.truncate(parts.len() - usize::from(read.suffix.is_some()));
    }
    let doe = parts.len() == 1 && parts[0] == "doe" && givens.first().is_none_or(|word| DOES.contains(&word.as_str()));
    let nobody = |word: &String| NOBODY.contains(&word.as_str());
    read.placeholder = doe || givens.first().is_some_and(nobody) || parts.first().is_some_and(nobody);
    if doe {
        (givens, parts) = (Vec::new(), Vec::new());
    }
    givens.retain(|word| !nobody(word));
    parts.retain(|word| !nobody(word));
    parts.truncate(PARTS_MAX);
    let mut givens = givens.into_iter();
    let family = parts.concat();
    read.name.given = givens.next().unwrap_or_default();
    read.name.middle = givens.next().unwrap_or_default();
    read.name.parts = if parts.len() > 1 { parts } else { Vec::new() };
    read.name.family = family;
    read
}

fn words(text: &str) -> Vec<String> {
    let folded = fold(text);
    // A hyphen joins given names: Jean-Luc is one.
    let words = folded.split(' ').filter(|word| !word.is_empty());
    words.take(8).map(|word| super::cut(&word.replace('-', ""), WORD_BYTES_MAX).to_owned()).collect()
}

fn family_parts(text: &str) -> Vec<String> {
    let folded = fold(text);
    let mut parts: Vec<String> = Vec::new();
    // Particles wait for their word.
    let mut waiting = String::new();
    let mut rest = folded.as_str();
    while !rest.is_empty() {
        let end = rest.find([' ', '-']).unwrap_or(rest.len());
        let (word, hyphen) = (&rest[..end], rest[end..].starts_with('-'));
        rest = rest.get(end + 1..).unwrap_or_default();
        let joins = if hyphen { HYPHENED.contains(&word) } else { PARTICLES.contains(&word) };
        waiting.push_str(super::cut(word, WORD_BYTES_MAX));
        if !joins || rest.is_empty() {
            parts.push(std::mem::take(&mut waiting));
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.truncate(8);
    parts.iter_mut().for_each(|part| part.truncate(WORD_BYTES_MAX));
    parts
}

fn suffix_of(word: &str) -> Option<Suffix> {
    Some(match word {
        "sr" | "senior" => Suffix::Senior,
        "jr" | "junior" | "ii" | "2nd" => Suffix::Junior,
        "iii" | "3rd" => Suffix::Third,
        "iv" | "4th" => Suffix::Fourth,
        "v" | "5th" => Suffix::Fifth,
        _ => return None,
    })
}

/// BABY BOY, Babygirl, Newborn Male, Infant Girl B, BB A, Girl 2, Twin B …
fn newborn(givens: &[String]) -> Option<Newborn> {
    let all = givens.concat();
    let begins = ["babyboy", "babygirl", "babymale", "babyfemale", "newborn", "infant", "boytwin", "girltwin", "twin"];
    let rest = begins.iter().find_map(|begin| all.strip_prefix(begin));
    let rest = rest.or_else(|| ["baby", "boy", "girl", "bb", "bg", "nb"].contains(&all.as_str()).then_some(""))?;
    let rest = ["boy", "girl", "male", "female"].iter().find_map(|sex| rest.strip_prefix(sex)).unwrap_or(rest);
    let rest = rest.strip_prefix("twin").unwrap_or(rest);
    // The letter is a word of its own, unless it is stuck to BABYBOY: Infanta is a name.
    let stuck = givens.len() == 1 && !all.starts_with("baby");
    let letter = match rest {
        "" => None,
        _ if stuck => return None,
        "a" | "1" | "one" => Some(b'a'),
        "b" | "2" | "two" => Some(b'b'),
        "c" | "3" | "three" => Some(b'c'),
        "d" | "4" | "four" => Some(b'd'),
        _ => return None,
    };
    Some(Newborn { letter })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &[&str], family: &str, suffix: &[&str]) -> String {
        let read = read(given.iter().copied(), family, suffix.iter().copied());
        let mut told = format!("{}/{}/{}", read.name.given, read.name.middle, read.name.family);
        if !read.name.parts.is_empty() {
            told += &format!(" [{}]", read.name.parts.join(" "));
        }
        if let Some(suffix) = read.suffix {
            told += &format!(" {suffix:?}");
        }
        if let Some(newborn) = read.newborn {
            told += &format!(" newborn {}", newborn.letter.map_or('-', char::from));
        }
        told + if read.placeholder { " placeholder" } else { "" }
    }

    #[test]
    fn names_are_read() {
        for (given, family, suffix, expected) in [
            (&["John", "Q"][..], "Smith", &["Jr."][..], "john/q/smith Junior"),
            (&["MARY ANN"], "O'NEILL", &[], "mary/ann/oneill"),
            (&["Jean-Luc"], "de la Cruz", &[], "jeanluc//delacruz"),
            (&["Omar"], "Al-Hassan", &[], "omar//alhassan"),
            (&["A"], "St.Clair", &[], "a//stclair"),
            (&["Ana"], "Garcia-Lopez", &[], "ana//garcialopez [garcia lopez]"),
            (&["Ana"], "Le", &[], "ana//le"),
            (&["Ana"], "Le-Garcia", &[], "ana//legarcia [le garcia]"),
            (&["Tom"], "King III", &[], "tom//king Third"),
            (&["Tom", "Sr"], "King", &[], "tom//king Senior"),
            (&["Zoë"], "Nuñez", &[], "zoe//nunez"),
            (&["BABY BOY"], "Smith", &[], "//smith newborn -"),
            (&["Baby Girl B"], "Smith", &[], "//smith newborn b"),
            (&["Babyboy"], "Smith", &[], "//smith newborn -"),
            (&["Infanta"], "Smith", &[], "infanta//smith"),
            (&["JOHN"], "DOE", &[], "// placeholder"),
            (&["Jane"], "Doe", &[], "// placeholder"),
            (&["Marisol"], "Doe", &[], "marisol//doe"),
            (&["Test"], "Patient", &[], "// placeholder"),
            (&["Unknown"], "Miller", &[], "//miller placeholder"),
            (&[], "", &[], "//"),
        ] {
            assert_eq!(check(given, family, suffix), expected);
        }
    }

    #[test]
    fn a_name_is_bounded() {
        let long = "Abc ".repeat(1 << 18);
        let many = vec![long.as_str(); 100];
        let read = read(many.iter().copied(), &long, many.iter().copied());
        assert!(read.name.family.len() <= PARTS_MAX * WORD_BYTES_MAX && read.name.given.len() <= WORD_BYTES_MAX);
    }
}
