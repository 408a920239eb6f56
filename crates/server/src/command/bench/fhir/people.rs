//! Invented patients in the shape and size of Synthea's: a transaction each, whose entries refer to one another by
//! `urn:uuid:`. Person number `n` is always the same.
//!
//! The mix of types is that of Synthea's own records, about 1.5 kB a resource; the codes are real, the people are not.

use std::fmt::Write as _;

use jiff::civil::{Date, date};

/// A code system's address, code and display.
type Code = (&'static str, &'static str, &'static str);

const LOINC: &str = "http://loinc.org";
const SNOMED: &str = "http://snomed.info/sct";

/// Code, and the unit of its value.
const MEASURED: [(&str, &str, &str, u64, u64); 8] = [
    ("8302-2", "Body Height", "cm", 1500, 500),
    ("29463-7", "Body Weight", "kg", 500, 600),
    ("39156-5", "Body mass index (BMI) [Ratio]", "kg/m2", 180, 200),
    ("8867-4", "Heart rate", "/min", 550, 500),
    ("9279-1", "Respiratory rate", "/min", 120, 80),
    ("2339-0", "Glucose [Mass/volume] in Blood", "mg/dL", 650, 600),
    ("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL", 1500, 900),
    ("6299-2", "Urea nitrogen [Mass/volume] in Blood", "mg/dL", 70, 140),
];
const CONDITIONS: [Code; 4] = [
    (SNOMED, "44054006", "Diabetes"),
    (SNOMED, "59621000", "Hypertension"),
    (SNOMED, "195662009", "Acute viral pharyngitis (disorder)"),
    (SNOMED, "444814009", "Viral sinusitis (disorder)"),
];
const DRUGS: [Code; 4] = [
    ("http://www.nlm.nih.gov/research/umls/rxnorm", "314076", "lisinopril 10 MG Oral Tablet"),
    (
        "http://www.nlm.nih.gov/research/umls/rxnorm",
        "860975",
        "24 HR Metformin hydrochloride 500 MG Extended Release Tablet",
    ),
    ("http://www.nlm.nih.gov/research/umls/rxnorm", "313782", "Acetaminophen 325 MG Oral Tablet"),
    ("http://www.nlm.nih.gov/research/umls/rxnorm", "308182", "Amoxicillin 250 MG Oral Capsule"),
];
const FAMILIES: [&str; 16] = [
    "Abara", "Brandt", "Castell", "Dahl", "Eklund", "Farrow", "Grell", "Hask", "Ibsen", "Jorvik", "Kessel", "Lund",
    "Marsh", "Nygaard", "Orrin", "Pell",
];
const GIVEN: [&str; 8] = ["Alva", "Bo", "Cleo", "Dara", "Eskil", "Freja", "Gil", "Hanne"];
/// The first day on which anything happens, and for how many days things happen.
pub const FIRST_DAY: Date = date(2010, 1, 1);
pub const DAYS: u64 = 3_650;
/// Whose numbers the people have.
pub const NUMBERS: &str = "https://hilum.example/bench";

/// A person's whole record as a transaction.
pub fn transaction(number: u64) -> Vec<u8> {
    let mut record = Record::begin(number);
    record.patient();
    let visits = 3 + number % 9;
    for visit in 0..visits {
        record.visit(visit, visits);
    }
    record.end()
}

/// What one visit leaves behind, of a patient who is there: an Encounter, an Observation, a Condition.
pub fn small_transaction(number: u64, patient: &str) -> Vec<u8> {
    let mut record = Record::begin(number);
    record.subject = format!("Patient/{patient}");
    record.day = record.number(DAYS);
    let encounter = record.encounter();
    record.observation(&encounter, (number % MEASURED.len() as u64) as usize);
    record.condition(&encounter);
    record.end()
}

/// So many Observations of a patient who is there.
pub fn large_transaction(number: u64, patient: &str, observations: usize) -> Vec<u8> {
    let mut record = Record::begin(number);
    record.subject = format!("Patient/{patient}");
    record.day = record.number(DAYS);
    let encounter = record.encounter();
    for at in 1..observations {
        record.observation(&encounter, at % MEASURED.len());
    }
    record.end()
}

struct Record {
    text: String,
    person: u64,
    entries: u64,
    /// Numbers without order, the same for the same person (SplitMix64).
    seed: u64,
    subject: String,
    /// Of the visit, from [`FIRST_DAY`].
    day: u64,
}

impl Record {
    fn begin(person: u64) -> Record {
        let text = String::from(r#"{"resourceType":"Bundle","type":"transaction","entry":["#);
        Record { text, person, entries: 0, seed: person, subject: String::new(), day: 0 }
    }

    fn end(mut self) -> Vec<u8> {
        self.text.push_str("]}");
        self.text.into_bytes()
    }

    fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn number(&mut self, below: u64) -> u64 {
        self.random() % below
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.number(from.len() as u64) as usize]
    }

    /// Adds an entry, whose resource is written by the caller up to its last brace; gives how others refer to it.
    fn entry(&mut self, kind: &str, write: impl FnOnce(&mut Record)) -> String {
        let (high, low) = (self.random(), self.random());
        let [a, b] = [high, low].map(|half| format!("{half:016x}"));
        let url = format!("urn:uuid:{}-{}-4{}-8{}-{}", &a[..8], &a[8..12], &a[13..], &b[1..4], &b[4..]);
        let comma = if self.entries == 0 { "" } else { "," };
        self.entries += 1;
        let _ = write!(self.text, r#"{comma}{{"fullUrl":"{url}","resource":{{"resourceType":"{kind}""#);
        write(self);
        let _ = write!(self.text, r#"}},"request":{{"method":"POST","url":"{kind}"}}}}"#);
        url
    }

    fn day_text(&self) -> Date {
        FIRST_DAY.saturating_add(jiff::Span::new().days(self.day as i64))
    }

    fn time(&self, hour: u64) -> String {
        format!("{}T{hour:02}:{:02}:{:02}+01:00", self.day_text(), self.entries % 60, self.person % 60)
    }

    fn patient(&mut self) {
        let (person, family, given) = (self.person, self.pick(&FAMILIES), self.pick(&GIVEN));
        let born = date(1930, 1, 1).saturating_add(jiff::Span::new().days(self.number(28_000) as i64));
        let gender = if person % 2 == 0 { "female" } else { "male" };
        self.subject = self.entry("Patient", |record| {
            let _ = write!(
                record.text,
                r#","text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">An invented person, number {person}, made to measure a server with.</div>"}},"extension":[{{"url":"http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName","valueString":"{family} {given}"}},{{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthPlace","valueAddress":{{"city":"Millbrook","state":"MB","country":"XX"}}}}],"identifier":[{{"system":"{NUMBERS}","value":"{person}"}},{{"type":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR","display":"Medical Record Number"}}],"text":"Medical Record Number"}},"system":"http://hospital.example/mrn","value":"M{person}"}}],"name":[{{"use":"official","family":"{family}{}","given":["{given}"],"prefix":["Mx."]}}],"telecom":[{{"system":"phone","value":"555-{:07}","use":"home"}}],"gender":"{gender}","birthDate":"{born}","address":[{{"line":["{} Mill Lane"],"city":"Millbrook","state":"MB","postalCode":"{:05}","country":"XX"}}],"maritalStatus":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M","display":"M"}}],"text":"M"}},"multipleBirthBoolean":false,"communication":[{{"language":{{"coding":[{{"system":"urn:ietf:bcp:47","code":"en-US","display":"English"}}],"text":"English"}}}}]"#,
                person % 1_000,
                person % 10_000_000,
                person % 99,
                person % 100_000,
            );
        });
    }

    /// One visit of so many, in their order.
    fn visit(&mut self, visit: u64, visits: u64) {
        let share = DAYS / visits;
        self.day = visit * share + self.number(share);
        let encounter = self.encounter();
        if self.number(5) < 2 {
            self.condition(&encounter);
        }
        let mut results = Vec::new();
        for _ in 0..10 + self.number(5) {
            let which = self.number(MEASURED.len() as u64) as usize;
            results.push(self.observation(&encounter, which));
        }
        self.blood_pressure(&encounter);
        self.report(&encounter, &results[..results.len() / 2]);
        self.report(&encounter, &results[results.len() / 2..]);
        let drug = self.medication(&encounter);
        self.procedure(&encounter);
        if self.number(3) == 0 {
            self.immunization(&encounter);
        }
        self.document(&encounter);
        self.claim(&encounter, Some(&drug));
        let claim = self.claim(&encounter, None);
        self.benefit(&encounter, &claim);
    }

    fn encounter(&mut self) -> String {
        self.entry("Encounter", |record| {
            let (subject, from, to) = (record.subject.clone(), record.time(9), record.time(10));
            let _ = write!(
                record.text,
                r#","status":"finished","class":{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"}},"type":[{{"coding":[{{"system":"{SNOMED}","code":"162673000","display":"General examination of patient (procedure)"}}],"text":"General examination of patient (procedure)"}}],"subject":{{"reference":"{subject}","display":"An invented person"}},"participant":[{{"type":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"PPRF","display":"primary performer"}}],"text":"primary performer"}}],"period":{{"start":"{from}","end":"{to}"}},"individual":{{"display":"Dr. Josephine Hale"}}}}],"period":{{"start":"{from}","end":"{to}"}},"location":[{{"location":{{"display":"MILLBROOK GENERAL PRACTICE"}}}}],"serviceProvider":{{"display":"MILLBROOK GENERAL PRACTICE"}}"#
            );
        })
    }

    fn observation(&mut self, encounter: &str, which: usize) -> String {
        let (code, display, unit, low, span) = MEASURED[which % MEASURED.len()];
        let value = low + self.number(span);
        self.entry("Observation", |record| {
            let (subject, time) = (record.subject.clone(), record.time(9));
            let _ = write!(
                record.text,
                r#","meta":{{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-clinical-result"]}},"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"vital-signs"}}]}}],"code":{{"coding":[{{"system":"{LOINC}","code":"{code}","display":"{display}"}}],"text":"{display}"}},"subject":{{"reference":"{subject}"}},"encounter":{{"reference":"{encounter}"}},"effectiveDateTime":"{time}","issued":"{time}","valueQuantity":{{"value":{}.{},"unit":"{unit}","system":"http://unitsofmeasure.org","code":"{unit}"}}"#,
                value / 10,
                value % 10,
            );
        })
    }

    fn blood_pressure(&mut self, encounter: &str) {
        let (low, high) = (60 + self.number(30), 100 + self.number(60));
        self.entry("Observation", |record| {
            let (subject, time) = (record.subject.clone(), record.time(9));
            let _ = write!(
                record.text,
                r#","meta":{{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-clinical-result"]}},"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"vital-signs"}}]}}],"code":{{"coding":[{{"system":"{LOINC}","code":"85354-9","display":"Blood Pressure"}}],"text":"Blood Pressure"}},"subject":{{"reference":"{subject}"}},"encounter":{{"reference":"{encounter}"}},"effectiveDateTime":"{time}","issued":"{time}","component":["#
            );
            for (at, (code, display, value)) in
                [("8462-4", "Diastolic Blood Pressure", low), ("8480-6", "Systolic Blood Pressure", high)].iter().enumerate()
            {
                let comma = if at == 0 { "" } else { "," };
                let _ = write!(
                    record.text,
                    r#"{comma}{{"code":{{"coding":[{{"system":"{LOINC}","code":"{code}","display":"{display}"}}],"text":"{display}"}},"valueQuantity":{{"value":{value},"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}}}"#
                );
            }
            record.text.push(']');
        });
    }

    fn report(&mut self, encounter: &str, results: &[String]) {
        self.entry("DiagnosticReport", |record| {
            let (subject, time) = (record.subject.clone(), record.time(11));
            let note = "UmVzdWx0cyBhcmUgd2l0aGluIHRoZSB1c3VhbCByYW5nZS4g".repeat(12);
            let _ = write!(
                record.text,
                r#","status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v2-0074","code":"LAB","display":"Laboratory"}}]}}],"code":{{"coding":[{{"system":"{LOINC}","code":"51990-0","display":"Basic metabolic panel - Blood by Automated count"}}],"text":"Basic Metabolic Panel"}},"subject":{{"reference":"{subject}"}},"encounter":{{"reference":"{encounter}"}},"effectiveDateTime":"{time}","issued":"{time}","performer":[{{"display":"MILLBROOK GENERAL PRACTICE"}}],"presentedForm":[{{"contentType":"text/plain","data":"{note}"}}]"#
            );
            for (at, result) in results.iter().enumerate() {
                let begin = if at == 0 { r#","result":["# } else { "," };
                let _ = write!(record.text, r#"{begin}{{"reference":"{result}"}}"#);
            }
            record.text.push_str(if results.is_empty() { "" } else { "]" });
        });
    }

    fn condition(&mut self, encounter: &str) {
        let (system, code, display) = self.pick(&CONDITIONS);
        self.entry("Condition", |record| {
            let (subject, time) = (record.subject.clone(), record.time(9));
            let _ = write!(
                record.text,
                r#","clinicalStatus":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}}]}},"verificationStatus":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"confirmed"}}]}},"category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"encounter-diagnosis","display":"Encounter Diagnosis"}}]}}],"code":{{"coding":[{{"system":"{system}","code":"{code}","display":"{display}"}}],"text":"{display}"}},"subject":{{"reference":"{subject}"}},"encounter":{{"reference":"{encounter}"}},"onsetDateTime":"{time}","recordedDate":"{time}""#
            );
        });
    }

    fn medication(&mut self, encounter: &str) -> String {
        let (system, code, display) = self.pick(&DRUGS);
        self.entry("MedicationRequest", |record| {
            let (subject, time) = (record.subject.clone(), record.time(10));
            let _ = write!(
                record.text,
                r#","status":"active","intent":"order","medicationCodeableConcept":{{"coding":[{{"system":"{system}","code":"{code}","display":"{display}"}}],"text":"{display}"}},"subject":{{"reference":"{subject}"}},"encounter":{{"reference":"{encounter}"}},"authoredOn":"{time}","requester":{{"display":"Dr. Josephine Hale"}},"dosageInstruction":[{{"sequence":1,"timing":{{"repeat":{{"frequency":1,"period":1,"periodUnit":"d"}}}},"asNeededBoolean":false,"doseAndRate":[{{"type":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/dose-rate-type","code":"ordered","display":"Ordered"}}]}},"doseQuantity":{{"value":1.0}}}}]}}]"#
            );
        })
    }

    fn procedure(&mut self, encounter: &str) {
        self.entry("Procedure", |record| {
            let (subject, from, to) = (record.subject.clone(), record.time(9), record.time(10));
            let _ = write!(
                record.text,
                r#","status":"completed","code":{{"coding":[{{"system":"{SNOMED}","code":"430193006","display":"Medication Reconciliation (procedure)"}}],"text":"Medication Reconciliation (procedure)"}},"subject":{{"reference":"{subject}"}},"encounter":{{"reference":"{encounter}"}},"performedPeriod":{{"start":"{from}","end":"{to}"}},"location":{{"display":"MILLBROOK GENERAL PRACTICE"}}"#
            );
        });
    }

    fn immunization(&mut self, encounter: &str) {
        self.entry("Immunization", |record| {
            let (subject, time) = (record.subject.clone(), record.time(10));
            let _ = write!(
                record.text,
                r#","status":"completed","vaccineCode":{{"coding":[{{"system":"http://hl7.org/fhir/sid/cvx","code":"140","display":"Influenza, seasonal, injectable, preservative free"}}],"text":"Influenza, seasonal, injectable, preservative free"}},"patient":{{"reference":"{subject}"}},"encounter":{{"reference":"{encounter}"}},"occurrenceDateTime":"{time}","primarySource":true,"location":{{"display":"MILLBROOK GENERAL PRACTICE"}}"#
            );
        });
    }

    fn document(&mut self, encounter: &str) {
        let text = "QW4gaW52ZW50ZWQgbm90ZSBvZiBhbiBpbnZlbnRlZCB2aXNpdC4g".repeat(50);
        self.entry("DocumentReference", |record| {
            let (subject, time, person, number) =
                (record.subject.clone(), record.time(11), record.person, record.entries);
            let _ = write!(
                record.text,
                r#","masterIdentifier":{{"system":"{NUMBERS}/document","value":"{person}-{number}"}},"status":"current","type":{{"coding":[{{"system":"{LOINC}","code":"34117-2","display":"History and physical note"}}]}},"subject":{{"reference":"{subject}"}},"date":"{time}","author":[{{"display":"Dr. Josephine Hale"}}],"content":[{{"attachment":{{"contentType":"text/plain","data":"{text}"}}}}],"context":{{"encounter":[{{"reference":"{encounter}"}}],"period":{{"start":"{time}","end":"{time}"}}}}"#
            );
        });
    }

    /// Of the visit, or of a drug.
    fn claim(&mut self, encounter: &str, drug: Option<&String>) -> String {
        let (kind, items) = if drug.is_some() { ("pharmacy", 1) } else { ("institutional", 2 + self.number(8)) };
        self.entry("Claim", |record| {
            let (subject, time) = (record.subject.clone(), record.time(11));
            let _ = write!(
                record.text,
                r#","status":"active","type":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/claim-type","code":"{kind}"}}]}},"use":"claim","patient":{{"reference":"{subject}","display":"An invented person"}},"billablePeriod":{{"start":"{time}","end":"{time}"}},"created":"{time}","provider":{{"display":"MILLBROOK GENERAL PRACTICE"}},"priority":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/processpriority","code":"normal"}}]}},"insurance":[{{"sequence":1,"focal":true,"coverage":{{"display":"Millbrook Mutual"}}}}]"#
            );
            if let Some(drug) = drug {
                let _ = write!(record.text, r#","prescription":{{"reference":"{drug}"}}"#);
            }
            record.text.push_str(r#","item":["#);
            for item in 1..=items {
                let comma = if item == 1 { "" } else { "," };
                let _ = write!(
                    record.text,
                    r#"{comma}{{"sequence":{item},"productOrService":{{"coding":[{{"system":"{SNOMED}","code":"162673000","display":"General examination of patient (procedure)"}}],"text":"General examination of patient (procedure)"}},"net":{{"value":{}.80,"currency":"USD"}},"encounter":[{{"reference":"{encounter}"}}]}}"#,
                    60 + item * 7,
                );
            }
            let _ = write!(record.text, r#"],"total":{{"value":{}.16,"currency":"USD"}}"#, 60 * items);
        })
    }

    /// What the payer says of a claim: the largest of Synthea's resources that every visit has.
    fn benefit(&mut self, encounter: &str, claim: &str) {
        let items = 3 + self.number(6);
        self.entry("ExplanationOfBenefit", |record| {
            let (subject, time, person, number) =
                (record.subject.clone(), record.time(11), record.person, record.entries);
            let _ = write!(
                record.text,
                r#","identifier":[{{"system":"{NUMBERS}/claim","value":"{person}-{number}"}}],"status":"active","type":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/claim-type","code":"professional"}}]}},"use":"claim","patient":{{"reference":"{subject}"}},"billablePeriod":{{"start":"{time}","end":"{time}"}},"created":"{time}","insurer":{{"display":"Millbrook Mutual"}},"provider":{{"display":"Dr. Josephine Hale"}},"claim":{{"reference":"{claim}"}},"outcome":"complete","careTeam":[{{"sequence":1,"provider":{{"display":"Dr. Josephine Hale"}},"role":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/claimcareteamrole","code":"primary","display":"Primary Care Practitioner"}}]}}}}],"insurance":[{{"focal":true,"coverage":{{"display":"Millbrook Mutual"}}}}],"item":["#
            );
            for item in 1..=items {
                let comma = if item == 1 { "" } else { "," };
                let _ = write!(
                    record.text,
                    r#"{comma}{{"sequence":{item},"category":{{"coding":[{{"system":"https://bluebutton.cms.gov/resources/variables/line_cms_type_srvc_cd","code":"1","display":"Medical care"}}]}},"productOrService":{{"coding":[{{"system":"{SNOMED}","code":"162673000","display":"General examination of patient (procedure)"}}]}},"servicedPeriod":{{"start":"{time}","end":"{time}"}},"net":{{"value":{}.55,"currency":"USD"}},"encounter":[{{"reference":"{encounter}"}}],"adjudication":[{{"category":{{"coding":[{{"system":"https://bluebutton.cms.gov/resources/codesystem/adjudication","code":"line_coinsrnc_amt","display":"Line Beneficiary Coinsurance Amount"}}]}},"amount":{{"value":{}.51,"currency":"USD"}}}},{{"category":{{"coding":[{{"system":"https://bluebutton.cms.gov/resources/codesystem/adjudication","code":"line_sbmtd_chrg_amt","display":"Line Submitted Charge Amount"}}]}},"amount":{{"value":{}.55,"currency":"USD"}}}}]}}"#,
                    40 + item,
                    8 + item,
                    50 + item,
                );
            }
            record.text.push(']');
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn people_are_fhir_and_of_syntheas_size() {
        let (mut resources, mut bytes) = (0, 0);
        for number in 0..40 {
            let transaction = transaction(number);
            let bundle = fhir::json::read(&transaction).unwrap_or_else(|issues| panic!("{number}: {issues:?}"));
            let entries = bundle.object.items("entry");
            assert!((50..=300).contains(&entries.len()), "{number}: {} entries", entries.len());
            resources += entries.len();
            bytes += transaction.len();
            let text = String::from_utf8(transaction.clone()).expect("JSON is UTF-8");
            let after = |mark: &str| -> HashSet<String> {
                text.split(mark).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
            };
            let (known, meant) = (after(r#""fullUrl":""#), after(r#""reference":""#));
            assert_eq!(known.len(), entries.len(), "{number}: no entry has another's address");
            assert!(meant.is_subset(&known), "{number}: every reference leads to an entry");
        }
        let each = bytes / resources;
        assert!((1_300..1_900).contains(&each), "{each} bytes a resource");
        assert_eq!(super::transaction(7), super::transaction(7));
        assert_ne!(super::transaction(7), super::transaction(8));
    }

    #[test]
    fn a_visit_is_of_a_patient_who_is_there() {
        let small = small_transaction(3, "p1");
        let bundle = fhir::json::read(&small).expect("FHIR");
        assert_eq!(bundle.object.items("entry").len(), 3);
        assert_eq!(String::from_utf8(small).expect("UTF-8").matches("Patient/p1").count(), 3);
        let large = large_transaction(4, "p1", 3_000);
        assert_eq!(fhir::json::read(&large).expect("FHIR").object.items("entry").len(), 3_000);
    }
}
