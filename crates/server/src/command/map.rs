//! `hilum map`: not built yet.

use super::Failure;

#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args) -> Result<(), Failure> {
    Err(Failure::Usage("`hilum map` is not built yet".to_owned()))
}
