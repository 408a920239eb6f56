//! Page links: every page of a search sees what the first saw, until the index rows of that moment are trimmed.

use record::{Expect, ReadError, Record, Time};

use crate::{HOUR_US, NEW_YEAR, Place, all, commit, delete, patient, put, query, writes};

type Pairs = &'static [(&'static str, &'static str)];

async fn pages(record: &Record, pairs: &[(&str, &str)], first: Option<String>) -> Result<Vec<Vec<String>>, ReadError> {
    let (query, mut link, mut pages) = (query("Patient", pairs), first, Vec::new());
    loop {
        let page = record.search(&all(), &query, link.as_deref()).await?;
        pages.push(page.versions.into_iter().map(|version| version.key.id).collect());
        link = page.next;
        if link.is_none() {
            return Ok(pages);
        }
    }
}

async fn first_link(record: &Record, pairs: &[(&str, &str)]) -> Option<String> {
    record.search(&all(), &query("Patient", pairs), None).await.unwrap().next
}

async fn five(record: &Record) {
    for (at, family) in ["Eve", "Dora", "Cole", "Dora", "Abel"].into_iter().enumerate() {
        commit(record, vec![put(&patient(&format!("p{at}"), family), Expect::Absent)]).await;
    }
}

#[tokio::test]
async fn pages_are_newest_first_or_sorted() {
    let place = Place::new();
    let record = place.open();
    five(&record).await;
    let cases: [(Pairs, &[&[&str]]); 6] = [
        (&[("_count", "2")], &[&["p4", "p3"], &["p2", "p1"], &["p0"]]),
        (&[("_count", "5")], &[&["p4", "p3", "p2", "p1", "p0"]]),
        (&[("_count", "3"), ("_sort", "family")], &[&["p4", "p2", "p3"], &["p1", "p0"]]),
        (&[("_count", "4"), ("_sort", "-family,_id")], &[&["p0", "p1", "p3", "p2"], &["p4"]]),
        (&[("_count", "4"), ("_sort", "_lastUpdated")], &[&["p0", "p1", "p2", "p3"], &["p4"]]),
        (&[("_count", "1"), ("family", "dora")], &[&["p3"], &["p1"]]),
    ];
    for (pairs, expected) in cases {
        assert_eq!(pages(&record, pairs, None).await.unwrap(), expected, "{pairs:?}");
    }
    // Nobody here has a birth date: who has none comes last, and then the newest first.
    let by_birth = pages(&record, &[("_sort", "-birthdate")], None).await.unwrap();
    assert_eq!(by_birth, [["p4", "p3", "p2", "p1", "p0"]]);
}

#[tokio::test]
async fn a_link_sees_what_was_there_when_the_search_began() {
    let place = Place::new();
    let record = place.open();
    five(&record).await;
    let by_name: &[_] = &[("_count", "2"), ("_sort", "family"), ("family", "dora,cole,eve")];
    let (plain, sorted) = (first_link(&record, &[("_count", "2")]).await, first_link(&record, by_name).await);
    // p2 goes, p1 is renamed, p0 is changed twice, p9 comes.
    commit(&record, vec![delete("Patient", "p2", 1), put(&patient("p1", "Zoe"), Expect::Version(1))]).await;
    commit(
        &record,
        vec![put(&patient("p0", "Aaron"), Expect::Version(1)), put(&patient("p9", "Cole"), Expect::Absent)],
    )
    .await;
    commit(&record, vec![put(&patient("p0", "Bert"), Expect::Version(2))]).await;
    assert_eq!(pages(&record, &[("_count", "2")], plain.clone()).await.unwrap(), [vec!["p2", "p1"], vec!["p0"]]);
    assert_eq!(pages(&record, by_name, sorted).await.unwrap(), [["p1", "p0"]]);
    // What the link shows is the version of then.
    let page = record.search(&all(), &query("Patient", &[("_count", "2")]), plain.as_deref()).await.unwrap();
    assert!(page.versions.iter().all(|version| version.vid == 1));
    assert_eq!(page.total, Some(5));
    assert_eq!(crate::found(&record, "Patient", &[("family", "dora,zoe")]).await, ["p1", "p3"]);
}

#[tokio::test]
async fn a_link_expires_when_its_moment_is_trimmed() {
    let place = Place::new();
    let record = place.open();
    five(&record).await;
    let link = first_link(&record, &[("_count", "2")]).await;
    let mut update = writes(vec![put(&patient("p0", "Zoe"), Expect::Version(1)), delete("Patient", "p1", 1)]);
    update.now = Time(NEW_YEAR.0 + HOUR_US);
    record.commit(&all(), update).await.unwrap();
    let now = Time(NEW_YEAR.0 + 2 * HOUR_US);
    assert_eq!(record.trim(Time(now.0 - 1_000), 100).await.unwrap(), 0, "an hour is an hour");
    assert!(pages(&record, &[("_count", "2")], link.clone()).await.is_ok());
    assert_eq!(record.trim(now, 1).await.unwrap(), 1);
    assert_eq!(record.trim(now, 100).await.unwrap(), 1);
    assert_eq!(record.trim(now, 100).await.unwrap(), 0);
    assert_eq!(pages(&record, &[("_count", "2")], link).await.unwrap_err(), ReadError::Expired);
    // The newest versions are found as before.
    assert_eq!(crate::found(&record, "Patient", &[("family", "zoe,dora,abel")]).await, ["p0", "p3", "p4"]);
    assert_eq!(record.check().await.unwrap(), []);
}

#[tokio::test]
async fn a_link_that_is_not_ours_is_refused() {
    let place = Place::new();
    let record = place.open();
    five(&record).await;
    for link in [
        "",
        "x",
        "5",
        "5-",
        "5-z3",
        "5-a-3",
        "-5-a3",
        "5-a3-9",
        "5-a3-t",
        "5-a3-t1-x",
        "5-é3",
        "99-a3",
        "5-a99999999999999999999",
    ] {
        let page = record.search(&all(), &query("Patient", &[]), Some(link)).await;
        assert_eq!(page.unwrap_err(), ReadError::BadPage, "{link}");
    }
}

#[tokio::test]
async fn totals_are_as_exact_as_asked_for() {
    let place = Place::new();
    let record = place.open();
    five(&record).await;
    let total = async |pairs: &[(&str, &str)]| {
        let page = record.search(&all(), &query("Patient", pairs), None).await.unwrap();
        (page.versions.len(), page.total)
    };
    assert_eq!(total(&[("_count", "2")]).await, (2, Some(5)));
    assert_eq!(total(&[("_count", "2"), ("_total", "none")]).await, (2, None));
    assert_eq!(total(&[("_count", "1"), ("_total", "accurate"), ("family", "dora")]).await, (1, Some(2)));
    assert_eq!(total(&[("_summary", "count"), ("family", "dora")]).await, (0, Some(2)));
    let hidden = record.search(&consent::Access::nobody(), &query("Patient", &[]), None).await.unwrap();
    assert_eq!((hidden.versions.len(), hidden.total), (0, Some(0)), "a total tells nothing that may not be read");
}
