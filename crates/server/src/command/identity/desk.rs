//! `hilum identity review|decide|split`, and `explain` of a running server: what a steward asks and says.
//!
//! The server decides; this only asks it. What waits for a person is a search for Linkages, the longest waiting first.

use serde_json::{Value, json};

use crate::command::Failure;
use crate::command::ask::{Where, answer, text, value};
use crate::{http, terminal};

#[derive(clap::Args)]
pub struct Review {
    /// What was decided of them: possible waits for a person
    #[arg(long, value_name = "DECISION", default_value = "possible", value_parser = ["possible", "link", "apart", "not-same"])]
    decision: String,
    /// Only pairs with this Patient, by logical id
    #[arg(long, value_name = "ID")]
    patient: Option<String>,
    /// Only what was decided before this day or instant
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    #[command(flatten)]
    place: Where,
}

#[derive(clap::Args)]
pub struct Decide {
    /// The logical id of one
    a: String,
    /// The logical id of the other
    b: String,
    /// link: one person; not-same: two; undo: the engine decides again
    #[arg(value_parser = ["link", "not-same", "undo"])]
    decision: String,
    #[command(flatten)]
    place: Where,
}

#[derive(clap::Args)]
pub struct Split {
    /// The logical id of who is none of those whom it is linked with
    patient: String,
    #[command(flatten)]
    place: Where,
}

/// Pairs of one page.
const PAGE: u32 = 100;

pub async fn review(args: &Review) -> Result<(), Failure> {
    let client = args.place.client().await?;
    let mut query = format!(
        "/fhir/Linkage?_tag={}&_sort=_lastUpdated&_total=none&_count={}",
        http::encoded(&format!("urn:hilum:identity|{}", args.decision)),
        PAGE.min(args.limit)
    );
    if let Some(patient) = &args.patient {
        query += &format!("&item={}", http::encoded(&format!("Patient/{patient}")));
    }
    if let Some(before) = &args.before {
        query += &format!("&_lastUpdated={}", http::encoded(&format!("lt{before}")));
    }
    let (mut found, mut next) = (Vec::new(), Some(query));
    while let Some(query) = next.filter(|_| found.len() < args.limit as usize) {
        let page = answer(client.get(&query).await).and_then(value)?;
        found.extend(page["entry"].as_array().into_iter().flatten().map(|entry| Pair::read(&entry["resource"])));
        let link = page["link"].as_array().into_iter().flatten().find(|link| link["relation"] == "next");
        // Whatever the server is called from outside, it is asked where it was asked before.
        let query = link.and_then(|link| link["url"].as_str()?.split_once("/Linkage?"));
        next = query.map(|(_, query)| format!("/fhir/Linkage?{query}"));
    }
    found.truncate(args.limit as usize);
    if args.place.output.is_some() {
        return crate::command::json(&Value::Array(found.iter().map(Pair::json).collect()));
    }
    let rows: Vec<Vec<String>> = found.iter().map(Pair::row).collect();
    terminal::table(&["SINCE", "PATIENT", "PATIENT", "BITS", "BY", "WHY"], &rows);
    if rows.is_empty() {
        terminal::say(format_args!("there is nothing {} here", args.decision));
    }
    Ok(())
}

/// One Linkage, as far as a list shows it.
struct Pair {
    since: String,
    patients: Vec<String>,
    weight: String,
    by: String,
    reasons: Vec<String>,
}

impl Pair {
    fn read(linkage: &Value) -> Pair {
        let all = |of: &Value| of.as_array().cloned().unwrap_or_default();
        let parts: Vec<Value> = all(&linkage["extension"]).iter().flat_map(|of| all(&of["extension"])).collect();
        let said = |name: &str| -> Vec<String> {
            parts.iter().filter(|part| part["url"] == name).map(|part| text(&part["valueString"])).collect()
        };
        let weight = parts.iter().find(|part| part["url"] == "weight").map(|part| part["valueDecimal"].to_string());
        let patients = all(&linkage["item"]);
        Pair {
            since: linkage["meta"]["lastUpdated"].as_str().unwrap_or_default().to_owned(),
            patients: patients
                .iter()
                .filter_map(|item| item["resource"]["reference"].as_str().map(str::to_owned))
                .collect(),
            weight: weight.unwrap_or_default(),
            by: said("person").into_iter().chain(said("source")).chain(said("model")).next().unwrap_or_default(),
            reasons: said("reason"),
        }
    }

    fn json(&self) -> Value {
        json!({ "since": self.since, "patients": self.patients, "weight": self.weight.parse::<f64>().ok(), "by": self.by, "reasons": self.reasons })
    }

    fn row(&self) -> Vec<String> {
        let mut patients = self.patients.iter().cloned().chain([String::new(), String::new()]);
        let mut next = || patients.next().unwrap_or_default();
        // What the engine refuses by rule stands at the end, and says more than what agrees.
        let why = self.reasons.iter().rfind(|reason| reason.starts_with("not for a machine"));
        let why = why.or(self.reasons.first()).cloned().unwrap_or_default();
        vec![self.since.chars().take(16).collect(), next(), next(), self.weight.clone(), self.by.clone(), why]
    }
}

pub async fn decide(args: &Decide) -> Result<(), Failure> {
    let said = say(&[&args.a, &args.b], &args.decision, &args.place).await?;
    show(&said, &args.place)
}

pub async fn split(args: &Split) -> Result<(), Failure> {
    let said = say(&[&args.patient], "split", &args.place).await?;
    show(&said, &args.place)
}

pub async fn explain(one: &str, other: &str, place: &Where) -> Result<(), Failure> {
    let patient = |id: &str| format!("patient={}", http::encoded(&format!("Patient/{id}")));
    let path = format!("/fhir/Patient/$identity-explain?{}&{}", patient(one), patient(other));
    let said = answer(place.client().await?.get(&path).await).and_then(value)?;
    show(&said, place)
}

/// Says what a person decides; what the server answers.
async fn say(patients: &[&String], decision: &str, place: &Where) -> Result<Value, Failure> {
    let patient =
        |id: &&String| json!({ "name": "patient", "valueReference": { "reference": format!("Patient/{id}") } });
    let mut parameters: Vec<Value> = patients.iter().map(patient).collect();
    parameters.push(json!({ "name": "decision", "valueCode": decision }));
    let body = json!({ "resourceType": "Parameters", "parameter": parameters }).to_string();
    let sent =
        place.client().await?.post("/fhir/Patient/$identity-decide", "application/fhir+json", body.into_bytes()).await;
    answer(sent).and_then(value)
}

fn show(parameters: &Value, place: &Where) -> Result<(), Failure> {
    if place.output.is_some() {
        return crate::command::json(parameters);
    }
    let row = |parameter: &Value| -> Option<Vec<String>> {
        let of = parameter.as_object()?;
        let value = of.iter().find(|(name, _)| name.starts_with("value"))?.1;
        let value = value.get("reference").unwrap_or(value);
        Some(vec![text(&parameter["name"]), text(value)])
    };
    let rows: Vec<Vec<String>> = parameters["parameter"].as_array().into_iter().flatten().filter_map(row).collect();
    terminal::table(&["", "SAYS"], &rows);
    Ok(())
}
