//! Fits and evaluations on a network that is none of this project's: a linear one that keeps a tally.

mod evaluation;
mod fit;
mod functions;
mod latent;
mod methods;
mod network;
#[path = "../network_suite/mod.rs"]
mod network_suite;
mod null;
mod pairs;
mod recordings;
mod refusals;
mod sensitivity;
mod shuffling;
mod suite;
mod vectors;
