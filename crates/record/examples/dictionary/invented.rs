//! Persons who do not exist, with the records that a hospital's systems would send of them (`templates.txt`).
//!
//! The same number gives the same person, so that what is made from them can be made again.

use std::collections::HashMap;
use std::fmt::Write;

use record::Key;

/// What resources are made from.
pub struct Invented {
    lists: HashMap<&'static str, Vec<Vec<&'static str>>>,
    person: Vec<Template>,
    encounter: Vec<Template>,
}

struct Template {
    kind: &'static str,
    /// How many in a hundred.
    share: u64,
    json: &'static str,
}

/// One person while it is made.
struct Making<'a> {
    of: &'a Invented,
    dice: Dice,
    person: u64,
    /// The last resource made of each type.
    last: HashMap<&'static str, String>,
    made: Vec<(Key, String)>,
}

impl Invented {
    pub fn read() -> Invented {
        let mut invented = Invented { lists: HashMap::new(), person: Vec::new(), encounter: Vec::new() };
        for line in include_str!("templates.txt").lines().filter(|line| !line.starts_with('#')) {
            if let Some((name, columns)) = line.strip_prefix('@').and_then(|line| line.split_once(' ')) {
                invented.lists.entry(name).or_default().push(columns.split('|').collect());
                continue;
            }
            let mut parts = line.splitn(3, ' ');
            let mut part = || parts.next().expect("a template has three parts");
            let (place, share, json) = (part(), part(), part());
            let kind = json.split('"').nth(3).expect("a template begins with its type");
            let template = Template { kind, share: share.parse().expect("a share is a number"), json };
            if place == "P" { invented.person.push(template) } else { invented.encounter.push(template) }
        }
        invented
    }

    /// The record of a person: itself, where it was cared for, and `encounters` with what came of them; each
    /// resource as JSON.
    pub fn person(&self, person: u64, encounters: usize) -> Vec<(Key, String)> {
        let (last, made) = (HashMap::new(), Vec::new());
        let mut making = Making { of: self, dice: Dice(person.wrapping_mul(2) + 1), person, last, made };
        making.dice.next();
        self.person.iter().for_each(|template| making.add(template));
        for _ in 0..encounters {
            for template in &self.encounter {
                let (whole, rest) = (template.share / 100, template.share % 100);
                let count = whole + u64::from(making.dice.below(100) < rest);
                (0..count).for_each(|_| making.add(template));
            }
        }
        making.made
    }
}

impl Making<'_> {
    fn add(&mut self, template: &Template) {
        let id = self.id(self.made.len() as u64);
        let choice = self.dice.next();
        let mut json = String::with_capacity(template.json.len() * 2);
        let mut rest = template.json;
        while let Some((before, hole, after)) = split(rest) {
            json.push_str(before);
            if hole == "id" {
                json.push_str(&id)
            } else {
                self.fill(hole, choice, &mut json)
            }
            rest = after;
        }
        json.push_str(rest);
        self.last.insert(template.kind, id.clone());
        self.made.push((Key::new(template.kind, id), json));
    }

    fn fill(&mut self, hole: &str, choice: u64, json: &mut String) {
        if let Some(kind) = hole.strip_prefix("ref ") {
            let id = self.last.get(kind).cloned().unwrap_or_else(|| self.id(0));
            write!(json, "{kind}/{id}").expect("a String takes all that is written");
        } else if let Ok(digits) = hole.parse::<usize>() {
            json.push(char::from(b'1' + self.dice.digit(9)));
            (1..digits).for_each(|_| json.push(char::from(b'0' + self.dice.digit(10))));
        } else if let Some((list, column)) = hole.split_once('.') {
            let rows = &self.of.lists[list];
            let column: usize = column.parse().expect("a column is a number");
            json.push_str(rows[(choice % rows.len() as u64) as usize][column]);
        } else {
            json.push_str(&self.word(hole));
        }
    }

    fn word(&mut self, hole: &str) -> String {
        let dice = &mut self.dice;
        let second = format!(
            "20{:02}-{:02}-{:02}T{:02}:{:02}:{:02}",
            dice.below(25),
            1 + dice.below(12),
            1 + dice.below(28),
            8 + dice.below(12),
            dice.below(60),
            dice.below(60)
        );
        match hole {
            "second" => second,
            "time" => second + if dice.below(2) == 0 { "+01:00" } else { "+02:00" },
            "uuid" => {
                let (high, low) = (dice.next(), dice.next());
                let (b, c, d) = (high >> 16 & 0xffff, high & 0xffff, low >> 48);
                format!("{:08x}-{b:04x}-{c:04x}-{d:04x}-{:012x}", high >> 32, low & 0xffff_ffff_ffff)
            }
            "note" => base64(&self.note()),
            _ => panic!("a template has a hole that nothing fills: {hole}"),
        }
    }

    fn note(&mut self) -> String {
        let (day, age) = (self.word("second"), self.dice.below(90));
        let complaints = ["- Fever\n- Cough\n", "- Fatigue\n- Thirst\n- Frequent Urination\n", "No complaints.\n"];
        let drugs = ["No Active Medications.\n", "lisinopril 10 mg oral tablet\n", "ibuprofen 200 mg oral tablet\n"];
        let pick = |at: u64, from: &[&'static str]| from[(at % from.len() as u64) as usize];
        let (one, two) = (self.dice.next(), self.dice.next());
        let disease = self.of.lists["disease"][(one % 7) as usize][1].to_lowercase();
        format!(
            "\n{}\n\n# Chief Complaint\n{}\n# History of Present Illness\nThe patient is a {age} year-old. Patient has a \
             history of {disease}.\n\n# Social History\nPatient is married. Patient has never smoked.\n\nPatient comes from \
             a middle socioeconomic background. Patient has completed some college courses.\nPatient currently has \
             Medicare.\n\n# Allergies\nNo Known Allergies.\n\n# Medications\n{}\n# Assessment and Plan\nPatient is \
             presenting with {disease}. \n\n## Plan\nThe following procedures were conducted:\n- medication \
             reconciliation (procedure)\nThe patient was prescribed the following medications:\n- {}",
            &day[..10],
            pick(one, &complaints),
            pick(two, &drugs),
            pick(one, &drugs),
        )
    }

    /// As a server gives ids: in the order of time, and the rest by chance.
    fn id(&self, number: u64) -> String {
        const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let mut dice = Dice(self.person.wrapping_mul(0x9e37_79b9) ^ (number << 40) | 1);
        let mut id = format!("01kd{:06x}", self.person);
        dice.next();
        id.extend((0..16).map(|_| char::from(DIGITS[(dice.next() >> 59) as usize])));
        id
    }
}

/// Before the next hole, what the hole says, after it.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('«')?;
    let (hole, after) = rest.split_once('»')?;
    Some((before, hole, after))
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(text.len() * 4 / 3 + 4);
    for chunk in text.as_bytes().chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// Numbers from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn digit(&mut self, bound: u64) -> u8 {
        u8::try_from(self.below(bound)).expect("a digit is small")
    }
}
