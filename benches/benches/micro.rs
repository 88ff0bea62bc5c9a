//! The cells of one thread under criterion: `cargo bench -p kovan-benches`.
#![allow(missing_docs)] // What `criterion_group!` makes.

use criterion::{Criterion, criterion_group, criterion_main};
use kovan_benches::cells::{
    Cell, HashMap, List, Loads, Mixed, Pin, PinLoad, Queue, Replace, Stack, WORDS,
};
use kovan_benches::contender::{Contender, label};
use kovan_benches::contenders::{
    Epoch, EpochHandle, Haphazard, HaphazardHandle, Kovan, KovanHandle, KovanRobust, Leak,
    Published, Sdd, Seize, SeizeHandle,
};
use kovan_harness::random::XorShift;

fn bench<C: Contender, L: Cell<C>>(criterion: &mut Criterion) {
    let contender = C::new();
    let cell = L::new(&contender);
    let mut local = contender.register();
    let mut draws = XorShift::stream(0, 0, 0);
    criterion.bench_function(&format!("{}/{}", L::NAME, label(C::GROUP, C::NAME)), |bencher| {
        bencher.iter(|| {
            cell.step(&contender, &mut local, draws.next_u48());
        });
    });
}

fn all<C: Contender>(criterion: &mut Criterion) {
    bench::<C, Pin<C>>(criterion);
    bench::<C, PinLoad<C>>(criterion);
    bench::<C, Loads<C>>(criterion);
    bench::<C, Replace<C, WORDS>>(criterion);
    bench::<C, Mixed<C, WORDS, 95>>(criterion);
    bench::<C, Mixed<C, WORDS, 50>>(criterion);
    bench::<C, Stack<C>>(criterion);
    bench::<C, Queue<C>>(criterion);
    bench::<C, List<C>>(criterion);
    bench::<C, HashMap<C>>(criterion);
}

fn contenders(criterion: &mut Criterion) {
    all::<Kovan>(criterion);
    all::<Epoch>(criterion);
    all::<Seize>(criterion);
    all::<Haphazard>(criterion);
    all::<Sdd>(criterion);
    all::<Published>(criterion);
    all::<Leak>(criterion);
    all::<KovanHandle>(criterion);
    all::<KovanRobust>(criterion);
    all::<EpochHandle>(criterion);
    all::<SeizeHandle>(criterion);
    all::<HaphazardHandle>(criterion);
}

criterion_group!(micro, contenders);
criterion_main!(micro);
