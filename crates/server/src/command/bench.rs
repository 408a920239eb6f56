//! `hilum bench`: not built yet.

use super::Failure;

#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args) -> Result<(), Failure> {
    Err(Failure::Usage("`hilum bench` is not built yet".to_owned()))
}
