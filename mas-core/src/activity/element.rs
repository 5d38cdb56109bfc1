use std::io::{self, Read, Write};

use half::{bf16, f16};

/// How a file stores one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    Bf16,
    F16,
    F32,
    F64,
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
}

/// Numbers as this crate keeps them: real ones in 32 bits, whole ones in 64.
#[derive(Debug, Clone)]
pub(super) enum Numbers {
    Real(Vec<f32>),
    Whole(Vec<i64>),
}

/// Elements converted at a time: large enough for speed, small beside any recording.
const CHUNK: usize = 1 << 14;

impl Element {
    /// Bytes of one number.
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::Bf16 | Self::F16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// Reads `count` numbers. Memory grows with what is really read, so a `count` that lies costs nothing.
    pub fn read(self, reader: &mut impl Read, count: usize, big_endian: bool) -> io::Result<Numbers> {
        // A macro, as the standard library has no trait over `from_le_bytes`.
        macro_rules! decode {
            ($kind:ident, $convert:expr) => {
                Numbers::$kind(decode(reader, count, big_endian, $convert)?)
            };
        }
        Ok(match self {
            Self::Bf16 => decode!(Real, |bytes| Ok(bf16::from_le_bytes(bytes).to_f32())),
            Self::F16 => decode!(Real, |bytes| Ok(f16::from_le_bytes(bytes).to_f32())),
            Self::F32 => decode!(Real, |bytes| Ok(f32::from_le_bytes(bytes))),
            Self::F64 => decode!(Real, |bytes| Ok(f64::from_le_bytes(bytes) as f32)),
            Self::Bool => decode!(Whole, |[byte]| Ok(i64::from(byte != 0))),
            Self::I8 => decode!(Whole, |bytes| Ok(i8::from_le_bytes(bytes).into())),
            Self::I16 => decode!(Whole, |bytes| Ok(i16::from_le_bytes(bytes).into())),
            Self::I32 => decode!(Whole, |bytes| Ok(i32::from_le_bytes(bytes).into())),
            Self::I64 => decode!(Whole, |bytes| Ok(i64::from_le_bytes(bytes))),
            Self::U8 => decode!(Whole, |bytes| Ok(u8::from_le_bytes(bytes).into())),
            Self::U16 => decode!(Whole, |bytes| Ok(u16::from_le_bytes(bytes).into())),
            Self::U32 => decode!(Whole, |bytes| Ok(u32::from_le_bytes(bytes).into())),
            Self::U64 => decode!(Whole, |bytes| {
                i64::try_from(u64::from_le_bytes(bytes))
                    .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a whole number does not fit into 63 bits"))
            }),
        })
    }

    /// As [`Element::read`], with every number in 64 bits.
    pub fn read_wide(self, reader: &mut impl Read, count: usize, big_endian: bool) -> io::Result<Vec<f64>> {
        let mut numbers = Vec::new();
        let mut buffer = vec![0; CHUNK.min(count) * self.size()];
        while numbers.len() < count {
            let bytes = &mut buffer[..CHUNK.min(count - numbers.len()) * self.size()];
            reader.read_exact(bytes)?;
            self.decode_wide(bytes, big_endian, &mut numbers);
        }
        Ok(numbers)
    }

    /// Puts the numbers that `bytes` hold behind `numbers`, in 64 bits. Bytes that make no whole number are left out.
    pub fn decode_wide(self, bytes: &[u8], big_endian: bool, numbers: &mut Vec<f64>) {
        macro_rules! decode {
            ($number:ty, $convert:expr) => {{
                let elements = bytes.as_chunks().0.iter();
                let convert: fn($number) -> f64 = $convert;
                match big_endian {
                    false => numbers.extend(elements.map(|&bytes| convert(<$number>::from_le_bytes(bytes)))),
                    true => numbers.extend(elements.map(|&bytes| convert(<$number>::from_be_bytes(bytes)))),
                }
            }};
        }
        match self {
            Self::Bf16 => decode!(bf16, bf16::to_f64),
            Self::F16 => decode!(f16, f16::to_f64),
            Self::F32 => decode!(f32, f64::from),
            Self::F64 => decode!(f64, |number| number),
            Self::Bool => decode!(u8, |number| f64::from(u8::from(number != 0))),
            Self::I8 => decode!(i8, f64::from),
            Self::I16 => decode!(i16, f64::from),
            Self::I32 => decode!(i32, f64::from),
            Self::I64 => decode!(i64, |number| number as f64),
            Self::U8 => decode!(u8, f64::from),
            Self::U16 => decode!(u16, f64::from),
            Self::U32 => decode!(u32, f64::from),
            Self::U64 => decode!(u64, |number| number as f64),
        }
    }
}

fn decode<T, const SIZE: usize>(
    reader: &mut impl Read,
    count: usize,
    big_endian: bool,
    convert: impl Fn([u8; SIZE]) -> io::Result<T>,
) -> io::Result<Vec<T>> {
    let mut numbers = Vec::new();
    let mut buffer = vec![0; CHUNK.min(count) * SIZE];
    while numbers.len() < count {
        let bytes = &mut buffer[..CHUNK.min(count - numbers.len()) * SIZE];
        reader.read_exact(bytes)?;
        for element in bytes.as_chunks_mut().0 {
            if big_endian {
                element.reverse();
            }
            numbers.push(convert(*element)?);
        }
    }
    Ok(numbers)
}

/// Writes numbers little-endian, without a second copy of them all in memory.
pub(super) fn write_all<T: Copy, const SIZE: usize>(
    writer: &mut (impl Write + ?Sized),
    numbers: &[T],
    convert: impl Fn(T) -> [u8; SIZE],
) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(CHUNK.min(numbers.len()) * SIZE);
    for chunk in numbers.chunks(CHUNK) {
        buffer.clear();
        buffer.extend(chunk.iter().flat_map(|&number| convert(number)));
        writer.write_all(&buffer)?;
    }
    Ok(())
}
