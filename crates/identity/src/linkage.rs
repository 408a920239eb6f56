//! Decisions as versions in the log: a Linkage (R4 §6.8?) for each pair of Patients that were ever compared closely.
