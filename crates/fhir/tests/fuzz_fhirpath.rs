//! Expressions are written by strangers: whatever they send, nothing panics, recurses without end or takes long, and what
//! is answered can be shown.
//!
//! Bounded under `cargo test`; `cargo bolero test -p fhir <name>` goes on for as long as it is let.

use bolero::check;
use fhir::fhirpath::{Environment, Expression, Item};
use fhir::{json, schema, ucum};

const PATIENT: &str = r##"{"resourceType":"Patient","id":"p","active":true,"contained":[{"resourceType":"Organization","id":"o","name":"n"}],"extension":[{"url":"u","valueQuantity":{"value":1.50,"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"}},{"url":"v","valueAge":{"value":3,"system":"http://unitsofmeasure.org","code":"a"}}],"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>a</p></div>"},"name":[{"family":"a","given":["b",null,"c"],"_given":[null,{"id":"x"},null]},{"given":["d"]}],"birthDate":"2024-02-29","_birthDate":{"id":"y"},"deceasedDateTime":"2024-02-29T10:30:00.5+01:00","multipleBirthInteger":2,"managingOrganization":{"reference":"#o"}}"##;

/// Parts of the grammar, with ¦ between them, that join to expressions more often than not.
const PARTS: &str = "\
    name¦given¦birthDate¦deceased¦multipleBirth¦extension¦value¦contained¦id¦active¦managingOrganization¦\
    text¦`div`¦Patient¦.name¦.given¦.extension¦.value¦.id¦.unit¦1¦0¦-1¦2.50¦1e400¦9223372036854775807¦\
    0.00000000001¦'a'¦'abc'¦'[a-z]+'¦'('¦''¦'2024-02'¦'1 \\'mg\\''¦@2024-02¦@2024-02-29T10¦@T10:30¦\
    @2024-02-29T10:30:00Z¦@9999-12-31¦3 days¦1 year¦2 'mg'¦1 'g'¦37 'Cel'¦7 '[pH]'¦{}¦true¦false¦$this¦\
    $index¦$total¦%resource¦%context¦%ucum¦ and ¦ or ¦ xor ¦ implies ¦ = ¦ != ¦ ~ ¦ !~ ¦ < ¦ >= ¦ + ¦ - ¦\
    \u{20}* ¦ / ¦ div ¦ mod ¦ & ¦ | ¦ in ¦ contains ¦ is Quantity¦ as string¦-¦(¦)¦[0]¦[1]¦,¦.¦.where(¦.select(¦\
    .exists(¦.all(¦.repeat(¦.aggregate(¦.sort(¦.iif(¦.first()¦.last()¦.skip(1)¦.take(2)¦.count()¦\
    .distinct()¦.not()¦.children()¦.descendants()¦.type()¦.resolve()¦.toString()¦.toInteger()¦.toDecimal()¦\
    .toQuantity()¦.toDate()¦.toDateTime()¦.lowBoundary(¦.highBoundary(¦.precision()¦.round(¦.power(¦.sqrt()¦\
    .exp()¦.abs()¦.matches(¦.replaceMatches(¦.replace(¦.substring(¦.split(¦.join(¦.encode('hex')¦\
    .unescape('json')¦.htmlChecks()¦.ofType(Quantity)¦.combine(¦.intersect(¦.exclude(";

fn ask(text: &str) {
    let resource = json::read(PATIENT.as_bytes()).expect("good");
    let patient = schema::r4().resource("Patient").expect("R4");
    let Ok(expression) = Expression::compile(text, patient) else { return };
    let environment = Environment::of(&resource).expect("R4").at("2024-05-06T07:08:09.123+02:00");
    let context = Item::Element(environment.resource);
    let Ok(items) = expression.evaluate_in(&environment, context.clone()) else { return };
    let mut shown = Vec::new();
    for item in &items {
        item.write_json(&mut shown);
        shown.push(b'\n');
    }
    for line in shown.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        assert!(serde_json::from_slice::<serde_json::Value>(line).is_ok(), "{text}");
    }
    // The short way comes to the same, unless it is asked of what is no condition.
    if let Ok(holds) = expression.holds(&environment, &context) {
        assert_eq!(holds.is_none(), items.is_empty(), "{text}");
    }
}

#[test]
fn any_text_is_asked_or_refused() {
    check!().with_iterations(20_000).for_each(|bytes: &[u8]| ask(&String::from_utf8_lossy(bytes)));
}

#[test]
fn any_parts_are_asked_or_refused() {
    let parts: Vec<&str> = PARTS.split('¦').collect();
    check!().with_iterations(40_000).for_each(|bytes: &[u8]| {
        let text: String = bytes.iter().map(|byte| parts[usize::from(*byte) % parts.len()]).collect();
        ask(&text);
        // Parentheses that close what was opened make more of them whole.
        let open = text.matches('(').count().saturating_sub(text.matches(')').count());
        ask(&format!("{text}{}", ")".repeat(open)));
    });
}

#[test]
fn any_unit_is_read_or_refused() {
    check!().with_iterations(20_000).for_each(|bytes: &[u8]| {
        let unit = String::from_utf8_lossy(bytes);
        let told = ucum::canonical(1.5, &unit);
        assert!(told.is_none_or(|(value, base)| value.is_finite() && ucum::same_dimension(&unit, &base)), "{unit}");
        ucum::convert(1.5, &unit, "mg");
    });
}
