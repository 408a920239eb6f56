//! The base profiles load, and the tests beside their rules pass.

use gateway::Gateway;

#[test]
fn base_profiles_load_and_pass_their_own_tests() {
    let gateway = match Gateway::load([]) {
        Ok(gateway) => gateway,
        Err(faults) => panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    };
    let tested = gateway.test();
    let faults: Vec<_> = tested.faults.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{} passed, {} failed:\n{}", tested.passed, faults.len(), faults.join("\n"));
    assert!(tested.passed > 0, "there are tests beside the rules");
}
