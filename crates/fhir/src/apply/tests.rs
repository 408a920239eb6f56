//! `safety.md` 5 to 8 on small resources.

use super::*;

fn text(value: &str) -> Node<'static> {
    Node::text(value.to_owned())
}

fn item(fields: &[(&'static str, &str)]) -> Node<'static> {
    Node::Object(Object { fields: fields.iter().map(|(name, value)| (*name, text(value))).collect() })
}

fn write(path: &'static [&'static str], owner: &'static str, op: Op<'static>) -> Write<'static> {
    Write { path, owner, shared: false, displaces: &[], op }
}

fn shared(path: &'static [&'static str], owner: &'static str, items: Vec<Node<'static>>) -> Write<'static> {
    Write { path, owner, shared: true, displaces: &[], op: Op::Set(Node::List(items)) }
}

fn change(time: i64, writes: Vec<Write<'static>>) -> Change<'static> {
    let time = Some(EventTime { low_us: time, high_us: time });
    Change { kind: "Patient", id: "p".into(), rank: 0, time, stub: false, writes }
}

/// Applies the changes in this order; every state goes through its line of text, as it does in the store.
fn after(changes: Vec<Change<'static>>) -> Applied<'static> {
    let mut changes = changes.into_iter();
    let mut last = apply(None, changes.next().expect("one change at least"));
    for change in changes {
        let state = State::read(&last.state.write());
        assert_eq!(state, last.state);
        last = apply(Some(Current { resource: &last.resource, state: &state }), change);
    }
    last
}

#[test]
fn what_is_older_only_fills_what_was_never_set() {
    let newer =
        change(20, vec![write(&["birthDate"], "birth", Op::Set(text("1970"))), write(&["gender"], "g", Op::Clear)]);
    let older = change(
        10,
        vec![
            write(&["birthDate"], "birth", Op::Set(text("1960"))),
            write(&["gender"], "g", Op::Set(text("male"))),
            write(&["language"], "l", Op::Set(text("en"))),
        ],
    );
    let applied = after(vec![newer, older]);
    assert_eq!(applied.resource.str("birthDate"), Some("1970"));
    assert_eq!(applied.resource.str("gender"), None, "deleted at the source, not to be brought back");
    assert_eq!(applied.resource.str("language"), Some("en"));
    assert_eq!(applied.issues.len(), 1, "what was held back is listed");
    assert_eq!(applied.state.time, Some(EventTime { low_us: 20, high_us: 20 }));
}

#[test]
fn a_tie_and_an_ambiguous_hour_go_by_arrival() {
    let mut ambiguous = change(0, vec![write(&["gender"], "g", Op::Set(text("female")))]);
    ambiguous.time = Some(EventTime { low_us: 5, high_us: 15 });
    let applied = after(vec![change(10, vec![write(&["gender"], "g", Op::Set(text("male")))]), ambiguous]);
    assert_eq!(applied.resource.str("gender"), Some("female"));
}

#[test]
fn rank_beats_time_and_arrival() {
    let with = |rank, time, value| {
        let mut change = change(time, vec![write(&["status"], "s", Op::Set(text(value)))]);
        change.rank = rank;
        change
    };
    let corrected_first = after(vec![with(4, 30, "corrected"), with(3, 40, "final"), with(2, 50, "preliminary")]);
    assert_eq!(corrected_first.resource.str("status"), Some("corrected"));
    let in_order = after(vec![with(2, 10, "preliminary"), with(3, 10, "final"), with(4, 5, "corrected")]);
    assert_eq!(in_order.resource.str("status"), Some("corrected"));
}

#[test]
fn the_same_change_twice_makes_nothing_new() {
    let one = || change(10, vec![shared(&["telecom"], "home", vec![item(&[("value", "1")])])]);
    assert!(!after(vec![one(), one()]).changed);
}

#[test]
fn an_update_of_a_shared_list_replaces_only_its_own_items() {
    let applied = after(vec![
        change(
            1,
            vec![
                shared(&["telecom"], "home", vec![item(&[("value", "1")])]),
                shared(&["telecom"], "work", vec![item(&[("value", "2")])]),
            ],
        ),
        change(2, vec![shared(&["telecom"], "home", vec![item(&[("value", "3")]), item(&[("value", "4")])])]),
        change(3, vec![Write { path: &["telecom"], owner: "work", shared: true, displaces: &[], op: Op::Clear }]),
    ]);
    let values: Vec<_> =
        applied.resource.object.items("telecom").iter().filter_map(|t| t.as_object()?.str("value")).collect();
    assert_eq!(values, ["3", "4"]);
}

#[test]
fn an_item_that_nobody_owns_is_taken_over_by_its_equal() {
    let first = after(vec![change(1, vec![shared(&["telecom"], "home", vec![item(&[("value", "1")])])])]);
    let state = State::default();
    let again = change(2, vec![shared(&["telecom"], "home", vec![item(&[("value", "1")])])]);
    let applied = apply(Some(Current { resource: &first.resource, state: &state }), again);
    assert_eq!(applied.resource.object.items("telecom").len(), 1);
}

#[test]
fn a_missing_identifier_is_kept_and_reported() {
    let ids = |values: &[&str]| {
        let items = values.iter().map(|value| item(&[("system", "urn:a"), ("value", value)])).collect();
        vec![Write { path: &["identifier"], owner: "ids", shared: false, displaces: &[], op: Op::Keep(items) }]
    };
    let applied = after(vec![change(1, ids(&["1", "2"])), change(2, ids(&["2"]))]);
    assert_eq!(applied.resource.object.items("identifier").len(), 2);
    assert!(applied.issues[0].text.contains("kept"), "{:?}", applied.issues);
}

#[test]
fn a_stub_creates_and_never_changes() {
    let stub = |time| {
        let mut change = change(time, vec![write(&["gender"], "g", Op::Set(text("unknown")))]);
        change.stub = true;
        change
    };
    let admission = change(1, vec![write(&["gender"], "g", Op::Set(text("female")))]);
    let applied = after(vec![stub(50), admission, stub(60)]);
    assert_eq!(applied.resource.str("gender"), Some("female"), "an admission of an earlier hour beats a stub");
    assert!(!applied.changed);
}

#[test]
fn a_cancelled_transfer_restores_the_place_before() {
    let place = |name: &str| {
        Node::Object(Object { fields: vec![("location", item(&[("reference", name)])), ("status", text("active"))] })
    };
    let go =
        |time, step, to: Option<Node<'static>>| change(time, vec![write(&["location"], "l", Op::Journal(step, to))]);
    let statuses = |applied: &Applied<'_>| -> Vec<String> {
        let items = applied.resource.object.items("location").iter().filter_map(Node::as_object);
        items.map(|item| item.str("status").unwrap_or_default().to_owned()).collect()
    };
    let moved = after(vec![go(1, Journal::Add, Some(place("a"))), go(2, Journal::Add, Some(place("b")))]);
    assert_eq!(statuses(&moved), ["completed", "active"]);
    let back = after(vec![
        go(1, Journal::Add, Some(place("a"))),
        go(2, Journal::Add, Some(place("b"))),
        go(3, Journal::Undo, None),
    ]);
    assert_eq!(statuses(&back), ["active"]);
    let first = back.resource.object.items("location")[0].as_object().expect("an item");
    assert!(first.get("period").is_none(), "it did not end");
}
