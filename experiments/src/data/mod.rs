//! Plain types that files, processes and figures share. They have no behaviour beyond themselves.

mod cell;
mod measurement;

pub(crate) use cell::{Cell, Workload};
pub(crate) use measurement::{Line, Measured, Point};
