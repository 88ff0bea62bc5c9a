//! A configuration that many threads read and one replaces, without `unsafe` and without a lock.
//!
//! A reader that has loaded a configuration keeps it for as long as it holds the guard, so what it reads belongs
//! together, however often the configuration is replaced meanwhile.

use std::thread;

use kovan::Atom;

#[derive(Clone)]
struct Config {
    version: u32,
    servers: Vec<String>,
}

/// Reads the configuration until the last version is there, and returns how many times it looked.
fn serve(config: &Atom<Config>, last: u32) -> u32 {
    let mut looks = 0;
    loop {
        let now = config.load();
        looks += 1;
        assert_eq!(now.servers.len(), now.version as usize, "version and servers belong together");
        if now.version == last {
            return looks;
        }
        // The guard ends here, before the thread waits: a guard that is held holds back what is replaced.
        drop(now);
        thread::yield_now();
    }
}

fn main() {
    const LAST: u32 = 100;
    let config = Atom::new(Config { version: 0, servers: Vec::new() });

    thread::scope(|scope| {
        let readers: Vec<_> = (0..4).map(|_| scope.spawn(|| serve(&config, LAST))).collect();

        // A change of a part makes a new whole from the old one. `rcu` begins anew where another thread was faster.
        for _ in 0..LAST {
            config.rcu(|old| {
                let mut new = old.clone();
                new.version += 1;
                new.servers.push(format!("server-{}", new.version));
                new
            });
        }

        for reader in readers {
            println!("a reader looked {} times", reader.join().expect("no reader panics"));
        }
    });

    // A part can be read through a view of its own.
    let servers = config.map(|config| config.servers.as_slice());
    println!("the last server is {}", servers.load().last().expect("there are servers"));

    // A reload from outside replaces the whole. The old value is dropped when no guard can hold it.
    let before = config.swap(Config { version: 1, servers: vec!["spare".into()] });
    println!("version {} is replaced by version {}", before.version, config.load().version);
}
