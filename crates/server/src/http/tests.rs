//! The API as one server answers it, without a socket. What a whole server does for its users is in `tests/stories`.

use actix_web::body::to_bytes;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App as Routes, web};
use consent::Policy;

use super::routes::routes;
use super::{compress, watch};
use crate::app::App;
use crate::config::Config;
use crate::source::Source;

/// A directory of its own for one test, gone at its end.
struct Place(std::path::PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let path = std::env::temp_dir().join(format!("hilum-http-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the temporary directory can be written");
        Place(path)
    }

    fn app(&self, policy: Policy) -> App {
        let mut config = Config::default();
        config.store.data = self.0.clone();
        config.http.body_bytes_max = 2_000;
        let source = Source::demo("127.0.0.1:0".parse().expect("an address"));
        App::open(config, vec![source], policy).expect("a new store")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One request: method, path, headers with `|` between them, body; and what is answered: status, and a part of the body.
type Case<'c> = (&'c str, &'c str, &'c str, &'c str, u16, &'c str);

async fn check(app: &App, peer: &str, cases: &[Case<'_>]) {
    let served = Routes::new().app_data(web::Data::new(app.clone()));
    let served = served.wrap(from_fn(compress::compress)).wrap(from_fn(watch::watch));
    let served = init_service(served.configure(routes)).await;
    for (method, path, headers, body, status, part) in cases {
        let method: Method = method.parse().expect("a method");
        let mut request = TestRequest::with_uri(path).method(method).peer_addr(peer.parse().expect("an address"));
        for header in ["host: localhost"].into_iter().chain(headers.split('|').filter(|header| !header.is_empty())) {
            request = request.insert_header(header.split_once(": ").expect("name and value"));
        }
        let response = call_service(&served, request.set_payload(body.to_string()).to_request()).await;
        let said = response.status().as_u16();
        for (name, value) in [("x-content-type-options", "nosniff"), ("cache-control", "no-store")] {
            assert_eq!(response.headers().get(name).map(|value| value.as_bytes()), Some(value.as_bytes()), "{path}");
        }
        let media = response.headers().get("content-type");
        let media = media.map_or(String::new(), |media| String::from_utf8_lossy(media.as_bytes()).into_owned());
        let answer = to_bytes(response.into_body()).await.ok().expect("a body");
        let is_fhir = match media.split(';').next() {
            Some("application/fhir+json") => fhir::json::read(&answer).is_ok(),
            Some("application/fhir+xml") => fhir::xml::read(&answer).is_ok(),
            _ => true,
        };
        assert!(is_fhir, "{path}: what is answered is FHIR");
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            said == *status && answer.contains(part),
            "{path} {headers}: {said}, expected {status} and {part}: {answer}"
        );
    }
}

const HERE: &str = "127.0.0.1:50000";
const JSON: &str = "content-type: application/fhir+json";
const FORM: &str = "content-type: application/x-www-form-urlencoded";
const PATCH: &str = r#"[{"op":"replace","path":"/name/0/family","value":"Roe"}]"#;
const PATIENT: &str = r#"{"resourceType":"Patient","id":"a","name":[{"family":"Doe"}]}"#;

#[actix_web::test]
async fn writes_and_their_conditions() {
    let place = Place::new("writes");
    let app = place.app(Policy::demo());
    let long = format!("{{\"resourceType\":\"Patient\"}}{}", " ".repeat(2_000));
    let part = r#"{"resourceType":"Patient","id":"a","meta":{"tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]}}"#;
    let at = "/fhir/Patient/a";
    check(
        &app,
        HERE,
        &[
            ("PUT", at, JSON, PATIENT, 201, r#""versionId":"1""#),
            ("PUT", at, JSON, PATIENT, 200, r#""versionId":"2""#),
            ("PUT", at, "if-match: W/\"1\"", PATIENT, 412, "conflict"),
            ("PUT", at, "if-match: W/\"2\"", PATIENT, 200, r#""versionId":"3""#),
            ("PUT", at, "if-none-match: *", PATIENT, 412, "conflict"),
            ("PUT", at, "content-type: application/fhir+json|prefer: return=minimal", PATIENT, 200, ""),
            ("PUT", at, JSON, part, 422, "SUBSETTED"),
            ("PUT", "/fhir/Patient/a?name=doe", JSON, PATIENT, 400, "means nothing here"),
            ("POST", "/fhir/Patient?identifier=1", JSON, PATIENT, 400, "If-None-Exist"),
            ("DELETE", "/fhir/Patient/a?_cascade=delete", "", "", 400, "means nothing here"),
            ("PUT", at, "content-type: application/fhir+json; fhirVersion=3.0", PATIENT, 415, "http.Content-Type"),
            ("PUT", at, "content-type: application/fhir+json; charset=utf-16", PATIENT, 415, "http.Content-Type"),
            ("PUT", at, "content-type: text/html", PATIENT, 415, "not-supported"),
            ("PUT", at, "content-encoding: gzip", PATIENT, 400, "no gzip"),
            ("PUT", at, JSON, &long, 413, "too-long"),
            ("PUT", at, JSON, r#"{"resourceType":"Patient"}"#, 400, "id must be there"),
            ("PUT", "/fhir/Patient/b", JSON, PATIENT, 400, "the one in the address"),
            ("PUT", "/fhir/Patient/a_b", JSON, PATIENT, 400, "ids are"),
            ("POST", "/fhir/Patient", JSON, PATIENT, 201, r#""versionId":"1""#),
            ("POST", "/fhir/Observation", JSON, PATIENT, 400, "must be Observation"),
            ("POST", "/fhir/Patient", "if-none-exist: identifier=1", PATIENT, 201, "Doe"),
            ("DELETE", at, "if-match: W/\"1\"", "", 412, "conflict"),
            ("DELETE", at, "", "", 204, ""),
            ("DELETE", at, "", "", 204, ""),
            ("DELETE", at, "if-match: *", "", 412, "conflict"),
            ("GET", at, "", "", 410, "deleted"),
            ("PUT", at, "if-none-match: *", PATIENT, 201, r#""versionId":"6""#),
            ("PATCH", at, "content-type: application/json-patch+json", PATCH, 200, "Roe"),
            ("PATCH", at, "content-type: text/plain", PATCH, 415, "http.Content-Type"),
            ("PATCH", at, "", PATCH, 400, ""),
        ],
    )
    .await;
}

#[actix_web::test]
async fn reads_and_their_forms() {
    let place = Place::new("reads");
    let app = place.app(Policy::demo());
    check(
        &app,
        HERE,
        &[
            ("PUT", "/fhir/Patient/a", JSON, PATIENT, 201, ""),
            ("GET", "/fhir/Patient/a", "if-none-match: W/\"1\"", "", 304, ""),
            ("GET", "/fhir/Patient/a", "if-none-match: W/\"2\"", "", 200, "Doe"),
            ("GET", "/fhir/Patient/a", "if-modified-since: Fri, 01 Jan 2100 00:00:00 GMT", "", 304, ""),
            ("GET", "/fhir/Patient/a", "if-modified-since: Fri, 01 Jan 2010 00:00:00 GMT", "", 200, "Doe"),
            ("GET", "/fhir/Patient/a?_pretty=true", "", "", 200, "\n  \"id\": \"a\""),
            ("GET", "/fhir/Patient/a?_elements=id", "", "", 200, "SUBSETTED"),
            ("GET", "/fhir/Patient/a?colour=red", "", "", 400, "_elements"),
            ("HEAD", "/fhir/Patient/a?colour=red", "", "", 400, ""),
            ("GET", "/fhir/Patient/a?colour=red", "prefer: handling=lenient", "", 200, "Doe"),
            ("GET", "/fhir/metadata?mode=full&_elements=fhirVersion", "", "", 200, "SUBSETTED"),
            ("GET", "/fhir/Patient/a?_summary=most", "", "", 400, "_summary"),
            ("GET", "/fhir/Patient/a?_format=xml", "", "", 200, r#"<family value="Doe"/>"#),
            ("GET", "/fhir/Patient/b", "accept: application/fhir+xml", "", 404, r#"<code value="not-found"/>"#),
            ("GET", "/fhir/Patient?_format=text/xml&_pretty=true", "", "", 200, "  <family value=\"Doe\"/>"),
            ("GET", "/fhir/Patient/a?_format=ttl", "", "", 406, "http._format"),
            ("GET", "/fhir/Patient/a", "accept: text/turtle", "", 406, "http.Accept"),
            ("GET", "/fhir/Patient/a", "accept: application/fhir+json;fhirVersion=3.0", "", 406, "http.Accept"),
            ("GET", "/fhir/Patient/a/_history/1", "", "", 200, "Doe"),
            ("GET", "/fhir/Patient/a/_history/x", "", "", 404, "no such version"),
            ("GET", "/fhir/Patient/a/_history", "", "", 200, r#""total":1"#),
            ("GET", "/fhir/Patient/b/_history", "", "", 404, "not-found"),
            ("GET", "/fhir/Patient/_history?_count=0", "", "", 200, "history"),
            ("GET", "/fhir/_history?_since=2020-01-01T00:00:00+01:00", "", "", 200, "%2B01:00"),
            ("GET", "/fhir/_history?_since=yesterday", "", "", 400, "_since"),
            ("GET", "/fhir/_history?name=doe", "", "", 400, "no other"),
            ("GET", "/fhir/Patient?name=doe", "", "", 200, r#""fullUrl":"http://localhost/fhir/Patient/a""#),
            ("GET", "/fhir/Patient?colour=red", "", "", 400, "http.colour"),
            ("GET", "/fhir/Patient?colour=red", "prefer: handling=lenient", "", 200, r#""mode":"outcome""#),
            ("GET", "/fhir/Patient?_summary=count", "", "", 200, r#""total":1"#),
            ("POST", "/fhir/Patient/_search", FORM, "name=doe", 200, "Doe"),
            ("POST", "/fhir/Patient/_search", FORM, "name=doe&_format=xml", 200, "<family value=\"Doe\"/>"),
            ("POST", "/fhir/Patient/_search", FORM, "name=%zz", 400, "UTF-8"),
            ("POST", "/fhir/Patient/_search", FORM, "name=doe&_format=ttl", 406, "http._format"),
            ("POST", "/fhir/Patient/_search", JSON, "name=doe", 415, "x-www-form-urlencoded"),
            ("GET", "/fhir/Patience", "", "", 404, "not-supported"),
            ("GET", "/fhir/Patient/$nothing", "", "", 404, "no such operation"),
            ("GET", "/fhir/Group/1/$export", "", "", 404, "not known here"),
            ("GET", "/fhir/$export", "", "", 400, "respond-async"),
            ("GET", "/fhir/Patient?name=%ff", "", "", 400, "UTF-8"),
            ("OPTIONS", "/fhir", "", "", 200, "CapabilityStatement"),
            ("OPTIONS", "/fhir/Patient/a", "", "", 200, ""),
            ("HEAD", "/fhir/Patient/a", "", "", 200, ""),
            ("HEAD", "/fhir/Patient/a/_history", "", "", 200, ""),
            ("HEAD", "/fhir/Patient/b", "", "", 404, ""),
            ("POST", "/fhir/metadata", "", "", 405, "GET, HEAD"),
            ("GET", "/elsewhere", "", "", 404, "not-found"),
        ],
    )
    .await;
}

#[actix_web::test]
async fn messages_come_in_and_are_looked_at() {
    let place = Place::new("messages");
    let app = place.app(Policy::demo());
    let er7 = "content-type: x-application/hl7-v2+er7";
    let message = "MSH|^~\\&|A|B|C|D|20260301||ADT^A28^ADT_A05|1|P|2.5.1\rEVN||20260301\rPID|1||7^^^B^MR||Doe^Jane\r";
    let frames = format!("\x0b{message}\x1c\r\x0b{}\x1c\r", message.replace("|1|P|", "|2|P|"));
    check(
        &app,
        HERE,
        &[
            ("POST", "/hl7v2", er7, message, 200, "MSA|AA|1"),
            ("POST", "/hl7v2", er7, message, 200, "MSA|AA|1"),
            ("POST", "/hl7v2", "content-type: text/plain", &frames, 200, "MSA|AA|2\r\x1c\r"),
            ("POST", "/hl7v2", er7, "not HL7", 200, "MSA|AE"),
            ("POST", "/hl7v2", er7, "", 400, "empty"),
            ("POST", "/hl7v2", er7, "\x0bMSH|^~\\&|", 400, "send it again"),
            ("POST", "/hl7v2", JSON, message, 415, "hl7-v2+er7"),
            ("POST", "/hl7v2", "content-type: text/plain|origin: http://localhost", message, 403, "web pages"),
            ("GET", "/hilum/messages?outcome=applied", "", "", 200, r#""control_id":"2""#),
            ("GET", "/hilum/messages/1?trace=true", "", "", 200, r#""place":"PID-5"#),
            ("GET", "/hilum/messages/1/raw", "", "", 200, message),
            ("POST", "/hilum/messages/1/replay", "", "", 200, r#""outcome":"applied""#),
            ("POST", "/hilum/messages/1/undo", "", "", 409, "nothing that this message merged"),
            ("GET", "/hilum/messages/17", "", "", 404, "no such message"),
            ("GET", "/hilum/messages?limit=x", "", "", 400, "whole number"),
            ("GET", "/hilum/strangers", "", "", 200, "[]"),
            ("GET", "/readyz", "", "", 200, r#""ready":true"#),
            ("GET", "/metrics", "", "", 200, "hilum_messages_stored{outcome=\"applied\"} 2"),
        ],
    )
    .await;
    check(
        &app,
        "10.1.2.3:1",
        &[("POST", "/hl7v2", er7, message, 403, "no source"), ("GET", "/hilum/messages", "", "", 401, "login")],
    )
    .await;
    check(&app, HERE, &[("GET", "/hilum/strangers", "", "", 200, r#""address":"10.1.2.3","times":1"#)]).await;
}

#[actix_web::test]
async fn nobody_is_served_and_sees_nothing() {
    let place = Place::new("nobody");
    let app = place.app(Policy::site());
    let closed = ["/fhir/Patient", "/fhir/Patient/a", "/fhir/_history", "/hilum/messages/1/raw", "/hilum/strangers"];
    let closed = closed.map(|path| ("GET", path, "", "", 401, "login"));
    check(&app, HERE, &closed).await;
    check(&app, HERE, &[("PUT", "/fhir/Patient/a", JSON, PATIENT, 401, "login")]).await;
    let open = ["/fhir/metadata", "/livez", "/readyz", "/metrics"].map(|path| ("GET", path, "", "", 200, ""));
    check(&app, HERE, &open).await;
}

/// Many clients change one version at once: one of them wins, and the others are told.
#[actix_web::test]
async fn of_those_who_race_one_wins() {
    let place = Place::new("race");
    let app = place.app(Policy::demo());
    check(&app, HERE, &[("PUT", "/fhir/Patient/a", JSON, PATIENT, 201, "")]).await;
    let routes = Routes::new().app_data(web::Data::new(app.clone()));
    let routes = init_service(routes.configure(super::routes::routes)).await;
    let mut racing = Vec::new();
    for number in 0..16 {
        let condition = if number % 2 == 0 { "W/\"1\"" } else { "*" };
        let request = TestRequest::put().uri("/fhir/Patient/a").peer_addr(HERE.parse().expect("an address"));
        let request = request.insert_header(("host", "localhost")).insert_header(("if-match", condition));
        let answer = actix_web::dev::Service::call(&routes, request.set_payload(PATIENT).to_request());
        racing.push(actix_web::rt::spawn(answer));
    }
    let mut statuses = Vec::new();
    for answer in racing {
        statuses.push(answer.await.expect("no panic").expect("an answer").status().as_u16());
    }
    let won = statuses.iter().filter(|status| **status == 200).count();
    assert!(won >= 1 && statuses.iter().all(|status| [200, 412].contains(status)), "{statuses:?}");
    check(&app, HERE, &[("GET", &format!("/fhir/Patient/a/_history/{}", won + 1), "", "", 200, "")]).await;
    check(&app, HERE, &[("GET", &format!("/fhir/Patient/a/_history/{}", won + 2), "", "", 404, "")]).await;
}
