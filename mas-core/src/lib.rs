//! Model Alignment Search on frozen networks: activity, alignment functions, interchange, fitting, IIA.

mod error;
mod site;
mod trials;

pub use error::{Error, Result};
pub use site::Site;
pub use trials::Trials;
