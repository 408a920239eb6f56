//! Hostile questions, against the running server (hostile input 29 to 46). `tests/README.md` has the list.

use serde_json::{Value, json};

use crate::support::http::{Reply, ask, reference};
use crate::support::raw::say;
use crate::support::server::Hilum;
use crate::support::siege::{CANARY, Siege};

const FORM: &str = "application/x-www-form-urlencoded";

/// Each query on Patients is refused.
fn refused(siege: &Siege, statuses: &[u16], queries: &[&str]) {
    for query in queries {
        siege.refused(query, &siege.get(&format!("Patient?{query}")), statuses);
    }
}

fn found(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let entries = reply.json()["entry"].as_array().cloned().unwrap_or_default();
    entries
        .into_iter()
        .filter(|entry| entry["search"]["mode"] == "match")
        .map(|entry| entry["resource"].clone())
        .collect()
}

fn link(bundle: &Value, relation: &str) -> Option<String> {
    let links = bundle["link"].as_array().cloned().unwrap_or_default();
    let link = links.into_iter().find(|link| link["relation"] == relation)?;
    link["url"].as_str().map(str::to_owned)
}

/// A ring of organizations, each a part of the next, and as many patients as are asked for at the first of them.
fn ring(siege: &Siege, organizations: usize, patients: usize) {
    let organization = |number: usize| {
        let next = format!("Organization/o{}", (number + 1) % organizations);
        json!({ "resourceType": "Organization", "id": format!("o{number}"), "name": "Ring", "partOf": { "reference": next } })
    };
    let patient = |number: usize| {
        let at = json!({ "reference": "Organization/o0" });
        json!({ "resourceType": "Patient", "id": format!("p{number}"), "managingOrganization": at })
    };
    let all = (0..organizations).map(organization).chain((0..patients).map(patient));
    let entry: Vec<Value> = all
        .map(|resource| json!({ "request": { "method": "PUT", "url": reference(&resource) }, "resource": resource }))
        .collect();
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entry });
    let stored = siege.post("", "application/fhir+json", bundle.to_string());
    assert_eq!(stored.status, 200, "{}", stored.text);
}

#[test]
fn hostile_29_includes_come_to_an_end_and_say_so() {
    let siege = Siege::begin();
    ring(&siege, 50, 1_500);
    let modes = |reply: &Reply, mode: &str| {
        let entries = reply.json()["entry"].as_array().cloned().unwrap_or_default();
        entries.into_iter().filter(|entry| entry["search"]["mode"] == mode).collect::<Vec<_>>()
    };
    let everything = siege.get("Patient?_id=p0&_include=*&_include:iterate=*&_revinclude=*&_revinclude:iterate=*");
    assert_eq!(everything.status, 200, "{}", everything.text);
    let (included, outcomes) = (modes(&everything, "include"), modes(&everything, "outcome"));
    assert!(!included.is_empty() && included.len() <= 1_000, "{}", included.len());
    assert_eq!(outcomes.len(), 1, "it says that there would be more");
    assert_eq!(outcomes[0]["resource"]["issue"][0]["code"], "too-costly", "{outcomes:?}");
    let chain = siege.get("Organization?_id=o0&_include:iterate=Organization:partof&_include=Organization:partof");
    assert!((1..=4).contains(&modes(&chain, "include").len()), "{}", chain.text);
    assert_eq!(modes(&chain, "outcome").len(), 1, "{}", chain.text);
    let many = vec!["_include=Patient:organization"; 99].join("&");
    assert_eq!(siege.get(&format!("Patient?_id=p0&{many}")).status, 200, "the same one many times is one");
    let kinds =
        ["link", "general-practitioner", "organization"].map(|code| format!("_include=Patient:{code}")).join("&");
    let iterated = kinds.replace("_include=", "_include:iterate=");
    let reverse =
        ["Observation:subject", "Condition:subject", "Encounter:subject", "Procedure:subject", "Coverage:patient"];
    let reverse: Vec<String> = reverse
        .iter()
        .flat_map(|of| ["_revinclude=", "_revinclude:iterate="].map(|how| format!("{how}{of}")))
        .collect();
    let targets = ["Patient", "RelatedPerson"].map(|target| format!("_include=Patient:link:{target}")).join("&");
    let known = format!("{kinds}&{iterated}&{}&{targets}", reverse.join("&"));
    assert_eq!(siege.get(&format!("Patient?_id=p0&{known}")).status, 200);
    refused(
        &siege,
        &[400],
        &[
            "_include=**",
            "_include=Patient",
            "_include=Patient:nothing",
            "_include=Patient:name",
            "_include=Nothing:subject",
            "_include=Patient:organization:Observation",
            "_include:recurse=Patient:organization",
            "_include=../..:*",
            "_revinclude=",
        ],
    );
    siege.withstood();
}

#[test]
fn hostile_31_a_chain_has_few_links_and_known_ones() {
    let siege = Siege::begin();
    ring(&siege, 20, 5);
    assert_eq!(found(&siege.get("Patient?organization.partof.partof.name=ring")).len(), 5);
    assert_eq!(found(&siege.get("Organization?_has:Patient:organization:_id=p0")).len(), 1);
    let deep = format!("organization.{}name=ring", "partof.".repeat(20));
    refused(
        &siege,
        &[400],
        &[
            &deep,
            &format!("{}_id=x", "_has:Organization:partof:".repeat(20)),
            "organization.nothing=x",
            "organization:Patient.name=x",
            "_has:Patient:name:_id=x",
            "_has:Nothing:subject:_id=x",
            "_has:Patient:organization=x",
            "organization..name=x",
        ],
    );
    siege.withstood();
}

#[test]
fn hostile_32_what_cannot_be_answered_is_never_answered_with_everything() {
    let siege = Siege::begin();
    let queries = [
        "_filter=name%20eq%20x",
        "_query=everything",
        "_text=",
        "_content=",
        "_list=",
        "name=",
        "name",
        "birthdate=",
        "identifier=",
        "_has:Observation:patient:colour=x",
        "_has:x",
        "name:of-type=x",
        "family.given=x",
        "general-practitioner.name=",
        "link:Patient.nothing=x",
        "=x",
        "near=1|2",
        "phonetic=x",
    ];
    refused(&siege, &[400], &queries);
    siege.withstood();
}

#[test]
fn hostile_33_an_unknown_parameter_is_refused_unless_the_client_says_otherwise() {
    let siege = Siege::begin();
    refused(&siege, &[400], &["colour=red", "Name=x", "name%20=x", "name:exactly=x", "_method=GET", "_offset=5"]);
    let url = format!("{}/Patient?colour={CANARY}&name=bystander", siege.fhir().base);
    siege.refused("strictly", &ask("GET", &url, &[("prefer", "handling=strict")], &[]), &[400]);
    let lenient = ask("GET", &url, &[("prefer", "handling=lenient")], &[]);
    assert_eq!(found(&lenient).len(), 1, "{}", lenient.text);
    let entries = lenient.json()["entry"].as_array().expect("entries").clone();
    let outcome = entries.iter().find(|entry| entry["search"]["mode"] == "outcome").expect("it says what was left out");
    assert_eq!(outcome["resource"]["issue"][0]["severity"], "warning");
    assert!(!link(&lenient.json(), "self").expect("self").contains("colour"), "the link says what was understood");
    // A modifier changes what is meant, and is never passed over.
    let url = format!("{}/Patient?name:exactly=x", siege.fhir().base);
    siege.refused("a modifier", &ask("GET", &url, &[("prefer", "handling=lenient")], &[]), &[400]);
    siege.withstood();
}

#[test]
fn hostile_34_a_page_has_the_servers_size_at_most() {
    let siege = Siege::begin();
    for query in ["_count=1000000000", "_count=4294967295", "_count=0"] {
        assert_eq!(siege.get(&format!("Patient?{query}")).status, 200, "{query}");
    }
    refused(
        &siege,
        &[400],
        &["_count=-1", "_count=1e9", "_count=99999999999999999999", "_count=", "_count=1&_count=2"],
    );
    refused(&siege, &[400], &["_offset=99999999999", "_count=0x10", "_count=%2b1%2b"]);
    for query in ["_count=-1", "_count=x"] {
        siege.refused(query, &siege.get(&format!("_history?{query}")), &[400]);
    }
    assert_eq!(siege.get("_history?_count=1000000000").status, 200);
    siege.withstood();
}

#[test]
fn hostile_35_a_page_link_is_good_for_whom_and_what_it_was_made() {
    let siege = Siege::begin();
    for number in 0..3 {
        let patient = json!({ "resourceType": "Patient", "name": [{ "family": format!("Maran{number}") }] });
        assert_eq!(siege.fhir().post("Patient", &[], &patient).status, 201);
    }
    for path in ["Patient?family=maran&_count=1", "_history?_count=1", "Patient/_history?_count=1"] {
        let next = link(&siege.get(path).json(), "next").expect("there is more");
        assert_eq!(ask("GET", &next, &[], &[]).status, 200, "{next}");
        let (address, page) = next.split_once("_page=").expect("a page link");
        let mut forged = vec![
            next.replace("_count=1", "_count=2"),
            next.replace("family=maran", "family=bystander"),
            next.replace("/Patient", "/Observation"),
            format!("{address}_page=1-o50"),
            format!("{address}_page="),
            format!("{address}_page={}", "f".repeat(8_000)),
            format!("{address}_page=%27%20OR%201=1"),
            format!("{next}00"),
        ];
        let digits = page.len();
        for place in [0, digits / 2, digits - 1] {
            let digit = if page.as_bytes()[place] == b'0' { "1" } else { "0" };
            forged.push(format!("{address}_page={}{digit}{}", &page[..place], &page[place + 1..]));
        }
        for url in forged.into_iter().filter(|url| *url != next) {
            let reply = ask("GET", &url, &[], &[]);
            siege.refused(&url, &reply, if url.contains("/Observation") { &[400, 403] } else { &[403] });
        }
        // How the page is written is not what it is.
        assert_eq!(ask("GET", &format!("{next}&_format=xml"), &[], &[]).status, 200);
        // A link of another server.
        let other = Hilum::start();
        let elsewhere = next.replace(&siege.hilum().http(), &other.http());
        assert_eq!(ask("GET", &elsewhere, &[], &[]).status, 403, "{elsewhere}");
    }
    siege.withstood();
}

#[test]
fn hostile_36_a_value_is_a_value_and_nothing_else() {
    let siege = Siege::begin();
    let names =
        ["O'Brien' OR 1=1--", "x\"; DROP TABLE version; --", "100%", "under_score", "back\\slash", "semi;colon"];
    for (number, name) in names.iter().enumerate() {
        let patient = json!({
            "resourceType": "Patient",
            "name": [{ "family": name }],
            "identifier": [{ "system": format!("http://x/{name}").replace([' ', '"', '\\'], ""), "value": name }],
            "telecom": [{ "system": "phone", "value": number.to_string() }],
        });
        let stored = siege.fhir().post("Patient", &[], &patient);
        assert_eq!(stored.status, 201, "{}", stored.text);
    }
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    for name in names {
        // `,`, `$`, `|` and `\` have a meaning in a value; a `\` before them takes it away.
        let value = encoded(&name.replace('\\', "\\\\"));
        for parameter in ["family:exact", "family", "identifier", "name:contains"] {
            let found = found(&siege.get(&format!("Patient?{parameter}={value}")));
            assert_eq!(found.len(), 1, "{parameter}={name}: {found:?}");
            assert_eq!(found[0]["name"][0]["family"], name, "{parameter}");
        }
    }
    for value in ["' OR 1=1--", "%", "_", "x' UNION SELECT 1--", "*", "\" OR \"\"=\"", "');--"] {
        for parameter in ["family:exact", "identifier", "_id", "_tag", "general-practitioner", "gender"] {
            let reply = siege.get(&format!("Patient?{parameter}={}", encoded(value)));
            assert!(
                [200, 400].contains(&reply.status) && (reply.status != 200 || found(&reply).is_empty()),
                "{parameter}={value}: {}",
                reply.text
            );
        }
    }
    for sort in ["' OR 1", "name;DROP TABLE version", "1", "(SELECT 1)", "name,--"] {
        siege.refused(sort, &siege.get(&format!("Patient?_sort={}", encoded(sort))), &[400]);
    }
    assert_eq!(siege.strangers(), names.len() as u64);
    siege.withstood();
}

#[test]
fn hostile_37_what_looks_like_a_command_is_a_value() {
    let siege = Siege::begin();
    for value in ["a%0D%0AFLUSHALL%0D%0A", "*3%0D%0A%243", "%00", "redis.call('FLUSHALL')"] {
        let reply = siege.get(&format!("Patient?identifier={value}"));
        assert!(reply.status == 400 || found(&reply).is_empty(), "{value}: {}", reply.text);
        assert!(reply.headers.iter().all(|(_, value)| !value.contains("FLUSHALL")), "{reply:?}");
    }
    siege.withstood();
}

#[test]
fn hostile_38_no_pattern_and_no_length_costs_more_than_it_says() {
    let siege = Siege::begin();
    let long = json!({ "resourceType": "Patient", "name": [{ "family": "a".repeat(50_000) }] });
    assert_eq!(siege.fhir().post("Patient", &[], &long).status, 201);
    refused(&siege, &[400], &["name:regex=(a%2B)%2B$", "name:matches=x", "_sort=name:regex"]);
    // A pattern's characters are letters like others.
    assert_eq!(found(&siege.get("Patient?name:contains=(a%2B)%2B$")).len(), 0);
    let contains = format!("name:contains={}b", "a".repeat(10_000));
    assert_eq!(found(&siege.get(&format!("Patient?{contains}"))).len(), 0);
    siege.refused("20 kB in the address", &siege.get(&format!("Patient?name={}", "a".repeat(20_000))), &[414]);
    siege.refused(
        "1 MB in a form",
        &siege.post("Patient/_search", FORM, format!("name={}", "a".repeat(1 << 20))),
        &[400],
    );
    siege.refused(
        "20 MB in a form",
        &siege.post("Patient/_search", FORM, format!("name={}", "a".repeat(20 << 20))),
        &[413],
    );
    siege.withstood();
}

#[test]
fn a_search_that_takes_longer_than_it_may_is_told_so() {
    let hilum = Hilum::configured("[search]\nseconds = 0");
    let patient = json!({ "resourceType": "Patient", "id": "a", "name": [{ "family": CANARY }] });
    assert_eq!(hilum.fhir().put("Patient/a", &[], &patient).status, 201);
    for query in ["Patient", "Patient?name:contains=x", "?_type=Patient", "Patient/a/$everything"] {
        let reply = hilum.fhir().get(query);
        assert_eq!(reply.status, 422, "{query}: {}", reply.text);
        assert!(reply.outcome("too-costly").contains("search.seconds"), "{}", reply.text);
    }
    let create =
        hilum.fhir().post("Patient", &[("if-none-exist", "gender:not=male")], &json!({ "resourceType": "Patient" }));
    assert_eq!(create.status, 422, "{}", create.text);
    assert_eq!(hilum.fhir().get("Patient/a").status, 200, "a read is no search");
}

#[test]
fn hostile_39_so_many_values_are_no_question() {
    let siege = Siege::begin();
    let form = |query: String| siege.post("Patient/_search", FORM, query);
    siege.refused("1,000 OR values", &form(format!("_id={}", vec!["a"; 1_000].join(","))), &[400]);
    assert_eq!(form(format!("_id={}", vec!["a"; 500].join(","))).status, 200, "500 are a question");
    siege.refused("200 AND parameters", &form(vec!["name=a"; 200].join("&")), &[400]);
    siege.refused("a million parameters", &form(vec!["a=b"; 1_000_000].join("&")), &[400]);
    siege.refused("chains", &form(format!("{}name=x", "link.".repeat(50))), &[400]);
    siege.refused("rules of order", &form(format!("_sort={}", vec!["name"; 100].join(","))), &[400]);
    siege.withstood();
}

#[test]
fn hostile_40_a_date_is_a_date() {
    let siege = Siege::begin();
    for date in [
        "0000",
        "0000-01-01",
        "9999-99-99",
        "2020-13",
        "2020-02-30",
        "2021-02-29",
        "20200101",
        "0",
        "-2020",
        "2020-01-01T25:00:00Z",
        "2020-01-01T00:00:00%2B14:60",
        "2020-01-01T00:00:00%2B15:00",
        "2020-01-01T00:00:61Z",
        "2020-01-01T10",
        "today",
        "ge",
        "xx2020",
        "2020-1-1",
    ] {
        siege.refused(date, &siege.get(&format!("Patient?birthdate={date}")), &[400]);
    }
    for date in ["2016-12-31T23:59:60Z", "9999-12-31", "ge2020-01-01T00:00:00%2B14:00", "lt2020", "2020-02-29"] {
        assert_eq!(siege.get(&format!("Patient?_lastUpdated={date}")).status, 200, "{date}");
    }
    siege.withstood();
}

#[test]
fn hostile_41_ids_that_are_not_there_all_look_the_same() {
    let siege = Siege::begin();
    let patient = json!({ "resourceType": "Patient", "id": "0001" });
    assert_eq!(siege.fhir().put("Patient/0001", &[], &patient).status, 201);
    // Of another type, never there, and one that could be.
    let answers: Vec<String> = ["Observation/0001", "Observation/0002", "Encounter/0001"]
        .iter()
        .map(|at| {
            let reply = siege.get(at);
            siege.refused(at, &reply, &[404]);
            reply.text.replace(at, "KEY")
        })
        .collect();
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    // Those that we make are not guessed: 80 of their bits are random.
    let made: Vec<String> = (0..2)
        .map(|_| reference(&siege.fhir().post("Patient", &[], &json!({ "resourceType": "Patient" })).json()))
        .collect();
    let differ = made[0].bytes().zip(made[1].bytes()).filter(|(one, other)| one != other).count();
    assert!(differ > 8, "{made:?}");
    siege.withstood();
}

#[test]
fn hostile_42_a_whole_record_comes_in_pages() {
    let siege = Siege::begin();
    let patients = ["a", "b"].map(|id| json!({ "resourceType": "Patient", "id": id }));
    let results = (0..1_200).map(|number| {
        let subject = json!({ "reference": if number % 2 == 0 { "Patient/a" } else { "Patient/b" } });
        json!({ "resourceType": "Observation", "id": format!("r{number}"), "status": "final", "code": { "text": "x" }, "subject": subject })
    });
    let entry: Vec<Value> = patients
        .into_iter()
        .chain(results)
        .map(|resource| json!({ "request": { "method": "PUT", "url": reference(&resource) }, "resource": resource }))
        .collect();
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entry });
    assert_eq!(siege.post("", "application/fhir+json", bundle.to_string()).status, 200);
    let mut page = siege.get("Patient/a/$everything?_count=100000");
    let mut seen = 0;
    loop {
        for resource in found(&page) {
            let of = resource["subject"]["reference"].as_str().unwrap_or("Patient/a");
            assert_eq!(of, "Patient/a", "only what is this person's: {resource}");
            seen += 1;
        }
        assert!(found(&page).len() <= 1_000, "a page has a bound");
        let Some(next) = link(&page.json(), "next") else { break };
        page = ask("GET", &next, &[], &[]);
    }
    assert_eq!(seen, 601);
    assert_eq!(found(&siege.get("Patient/a/$everything?_type=Encounter")).len(), 0);
    for path in
        ["Patient/a/$everything?_type=Nothing", "Patient/a/$everything?colour=red", "Patient/a/$everything?start=x"]
    {
        siege.refused(path, &siege.get(path), &[400]);
    }
    siege.refused("nobody's", &siege.get("Patient/nobody/$everything"), &[404]);
    siege.withstood();
}

#[test]
fn hostile_43_what_is_not_served_is_not_there() {
    let siege = Siege::begin();
    for path in ["Group/x/$export", "Patient/x/$export", "Patient/x/$graphql", "$nothing", "Patient/$match"] {
        siege.refused(path, &siege.get(path), &[404, 405]);
    }
    for path in ["hilum/bulk/0123456789abcdef0123456789abcdef", "hilum/bulk/x/1.ndjson"] {
        siege.refused(path, &ask("GET", &format!("{}/{path}", siege.hilum().http()), &[], &[]), &[404]);
    }
    siege.withstood();
}

#[test]
fn hostile_44_a_time_far_away_is_a_time() {
    let siege = Siege::begin();
    let future = siege.get("_history?_since=2999-01-01T00:00:00Z");
    assert_eq!((future.status, future.json()["entry"].clone()), (200, Value::Null), "{}", future.text);
    let past = siege.get("_history?_since=1900-01-01T00:00:00Z&_count=1");
    assert_eq!(past.json()["entry"].as_array().map(Vec::len), Some(1), "{}", past.text);
    for (at, entries) in [("2999", 1), ("1900", 0), ("9999-12-31", 1), ("0001-01-01", 0)] {
        let reply = siege.get(&format!("_history?_at={at}"));
        let found = reply.json()["entry"].as_array().map_or(0, Vec::len);
        assert_eq!((reply.status, found), (200, entries), "{at}: {}", reply.text);
    }
    siege.refused("_at", &siege.get("_history?_at=0000"), &[400]);
    for since in ["yesterday", "99999-01-01T00:00:00Z", "2020-01-01T00:00:00", ""] {
        siege.refused(since, &siege.get(&format!("_history?_since={since}")), &[400]);
    }
    siege.withstood();
}

#[test]
fn hostile_45_a_method_is_what_the_request_says() {
    let siege = Siege::begin();
    let at = "Patient/kept";
    let patient = json!({ "resourceType": "Patient", "id": "kept" });
    assert_eq!(siege.fhir().put(at, &[], &patient).status, 201);
    let url = format!("{}/{at}", siege.fhir().base);
    for header in ["x-http-method-override", "x-http-method", "x-method-override"] {
        siege.refused(header, &ask("POST", &url, &[(header, "DELETE")], &[]), &[405]);
        assert_eq!(ask("GET", &url, &[(header, "DELETE")], &[]).status, 200, "{header}");
    }
    siege.refused("a parameter", &ask("POST", &format!("{url}?_method=DELETE"), &[], &[]), &[405]);
    siege.refused("a form", &siege.post(at, FORM, "_method=DELETE"), &[405]);
    for method in ["TRACE", "PROPFIND", "get", "DELETED"] {
        let head = format!("{method} /fhir/{at} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let said = say(&siege.hilum().http(), head.as_bytes());
        assert!(said.status() == 405 && said.text.to_lowercase().contains("\r\nallow: get, head, put"), "{said:?}");
    }
    assert_eq!(siege.fhir().versions(at), 1, "nothing was done to it");
    siege.withstood();
}

#[test]
fn hostile_46_a_format_that_is_not_served_is_not_acceptable() {
    let siege = Siege::begin();
    let url = format!("{}/Patient", siege.fhir().base);
    let many = "text/x,".repeat(2_000);
    for accept in ["../../", "application/fhir+xml;fhirVersion=3.0", "application/fhir+json;q=0", "text/turtle", &many]
    {
        siege.refused(accept, &ask("GET", &url, &[("accept", accept)], &[]), &[406]);
    }
    refused(&siege, &[406], &["_format=../../etc/passwd", "_format=ttl", "_format=", "_format=json%00"]);
    siege.withstood();
}
