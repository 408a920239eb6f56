//! Search as a client sees it: the resources and queries of `tests/search/*.txt`, and what is refused.

use fhir::json;
use fhir::search::{
    self, COUNT_DEFAULT, COUNT_MAX, Context, Direction, Handling, Limits, Others, Parameter, Query, Reference, Summary,
    Total, Value,
};
use fhir::{IssueType, Resource};

/// `a=b&c=d`; `%20` alone is decoded, for a value of blanks.
fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').expect("a pair has a value");
        (name.to_owned(), value.replace("%20", " "))
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect()
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
    check("composite", include_str!("search/composite.txt"));
    check("uri", include_str!("search/uri.txt"));
    check("words", include_str!("search/words.txt"));
}

/// Resources that may look at one another.
struct World(Vec<Resource<'static>>);

impl World {
    fn read(text: &str) -> World {
        let lines = text.lines().filter(|line| line.starts_with('{'));
        let read = |line: &str| match json::read(line.as_bytes()) {
            Ok(resource) => resource.into_owned(),
            Err(issues) => panic!("{line}: {issues:?}"),
        };
        World(lines.map(read).collect())
    }

    /// The ids of what is found, or why the query has no answer.
    fn find(&self, mut query: Query) -> String {
        if let Err(issue) = search::resolve(&mut query, self) {
            return format!("refused: {}", issue.text);
        }
        let found = self.0.iter().filter(|resource| search::matches_among(&query, resource, self));
        let ids: Vec<&str> = found.filter_map(Resource::id).collect();
        if ids.is_empty() { String::from("nothing") } else { ids.join(" ") }
    }
}

impl Others for World {
    fn one(&self, kind: &str, id: &str, see: &mut dyn FnMut(&Resource<'_>)) {
        self.0.iter().filter(|of| of.kind() == kind && of.id() == Some(id)).for_each(see);
    }

    fn named(&self, kind: &str, url: &str, see: &mut dyn FnMut(&Resource<'_>)) {
        self.0.iter().filter(|of| of.kind() == kind && of.str("url") == Some(url)).for_each(see);
    }

    fn referring(&self, by: &Parameter, kind: &str, id: &str, see: &mut dyn FnMut(&Resource<'_>)) {
        for resource in self.0.iter().filter(|of| of.kind() == by.kind) {
            let mut refers = false;
            search::each_of(resource, &[by.id], &mut |entry| {
                refers |= matches!(entry.value, Value::Reference(Reference::Local { kind: k, id: i }) if k == kind && i == id);
            });
            if refers {
                see(resource);
            }
        }
    }
}

#[test]
fn resources_are_found_by_what_stands_around_them() {
    let text = include_str!("search/around.txt");
    let world = World::read(text);
    let mut faults = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '{'])) {
        let (query, expected) = line.split_once(" -> ").expect("a case has its answer");
        let (place, query) = query.split_once('?').expect("a query follows a type");
        let parse = |kind: &str| match kind {
            "" | "*" => Query::across(Context::default(), &pairs(query), Handling::Strict),
            kind => Query::parse(kind, &pairs(query), Handling::Strict),
        };
        let read = match place.split('/').collect::<Vec<_>>().as_slice() {
            [kind] => parse(kind),
            [of, id, kind] => parse(kind).and_then(|query| query.within(of, id).map_err(|issue| vec![issue])),
            _ => panic!("{line}: no place for a search"),
        };
        let found = match read {
            Ok(query) => world.find(query),
            Err(issues) => format!("refused: {}", issues[0].text),
        };
        if found != expected && !(expected.starts_with("refused: ") && found.starts_with(expected)) {
            faults.push(format!("{line}, but found {found}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn includes_are_read() {
    let read = |value: &str| {
        let pairs = [("_include:iterate".to_owned(), value.to_owned())];
        Query::parse("Observation", &pairs, Handling::Strict).map(|query| query.includes[0])
    };
    for (value, source, parameter, target) in [
        ("Observation:subject", Some("Observation"), Some("subject"), None),
        ("Observation:subject:Patient", Some("Observation"), Some("subject"), Some("Patient")),
        ("Encounter:*", Some("Encounter"), None, None),
        ("*", None, None, None),
    ] {
        let include = read(value).expect(value);
        assert_eq!((include.source, include.parameter.map(|of| of.code), include.target), (source, parameter, target));
        assert!(include.iterate && include.direction == Direction::Forward);
    }
    for value in [
        "",
        "Observation",
        "Observation:code",
        "Observation:subject:Encounter",
        "Nobody:subject",
        "Observation:subject:Patient:x",
        ":subject",
    ] {
        assert!(read(value).is_err(), "{value}");
    }
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
                let left = (lenient.clauses.len(), lenient.relations.len(), lenient.includes.len(), lenient.used.len());
                assert_eq!((lenient.warnings.len(), left), (1, (0, 0, 0, 0)), "{line}");
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
fn a_query_has_its_bounds_and_names_the_one_that_is_reached() {
    let limits = Limits::default();
    let parse = |pairs: &[(String, String)]| Query::parse("Patient", pairs, Handling::Lenient).map(|_| ());
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let refused = |pairs: &[(String, String)], bound: usize| {
        let issues = parse(pairs).expect_err("more than is let through");
        assert!(matches!(issues[0].code, IssueType::TooCostly | IssueType::TooLong), "{issues:?}");
        assert!(issues[0].text.contains(&bound.to_string()), "{issues:?}");
    };
    let names = |count| vec![pair("name", "a"); count];
    assert!(parse(&names(limits.parameters)).is_ok());
    refused(&names(limits.parameters + 1), limits.parameters);
    let ids = |count| vec![pair("_id", &vec!["a"; count].join(","))];
    assert!(parse(&ids(limits.values)).is_ok());
    refused(&ids(limits.values + 1), limits.values);
    refused(&[pair("name", &"a".repeat(limits.value_bytes + 1))], limits.value_bytes);
    let chain = |links| [pair(&format!("{}name", "link:Patient.".repeat(links)), "a")];
    assert!(parse(&chain(limits.links)).is_ok());
    refused(&chain(limits.links + 1), limits.links);
    let has = |links| [pair(&format!("{}name", "_has:Patient:link:".repeat(links)), "a")];
    assert!(parse(&has(limits.links)).is_ok());
    refused(&has(limits.links + 1), limits.links);
    let includes: Vec<_> = search::table()
        .kinds()
        .flat_map(|kind| search::table().parameters(kind))
        .filter(|parameter| parameter.class == search::ParameterClass::Reference)
        .map(|parameter| pair("_revinclude", &format!("{}:{}", parameter.kind, parameter.code)))
        .take(limits.includes + 1)
        .collect();
    assert!(parse(&includes[1..]).is_ok());
    refused(&includes, limits.includes);
    let wide = [pair("focus.focus.focus.focus.code", "a")];
    let issues = Query::parse("Observation", &wide, Handling::Lenient).expect_err("leads everywhere");
    assert_eq!(issues[0].code, IssueType::TooCostly, "{issues:?}");
}
