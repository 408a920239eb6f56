//! Which message structure belongs to which event (table 0354, HL7 v2.9 appendix A), for the messages that clinics exchange.
//!
//! The event decides, not MSH-9.3: many senders leave it out or repeat the event in it (`ADT_A04`, which is no structure).

/// The structure of a message, such as `ADT_A01` for ADT and A04. None for what is not in the table, such as events of
/// a site's own.
pub fn structure(kind: &str, trigger: &str) -> Option<&'static str> {
    if kind == "ACK" {
        return Some("ACK");
    }
    let row = TABLE.iter().find(|row| row.kind == kind && row.triggers.contains(&trigger))?;
    Some(row.structure)
}

/// The only usual event of a message type, for senders that leave MSH-9.2 out.
pub(crate) fn usual_trigger(kind: &str) -> Option<&'static str> {
    match kind {
        "ORU" => Some("R01"),
        "ORM" => Some("O01"),
        "VXU" => Some("V04"),
        _ => None,
    }
}

struct Row {
    structure: &'static str,
    kind: &'static str,
    triggers: &'static [&'static str],
}

const fn row(structure: &'static str, kind: &'static str, triggers: &'static [&'static str]) -> Row {
    Row { structure, kind, triggers }
}

const TABLE: &[Row] = &[
    row("ADT_A01", "ADT", &["A01", "A04", "A08", "A13"]),
    row("ADT_A02", "ADT", &["A02"]),
    row("ADT_A03", "ADT", &["A03"]),
    row("ADT_A05", "ADT", &["A05", "A14", "A28", "A31"]),
    row("ADT_A06", "ADT", &["A06", "A07"]),
    row("ADT_A09", "ADT", &["A09", "A10", "A11"]),
    row("ADT_A12", "ADT", &["A12"]),
    row("ADT_A15", "ADT", &["A15"]),
    row("ADT_A16", "ADT", &["A16"]),
    row("ADT_A17", "ADT", &["A17"]),
    row("ADT_A18", "ADT", &["A18"]),
    row("ADT_A20", "ADT", &["A20"]),
    row("ADT_A21", "ADT", &["A21", "A22", "A23", "A25", "A26", "A27", "A29", "A32", "A33"]),
    row("ADT_A24", "ADT", &["A24"]),
    row("ADT_A30", "ADT", &["A30", "A34", "A35", "A36", "A46", "A47", "A48", "A49"]),
    row("ADT_A37", "ADT", &["A37"]),
    row("ADT_A38", "ADT", &["A38"]),
    row("ADT_A39", "ADT", &["A39", "A40", "A41", "A42"]),
    row("ADT_A43", "ADT", &["A43", "A44"]),
    row("ADT_A45", "ADT", &["A45"]),
    row("ADT_A50", "ADT", &["A50", "A51"]),
    row("ADT_A52", "ADT", &["A52", "A53"]),
    row("ADT_A54", "ADT", &["A54", "A55"]),
    row("ADT_A60", "ADT", &["A60"]),
    row("ADT_A61", "ADT", &["A61", "A62"]),
    row("BAR_P01", "BAR", &["P01"]),
    row("BAR_P02", "BAR", &["P02"]),
    row("BAR_P05", "BAR", &["P05"]),
    row("BAR_P06", "BAR", &["P06"]),
    row("BAR_P10", "BAR", &["P10"]),
    row("BAR_P12", "BAR", &["P12"]),
    row("DFT_P03", "DFT", &["P03"]),
    row("DFT_P11", "DFT", &["P11"]),
    row("MDM_T01", "MDM", &["T01", "T03", "T05", "T07", "T09", "T11"]),
    row("MDM_T02", "MDM", &["T02", "T04", "T06", "T08", "T10"]),
    row("MFN_M01", "MFN", &["M01"]),
    row("MFN_M02", "MFN", &["M02"]),
    row("OMD_O03", "OMD", &["O03"]),
    row("OMG_O19", "OMG", &["O19"]),
    row("OMI_O23", "OMI", &["O23"]),
    row("OML_O21", "OML", &["O21"]),
    row("OML_O33", "OML", &["O33"]),
    row("OML_O35", "OML", &["O35"]),
    row("OMN_O07", "OMN", &["O07"]),
    row("OMP_O09", "OMP", &["O09"]),
    row("OMS_O05", "OMS", &["O05"]),
    row("ORF_R04", "ORF", &["R04"]),
    row("ORL_O22", "ORL", &["O22"]),
    row("ORM_O01", "ORM", &["O01"]),
    row("ORR_O02", "ORR", &["O02"]),
    row("ORU_R01", "ORU", &["R01"]),
    row("ORU_R30", "ORU", &["R30", "R31", "R32"]),
    row("ORU_R40", "ORU", &["R40"]),
    row("OUL_R21", "OUL", &["R21"]),
    row("OUL_R22", "OUL", &["R22"]),
    row("OUL_R23", "OUL", &["R23"]),
    row("OUL_R24", "OUL", &["R24"]),
    row("PGL_PC6", "PGL", &["PC6", "PC7", "PC8"]),
    row("PPR_PC1", "PPR", &["PC1", "PC2", "PC3"]),
    row("QBP_Q11", "QBP", &["Q11"]),
    row("QBP_Q21", "QBP", &["Q21", "Q22", "Q23", "Q24", "Q25"]),
    row("QRY_A19", "QRY", &["A19"]),
    row("QRY_Q01", "QRY", &["Q01"]),
    row("QRY_R02", "QRY", &["R02"]),
    row("RAS_O17", "RAS", &["O17"]),
    row("RDE_O11", "RDE", &["O11", "O25"]),
    row("RDS_O13", "RDS", &["O13"]),
    row("REF_I12", "REF", &["I12", "I13", "I14", "I15"]),
    row("RGV_O15", "RGV", &["O15"]),
    row("RRA_O18", "RRA", &["O18"]),
    row("RRE_O12", "RRE", &["O12"]),
    row("RRI_I12", "RRI", &["I12", "I13", "I14", "I15"]),
    row("RSP_K11", "RSP", &["K11"]),
    row("RSP_K21", "RSP", &["K21", "K22"]),
    row("RSP_K23", "RSP", &["K23", "K24"]),
    row(
        "SIU_S12",
        "SIU",
        &["S12", "S13", "S14", "S15", "S16", "S17", "S18", "S19", "S20", "S21", "S22", "S23", "S24", "S26", "S27"],
    ),
    row("SRM_S01", "SRM", &["S01", "S02", "S03", "S04", "S05", "S06", "S07", "S08", "S09", "S10", "S11"]),
    row("VXQ_V01", "VXQ", &["V01"]),
    row("VXR_V03", "VXR", &["V03"]),
    row("VXU_V04", "VXU", &["V04"]),
    row("VXX_V02", "VXX", &["V02"]),
];
