//! Search parameters that a site defines itself: from their definition to what is found by them.

use fhir::search::{Context, Definition, Handling, Query, Registry};
use fhir::{Issue, json};
use record::{Expect, Record, Time};

use super::{HOUR_US, NEW_YEAR, Place, all, commit, delete, open, put, writes};

fn defined(code: &str, class: &str, expression: &str) -> Vec<Definition> {
    let text = format!(
        r#"{{"resourceType":"SearchParameter","url":"http://x/{code}","name":"X","status":"active","description":"x","code":"{code}","type":"{class}",
           "base":["Patient"],"target":["Organization"],"expression":"{expression}"}}"#
    );
    Definition::read(&json::read(text.as_bytes()).unwrap()).unwrap()
}

const COLOUR: &str = "Patient.extension.where(url='http://x/colour').value";

fn patient(id: &str, colour: &str) -> String {
    format!(
        r#"{{"resourceType":"Patient","id":"{id}","extension":[{{"url":"http://x/colour","valueString":"{colour}"}}],
           "contact":[{{"organization":{{"reference":"Organization/{colour}"}}}}]}}"#
    )
}

fn ask(registry: &Registry, pairs: &[(&str, &str)]) -> Result<Query, Vec<Issue>> {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Query::parse_within(Context { registry, ..Context::default() }, "Patient", &pairs, Handling::Strict)
}

async fn found(record: &Record, pairs: &[(&str, &str)]) -> Vec<String> {
    let query = ask(&record.registry(), pairs).unwrap_or_else(|issues| panic!("{issues:?} in {pairs:?}"));
    let page = record.search(&all(), &query, None).await.unwrap();
    let mut ids: Vec<String> = page.versions.into_iter().map(|version| version.key.id).collect();
    ids.sort();
    ids
}

async fn reindexed(record: &Record) {
    while record.reindex().await.unwrap() {}
}

#[tokio::test]
async fn what_was_there_before_is_found_once_all_of_it_was_looked_through() {
    let place = Place::new();
    let record = place.open();
    let many = (0..1_200).map(|at| put(&patient(&format!("old{at}"), "red"), Expect::Absent)).collect();
    commit(&record, many).await;
    commit(&record, vec![put(&patient("gone", "blue"), Expect::Absent), put(&patient("blue", "blue"), Expect::Absent)])
        .await;
    commit(&record, vec![delete("Patient", "gone", 1), put(&patient("old0", "blue"), Expect::Version(1))]).await;
    let unknown = ask(&record.registry(), &[("colour", "blue")]).unwrap_err();
    assert!(unknown[0].text.contains("no such search parameter"), "{unknown:?}");

    let mut definitions = defined("colour", "string", COLOUR);
    definitions.extend(defined("works-at", "reference", "Patient.contact.organization"));
    record.define(definitions.clone()).await.unwrap();
    let early = ask(&record.registry(), &[("colour", "blue")]).unwrap_err();
    assert!(early[0].text.contains("still being indexed"), "{early:?}");
    commit(&record, vec![put(&patient("new", "blue"), Expect::Absent)]).await;
    assert!(record.reindex().await.unwrap());
    let progress = record.reindexed().await.unwrap();
    assert!(progress.position < progress.end, "1,200 are more than one part: {progress:?}");
    // A write between two parts, and the same definitions once more, change nothing of what is found.
    commit(&record, vec![put(&patient("old1", "blue"), Expect::Version(1))]).await;
    record.define(definitions).await.unwrap();
    reindexed(&record).await;

    assert_eq!(found(&record, &[("colour", "Blue")]).await, ["blue", "new", "old0", "old1"]);
    assert_eq!(found(&record, &[("colour", "red"), ("_id", "old0,old2")]).await, ["old2"]);
    assert_eq!(found(&record, &[("works-at", "Organization/blue"), ("_sort", "colour")]).await.len(), 4);
    assert_eq!(found(&record, &[("colour:missing", "true")]).await, [""; 0]);
    let query = ask(&record.registry(), &[("colour:contains", "e"), ("_total", "accurate")]).unwrap();
    assert_eq!(record.search(&all(), &query, None).await.unwrap().total, Some(1_202));
    assert!(!record.reindex().await.unwrap());
    assert_eq!(record.check().await.unwrap(), []);
}

#[tokio::test]
async fn a_definition_outlives_the_process_and_ends_when_it_is_withdrawn() {
    let place = Place::new();
    let record = place.open();
    record.define(defined("colour", "string", COLOUR)).await.unwrap();
    commit(&record, vec![put(&patient("a", "red"), Expect::Absent), put(&patient("b", "blue"), Expect::Absent)]).await;
    drop(record);

    // It was never looked through to the end: the new process goes on.
    let record = open(&place.0);
    assert!(ask(&record.registry(), &[("colour", "red")]).is_err());
    reindexed(&record).await;
    assert_eq!(found(&record, &[("colour", "red")]).await, ["a"]);

    // What replaces a version takes its rows away with it, once it is trimmed.
    let mut change = writes(vec![put(&patient("a", "green"), Expect::Version(1))]);
    change.now = NEW_YEAR;
    record.commit(&all(), change).await.unwrap();
    let trimmed = record.trim(Time(NEW_YEAR.0 + 2 * HOUR_US), 100).await.unwrap();
    assert_eq!(trimmed, 1);
    assert_eq!(found(&record, &[("colour", "red,green,blue")]).await, ["a", "b"]);

    // Another expression under the same name is looked for anew, and says nothing of the old one's values.
    record.define(defined("colour", "string", "Patient.contact.name")).await.unwrap();
    reindexed(&record).await;
    assert_eq!(found(&record, &[("colour", "green")]).await, [""; 0]);
    record.define(Vec::new()).await.unwrap();
    reindexed(&record).await;
    assert!(ask(&record.registry(), &[("colour", "green")]).is_err());
    assert!(record.registry().own().is_empty());
    assert_eq!(record.check().await.unwrap(), []);
}
