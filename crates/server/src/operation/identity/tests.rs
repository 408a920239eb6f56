//! Who may ask what of identity. Until there are credentials everybody who is let in may do everything, so that narrower
//! accesses are made here.

use actix_web::test::TestRequest;
use actix_web::web::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use consent::{Access, Policy, Purpose, Requester};
use record::Key;

use crate::app::{self, App};
use crate::config::Config;
use crate::http::{Ask, Failure, Form};
use crate::interaction::update;
use crate::operation::{identity, reindex};

const PATIENT: &str = r#"{"resourceType":"Patient","id":"ID","name":[{"family":"Abernathy","given":["Wilhelmina","Quincy"]}],"birthDate":"1961-07-23","telecom":[{"system":"phone","value":"217-544-2918"}]}"#;
const DECIDE: &str = r#"{"resourceType":"Parameters","parameter":[{"name":"patient","valueReference":{"reference":"Patient/a"}},{"name":"patient","valueReference":{"reference":"Patient/b"}},{"name":"decision","valueCode":"link"}]}"#;

fn ask(app: &App, access: &Access) -> Ask {
    Ask { app: app.clone(), access: access.clone(), form: Form::default(), base: "http://x/fhir".to_owned(), at: None }
}

async fn sent(body: &str) -> (HttpRequest, Payload) {
    let request = TestRequest::post().insert_header(("content-type", "application/fhir+json"));
    let (request, mut payload) = request.set_payload(body.to_owned()).to_http_parts();
    let payload = Payload::from_request(&request, &mut payload).await.expect("a body");
    (request, payload)
}

fn status(answer: Result<HttpResponse, Failure>) -> u16 {
    answer.map_or_else(|failure| failure.status(), |response| response.status()).as_u16()
}

/// The statuses of `$match`, `$identity-explain`, `$identity-decide`, `$reindex` and how far that is.
async fn statuses(app: &App, access: &Access) -> [u16; 5] {
    let ask = || ask(app, access);
    let (request, payload) = sent(&PATIENT.replace("ID", "x")).await;
    let matched = status(identity::find(ask(), request, payload).await);
    let request = TestRequest::with_uri("/?patient=a&patient=b").to_http_request();
    let explained = status(identity::explain(ask(), request).await);
    let (request, payload) = sent(DECIDE).await;
    let decided = status(identity::decide(ask(), request, payload).await);
    [matched, explained, decided, status(reindex::begin(ask()).await), status(reindex::show(ask()).await)]
}

#[actix_web::test]
async fn an_operation_is_for_whoever_may_do_what_it_does() {
    let data = std::env::temp_dir().join(format!("hilum-identity-access-{}", std::process::id()));
    let mut config = Config::default();
    config.store.data.clone_from(&data);
    let app = App::open(config, Vec::new(), Policy::demo()).expect("a new store");
    let all = app.policy.access(&Requester::Loopback, Purpose::Treatment);
    for id in ["a", "b"] {
        let patient = PATIENT.replace("ID", id);
        let patient = fhir::json::read(patient.as_bytes()).expect("a Patient").into_owned();
        update::by_id(&ask(&app, &all), Key::new("Patient", id), patient, None, None).await.expect("it is written");
    }
    while app.identity.step(app::now()).await.expect("the worker goes on") {}
    let narrow = |read: &[&str], write: &[&str]| all.clone().narrowed(read, write);
    for (access, expected) in [
        (narrow(&["Patient"], &[]), [200, 200, 403, 403, 403]),
        (narrow(&["Patient"], &["Patient"]), [200, 200, 403, 403, 403]),
        (narrow(&["Patient"], &["Linkage"]), [200, 200, 200, 403, 403]),
        (narrow(&["Observation"], &["Linkage"]), [403, 403, 403, 403, 403]),
        (narrow(&["SearchParameter"], &[]), [403, 403, 403, 403, 200]),
        (narrow(&["SearchParameter"], &["SearchParameter"]), [403, 403, 403, 200, 200]),
        (Access::nobody(), [403, 403, 403, 403, 403]),
        (all.clone(), [200, 200, 200, 200, 200]),
    ] {
        assert_eq!(statuses(&app, &access).await, expected, "{access:?}");
    }
    // Of whoever may not read Patients, none is offered by the other operations either.
    let blind = narrow(&["Observation"], &["Patient"]);
    let (request, payload) = sent(r#"{"resourceType":"Parameters"}"#).await;
    assert_eq!(status(identity::member(ask(&app, &blind), request, payload).await), 403);
    let request = TestRequest::with_uri("/?sourceIdentifier=urn:a%7C1").to_http_request();
    assert_eq!(status(identity::cross_reference(ask(&app, &blind), request).await), 403);
    std::fs::remove_dir_all(data).expect("it is this test's own");
}
