//! A program whose reader has left ends, and does not panic.

use std::process::{Command, Stdio};

#[test]
fn ends_quietly_when_nobody_reads() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_structures"))
        .args(["--structure", "treiber", "--threads", "1", "--rounds", "3", "--window-ms", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
