use kovan_schemes::schemes::KovanRobust;
use kovan_structures::HarrisList;

fn traverse(_: &HarrisList<u64, u64, KovanRobust>) {}

fn main() {}
