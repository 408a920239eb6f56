//! Patients written by hand, and a crowd made from few names.

use identity::Registration;

/// id | given | family | suffix | birth | sex | phone | street | last four | national number. An empty cell is not told.
pub const HOUSEHOLD: &str = "\
nora-1|Nora Ingrid|Lindqvist||1961-05-17|female|617-555-0142|12 Elm Street|4471|
nora-2|NORA|LINDQUIST||1961-05-17|female|6175550142|12 ELM ST|4471|
robert-sr-1|Robert James|Hale|Sr|1950-03-02|male|617-555-0177|8 Oak Lane||
robert-sr-2|Bob J|Hale||1950-03-02|male|617-555-0177|8 Oak Ln||
robert-jr-1|Robert James|Hale|Jr|1979-09-21|male|617-555-0177|8 Oak Lane||
robert-undated-1|Robert|Hale|||male|617-555-0177|8 Oak Lane||
emma-1|Emma|Hale||2019-07-04|female|617-555-0177|8 Oak Lane|3310|
ella-1|Ella|Hale||2019-07-04|female|617-555-0177|8 Oak Lane|3311|
twin-a-1|Baby Girl A|Hale||2019-07-04|female|617-555-0177|8 Oak Lane||
twin-b-1|Baby Girl B|Hale||2019-07-04|female|617-555-0177|8 Oak Lane||
initial-1|E|Hale||2019-07-04|female|617-555-0177|8 Oak Lane||
doe-1|Jane|Doe|||||||
doe-x-2|Jane|Doe|||||||
baby-1|BABY BOY|Brandt||2022-01-30|male|617-555-0111|3 Mill Road||
ana-1|Ana|de la Cruz||1988-11-23|female||77 Pine Avenue Apt 4||AB123
ana-2|Ana Maria|De La Cruz||1988-11-23|female||77 Pine Ave||AB123
ana-other-1|Ana|de la Cruz||1988-11-23|female||77 Pine Avenue||CD987
omar-1|Mohammed|Al-Hassan||1990-02-28|male|617-555-0199|5 Lake Drive||
omar-2|Muhammad|Alhassan||1990-02-28|male|617-555-0199|5 Lake Dr||
";

pub fn read(table: &str) -> Vec<Registration> {
    table.lines().map(|line| patient(&line.split('|').collect::<Vec<_>>())).collect()
}

fn patient(cells: &[&str]) -> Registration {
    let [id, given, family, suffix, birth, sex, phone, street, four, national] = cells else { panic!("ten cells") };
    let list = |text: &str| {
        text.split(' ').filter(|word| !word.is_empty()).map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(",")
    };
    let given =
        if given.starts_with("Baby") || given.starts_with("BABY") { format!("\"{given}\"") } else { list(given) };
    let mut parts = vec![format!(r#""resourceType":"Patient","id":"{id}""#)];
    let suffix = if suffix.is_empty() { String::new() } else { format!(r#","suffix":["{suffix}"]"#) };
    let given = if given.is_empty() { String::new() } else { format!(r#","given":[{given}]"#) };
    parts.push(format!(r#""name":[{{"family":"{family}"{given}{suffix}}}]"#));
    let mut tell = |value: &str, text: String| {
        if !value.is_empty() {
            parts.push(text);
        }
    };
    tell(birth, format!(r#""birthDate":"{birth}""#));
    tell(sex, format!(r#""gender":"{sex}""#));
    tell(phone, format!(r#""telecom":[{{"system":"phone","value":"{phone}"}}]"#));
    tell(street, format!(r#""address":[{{"line":["{street}"],"city":"Boston","postalCode":"02116"}}]"#));
    let four =
        if four.is_empty() { String::new() } else { format!(r#"{{"system":"urn:example:ssn4","value":"{four}"}}"#) };
    let national = match *national {
        "" => String::new(),
        value => {
            format!(r#"{{"system":"urn:example:national","value":"{value}","type":{{"coding":[{{"code":"NI"}}]}}}}"#)
        }
    };
    let identifiers: Vec<String> = [four, national].into_iter().filter(|text| !text.is_empty()).collect();
    let identifiers = identifiers.join(",");
    tell(&identifiers, format!(r#""identifier":[{identifiers}]"#));
    identity::line::read(format!("{{{}}}", parts.join(",")).as_bytes()).expect("a Patient")
}

/// Registrations of people with few names, days and homes, so that everybody is like somebody.
pub fn crowd(count: usize) -> Vec<Registration> {
    let pick = |list: &[&'static str], draw: usize| list[draw % list.len()];
    (0..count)
        .map(|at| {
            let draw = (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
            let draw = |part: u32| (draw >> (part * 5)) as usize;
            let id = format!("c{at:04}");
            let given = pick(
                &["Emma", "Ella", "Robert James", "Bob", "E", "Baby Girl A", "Baby Girl", "Ana Emma", "", "Rob"],
                draw(0),
            );
            let family = pick(&["Hale", "Hail", "Brandt", "Hale-Brandt", "Lindqvist"], draw(1));
            let suffix = pick(&["", "", "Sr", "Jr"], draw(2));
            let birth = pick(&["2019-07-04", "1950-03-02", "1979-09-21", "", "2019-01-01", "1950-02-03"], draw(3));
            let sex = pick(&["female", "male", ""], draw(4));
            let phone = pick(&["617-555-0177", "617-555-0111", ""], draw(5));
            let street = pick(&["8 Oak Lane", "3 Mill Road", ""], draw(6));
            let four = pick(&["", "", "3310", "3311", "4471"], draw(7));
            patient(&[&id, given, family, suffix, birth, sex, phone, street, four, ""])
        })
        .collect()
}
