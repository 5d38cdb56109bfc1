//! Which task, and which causal program describes it.

use crate::named::named_enum;

named_enum! {
    /// A numeric task (arXiv 2501.06164).
    ///
    /// All but [`Arithmetic`](Self::Arithmetic) read `B`, then N demonstration tokens, then the trigger `T`, and ask
    /// for a number of response tokens that depends on N, then `E`.
    pub enum TaskKind: "task" {
        /// Demonstrations of three types; N × `R`.
        MultiObject = "multi-object",
        /// Demonstrations of one type `D`; N × `R`.
        SingleObject = "single-object",
        /// Demonstrations of one type `D`, which is also the response; N × `D`.
        SameObject = "same-object",
        /// As multi-object; (N mod 4) × `R`.
        Modulo = "modulo",
        /// As multi-object; as many `R` as the multiple of 3 nearest to N.
        Rounding = "rounding",
        /// As multi-object; N² × `R`.
        Square = "square",
        /// `B`, the number of operations, a start value, then `op operand = value` separated by `,`, then `E`.
        Arithmetic = "arithmetic",
    }
}

named_enum! {
    /// A causal program: typed variables, updated by every token read, that say what comes next.
    pub enum ProgramKind: "program" {
        /// `phase`, `count`: +1 per demonstration, −1 per response (Count Up, Count Down).
        CountUpDown = "count-up-down",
        /// `phase`, `demonstration-count`, `response-count`: +1 each (Count Up, Count Up).
        CountUpUp = "count-up-up",
        /// `phase`, `count`, `increment`: the responses fill a fixed quantity in steps (Count Up, Increment).
        CountUpIncrement = "count-up-increment",
        /// `remaining-operations`, `cumulative-value`, `operator`, `operand`.
        Arithmetic = "arithmetic",
    }
}

impl TaskKind {
    /// Whether sequences of this task show N demonstrations and ask for a number of responses.
    pub const fn counts_demonstrations(self) -> bool {
        !matches!(self, Self::Arithmetic)
    }

    /// The task's function f: the number of response tokens after `demonstrations`, `None` in arithmetic.
    pub const fn responses(self, demonstrations: u32) -> Option<u32> {
        match self {
            Self::MultiObject | Self::SingleObject | Self::SameObject => Some(demonstrations),
            Self::Modulo => Some(demonstrations % MODULUS),
            // Ties cannot occur: no integer is halfway between two multiples of 3.
            Self::Rounding => Some((demonstrations + 1) / 3 * 3),
            Self::Square => Some(demonstrations * demonstrations),
            Self::Arithmetic => None,
        }
    }

    /// The causal programs that describe this task, the default one first.
    pub const fn programs(self) -> &'static [ProgramKind] {
        if self.counts_demonstrations() {
            &[ProgramKind::CountUpDown, ProgramKind::CountUpUp, ProgramKind::CountUpIncrement]
        } else {
            &[ProgramKind::Arithmetic]
        }
    }
}

/// The modulus of [`TaskKind::Modulo`].
pub(crate) const MODULUS: u32 = 4;
