//! Layers of settings over each other: defaults, the file, the environment, flags; each value with its origin.
//!
//! Every fault is reported, each with its place. Nothing is guessed: an unknown key or variable is a fault, because the
//! setting that was meant is then not in force.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Config;

/// The file that is read when none is named and one is there.
const FILE: &str = "hilum.toml";
const PREFIX: &str = "HILUM__";

/// What the command line says.
#[derive(Debug, Default)]
pub struct Flags {
    /// `--config FILE`.
    pub file: Option<PathBuf>,
    /// The key that a flag sets, such as `http.listen`, and its value.
    pub set: Vec<(&'static str, String)>,
}

/// A configuration, and where each value came from.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    /// Every key in the order of the sections; sources are counted, `source[0].name`.
    pub settings: Vec<Setting>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    pub key: String,
    /// None where it is not set and has no default.
    pub value: Option<String>,
    pub origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    File(PathBuf),
    Variable(String),
    Flag,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Default => out.write_str("default"),
            Origin::File(path) => write!(out, "{}", path.display()),
            Origin::Variable(name) => out.write_str(name),
            Origin::Flag => out.write_str("flag"),
        }
    }
}

/// Puts the layers together. `environment` is the process's, or a test's.
pub fn load(flags: &Flags, environment: impl IntoIterator<Item = (String, String)>) -> Result<Loaded, Vec<String>> {
    let mut layers = Layers::new();
    match &flags.file {
        Some(path) => layers.file(path),
        None if Path::new(FILE).exists() => layers.file(Path::new(FILE)),
        None => {}
    }
    for (name, value) in environment {
        if let Some(path) = name.strip_prefix(PREFIX) {
            layers.variable(&name, path, &value);
        }
    }
    for (key, value) in &flags.set {
        layers.set(key, value, Origin::Flag, &format!("flag for {key}"));
    }
    layers.finish()
}

struct Layers {
    tree: Value,
    origins: BTreeMap<String, Origin>,
    faults: Vec<String>,
}

impl Layers {
    fn new() -> Layers {
        let tree = serde_json::to_value(Config::default()).expect("settings are numbers, words and lists");
        Layers { tree, origins: BTreeMap::new(), faults: Vec::new() }
    }

    fn file(&mut self, path: &Path) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(why) => return self.faults.push(format!("cannot read {}: {why}", path.display())),
        };
        // The typed reading finds unknown keys and wrong values, with their lines.
        if let Err(error) = toml::from_str::<Config>(&text) {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            return self.faults.push(format!("{}:{line}: {}", path.display(), error.message()));
        }
        let sections: BTreeMap<String, Value> = toml::from_str(&text).expect("it was read before");
        for (section, keys) in sections {
            let Value::Object(keys) = keys else {
                self.tree[&section] = keys;
                self.origins.insert(section, Origin::File(path.to_owned()));
                continue;
            };
            for (key, value) in keys {
                self.tree[&section][&key] = value;
                self.origins.insert(format!("{section}.{key}"), Origin::File(path.to_owned()));
            }
        }
    }

    fn variable(&mut self, name: &str, path: &str, value: &str) {
        let key = path.to_ascii_lowercase().replace("__", ".");
        if key.starts_with("source.") {
            let text = format!("{name}: sources are configured in the file, as [[source]]");
            return self.faults.push(text);
        }
        self.set(&key, value, Origin::Variable(name.to_owned()), name);
    }

    /// Sets one key from text. Its default says what is expected: a number, yes or no, words.
    fn set(&mut self, key: &str, text: &str, origin: Origin, place: &str) {
        let slot = key.split_once('.').and_then(|(section, key)| self.tree.get_mut(section)?.get_mut(key));
        let Some(slot) = slot else {
            return self.faults.push(format!("{place}: there is no setting {key}; `hilum config show` lists them"));
        };
        let value = match slot {
            Value::Bool(_) => text.parse().map(Value::Bool).map_err(|_| "must be true or false"),
            Value::Number(number) if number.is_f64() => {
                text.parse::<f64>().map(Value::from).map_err(|_| "must be a number")
            }
            Value::Number(_) => text.parse::<u64>().map(Value::from).map_err(|_| "must be a whole number"),
            _ => Ok(Value::from(text)),
        };
        let before = slot.clone();
        match value {
            Ok(value) => *slot = value,
            Err(expected) => return self.faults.push(format!("{place}: {expected}")),
        }
        if let Err(why) = serde_json::from_value::<Config>(self.tree.clone()) {
            self.faults.push(format!("{place}: {why}"));
            let (section, key) = key.split_once('.').expect("it was found by both parts");
            self.tree[section][key] = before;
        }
        self.origins.insert(key.to_owned(), origin);
    }

    fn finish(self) -> Result<Loaded, Vec<String>> {
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        let config: Config = serde_json::from_value(self.tree).map_err(|why| vec![why.to_string()])?;
        // Once more from what was understood, so that what is shown is what is in force.
        let tree = serde_json::to_value(&config).expect("settings are numbers, words and lists");
        let mut settings = Vec::new();
        for (section, keys) in tree.as_object().expect("a configuration has sections") {
            match keys {
                Value::Array(sources) => {
                    let origin = self.origins.get(section).cloned().unwrap_or(Origin::Default);
                    for (number, source) in sources.iter().enumerate() {
                        list(&format!("{section}[{number}]"), source, |_| origin.clone(), &mut settings);
                    }
                }
                keys => {
                    let origin = |key: &str| self.origins.get(key).cloned().unwrap_or(Origin::Default);
                    list(section, keys, origin, &mut settings);
                }
            }
        }
        Ok(Loaded { config, settings })
    }
}

fn list(section: &str, keys: &Value, origin: impl Fn(&str) -> Origin, settings: &mut Vec<Setting>) {
    for (key, value) in keys.as_object().expect("a section has keys") {
        let key = format!("{section}.{key}");
        let value = match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        let origin = origin(&key);
        settings.push(Setting { key, value, origin });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of its own for one test, gone at its end.
    struct File(PathBuf);

    impl File {
        fn new(name: &str, text: &str) -> File {
            let path = std::env::temp_dir().join(format!("hilum-config-{}-{name}.toml", std::process::id()));
            std::fs::write(&path, text).expect("the temporary directory can be written");
            File(path)
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn each_layer_covers_the_one_before_and_is_named() {
        let file = File::new(
            "layers",
            "[http]\nlisten = \"127.0.0.1:1\"\nbody_bytes_max = 5\nrequest_seconds = 7\n[log]\nformat = \"json\"\n",
        );
        let flags = Flags { file: Some(file.0.clone()), set: vec![("http.listen", "127.0.0.1:3".to_owned())] };
        let environment = variables(&[
            ("HILUM__HTTP__LISTEN", "127.0.0.1:2"),
            ("HILUM__HTTP__BODY_BYTES_MAX", "6"),
            ("HILUM__HTTP__TRUSTED_NETWORK", "true"),
            ("HILUM__STORE__ID_KEY_FILE", "/run/secrets/key"),
            ("HOME", "/root"),
        ]);
        let loaded = load(&flags, environment).expect("all is known");
        let http = &loaded.config.http;
        assert_eq!(http.listen.port(), 3);
        assert_eq!((http.body_bytes_max, http.request_seconds, http.trusted_network), (6, 7, true));
        let of = |key: &str| loaded.settings.iter().find(|setting| setting.key == key).expect("every key is listed");
        let variable = |name: &str| Origin::Variable(name.to_owned());
        for (key, value, origin) in [
            ("http.listen", Some("127.0.0.1:3"), Origin::Flag),
            ("http.body_bytes_max", Some("6"), variable("HILUM__HTTP__BODY_BYTES_MAX")),
            ("http.request_seconds", Some("7"), Origin::File(file.0.clone())),
            ("http.workers", Some("0"), Origin::Default),
            ("http.base_url", None, Origin::Default),
            ("log.format", Some("json"), Origin::File(file.0.clone())),
            ("store.id_key_file", Some("/run/secrets/key"), variable("HILUM__STORE__ID_KEY_FILE")),
        ] {
            assert_eq!((of(key).value.as_deref(), &of(key).origin), (value, &origin), "{key}");
        }
    }

    #[test]
    fn sources_come_from_the_file() {
        let file = File::new(
            "sources",
            "[[source]]\nname = \"a\"\npeers = [\"10.1.2.3\", \"10.1.0.0/16\"]\n[[source]]\nname = \"b\"\n",
        );
        let flags = Flags { file: Some(file.0.clone()), set: Vec::new() };
        let loaded = load(&flags, Vec::new()).expect("two sources");
        assert_eq!(loaded.config.source.len(), 2);
        let peers: Vec<String> = loaded.config.source[0].peers.iter().map(ToString::to_string).collect();
        assert_eq!(peers, ["10.1.2.3/32", "10.1.0.0/16"]);
        let second = loaded.settings.iter().find(|setting| setting.key == "source[1].name").expect("listed");
        assert_eq!((second.value.as_deref(), &second.origin), (Some("b"), &Origin::File(file.0.clone())));
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_place() {
        for (name, text, expected) in [
            ("unknown", "[http]\n\nlisen = \"127.0.0.1:1\"\n", ":3: unknown field `lisen`"),
            ("section", "[htp]\n", ":1: unknown field `htp`"),
            ("type", "[http]\nbody_bytes_max = \"much\"\n", ":2: invalid type"),
            ("address", "[http]\nlisten = \"here\"\n", ":2: invalid socket address"),
            ("peers", "[[source]]\nname = \"a\"\npeers = [\"10.1.2.3\", \"here\"]\n", ":3: give networks such as"),
            ("source", "[[source]]\nname = \"a\"\npeer = []\n", ":3: unknown field `peer`"),
            ("syntax", "[http\n", ":1: "),
        ] {
            let file = File::new(name, text);
            let faults = load(&Flags { file: Some(file.0.clone()), set: Vec::new() }, Vec::new()).expect_err(name);
            assert!(faults.len() == 1 && faults[0].contains(expected), "{name}: {faults:?}");
        }
        for (name, value, expected) in [
            ("HILUM__HTTP__LISEN", "1", "HILUM__HTTP__LISEN: there is no setting http.lisen"),
            ("HILUM__HTTP", "1", "there is no setting http"),
            ("HILUM__HTTP__LISTEN", "here", "HILUM__HTTP__LISTEN: invalid socket address"),
            ("HILUM__HTTP__WORKERS", "-1", "HILUM__HTTP__WORKERS: must be a whole number"),
            ("HILUM__HTTP__TRUSTED_NETWORK", "yes", "must be true or false"),
            ("HILUM__LOG__FORMAT", "xml", "unknown variant `xml`"),
            ("HILUM__SOURCE__A__MLLP", "x", "sources are configured in the file"),
        ] {
            let flags = Flags { file: None, set: Vec::new() };
            let faults = load(&flags, variables(&[(name, value)])).expect_err(name);
            assert!(faults.len() == 1 && faults[0].contains(expected), "{name}: {faults:?}");
        }
        let missing = Flags { file: Some(PathBuf::from("/nowhere/hilum.toml")), set: Vec::new() };
        assert!(load(&missing, Vec::new()).expect_err("no file")[0].starts_with("cannot read /nowhere/hilum.toml"));
    }
}
