//! What a peer's answer comes to. A status alone proves nothing: a login page is 200 too.

/// An answer, or that there was none, as the driver heard it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// 0 where nobody answered: refused, broken off, too late, too large.
    pub status: u16,
    pub body: Body,
    pub retry_after_ms: Option<u64>,
    /// The version that the peer made of it (`ETag`), where it is a number.
    pub version: Option<u64>,
    /// Whether a delete was asked for.
    pub deleting: bool,
}

/// What the answer's body is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Empty,
    Resource,
    /// An OperationOutcome; with its words, where one of its issues is an error.
    Outcome(Option<String>),
    /// Not FHIR: a page for people, half an answer.
    Foreign,
}

/// What is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Delivered {
        version: Option<u64>,
    },
    /// There is nothing to send: erased, or a newer version is there, which will be read.
    Nothing,
    /// This key is at fault, in the peer's words.
    Refused(String),
    /// The peer or the way to it is at fault. With how long it asks to be left alone.
    Fault {
        retry_after_ms: Option<u64>,
        /// Whether it may be this key that the peer fails at: it answered, and not that it is busy or does not know us.
        own: bool,
        reason: String,
    },
}

/// Bytes of a peer's words that are kept.
const WORDS_MAX: usize = 500;

pub fn judge(heard: &Heard) -> Answer {
    let fault =
        |reason: String| Answer::Fault { retry_after_ms: heard.retry_after_ms, own: heard.status == 500, reason };
    match (heard.status, &heard.body) {
        (0, _) => fault("no answer".to_owned()),
        // Gone is gone, whoever deleted it.
        (200 | 202 | 204 | 404 | 410, Body::Empty | Body::Outcome(_) | Body::Resource) if heard.deleting => {
            match (heard.status, &heard.body) {
                (200 | 202, Body::Outcome(Some(words))) => Answer::Refused(said(heard.status, words)),
                _ => Answer::Delivered { version: None },
            }
        }
        (200 | 201, Body::Outcome(Some(words))) => Answer::Refused(said(heard.status, words)),
        // A created resource needs no Location: we chose its id.
        (200 | 201 | 204, Body::Empty | Body::Resource | Body::Outcome(None)) => {
            Answer::Delivered { version: heard.version }
        }
        // Nobody who speaks FHIR lives there.
        (status @ (404 | 405 | 410), Body::Foreign) => fault(format!("status {status}, and not FHIR")),
        (400 | 404 | 405 | 409 | 410 | 412 | 413 | 415 | 422, body) => {
            let words = if let Body::Outcome(Some(words)) = body { words.as_str() } else { "no reason was given" };
            Answer::Refused(said(heard.status, words))
        }
        (status, Body::Foreign) => fault(format!("status {status}, and not FHIR")),
        (status, Body::Outcome(Some(words))) => fault(said(status, words)),
        (status, _) => fault(format!("status {status}")),
    }
}

fn said(status: u16, words: &str) -> String {
    let end = words.char_indices().map(|(at, _)| at).take_while(|at| *at <= WORDS_MAX).last().unwrap_or_default();
    let words = if words.len() > WORDS_MAX { &words[..end] } else { words };
    format!("{status}: {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let words = || Body::Outcome(Some("no".to_owned()));
        let ok = Answer::Delivered { version: None };
        for (status, body, deleting, expected) in [
            (200, Body::Resource, false, Some(ok.clone())),
            (201, Body::Empty, false, Some(ok.clone())),
            (204, Body::Empty, true, Some(ok.clone())),
            (404, words(), true, Some(ok.clone())),
            (410, words(), true, Some(ok)),
            (200, words(), false, Some(Answer::Refused("200: no".to_owned()))),
            (200, words(), true, Some(Answer::Refused("200: no".to_owned()))),
            (422, words(), false, Some(Answer::Refused("422: no".to_owned()))),
            (400, Body::Foreign, false, Some(Answer::Refused("400: no reason was given".to_owned()))),
            (200, Body::Foreign, false, None),
            (200, Body::Foreign, true, None),
            (404, Body::Foreign, true, None),
            (302, Body::Empty, false, None),
            (401, words(), false, None),
            (408, Body::Empty, false, None),
            (425, Body::Empty, false, None),
            (429, words(), false, None),
            (500, Body::Empty, false, None),
            (503, Body::Foreign, true, None),
            (0, Body::Empty, false, None),
        ] {
            let heard = Heard { status, body, retry_after_ms: Some(7), version: None, deleting };
            match (judge(&heard), expected) {
                (answer, Some(expected)) => {
                    assert_eq!(answer, expected, "{heard:?}");
                }
                (Answer::Fault { retry_after_ms: Some(7), .. }, None) => {}
                (answer, None) => panic!("{heard:?}: {answer:?}"),
            }
        }
    }

    #[test]
    fn long_words_are_cut_between_letters() {
        let heard = Heard {
            status: 422,
            body: Body::Outcome(Some("ü".repeat(4_000))),
            retry_after_ms: None,
            version: None,
            deleting: false,
        };
        let Answer::Refused(reason) = judge(&heard) else { panic!("refused") };
        assert!(reason.len() <= WORDS_MAX + 8 && reason.ends_with('ü'));
    }
}
