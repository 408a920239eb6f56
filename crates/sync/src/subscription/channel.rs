//! How a subscriber wants to be told (R4 Subscription.channel, and the guide's extensions of it).

use fhir::{Issue, IssueType, Object};

use super::extensions;

/// Headers of one subscription, and bytes of each.
const HEADERS_MAX: usize = 16;
const HEADER_BYTES_MAX: usize = 4_096;
const ENDPOINT_BYTES_MAX: usize = 2_048;
/// Seconds: the guide leaves the bounds to the server.
const HEARTBEAT_SECONDS: std::ops::RangeInclusive<u64> = 1..=86_400 * 7;
const TIMEOUT_SECONDS: std::ops::RangeInclusive<u64> = 1..=120;
const TIMEOUT_DEFAULT: u64 = 30;
/// Events of one notification.
const COUNT_MAX: u64 = 100;
const COUNT_DEFAULT: u64 = 20;
/// What the connection is made of, which a subscriber does not decide.
const OURS: [&str; 9] =
    ["connection", "content-length", "content-type", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    RestHook {
        endpoint: String,
        /// Name and value. They may be secrets: never in a log.
        headers: Vec<(String, String)>,
    },
    WebSocket,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Xml,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Empty,
    IdOnly,
    Full,
}

/// What a notification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// R4: the resource, or nothing at all.
    Classic(Option<Format>),
    /// The guide's Bundle.
    Backport { format: Format, content: Content },
}

/// The numbers of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    pub heartbeat_ms: Option<u64>,
    pub timeout_ms: u64,
    pub count_max: u64,
}

/// Reads `Subscription.channel`.
pub fn read(channel: &Object<'_>, is_topic: bool) -> Result<(Channel, Style, Pace), Issue> {
    let style = style(channel, is_topic)?;
    let of = |name: &'static str, value: &'static str, bounds: std::ops::RangeInclusive<u64>| {
        let given = extensions(Some(channel), name).next();
        let Some(given) = given else { return Ok(None) };
        let number = match given.get(value) {
            Some(fhir::Node::Number(number)) => number.parse().ok().filter(|number| bounds.contains(number)),
            _ => None,
        };
        number.map(Some).ok_or_else(|| {
            let text = format!("{name} must be {value} from {} to {}", bounds.start(), bounds.end());
            fault(IssueType::Value, "extension", text)
        })
    };
    let heartbeat = of("backport-heartbeat-period", "valueUnsignedInt", HEARTBEAT_SECONDS)?;
    let timeout = of("backport-timeout", "valueUnsignedInt", TIMEOUT_SECONDS)?.unwrap_or(TIMEOUT_DEFAULT);
    let count = of("backport-max-count", "valuePositiveInt", 1..=u64::from(u32::MAX))?.unwrap_or(COUNT_DEFAULT);
    let pace = Pace {
        heartbeat_ms: heartbeat.filter(|_| is_topic).map(|seconds| seconds * 1_000),
        timeout_ms: timeout * 1_000,
        // R4 tells of one at a time.
        count_max: if is_topic { count.min(COUNT_MAX) } else { 1 },
    };
    Ok((kind(channel)?, style, pace))
}

fn kind(channel: &Object<'_>) -> Result<Channel, Issue> {
    let custom = channel.get("_type").and_then(fhir::Node::as_object);
    if extensions(custom, "backport-channel-type").next().is_some() {
        return Err(fault(
            IssueType::NotSupported,
            "type",
            "only rest-hook and websocket are served, no further channel",
        ));
    }
    match channel.str("type") {
        Some("websocket") => Ok(Channel::WebSocket),
        Some("rest-hook") => {
            let endpoint = channel.str("endpoint").unwrap_or_default();
            let plain = endpoint.bytes().all(|byte| byte.is_ascii_graphic()) && !endpoint.contains(['#', '@']);
            let is_http = endpoint.starts_with("http://") || endpoint.starts_with("https://");
            if !is_http || !plain || endpoint.len() > ENDPOINT_BYTES_MAX {
                let text = "must be an address such as https://receiver.example/hook, without a user or a fragment";
                return Err(fault(IssueType::Value, "endpoint", text));
            }
            Ok(Channel::RestHook { endpoint: endpoint.to_owned(), headers: headers(channel)? })
        }
        _ => Err(fault(IssueType::NotSupported, "type", "only rest-hook and websocket are served")),
    }
}

fn headers(channel: &Object<'_>) -> Result<Vec<(String, String)>, Issue> {
    let given = channel.items("header");
    if given.len() > HEADERS_MAX {
        return Err(fault(IssueType::TooLong, "header", format!("more than {HEADERS_MAX} headers")));
    }
    let header = |(at, header): (usize, &fhir::Node<'_>)| {
        let text = header.as_str().unwrap_or_default();
        let (name, value) = text.split_once(':').map_or(("", ""), |(name, value)| (name.trim(), value.trim()));
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let sound = !name.is_empty()
            && name.bytes().all(token)
            && text.len() <= HEADER_BYTES_MAX
            && value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        let name = name.to_ascii_lowercase();
        if !sound || OURS.contains(&name.as_str()) {
            let text = "must be `Name: value` in ASCII, of a header that the connection does not need for itself";
            return Err(fault(IssueType::Value, &format!("header[{at}]"), text));
        }
        Ok((name, value.to_owned()))
    };
    given.iter().enumerate().map(header).collect()
}

fn style(channel: &Object<'_>, is_topic: bool) -> Result<Style, Issue> {
    // A parameter such as `; charset=utf-8` says nothing that FHIR does not.
    let media = channel.str("payload").map(|media| media.split(';').next().unwrap_or_default().trim());
    let format = match media {
        None | Some("") => None,
        Some("application/fhir+json" | "application/json") => Some(Format::Json),
        Some("application/fhir+xml" | "application/xml") => Some(Format::Xml),
        Some(_) => {
            let text = "must be application/fhir+json or application/fhir+xml, or be left out";
            return Err(fault(IssueType::NotSupported, "payload", text));
        }
    };
    if !is_topic {
        return Ok(Style::Classic(format));
    }
    let payload = channel.get("_payload").and_then(fhir::Node::as_object);
    let content = match extensions(payload, "backport-payload-content").next().and_then(|of| of.str("valueCode")) {
        Some("empty") => Content::Empty,
        Some("id-only") => Content::IdOnly,
        Some("full-resource") => Content::Full,
        _ => {
            let text = "must say by the extension backport-payload-content: empty, id-only or full-resource";
            return Err(fault(IssueType::Required, "payload", text));
        }
    };
    let Some(format) = format else {
        return Err(fault(IssueType::Required, "payload", "must be application/fhir+json or application/fhir+xml"));
    };
    Ok(Style::Backport { format, content })
}

fn fault(code: IssueType, place: &str, text: impl Into<String>) -> Issue {
    Issue::error(code, format!("Subscription.channel.{place}"), text)
}

impl Format {
    pub fn media(self) -> &'static str {
        match self {
            Format::Json => "application/fhir+json",
            Format::Xml => "application/fhir+xml",
        }
    }
}

impl Content {
    pub fn read(code: &str) -> Option<Content> {
        match code {
            "empty" => Some(Content::Empty),
            "id-only" => Some(Content::IdOnly),
            "full-resource" => Some(Content::Full),
            _ => None,
        }
    }
}
