//! An empty pin and unpin of `kovan` and of the published crate, both through the functions that find
//! the thread's state by themselves, in a program that has nothing else. In `comparison` this cell is
//! so short that the alignment of its loop, which all other cells move, changes the result.

use std::hint::black_box;
use std::time::Instant;

use kovan_benches::rounds::interleave;
use kovan_benches::statistics::Summary;

const ROUNDS: u16 = 41;
const PINS: u32 = 5_000_000;

#[inline(never)]
fn ours() -> f64 {
    nanoseconds(|| drop(black_box(kovan::pin())))
}

#[inline(never)]
fn published() -> f64 {
    nanoseconds(|| drop(black_box(kovan_published::pin())))
}

#[inline(always)]
fn nanoseconds(pin: impl Fn()) -> f64 {
    let began = Instant::now();
    (0..PINS).for_each(|_| pin());
    began.elapsed().as_secs_f64() * 1e9 / f64::from(PINS)
}

fn main() -> Result<(), String> {
    let contenders: [fn() -> f64; 2] = [ours, published];
    let costs = interleave(ROUNDS, contenders.len(), |_, index| Ok(contenders[index]()))?;
    println!("{ROUNDS} rounds of {PINS} pins, in turn: medians, with 95 % intervals");
    println!("kovan        {:.2} ns", Summary::of(costs[0].clone()));
    println!("kovan 0.2.0  {:.2} ns", Summary::of(costs[1].clone()));
    println!("ours / theirs  {:.2}", Summary::of_ratios(&costs[0], &costs[1]));
    Ok(())
}
