//! The cells of one thread under criterion: `cargo bench -p kovan-benches`.
#![allow(missing_docs)] // What `criterion_group!` makes.

use criterion::{Criterion, criterion_group, criterion_main};
use kovan_benches::cells::{
    Cell, HashMap, List, Loads, Pin, PinLoad, Queue, ReadHeavy, Retire, Stack,
};
use kovan_benches::contender::Contender;
use kovan_benches::contenders::{Epoch, Haphazard, Kovan, KovanRobust, Leak, Published, Seize};
use kovan_benches::random::random;

fn bench<C: Contender, L: Cell<C>>(criterion: &mut Criterion) {
    let contender = C::new();
    let cell = L::new(&contender);
    let mut local = contender.register();
    let mut state = 1;
    criterion.bench_function(&format!("{}/{}", L::NAME, C::NAME), |bencher| {
        bencher.iter(|| {
            cell.step(&contender, &mut local, random(&mut state));
        });
    });
}

fn all<C: Contender>(criterion: &mut Criterion) {
    bench::<C, Pin<C>>(criterion);
    bench::<C, PinLoad<C>>(criterion);
    bench::<C, Loads<C>>(criterion);
    bench::<C, Retire<C>>(criterion);
    bench::<C, ReadHeavy<C>>(criterion);
    bench::<C, Stack<C>>(criterion);
    bench::<C, Queue<C>>(criterion);
    bench::<C, List<C>>(criterion);
    bench::<C, HashMap<C>>(criterion);
}

fn contenders(criterion: &mut Criterion) {
    all::<Kovan>(criterion);
    all::<KovanRobust>(criterion);
    all::<Epoch>(criterion);
    all::<Seize>(criterion);
    all::<Haphazard>(criterion);
    all::<Published>(criterion);
    all::<Leak>(criterion);
}

criterion_group!(micro, contenders);
criterion_main!(micro);
