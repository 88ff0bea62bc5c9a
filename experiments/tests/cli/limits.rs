//! The system starts fewer threads than were asked for, or does not say what it could.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::support::{Folder, copy_program, rows, spec, text};

/// The limit does not bind root, and only root can become another user.
fn is_root() -> bool {
    // SAFETY: no preconditions.
    unsafe { libc::geteuid() == 0 }
}

/// Runs the program as a user who has no other process, with so many processes and threads at most. Who
/// is not root cannot become that user, and has more processes already: there only a limit of 1 is sure
/// to bind.
fn limited(folder: &Folder, limit: u64, arguments: &[&str]) -> Output {
    let program = folder.join("kovan-lab");
    if !Path::new(&program).exists() {
        copy_program(folder, "");
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o777)).expect("opened");
    }
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&folder.0);
    if is_root() {
        // Another one for each process of this program, since tests run at the same time.
        static USERS: AtomicU32 = AtomicU32::new(0);
        let user = std::process::id() * 100 + USERS.fetch_add(1, Relaxed);
        command.uid(1_000_000_000 + user).gid(1_000_000_000);
    }
    let lower = move || {
        let limit = libc::rlimit { rlim_cur: limit as _, rlim_max: limit as _ };
        // SAFETY: reads `limit` alone.
        let failed = unsafe { libc::setrlimit(libc::RLIMIT_NPROC, &raw const limit) } != 0;
        if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
    };
    // SAFETY: one system call, which is allowed between fork and exec.
    unsafe { command.pre_exec(lower) };
    let began = Instant::now();
    let output = command.output().expect("started");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(25), "{limit}: {took:?}: {}", text(&output.stderr));
    output
}

fn limits() -> &'static [u64] {
    if is_root() { &[1, 2, 3, 4, 5, 8, 20, 36] } else { &[1] }
}

#[test]
fn a_cell_without_its_threads_says_how_many_it_got() {
    let folder = Folder::new("limits-run");
    let path = folder.write("s.toml", &spec("name = \"x\"", ""));
    for limit in limits() {
        let out = folder.join(&format!("out-{limit}"));
        let run = ["run", &path, "--scale", "smoke", "--out", &out, "--structure", "hash-map"];
        let more = ["--scheme", "^leak$", "--threads", "32", "--stalled", "1"];
        let output = limited(&folder, *limit, &[&run[..], &more].concat());
        let said = text(&output.stderr);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{limit}: {said}");
        for part in ["the system ", "ulimit -u", "pids.max"] {
            assert!(said.contains(part), "{limit}: no `{part}` in: {said}");
        }
        assert!(!said.contains("panicked"), "{limit}: {said}");
        if *limit >= 5 {
            let rows = rows(&out, "samples.csv");
            let parts = ["could not run: needs 33 threads, the system lets it start", "--threads"];
            assert!(parts.iter().all(|part| rows[0].contains(part)), "{limit}: {rows:?}");
        }
    }
}

#[test]
fn a_pair_is_not_blamed_for_the_machine() {
    let folder = Folder::new("limits-verify");
    for limit in limits() {
        let verify = ["verify", "--scheme", "^epoch$", "--structure", "^ms-queue$"];
        let more = ["--seconds-per-pair", "0.05", "--jobs", "2"];
        let output = limited(&folder, *limit, &[&verify[..], &more].concat());
        let (table, said) = (text(&output.stdout), text(&output.stderr));
        assert!(!said.contains("FAILED") && !table.contains("FAILED"), "{limit}: {said}{table}");
        assert!(!said.contains("panicked"), "{limit}: {said}");
        match output.status.code() {
            Some(0) => assert!(table.contains(" 0 failed\n"), "{limit}: {table}"),
            Some(2) => assert!(said.contains("ulimit -u"), "{limit}: {said}"),
            code => panic!("{limit}: {code:?}: {said}"),
        }
        if (5..9).contains(limit) {
            assert!(table.contains("could not run\n"), "{limit}: {table}{said}");
        }
    }
}

#[test]
fn what_could_not_run_is_not_in_the_record() {
    if !is_root() {
        return;
    }
    let folder = Folder::new("limits-record");
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o777)).expect("opened");
    let file = folder.join("runs.jsonl");
    let verify = ["verify", "--scheme", "^epoch$", "--structure", "^ms-queue$", "--jobs", "1"];
    let more = ["--seconds-per-pair", "0.05", "--record", &file];
    let output = limited(&folder, 6, &[&verify[..], &more].concat());
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let recorded = fs::read_to_string(&file).expect("a record");
    assert!(!recorded.contains("failed"), "{recorded}");
    // Four checks: this build has no canary.
    assert!(recorded.lines().count() < 4, "{recorded}");
}

/// The program in a mount namespace of its own, with an empty `/proc`. Only root may make one everywhere.
#[test]
fn without_proc_what_needs_it_is_empty_and_the_rest_is_measured() {
    if !is_root() {
        return;
    }
    let folder = Folder::new("no-proc");
    let path = folder.write("s.toml", &spec("name = \"x\"", ""));
    let out = folder.join("out");
    let hidden = "mount -t tmpfs none /proc && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", hidden, "sh", env!("CARGO_BIN_EXE_kovan-lab")])
        .args(["run", &path, "--scale", "smoke", "--out", &out, "--structure", "hash-map"])
        .args(["--scheme", "^leak$", "--threads", "1"])
        .output()
        .expect("unshare");
    let said = text(&output.stderr);
    if said.starts_with("unshare:") || said.starts_with("mount:") {
        return; // A container without the right to it.
    }
    assert!(output.status.success(), "{said}");
    let rows = rows(&out, "samples.csv");
    assert!(rows.iter().all(|row| row.contains(",ok,")), "{rows:?}");
    let header = fs::read_to_string(Path::new(&out).join("samples.csv")).expect("records");
    let columns: Vec<_> = header.lines().next().expect("a header").split(',').collect();
    let field = |name| {
        let at = columns.iter().position(|column| *column == name).expect("a column");
        rows[0].split(',').nth(at).expect("a field")
    };
    assert_eq!(field("rss_peak_bytes"), "", "{rows:?}");
    assert!(field("ops").parse::<u64>().is_ok_and(|ops| ops > 0), "{rows:?}");
}
