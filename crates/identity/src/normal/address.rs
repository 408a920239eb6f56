//! Postal addresses: the number, the street without its type, the town and the postal code. Apartments are left out,
//! because half of all registrars do.

use super::fold;

/// An address as it is compared. Every part may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Address {
    /// The house's number with its letter; the number of a box.
    pub number: String,
    /// The street's name without type and direction, joined.
    pub street: String,
    pub city: String,
    /// The first five letters and digits of the postal code.
    pub postcode: String,
}

const PART_BYTES_MAX: usize = 40;
const TYPES: [&str; 58] = [
    "street",
    "st",
    "str",
    "avenue",
    "ave",
    "av",
    "road",
    "rd",
    "drive",
    "dr",
    "drv",
    "lane",
    "ln",
    "court",
    "ct",
    "crt",
    "boulevard",
    "blvd",
    "boul",
    "place",
    "pl",
    "plc",
    "circle",
    "cir",
    "circuit",
    "cct",
    "way",
    "wy",
    "terrace",
    "ter",
    "tce",
    "trail",
    "trl",
    "parkway",
    "pkwy",
    "pky",
    "highway",
    "hwy",
    "square",
    "sq",
    "crescent",
    "cres",
    "cr",
    "close",
    "cl",
    "plaza",
    "plz",
    "loop",
    "alley",
    "aly",
    "row",
    "route",
    "rte",
    "turnpike",
    "tpke",
    "expressway",
    "strasse",
    "rue",
];
const DIRECTIONS: [&str; 16] = [
    "n",
    "s",
    "e",
    "w",
    "ne",
    "nw",
    "se",
    "sw",
    "north",
    "south",
    "east",
    "west",
    "northeast",
    "northwest",
    "southeast",
    "southwest",
];
const UNITS: [&str; 16] = [
    "apt",
    "apartment",
    "unit",
    "suite",
    "ste",
    "room",
    "rm",
    "floor",
    "fl",
    "flat",
    "no",
    "lot",
    "bldg",
    "building",
    "trlr",
    "spc",
];
const NOWHERE: [&str; 10] = [
    "unknown",
    "homeless",
    "generaldelivery",
    "none",
    "nofixedaddress",
    "nofixedabode",
    "undomiciled",
    "na",
    "shelter",
    "unhoused",
];

/// Reads an address. None where nothing of it tells anything.
pub fn read<'a>(lines: impl Iterator<Item = &'a str>, city: &str, postcode: &str) -> Option<Address> {
    let mut address = Address { city: joined(city), postcode: code(postcode), ..Address::default() };
    for line in lines.take(4) {
        let (number, street) = street(line);
        let better = address.number.is_empty() && !number.is_empty();
        if better || address.street.is_empty() {
            (address.number, address.street) = (number, street);
        }
    }
    let told = [&address.street, &address.city, &address.postcode].iter().any(|part| !part.is_empty());
    told.then_some(address)
}

fn joined(text: &str) -> String {
    let mut text = fold(text).replace([' ', '-'], "");
    text.truncate(PART_BYTES_MAX);
    if let Some(rest) = text.strip_prefix("saint") {
        text = format!("st{rest}");
    }
    if NOWHERE.contains(&text.as_str()) { String::new() } else { text }
}

fn code(text: &str) -> String {
    let code: String = fold(text).chars().filter(char::is_ascii_alphanumeric).take(5).collect();
    if matches!(code.as_str(), "00000" | "99999" | "12345") { String::new() } else { code }
}

fn street(line: &str) -> (String, String) {
    let folded = fold(line);
    let mut words: Vec<&str> = folded.split([' ', '-']).filter(|word| !word.is_empty()).take(12).collect();
    let numbered = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
    if let Some(at) = words.iter().skip(1).position(|word| UNITS.contains(word)) {
        words.truncate(at + 1);
    }
    let at = words.iter().position(|word| numbered(word) && !word.ends_with("th") && !word.ends_with("nd"));
    let number = at.map(|at| words.remove(at).to_owned()).unwrap_or_default();
    let plain =
        |dropped: &[&str]| -> Vec<&str> { words.iter().copied().filter(|word| !dropped.contains(word)).collect() };
    let mut kept = plain(&[&TYPES[..], &DIRECTIONS[..]].concat());
    if kept.is_empty() {
        kept = plain(&TYPES);
    }
    if kept.is_empty() {
        kept = words.clone();
    }
    let mut street = kept.concat();
    street.truncate(PART_BYTES_MAX);
    let nowhere = NOWHERE.contains(&street.as_str()) || NOWHERE.contains(&words.concat().as_str());
    if nowhere { (String::new(), String::new()) } else { (super::cut(&number, 8).to_owned(), street) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streets_are_read() {
        for (line, number, name) in [
            ("8194 WOODS AVE", "8194", "woods"),
            ("2817 Park Boulevard Apt 21A", "2817", "park"),
            ("12 North Street", "12", "north"),
            ("12 N. Oak St.", "12", "oak"),
            ("9311 Martin Luther King Ln", "9311", "martinlutherking"),
            ("P.O. Box 55", "55", "pobox"),
            ("Hauptstraße 7", "7", "hauptstrasse"),
            ("77a 5th Avenue", "77a", "5th"),
            ("homeless", "", ""),
            ("General Delivery", "", ""),
            ("", "", ""),
        ] {
            assert_eq!(street(line), (number.to_owned(), name.to_owned()), "{line}");
        }
    }

    #[test]
    fn an_address_without_anything_is_none() {
        assert_eq!(read(["unknown"].into_iter(), "", "00000"), None);
        let read = read(["12 Elm St"].into_iter(), "Saint Louis", "63101-1234").expect("an address");
        assert_eq!((read.city.as_str(), read.postcode.as_str()), ("stlouis", "63101"));
    }
}
