//! What a token means to a causal program, apart from its text and its id.

/// The meaning of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    Pad,
    Begin,
    End,
    Void,
    /// A demonstration of any type. Same-Object's response too: which of the two depends on the phase.
    Demonstration,
    Trigger,
    Response,
    Plus,
    Minus,
    Equals,
    Comma,
    Number(u32),
}

impl Symbol {
    /// The meaning of a token's text, `None` if no task has such a token.
    pub(crate) fn of(text: &str) -> Option<Self> {
        Some(match text {
            "P" => Self::Pad,
            "B" => Self::Begin,
            "E" => Self::End,
            "U" => Self::Void,
            "D" | "D0" | "D1" | "D2" => Self::Demonstration,
            "T" => Self::Trigger,
            "R" => Self::Response,
            "+" => Self::Plus,
            "-" => Self::Minus,
            "=" => Self::Equals,
            "," => Self::Comma,
            number => {
                let value = number.parse::<u32>().ok().filter(|value| *value <= MAX_VALUE)?;
                // "07" and "+7" parse, but are no tokens.
                if number != value.to_string() {
                    return None;
                }
                Self::Number(value)
            }
        })
    }

    /// Whether an interchange may read or write the activity just after this token.
    pub(crate) fn eligible(self) -> bool {
        !matches!(self, Self::Begin | Self::End | Self::Pad | Self::Trigger)
    }
}

/// The largest value in arithmetic, and the largest number of operations.
pub(crate) const MAX_VALUE: u32 = 20;
