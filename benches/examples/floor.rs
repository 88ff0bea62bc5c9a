//! What replacing a node costs where nothing is reclaimed late: its allocation and free alone, the same
//! with an exchange in between, and the exchange and retirement of `kovan` and of sdd, on one thread and
//! for several sizes of nodes. No library can take less than the second column, and sdd's nodes are 16
//! bytes longer than those that the allocators are asked for by the other columns.

use std::hint::black_box;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Instant;

use kovan_benches::cells::{Payload, Shared};
use kovan_benches::contender::Contender;
use kovan_benches::contenders::{Kovan, Sdd};
use kovan_benches::rounds::interleave;
use kovan_benches::statistics::Summary;

const ROUNDS: u16 = 15;
const NODES: u32 = 1_000_000;

fn nanoseconds(mut replace: impl FnMut(u64)) -> f64 {
    let began = Instant::now();
    (0..NODES).for_each(|value| replace(u64::from(value)));
    began.elapsed().as_secs_f64() * 1e9 / f64::from(NODES)
}

#[inline(never)]
fn allocator<const WORDS: usize>() -> f64 {
    nanoseconds(|value| drop(black_box(Box::new(Payload::<WORDS>::of(value)))))
}

#[inline(never)]
fn exchange<const WORDS: usize>() -> f64 {
    let new = |value| Box::into_raw(Box::new(Payload::<WORDS>::of(value)));
    let cell = AtomicPtr::new(new(0));
    // SAFETY: came from `into_raw`, and nobody else can reach it.
    let free = |old| drop(unsafe { Box::from_raw(old) });
    let cost = nanoseconds(|value| free(cell.swap(new(value), Ordering::AcqRel)));
    free(cell.into_inner());
    cost
}

#[inline(never)]
fn retirement<C: Contender, const WORDS: usize>() -> f64 {
    let contender = C::new();
    let mut local = contender.register();
    let cell = Shared::<C, Payload<WORDS>>::new(Payload::of(0));
    nanoseconds(|value| cell.replace(&contender.pin(&mut local), Payload::of(value)))
}

fn row<const WORDS: usize>() -> Result<(), String> {
    let columns: [fn() -> f64; 4] = [
        allocator::<WORDS>,
        exchange::<WORDS>,
        retirement::<Kovan, WORDS>,
        retirement::<Sdd, WORDS>,
    ];
    let costs = interleave(ROUNDS, columns.len(), |_, column| Ok(columns[column]()))?;
    let cells: Vec<_> = costs.into_iter().map(|c| format!("{:.1}", Summary::of(c))).collect();
    println!("| {} | {} |", Payload::<WORDS>::BYTES, cells.join(" | "));
    Ok(())
}

fn main() -> Result<(), String> {
    println!("{ROUNDS} rounds of {NODES} nodes, in turn: medians in ns, with 95 % intervals\n");
    println!("| bytes | allocation and free | with an exchange | kovan | sdd |");
    println!("|---:|---|---|---|---|");
    row::<4>()?;
    row::<5>()?;
    row::<6>()?;
    row::<7>()?;
    row::<8>()
}
