//! Model Alignment Search on frozen networks: activity, alignment functions, interchange, fitting, IIA.
#![warn(missing_docs)]

pub mod activity;
pub mod alignment;
mod control;
mod error;
pub mod evaluate;
pub mod fit;
mod inflow;
mod interchange;
pub mod latent;
mod network;
mod objective;
mod pairs;
mod participant;
mod recordings;
mod sensitivity;
mod site;
pub mod storage;
mod trials;
mod vectors;

pub use activity::{Activity, ActivityFile, Outline};
pub use alignment::{
    Alignment, AlignmentFunction, FunctionConfig, FunctionKind, MatchedActivity, Member, Start, Subspaces,
};
pub use error::{Error, Result};
pub use evaluate::{Accuracy, Interchanges, Outcome, Population, Swap, accuracy, evaluate, evaluate_unintervened};
pub use fit::{Fit, FitConfig, Fitted};
pub use inflow::{Exchange, Setting};
pub use interchange::{Positions, Retain, interchange};
pub use latent::Latents;
pub use network::{At, Continuation, Edit, Natural, Network, Prefix, Recorded, Resume, autodiff_gradient};
pub use objective::{Direction, LATENT_WEIGHT, Method, Objective, all_directions};
pub use pairs::Pairs;
pub use participant::Participant;
pub use recordings::Recordings;
pub use sensitivity::response_jacobians;
pub use site::Site;
pub use trials::Trials;
pub use vectors::{InterchangedVectors, interchanged_vectors};
