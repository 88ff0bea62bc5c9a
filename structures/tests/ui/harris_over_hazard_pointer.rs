use kovan_schemes::schemes::HazardPointer;
use kovan_structures::HarrisList;

fn traverse(_: &HarrisList<u64, u64, HazardPointer>) {}

fn main() {}
