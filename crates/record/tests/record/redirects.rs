//! Aliases and merges: where an id leads, and that a search by either finds both (`safety.md` 3 and 4).

use record::{Commit, Expect, Key, Record, Redirect, Why};

use crate::{NEW_YEAR, Place, all, commit, found, observation, patient, put};

async fn redirect(record: &Record, redirects: Vec<Redirect>) {
    record.commit(&all(), Commit { now: NEW_YEAR, redirects, ..Commit::default() }).await.unwrap();
}

fn begin(from: &str, to: &str, why: Why) -> Redirect {
    Redirect::Begin { kind: "Patient".into(), from: from.into(), to: to.into(), why }
}

fn end(from: &str) -> Redirect {
    Redirect::End { kind: "Patient".into(), from: from.into() }
}

async fn leads(record: &Record, from: &str) -> String {
    record.resolve(&[Key::new("Patient", from)]).await.unwrap().remove(0).id
}

async fn of_patient(record: &Record, id: &str) -> Vec<String> {
    found(record, "Observation", &[("patient", id)]).await
}

#[tokio::test]
async fn a_chain_of_merges_leads_to_its_end_and_can_be_undone() {
    let place = Place::new();
    let record = place.open();
    let list = ["a", "b", "c"].map(|id| put(&patient(id, "Adams"), Expect::Absent));
    commit(&record, list.into()).await;
    let list = ["a", "b", "c", "d"].map(|id| put(&observation(&format!("of-{id}"), id, "718-7"), Expect::Absent));
    commit(&record, list.into()).await;
    assert_eq!(leads(&record, "a").await, "a");
    redirect(&record, vec![begin("a", "b", Why::Merged)]).await;
    redirect(&record, vec![begin("b", "c", Why::Merged)]).await;
    assert_eq!((leads(&record, "a").await, leads(&record, "c").await), ("c".into(), "c".into()));
    for id in ["a", "b", "c"] {
        assert_eq!(of_patient(&record, id).await, ["of-a", "of-b", "of-c"], "{id}");
    }
    assert_eq!(of_patient(&record, "d").await, ["of-d"]);
    assert_eq!(found(&record, "Observation", &[("subject", "Patient/a")]).await.len(), 3);
    redirect(&record, vec![end("b")]).await;
    assert_eq!(leads(&record, "a").await, "b");
    assert_eq!(of_patient(&record, "a").await, ["of-a", "of-b"]);
    assert_eq!(of_patient(&record, "c").await, ["of-c"]);
}

#[tokio::test]
async fn a_loop_ends_and_an_alias_leads_to_its_resource() {
    let place = Place::new();
    let record = place.open();
    commit(&record, vec![put(&observation("o", "b", "718-7"), Expect::Absent)]).await;
    redirect(&record, vec![begin("new", "old", Why::Alias)]).await;
    assert_eq!(leads(&record, "new").await, "old");
    redirect(&record, vec![begin("a", "b", Why::Merged), begin("b", "c", Why::Merged), begin("c", "a", Why::Merged)])
        .await;
    assert_eq!(leads(&record, "a").await, "c");
    assert_eq!(of_patient(&record, "a").await, ["o"]);
    // Changing where an id leads is one redirect, not two.
    redirect(&record, vec![begin("new", "other", Why::Alias)]).await;
    assert_eq!(leads(&record, "new").await, "other");
}
