//! Tests of the whole library, which need its insides.

mod claims_page;
mod documents;
mod front_figure;
mod fuzz;
mod guides;
mod house;
mod links;
