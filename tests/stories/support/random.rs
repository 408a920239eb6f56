//! Chance that can be had again: a seed, printed by who uses it.

pub struct Random(u64);

impl Random {
    /// From `HILUM_SEED`, or of this moment. Printed, so that a failure can be told again.
    pub fn seeded(story: &str) -> Random {
        let moment = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_nanos() as u64;
        let seed = std::env::var("HILUM_SEED").map_or(moment, |seed| seed.parse().expect("HILUM_SEED is a number"));
        eprintln!("{story}: HILUM_SEED={seed}");
        Random(seed)
    }

    /// splitmix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// At least 0, less than `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("less than a usize")
    }
}
