//! Batches and transactions: many interactions in one request (R4 §3.1.0.11).
//!
//! The entries of a batch have nothing to do with each other: each has its own outcome, and they are worked on side by
//! side, so that their commits share the disk's time.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use fhir::{Node, Resource};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::answer::Answer;
use super::bundle::Bundle;
use super::call::{Call, Deed, Question};
use super::{create, delete, history, patch, read, search, transaction, update, vread};
use crate::http::{self, Ask, Failure, Fresh, Kind};

/// Entries of one batch that are worked on at once.
const AT_ONCE: usize = 64;

pub async fn post(ask: Ask, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Failure> {
    let (bundle, sent) = http::fhir_sent(&request, payload, &ask.app.config.http).await?;
    let work = async move { run(ask, bundle).await.map_err(|failure| failure.located(&sent)) };
    http::detached(async move { Ok(http::answer(work.await?)) }).await
}

/// Does what the Bundle asks for.
pub async fn run(ask: Ask, mut bundle: Resource<'static>) -> Result<Answer, Failure> {
    if bundle.kind() != "Bundle" {
        return Err(Failure::new(Kind::Invalid, "a Bundle is posted here; other resources are posted to their type"));
    }
    let entries = match bundle.object.remove("entry") {
        Some(Node::List(entries)) => entries,
        _ => Vec::new(),
    };
    let max = ask.app.config.http.bundle_entries_max;
    if entries.len() > max {
        let text = format!("the Bundle has more than {max} entries; send several, or raise http.bundle_entries_max");
        return Err(Failure::new(Kind::TooLarge, text));
    }
    let entries = entries.into_iter().map(|entry| match entry {
        Node::Object(entry) => Call::read(entry, &ask.base),
        _ => unreachable!("the reader lets only objects through as entries"),
    });
    match bundle.str("type") {
        Some("batch") => Ok(batch(ask.clone(), entries.collect()).await),
        Some("transaction") => {
            let calls = entries.enumerate().map(|(at, call)| call.map_err(|failure| failure.of_entry(at)));
            transaction::run(&ask, calls.collect::<Result<_, _>>()?).await
        }
        _ => Err(Failure::new(Kind::Invalid, "Bundle.type must be batch or transaction to be posted here")),
    }
}

async fn batch(mut ask: Ask, calls: Vec<Result<Call, Failure>>) -> Answer {
    ask.form = ask.form.of_entries();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    let mut answers: Vec<Option<Result<Answer, Failure>>> = Vec::new();
    answers.resize_with(calls.len(), || None);
    for (at, call) in calls.into_iter().enumerate() {
        match call {
            Err(failure) => answers[at] = Some(Err(failure)),
            Ok(call) => {
                let (ask, places) = (ask.clone(), Arc::clone(&places));
                tasks.spawn(async move {
                    let _place = places.acquire().await.expect("the semaphore is never closed");
                    (at, perform(&ask, call).await)
                });
            }
        }
    }
    while let Some(done) = tasks.join_next().await {
        if let Ok((at, answer)) = done {
            answers[at] = Some(answer);
        }
    }
    let mut bundle = Bundle::begin("batch-response", None, &[]);
    for answer in answers {
        let panicked = || Err(Failure::new(Kind::Broken, "the entry could not be worked on; the log says why"));
        bundle.answered(answer.unwrap_or_else(panicked).as_ref());
    }
    Answer::of_resource(StatusCode::OK, bundle.end())
}

/// One entry of a batch, as if it had come alone.
async fn perform(ask: &Ask, call: Call) -> Result<Answer, Failure> {
    match call.deed {
        Deed::Create { kind, resource, unless } => create::run(ask, kind, resource, unless.as_deref()).await,
        Deed::Update { key, resource } => update::by_id(ask, key, resource, call.if_match, call.if_none_match).await,
        Deed::UpdateWhere { kind, criteria, resource } => {
            update::by_criteria(ask, kind, &criteria, resource, call.if_match).await
        }
        Deed::Patch { key, patch } => patch::by_id(ask, key, &patch::Patch::of_entry(patch)?, call.if_match).await,
        Deed::PatchWhere { kind, criteria, patch } => {
            patch::by_criteria(ask, kind, &criteria, &patch::Patch::of_entry(patch)?, call.if_match).await
        }
        Deed::Delete { key } => delete::by_id(ask, key, call.if_match).await,
        Deed::DeleteWhere { kind, criteria } => delete::by_criteria(ask, kind, &criteria, call.if_match).await,
        Deed::Ask(question) => answer(ask, question, call.if_none_match).await,
    }
}

/// Answers what is only read.
pub async fn answer(ask: &Ask, question: Question, known: Option<http::Match>) -> Result<Answer, Failure> {
    match question {
        Question::Read { key, pairs } => read::run(ask, &key, &pairs, &Fresh { known, since: None }).await,
        Question::Vread { key, vid } => vread::run(ask, &key, &vid).await,
        Question::History { of, pairs } => history::run(ask, of, pairs).await,
        Question::Search { scope, pairs } => search::run(ask, &scope, pairs).await,
    }
}
