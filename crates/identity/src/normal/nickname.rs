//! Which given names are one name: short forms, pet names, transliterations. The table is `nicknames.txt`, by hand.

use std::collections::HashMap;
use std::sync::LazyLock;

const TABLE: &str = include_str!("nicknames.txt");

/// The full forms of a name: the lines of the table in which it stands.
static FORMS: LazyLock<HashMap<&str, Vec<&str>>> = LazyLock::new(|| {
    let mut forms: HashMap<&str, Vec<&str>> = HashMap::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let (full, others) = line.split_once(": ").expect("the table is ours: a full form, a colon, the others");
        for name in others.split(' ').chain([full]) {
            let known = forms.entry(name).or_default();
            if !known.contains(&full) {
                known.push(full);
            }
        }
    }
    forms
});

/// The full forms of a name, at most a handful; the name itself is among them only if it has a line of its own.
pub fn full_forms(name: &str) -> &'static [&'static str] {
    FORMS.get(name).map_or(&[], Vec::as_slice)
}

/// Whether one is a form of the other, or both may be short for the same name.
///
/// Two full forms are not one name because a third is short for both: Christine and Christopher are both Chris.
pub fn are_one_name(one: &str, other: &str) -> bool {
    let (ones, others) = (full_forms(one), full_forms(other));
    if ones.contains(&other) || others.contains(&one) {
        return true;
    }
    let short = |name: &str, forms: &[&str]| !forms.contains(&name);
    short(one, ones) && short(other, others) && ones.iter().any(|full| others.contains(full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_known() {
        for (one, other, expected) in [
            ("bob", "robert", true),
            ("bob", "bobby", true),
            ("chris", "christine", true),
            ("christine", "christopher", false),
            ("mohamed", "muhammad", true),
            ("pat", "patrick", true),
            ("patricia", "patrick", false),
            ("nora", "cora", false),
            ("", "", false),
        ] {
            assert_eq!(are_one_name(one, other), expected, "{one} {other}");
            assert_eq!(are_one_name(other, one), expected, "{other} {one}");
        }
    }
}
