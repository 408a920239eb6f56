//! A configured source, as far as translation has to know it.

use std::collections::HashMap;

use jiff::tz::TimeZone;

/// Who sends, in which zone, and how its identifiers are to be read (`safety.md` 2).
#[derive(Debug, Clone)]
pub struct Source {
    /// Names authorities that are only local names; part of every key made from them.
    pub name: String,
    /// The zone of times without an offset; without one they are cut to their date.
    pub zone: Option<TimeZone>,
    /// Identifier types (CX.5, table 0203) that name a person here, best first.
    pub person_types: Vec<String>,
    /// What may stand for a visit: `number` always does; `account`, `admission` and `message` where listed.
    pub visit: Vec<String>,
    /// The uri of a local authority's name.
    pub authorities: HashMap<String, String>,
    /// Takes the first identifier where none has a known type. For `hilum convert`, never for a record.
    pub lenient: bool,
}

impl Source {
    pub fn named(name: impl Into<String>) -> Source {
        Source {
            name: name.into(),
            zone: None,
            person_types: ["MR", "MRN", "PI", "PT"].map(str::to_owned).to_vec(),
            visit: Vec::new(),
            authorities: HashMap::new(),
            lenient: false,
        }
    }

    /// The source of `hilum convert`: takes whatever names a person or a visit.
    pub fn convert() -> Source {
        Source {
            visit: ["account", "admission", "message"].map(str::to_owned).to_vec(),
            lenient: true,
            ..Source::named("convert")
        }
    }

    /// The uri of an authority given as HD: a universal id as what it is, else the configured uri of the local name,
    /// else a name of our own for this source.
    pub fn authority(&self, namespace: &str, universal: &str, kind: &str) -> String {
        if let Some(uri) = universal_uri(universal, kind) {
            return uri;
        }
        if let Some(uri) = self.authorities.get(namespace) {
            return uri.clone();
        }
        let mut uri = format!("urn:x-hilum:{}", escaped(&self.name));
        for part in [namespace, universal] {
            if !part.is_empty() {
                uri.push(':');
                uri.push_str(&escaped(part));
            }
        }
        uri
    }
}

impl Source {
    /// An authority's uri as HD: namespace, universal id and its type. What only another source's local name says stays
    /// a uri, so that nobody takes it for a name of this one.
    pub fn named_authority(&self, uri: &str) -> [String; 3] {
        let hd = |parts: [&str; 3]| parts.map(str::to_owned);
        let own = format!("urn:x-hilum:{}", escaped(&self.name));
        let configured = self.authorities.iter().filter(|(_, known)| *known == uri).map(|(name, _)| name).min();
        if let Some(name) = configured {
            return hd([name, "", ""]);
        }
        if uri == own {
            return hd(["", "", ""]);
        }
        if let Some(name) = uri.strip_prefix(&own).and_then(|rest| rest.strip_prefix(':')) {
            let (namespace, universal) = name.split_once(':').unwrap_or((name, ""));
            return [unescaped(namespace), unescaped(universal), String::new()];
        }
        if let Some(oid) = uri.strip_prefix("urn:oid:") {
            return hd(["", oid, "ISO"]);
        }
        match uri.strip_prefix("urn:uuid:") {
            Some(uuid) => hd(["", uuid, "UUID"]),
            None => hd(["", uri, "URI"]),
        }
    }
}

fn universal_uri(id: &str, kind: &str) -> Option<String> {
    let is_oid = id.contains('.') && id.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match kind {
        _ if id.is_empty() => None,
        "ISO" | "" if is_oid => Some(format!("urn:oid:{id}")),
        "UUID" | "GUID" => Some(format!("urn:uuid:{}", escaped_blanks(&id.to_lowercase()))),
        _ if id.contains("://") || id.starts_with("urn:") => Some(escaped_blanks(id)),
        _ if kind == "DNS" => Some(format!("http://{}", escaped_blanks(id))),
        _ => None,
    }
}

fn escaped_blanks(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join("%20")
}

/// Letters, digits and `-._` as they are, the rest in percent signs.
pub fn escaped(text: &str) -> String {
    let mut uri = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => uri.push(byte as char),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities() {
        let mut source = Source::named("ward one");
        source.authorities.insert("HOSP".into(), "https://hosp.example/mrn".into());
        for (parts, expected) in [
            (("X", "1.2.3", "ISO"), "urn:oid:1.2.3"),
            (("HOSP", "", ""), "https://hosp.example/mrn"),
            (("LAB A", "", ""), "urn:x-hilum:ward%20one:LAB%20A"),
            (("", "", ""), "urn:x-hilum:ward%20one"),
            (("X", "AB-1", "UUID"), "urn:uuid:ab-1"),
            (("X", "https://a.b/c", "URI"), "https://a.b/c"),
        ] {
            assert_eq!(source.authority(parts.0, parts.1, parts.2), expected, "{parts:?}");
            let [namespace, universal, kind] = source.named_authority(expected);
            assert_eq!(source.authority(&namespace, &universal, &kind), expected, "back and forth");
        }
    }
}
