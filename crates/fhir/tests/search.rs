//! Search as a client sees it: the resources and queries of `tests/search/*.txt`, and what is refused.

use fhir::json;
use fhir::search::{self, COUNT_DEFAULT, COUNT_MAX, Handling, PAIRS_MAX, Query, Summary, Total, VALUES_MAX};

/// `a=b&c=d`; `%20` alone is decoded, for a value of blanks.
fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').expect("a pair has a value");
        (name.to_owned(), value.replace("%20", " "))
    };
    query.split('&').map(pair).collect()
}

fn check(file: &str, cases: &str) {
    let mut resource = None;
    for (number, line) in cases.lines().enumerate() {
        let place = format!("{file}:{}: {line}", number + 1);
        match line.split_once(' ') {
            _ if line.is_empty() || line.starts_with('#') => {}
            _ if line.starts_with('{') => {
                resource = Some(json::read(line.as_bytes()).unwrap_or_else(|issues| panic!("{place}: {issues:?}")));
            }
            Some((expected, query)) => {
                let resource = resource.as_ref().expect("a resource comes before its queries");
                let query = Query::parse(resource.kind(), &pairs(query.trim_start()), Handling::Strict)
                    .unwrap_or_else(|issues| panic!("{place}: {issues:?}"));
                assert_eq!(search::matches(&query, resource), expected == "yes", "{place}");
            }
            None => panic!("{place}: not a case"),
        }
    }
}

#[test]
fn resources_are_found_by_what_they_say_and_by_nothing_else() {
    check("token", include_str!("search/token.txt"));
    check("date", include_str!("search/date.txt"));
    check("quantity", include_str!("search/quantity.txt"));
    check("reference", include_str!("search/reference.txt"));
    check("string", include_str!("search/string.txt"));
}

#[test]
fn what_cannot_be_served_is_refused_by_name() {
    for line in include_str!("search/refused.txt").lines().filter(|line| !line.starts_with('#')) {
        let (handling, case) = line.split_once(' ').expect("a case begins with its handling");
        let (query, reason) = case.split_once(" -> ").expect("a case has a reason");
        let (kind, query) = query.split_once('?').expect("a query follows a type");
        let issues = Query::parse(kind, &pairs(query), Handling::Strict).expect_err(line);
        let issue = &issues[0];
        let told = format!("{} {} {}", issue.code.code(), issue.path, issue.text);
        assert!(told.starts_with(reason), "{line}\n{told}");
        let lenient = Query::parse(kind, &pairs(query), Handling::Lenient);
        match handling {
            "strict" => {
                let lenient = lenient.expect(line);
                assert_eq!((lenient.warnings.len(), lenient.clauses.len(), lenient.used.len()), (1, 0, 0), "{line}");
            }
            _ => assert!(lenient.is_err(), "{line}"),
        }
    }
}

#[test]
fn a_refusal_never_repeats_a_value_and_says_all_at_once() {
    let asked =
        pairs("birthdate=SECRET&gender:SECRET=x&_sort=SECRET&name=SECRET&SECRET SECRET=1&identifier=SECRET|a|b");
    let issues = Query::parse("Patient", &asked, Handling::Strict).expect_err("wrong in many ways");
    assert_eq!(issues.len(), 5);
    let told: String = issues.iter().map(|issue| issue.text.as_str()).collect();
    assert!(!told.contains("SECRET"), "{told}");
    assert_eq!(issues[3].path, "http", "a name that is none is not repeated as a place");
}

#[test]
fn the_answer_is_shaped_as_asked() {
    let read = |query: &str| Query::parse("Observation", &pairs(query), Handling::Strict).expect(query);
    let query =
        read("_count=20&_sort=-date,_lastUpdated&_total=accurate&_summary=data&_elements=status,value&_format=json");
    assert_eq!((query.count, query.total, query.summary), (20, Total::Accurate, Summary::Data));
    let sort: Vec<_> = query.sort.iter().map(|sort| (sort.parameter.code, sort.descending)).collect();
    assert_eq!(sort, [("date", true), ("_lastUpdated", false)]);
    assert_eq!(query.elements, ["status", "value"]);
    assert!(query.clauses.is_empty());
    let plain = read("code=x");
    assert_eq!((plain.count, plain.total, plain.summary), (COUNT_DEFAULT, Total::Unspecified, Summary::False));
    assert_eq!(read("_count=5000").count, COUNT_MAX);
    assert_eq!(read("_count=0").summary, Summary::Count);
    assert_eq!(read("_count=0&_summary=data").summary, Summary::Count);
}

#[test]
fn a_query_has_its_bounds() {
    let parse = |pairs: &[(String, String)]| Query::parse("Patient", pairs, Handling::Lenient).map(|_| ());
    let pair = (String::from("name"), String::from("a"));
    assert!(parse(&vec![pair.clone(); PAIRS_MAX]).is_ok());
    assert!(parse(&vec![pair; PAIRS_MAX + 1]).is_err());
    let ids = |count: usize| vec![(String::from("_id"), vec!["a"; count].join(","))];
    assert!(parse(&ids(VALUES_MAX)).is_ok());
    assert!(parse(&ids(VALUES_MAX + 1)).is_err());
    assert!(parse(&[(String::from("name"), "a".repeat(100_000))]).is_err());
}
