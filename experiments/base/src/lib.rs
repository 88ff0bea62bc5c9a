//! What all parts of `kovan-lab` share, from the top to the bottom. Each uses those below it only.
//!
//! | part | what it holds |
//! |---|---|
//! | [`data`] | plain types that files, processes and figures share |
//! | [`system`] | the machine, its limits, threads, and child processes of this program |
//! | [`support`] | the terminal, tables, numbers |

pub mod data;
pub mod support;
pub mod system;
