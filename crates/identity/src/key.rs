//! Block keys: two registrations are compared only where they have a key in common.
//!
//! Each family of keys survives other faults: a wrong birth date, a new surname, swapped names, an old address. A key is a
//! keyed hash, so that a dump of the index tells no names. Nothing is made of placeholders, because those were dropped when
//! the registration was read.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::normal::birth::Birth;
use crate::normal::name::Name;
use crate::normal::nickname::full_forms;
use crate::registration::Registration;
use crate::sound;

/// The most keys that a registration has.
pub const KEYS_MAX: usize = 48;
/// Full forms of a nickname that make keys.
const FORMS_MAX: usize = 3;

/// The secret of the hash: two sites' keys cannot be compared.
#[derive(Clone, Copy)]
pub struct Secret(pub [u64; 2]);

impl Default for Secret {
    /// For a run that keeps nothing.
    fn default() -> Self {
        Secret([0x6964_656e_7469_7479, 0x6f6e_6520_7065_7273])
    }
}

struct Maker {
    secret: Secret,
    keys: Vec<u64>,
}

impl Maker {
    fn add(&mut self, family: u8, parts: &[&str]) {
        if self.keys.len() >= KEYS_MAX || parts.iter().any(|part| part.is_empty()) {
            return;
        }
        let mut hasher = SipHasher13::new_with_keys(self.secret.0[0], self.secret.0[1]);
        hasher.write(&[family]);
        for part in parts {
            hasher.write(part.as_bytes());
            hasher.write(&[0xff]);
        }
        let key = hasher.finish();
        if !self.keys.contains(&key) {
            self.keys.push(key);
        }
    }
}

/// The keys of a registration, at most [`KEYS_MAX`].
pub fn keys(of: &Registration, secret: Secret) -> Vec<u64> {
    let mut maker = Maker { secret, keys: Vec::with_capacity(20) };
    let four = of.last_four.map(|four| format!("{four:04}")).unwrap_or_default();
    for name in &of.names {
        name_keys(&mut maker, of, name, &four);
    }
    if let Some(birth) = of.birth {
        birth_keys(&mut maker, of, birth, &four);
    }
    contact_keys(&mut maker, of);
    for identifier in &of.identifiers {
        maker.add(20, &[&identifier.system.to_string(), &identifier.value]);
    }
    maker.keys
}

fn name_keys(maker: &mut Maker, of: &Registration, name: &Name, four: &str) {
    let (date, year) = of.birth.map(|birth| (date(birth), birth.year.to_string())).unwrap_or_default();
    let month_and_day = of.birth.filter(|birth| birth.is_whole()).map(|birth| format!("{}-{}", birth.month, birth.day));
    let month_and_day = month_and_day.unwrap_or_default();
    let mut families: Vec<String> = name.parts.iter().map(|part| sound::of(part)).collect();
    families.insert(0, sound::of(&name.family));
    families.dedup();
    let own = [name.given.as_str()];
    let givens = own.iter().chain(full_forms(&name.given).iter().take(FORMS_MAX));
    let mut givens: Vec<String> = givens.map(|given| sound::of(given)).collect();
    givens.dedup();
    for given in &givens {
        maker.add(1, &[given, &date]);
        maker.add(2, &[given, four]);
        maker.add(3, &[given, &month_and_day, families[0].get(..1).unwrap_or_default()]);
        for family in &families {
            // Unordered, for swapped names.
            let (one, other) = if given < family { (given, family) } else { (family, given) };
            maker.add(4, &[one, other, &year]);
            for address in &of.addresses {
                maker.add(5, &[one, other, address.postcode.get(..3).unwrap_or_default()]);
            }
        }
        for address in &of.addresses {
            maker.add(6, &[given, &address.postcode]);
            maker.add(7, &[given, beginning(&address.street), address.postcode.get(..2).unwrap_or_default()]);
        }
    }
    if name.given.len() > 1 && !name.middle.is_empty() {
        // Where the middle name is used as the first.
        maker.add(1, &[&sound::of(&name.middle), &date]);
    }
    for family in &families {
        maker.add(8, &[family, &date]);
        maker.add(9, &[family, four]);
        for address in &of.addresses {
            maker.add(10, &[family, &address.postcode]);
            maker.add(18, &[family, beginning(&address.street), &address.number]);
        }
    }
}

fn birth_keys(maker: &mut Maker, of: &Registration, birth: Birth, four: &str) {
    let (date, year) = (date(birth), birth.year.to_string());
    maker.add(11, &[&year, four]);
    for address in &of.addresses {
        maker.add(12, &[&date, address.postcode.get(..3).unwrap_or_default()]);
        maker.add(13, &[&date, &address.number]);
        maker.add(14, &[&date, beginning(&address.street)]);
    }
}

fn contact_keys(maker: &mut Maker, of: &Registration) {
    for phone in &of.phones {
        maker.add(15, &[&phone.to_string()]);
    }
    for email in &of.emails {
        maker.add(16, &[email]);
    }
    for address in &of.addresses {
        let area = if address.city.is_empty() { &address.postcode } else { &address.city };
        maker.add(17, &[&address.number, beginning(&address.street), beginning(area)]);
    }
}

/// A whole date; nothing where it is doubtful.
fn date(birth: Birth) -> String {
    match birth.is_whole() {
        true => format!("{}-{}-{}", birth.year, birth.month, birth.day),
        false => String::new(),
    }
}

/// The first letters: what is written before most slips, and before what some leave out.
fn beginning(text: &str) -> &str {
    text.get(..4).unwrap_or(text)
}
