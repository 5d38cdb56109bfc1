//! What can go wrong, in terms of what the caller supplied.

use crate::{DropReason, Variable};

/// An error of this crate. Every one is caused by what the caller supplied.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that is not in the list of known ones.
    #[error("unknown {what} '{given}': the known ones are {known}")]
    UnknownName {
        /// What kind of thing was named.
        what: &'static str,
        /// The name given.
        given: String,
        /// The known names, separated by commas.
        known: String,
    },

    /// A setting with an impossible value.
    #[error("{field}: {reason}")]
    InvalidConfig {
        /// The setting, as users write it.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        reason: String,
    },

    /// A number of demonstrations (of operations, in arithmetic) that the task does not have.
    #[error("{count} is not a count of this task: it has {min} to {max}")]
    NoSuchCount {
        /// The count asked for.
        count: u32,
        /// The smallest count of the task.
        min: u32,
        /// The largest count of the task.
        max: u32,
    },

    /// A variable that the program does not have.
    #[error("the program {program} has no variable '{variable}': it has {known}")]
    NoSuchVariable {
        /// The variable asked for.
        variable: Variable,
        /// The program.
        program: &'static str,
        /// The program's variables, separated by commas.
        known: String,
    },

    /// A token that the causal program does not accept where it stands.
    #[error("token '{token}' at position {position} is not accepted: {reason}")]
    TokenRefused {
        /// The position in the sequence, from 0.
        position: usize,
        /// The token's text.
        token: String,
        /// Why it is refused.
        reason: &'static str,
    },

    /// A token id beyond the vocabulary.
    #[error("token id {id} at position {position} is beyond the vocabulary of {size} tokens")]
    UnknownId {
        /// The position in the sequence, from 0.
        position: usize,
        /// The id.
        id: u32,
        /// The size of the vocabulary.
        size: usize,
    },

    /// A token that a vocabulary lacks.
    #[error("the vocabulary has no token '{token}': it has {known}")]
    MissingToken {
        /// The token's text.
        token: String,
        /// The vocabulary's tokens, separated by spaces.
        known: String,
    },

    /// A token that a vocabulary lists twice.
    #[error("the vocabulary lists token '{token}' twice, as ids {first} and {second}")]
    DuplicateToken {
        /// The token's text.
        token: String,
        /// The first id.
        first: u32,
        /// The second id.
        second: u32,
    },

    /// A response mask that does not go with its tokens.
    #[error("a sequence of {tokens} tokens has a response mask of {mask}")]
    MaskLength {
        /// The number of tokens.
        tokens: usize,
        /// The length of the mask.
        mask: usize,
    },

    /// A position at which no interchange is made.
    #[error("position {position} of the {role} is not eligible for an interchange: {reason}")]
    IneligiblePosition {
        /// `source` or `target`.
        role: &'static str,
        /// The position asked for.
        position: usize,
        /// Why not.
        reason: &'static str,
    },

    /// An interchange that has no counterfactual.
    #[error("this interchange has no counterfactual: {0}")]
    Dropped(DropReason),

    /// No pair could be drawn within the allowed number of tries.
    #[error("no pair could be drawn in {tries} tries for {variable}: {dropped}")]
    NoPairs {
        /// The tries made for one pair.
        tries: usize,
        /// The variables of the interchange.
        variable: String,
        /// What became of the tries, by reason.
        dropped: String,
    },
}

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
