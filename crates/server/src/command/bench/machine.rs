//! What a figure is worth nothing without: the machine that it was measured on.

use std::fs;
use std::thread::available_parallelism;

/// Cores and processor, as far as the system says.
pub fn name() -> String {
    let cores = available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':')).map(|(_, name)| name.trim());
    format!("{cores} cores, {}", model.unwrap_or("unknown processor"))
}
