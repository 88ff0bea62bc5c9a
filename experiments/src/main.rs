//! The program `kovan-lab`; all of it is the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    kovan_lab::main()
}
