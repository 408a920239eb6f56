//! `_text` and `_content`: a search finds the words of what was there, however far their index has followed.

use record::{Commit, CommitError, Condition, Expect, Key, Record};

use crate::{Dice, Place, all, commit, delete, found, put, query, writes};

const WORDS: [&str; 8] = ["bone", "liver", "Métastases", "fever", "O'Hara-Smith", "10 mg", "night", "heart"];

fn condition(id: &str, narrative: &str, note: &str) -> String {
    format!(
        r#"{{"resourceType":"Condition","id":"{id}","text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{narrative}</p></div>"}},"subject":{{"reference":"Patient/p"}},"note":[{{"text":"{note}"}}]}}"#
    )
}

#[tokio::test]
async fn words_are_found_in_the_narrative_and_elsewhere() {
    let place = Place::new();
    let record = place.open();
    commit(&record, vec![put(&condition("a", "Bone cancer, <b>liver</b> metastases", "Fever"), Expect::Absent)]).await;
    commit(&record, vec![put(&condition("b", "Fracture of bone", "10 mg a day"), Expect::Absent)]).await;
    type Case = (&'static str, &'static str, &'static [&'static str]);
    let cases: [Case; 12] = [
        ("_text", "bone", &["a", "b"]),
        ("_text", "liver metastases", &["a"]),
        ("_text", "\"metastases liver\"", &[]),
        ("_text", "metastases OR fracture", &["a", "b"]),
        ("_text", "fever", &[]),
        ("_content", "fever", &["a"]),
        ("_content", "bone fever", &["a"]),
        ("_content", "FÉVER", &["a"]),
        ("_content", "\"10 mg\"", &["b"]),
        ("_text", "\"OR\" NEAR(bone", &[]),
        ("_text", "div:bone*", &[]),
        ("_content", "bon", &[]),
    ];
    for (name, words, expected) in cases {
        assert_eq!(found(&record, "Condition", &[(name, words)]).await, expected, "{name}={words}");
    }
    commit(&record, vec![put(&condition("a", "Nothing", "Nothing"), Expect::Any), delete("Condition", "b", 1)]).await;
    assert_eq!(found(&record, "Condition", &[("_content", "bone")]).await, [""; 0]);
    // A search of the time before sees what was there.
    let before = record.search_at(&all(), &query("Condition", &[("_text", "bone")]), "2".parse().unwrap()).await;
    assert_eq!(before.unwrap().versions.len(), 2);
}

/// Random texts and random words, against what one resource alone says.
#[tokio::test]
async fn the_index_agrees_with_the_texts() {
    let place = Place::new();
    let record = place.open();
    let mut dice = Dice(0x5eed_0017);
    let some = |dice: &mut Dice| (0..=dice.below(3)).map(|_| *dice.pick(&WORDS)).collect::<Vec<_>>().join(" ");
    let mut texts = std::collections::BTreeMap::new();
    for round in 0..60 {
        let id = format!("c{}", dice.below(20));
        let json = condition(&id, &some(&mut dice), &some(&mut dice));
        commit(&record, vec![put(&json, Expect::Any)]).await;
        texts.insert(id, json);
        let (name, words) = (*dice.pick(&["_text", "_content"]), some(&mut dice));
        let words = if dice.below(2) == 0 { format!("\"{words}\"") } else { words };
        let asked = query("Condition", &[(name, &words)]);
        let holds = |json: &String| fhir::search::matches(&asked, &fhir::json::read(json.as_bytes()).unwrap());
        let expected: Vec<String> = texts.iter().filter(|(_, json)| holds(json)).map(|(id, _)| id.clone()).collect();
        assert_eq!(found(&record, "Condition", &[(name, &words)]).await, expected, "round {round}: {name}={words}");
    }
    assert_eq!(record.check().await.unwrap(), []);
}

async fn create(record: &Record, id: &str) -> Result<String, CommitError> {
    let asked = query("Condition", &[("_content", "fever")]);
    let position = record.position().await.unwrap();
    let page = record.search_at(&all(), &asked, position).await.unwrap();
    if let Some(version) = page.versions.first() {
        return Ok(version.key.id.clone());
    }
    let mut decided = writes(vec![put(&condition(id, "Bone", "Fever"), Expect::Absent)]);
    decided.conditions = vec![Condition { query: asked, since: position, found: Vec::new() }];
    record.commit(&all(), decided).await.map(|_| id.to_owned())
}

/// What is decided on words does not overlook those that the index has not followed yet.
#[tokio::test]
async fn a_decision_on_words_sees_the_newest() {
    let place = Place::new();
    let record = place.open();
    let position = record.position().await.unwrap();
    assert_eq!(create(&record, "a").await, Ok("a".into()));
    assert_eq!(create(&record, "b").await, Ok("a".into()));
    let found = Vec::<Key>::new();
    let late = Condition { query: query("Condition", &[("_content", "fever")]), since: position, found };
    let late = Commit { conditions: vec![late], ..Commit::default() };
    assert_eq!(record.commit(&all(), late).await, Err(CommitError::Moved));
}
