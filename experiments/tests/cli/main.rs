//! The binary as users run it.
//!
//! Builds for the gate (feature `canary`) refuse to measure, so these tests are of the others.

#![cfg(not(feature = "canary"))]

mod adversaries;
mod advise;
mod claims;
mod compare;
mod doctor;
mod further;
mod guides;
mod limits;
mod list;
mod mistakes;
mod new;
mod rank;
mod report;
mod resume;
mod run;
mod shards;
mod slurm;
mod strict;
mod support;
mod values;
mod verify;
