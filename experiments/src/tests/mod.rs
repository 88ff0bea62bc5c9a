//! Tests of the whole library, which need its insides.

mod documents;
mod fuzz;
mod house;
mod links;
