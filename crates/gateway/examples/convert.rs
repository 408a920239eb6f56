//! Scratch: batch conversion for measuring profiles.
use std::path::Path;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let gateway = match gateway::Gateway::load([]) { Ok(g) => g, Err(f) => { for x in f { eprintln!("{x}"); } std::process::exit(1) } };
    if args.len() < 3 { let t = gateway.test(); for f in &t.faults { eprintln!("{f}"); } eprintln!("{} passed {} failed", t.passed, t.faults.len()); return; }
    let (source, ids) = (gateway::Source::convert(), gateway::IdKey::fixed());
    let (mut bad, mut n) = (0, 0);
    for e in std::fs::read_dir(&args[1]).unwrap() {
        let p = e.unwrap().path();
        let Ok(bytes) = std::fs::read(&p) else { continue };
        let parsed = match hl7v2::Message::parse(&bytes, &Default::default()) { Ok(p) => p, Err(f) => { eprintln!("{}: {f}", p.display()); continue } };
        let Some(t) = gateway.translate(&parsed.message, &source, &ids, false) else { continue };
        n += 1;
        if std::env::var("RESIDUE").is_ok() { eprintln!("{}: issues {:?} residue {:?}", p.display(), t.issues.iter().map(|i| format!("{} {}", i.path, i.text)).collect::<Vec<_>>(), t.residue); }
        let b = gateway::bundle(t);
        let mut out = Vec::new();
        fhir::json::write(&b, &mut out);
        if let Err(issues) = fhir::json::read(&out) { bad += 1; for i in issues.iter().take(5) { eprintln!("{}: {} {}", p.display(), i.path, i.text); } }
        let stem = p.file_stem().unwrap().to_string_lossy().to_string();
        let to = Path::new(&args[2]).join(format!("{stem}.json"));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, out).unwrap();
    }
    eprintln!("{n} converted, {bad} not legal R4");
}
