//! The published map, queue and transactions do on this `kovan` what they are for.

use std::collections::HashSet;
use std::sync::Mutex;
use std::thread;

const THREADS: u64 = 4;
const EACH: u64 = 20_000;

#[test]
fn a_map_keeps_what_each_thread_put_in() {
    let map = kovan_map::HashMap::new();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let map = &map;
            scope.spawn(move || {
                for i in 0..EACH {
                    let key = thread * EACH + i;
                    assert_eq!(map.insert(key, key.to_string()), None);
                    // A neighbour of every second key is replaced and removed again.
                    if i % 2 == 1 {
                        assert_eq!(
                            map.insert(key - 1, String::from("new")),
                            Some((key - 1).to_string())
                        );
                        assert_eq!(map.remove(&(key - 1)), Some(String::from("new")));
                    }
                }
            });
            // Readers over all keys meanwhile.
            scope.spawn(move || {
                for key in 0..THREADS * EACH {
                    if let Some(value) = map.get(&key) {
                        assert!(value == key.to_string() || value == "new");
                    }
                }
            });
        }
    });
    for key in 0..THREADS * EACH {
        assert_eq!(map.get(&key), (key % 2 == 1).then(|| key.to_string()));
    }
}

#[test]
fn a_hopscotch_map_does_too() {
    let map = kovan_map::HopscotchMap::with_capacity(64);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let map = &map;
            scope.spawn(move || {
                for key in thread * 2000..(thread + 1) * 2000 {
                    assert_eq!(map.insert(key, vec![key]), None);
                    assert_eq!(map.get(&key), Some(vec![key]));
                    if key % 3 == 0 {
                        assert_eq!(map.remove(&key), Some(vec![key]));
                    }
                }
            });
        }
    });
    assert_eq!(map.len(), (0..THREADS * 2000).filter(|key| key % 3 != 0).count());
}

#[test]
fn a_queue_delivers_everything_once() {
    let queue = kovan_queue::seg_queue::SegQueue::new();
    let seen = Mutex::new(HashSet::new());
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (queue, seen) = (&queue, &seen);
            scope.spawn(move || (0..EACH).for_each(|i| queue.push(Box::new(thread * EACH + i))));
            scope.spawn(move || {
                let mut mine = Vec::new();
                while (mine.len() as u64) < EACH {
                    match queue.pop() {
                        Some(value) => mine.push(*value),
                        None => thread::yield_now(),
                    }
                }
                let mut seen = seen.lock().unwrap();
                for value in mine {
                    assert!(seen.insert(value), "{value} came twice");
                }
            });
        }
    });
    assert_eq!(seen.into_inner().unwrap().len() as u64, THREADS * EACH);
    assert!(queue.is_empty());
}

#[test]
fn transactions_move_money_and_lose_none() {
    let stm = kovan_stm::Stm::new();
    let accounts: Vec<_> = (0..8).map(|_| stm.tvar(1000_i64)).collect();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (stm, accounts) = (&stm, &accounts);
            scope.spawn(move || {
                for i in 0..2000 {
                    let from = &accounts[((thread + i) % 8) as usize];
                    let to = &accounts[((thread + 3 * i + 1) % 8) as usize];
                    if std::ptr::eq(from, to) {
                        continue;
                    }
                    stm.atomically(|transaction| {
                        let (a, b) = (transaction.load(from)?, transaction.load(to)?);
                        transaction.store(from, a - 1)?;
                        transaction.store(to, b + 1)?;
                        Ok(())
                    });
                }
            });
        }
    });
    let total: i64 = stm
        .atomically(|transaction| accounts.iter().map(|account| transaction.load(account)).sum());
    assert_eq!(total, 8000);
}
