//! What a figure is worth nothing without: the machine that it was measured on, and how much of it this process had.

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

/// Processor time that this process used so far, in seconds; 0 where there is no `/proc`.
pub fn cpu_seconds() -> f64 {
    cpu_seconds_of(std::process::id())
}

/// The same of another process.
pub fn cpu_seconds_of(process: u32) -> f64 {
    used(&fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default())
}

/// Two cores that this process may use, one for the server and one for whoever asks it; none where there are too few.
#[cfg(target_os = "linux")]
pub fn two_cores() -> Option<(usize, usize)> {
    let ours = rustix::thread::sched_getaffinity(None).ok()?;
    let mut cores = (0..rustix::thread::CpuSet::MAX_CPU).filter(|&core| ours.is_set(core));
    Some((cores.next()?, cores.next()?))
}

/// Keeps this thread, and what it starts from now on, to one core.
#[cfg(target_os = "linux")]
pub fn keep_to(core: usize) {
    let mut only = rustix::thread::CpuSet::new();
    only.set(core);
    // Where it may not, the figures are those of the whole machine.
    let _ = rustix::thread::sched_setaffinity(None, &only);
}

#[cfg(not(target_os = "linux"))]
pub fn two_cores() -> Option<(usize, usize)> {
    None
}

#[cfg(not(target_os = "linux"))]
pub fn keep_to(_core: usize) {}

/// `utime` and `stime` of a line of `/proc/self/stat`.
fn used(stat: &str) -> f64 {
    /// They are counted in these (`USER_HZ`, the same on every Linux).
    const TICKS_PER_SECOND: f64 = 100.0;
    // The name before the last parenthesis may hold anything; the two are the 12th and 13th fields after it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_summed() {
        assert_eq!(used("77 (hi) lum) S 1 77 77 0 -1 4194560 1 2 3 4 150 25 9 9 20 0 8 0 5 6 7"), 1.75);
        assert_eq!(used(""), 0.0);
    }
}
