//! How the numbers of a GGUF file are packed: 32 of a row in a block, with what turns them back into numbers.

use burn::tensor::{bf16, f16};

/// A type of numbers in a GGUF file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// 32 bits.
    F32,
    /// 16 bits, IEEE half precision.
    F16,
    /// 16 bits, the upper half of 32.
    Bf16,
    /// A factor d and 32 numbers of 8 bits: `d q`.
    Q8_0,
    /// A factor d and 32 numbers of 4 bits: `d (q − 8)`.
    Q4_0,
    /// A factor d, a least value m and 32 numbers of 4 bits: `d q + m`.
    Q4_1,
}

impl Kind {
    /// The type that has this id, if it can be read.
    pub fn of(id: u32) -> Option<Self> {
        Some(match id {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::Q4_0,
            3 => Self::Q4_1,
            8 => Self::Q8_0,
            30 => Self::Bf16,
            _ => return None,
        })
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
            Self::Q8_0 => "Q8_0",
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
        }
    }

    /// How many numbers are packed together, and into how many bytes.
    pub fn block(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::Bf16 => (1, 2),
            Self::Q8_0 => (32, 34),
            Self::Q4_0 => (32, 18),
            Self::Q4_1 => (32, 20),
        }
    }

    /// The numbers of whole blocks.
    pub fn unpack(self, bytes: &[u8]) -> Vec<f32> {
        let half = |block: &[u8], at: usize| f16::from_le_bytes([block[at], block[at + 1]]).to_f32();
        // The lower halves of 16 bytes are a block's first numbers, the upper ones those after them.
        let nibbles = |packed: &[u8], of: &dyn Fn(f32) -> f32| -> Vec<f32> {
            let lower = packed.iter().map(|byte| of(f32::from(byte & 15)));
            lower.chain(packed.iter().map(|byte| of(f32::from(byte >> 4)))).collect()
        };
        let (_, size) = self.block();
        let blocks = bytes.chunks_exact(size);
        match self {
            Self::F32 => blocks.map(|block| f32::from_le_bytes([block[0], block[1], block[2], block[3]])).collect(),
            Self::F16 => blocks.map(|block| half(block, 0)).collect(),
            Self::Bf16 => blocks.map(|block| bf16::from_le_bytes([block[0], block[1]]).to_f32()).collect(),
            Self::Q8_0 => blocks
                .flat_map(|block| {
                    let factor = half(block, 0);
                    block[2..].iter().map(move |&byte| f32::from(byte.cast_signed()) * factor)
                })
                .collect(),
            Self::Q4_0 => blocks
                .flat_map(|block| {
                    let factor = half(block, 0);
                    nibbles(&block[2..], &|value| (value - 8.0) * factor)
                })
                .collect(),
            Self::Q4_1 => blocks
                .flat_map(|block| {
                    let (factor, least) = (half(block, 0), half(block, 2));
                    nibbles(&block[4..], &|value| value * factor + least)
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand, from the definitions in ggml's ggml-common.h.
    #[test]
    fn blocks_unpack_to_their_numbers() {
        let half = |value: f32| f16::from_f32(value).to_le_bytes();
        let packed: Vec<u8> = (0..16).map(|at| at | ((15 - at) << 4)).collect();

        let block = [half(0.5).as_slice(), &packed].concat();
        let values = Kind::Q4_0.unpack(&block);
        let expected: Vec<f32> = (0..16).chain((0..16).rev()).map(|q| (q as f32 - 8.0) * 0.5).collect();
        assert_eq!(values, expected);

        let block = [half(0.25).as_slice(), &half(-3.0), &packed].concat();
        let values = Kind::Q4_1.unpack(&block);
        let expected: Vec<f32> = (0..16).chain((0..16).rev()).map(|q| q as f32 * 0.25 - 3.0).collect();
        assert_eq!(values, expected);

        let signed: Vec<u8> = (0..32).map(|at: i32| ((at - 16) * 7) as i8 as u8).collect();
        let block = [half(2.0).as_slice(), &signed].concat();
        let expected: Vec<f32> = (0..32).map(|at| (at - 16) as f32 * 14.0).collect();
        assert_eq!(Kind::Q8_0.unpack(&block), expected);

        assert_eq!(Kind::F32.unpack(&1.5_f32.to_le_bytes()), [1.5]);
        assert_eq!(Kind::F16.unpack(&half(-0.75)), [-0.75]);
        assert_eq!(Kind::Bf16.unpack(&bf16::from_f32(2.5).to_le_bytes()), [2.5]);
    }

    #[test]
    fn as_many_numbers_come_out_as_blocks_have() {
        for kind in [Kind::F32, Kind::F16, Kind::Bf16, Kind::Q8_0, Kind::Q4_0, Kind::Q4_1] {
            let (numbers, bytes) = kind.block();
            assert_eq!(kind.unpack(&vec![0; 3 * bytes]).len(), 3 * numbers, "{}", kind.name());
        }
    }
}
