//! What is drawn on.

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, SVGBackend};

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Pixel = (i32, i32);
pub(super) type Painted = Result<(), Box<dyn std::error::Error>>;
