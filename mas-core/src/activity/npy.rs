//! NumPy's array format. The header is npyz's to read; what it says is checked before anything is allocated.

use std::io::{self, Cursor, Read, Write};

use npyz::{DType, Endianness, NpyHeader, Order, TypeChar, WriterBuilder};

use super::array::{Array, Problem, element_count, row_major};
use super::element::Element;

/// The longest header that is read. NumPy's own limit is 10,000 bytes.
const LONGEST_HEADER: u64 = 1 << 16;
/// The most brackets in a header: more would only be there to exhaust a parser's stack.
const MOST_BRACKETS: usize = 32;

/// What a header says, checked against the bytes that are there.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub shape: Vec<usize>,
    /// Number of elements.
    pub count: usize,
    pub element: Element,
    pub big_endian: bool,
    /// Whether the first index runs fastest.
    pub fortran: bool,
    /// Where the numbers begin, in bytes.
    pub start: u64,
}

/// Reads one array from `reader`, of which at most `available` bytes are there.
pub(super) fn read(reader: &mut impl Read, available: u64) -> Result<Array, Problem> {
    let Layout { shape, count, element, big_endian, fortran, .. } = layout(reader, available)?;
    let numbers = element.read(reader, count, big_endian)?;
    Ok(match fortran {
        false => Array { shape, numbers },
        true => Array::from_fortran_order(shape, numbers),
    })
}

/// As [`read`], with every number in 64 bits.
pub(super) fn read_wide(reader: &mut impl Read, available: u64) -> Result<(Vec<usize>, Vec<f64>), Problem> {
    let Layout { shape, count, element, big_endian, fortran, .. } = layout(reader, available)?;
    let numbers = element.read_wide(reader, count, big_endian)?;
    let numbers = if fortran { row_major(&numbers, &shape) } else { numbers };
    Ok((shape, numbers))
}

/// Reads the header alone: what follows in `reader` are the numbers.
pub(super) fn layout(reader: &mut impl Read, available: u64) -> Result<Layout, Problem> {
    let (header, start) = read_header(reader)?;
    let (element, big_endian) = element_of(&header)?;
    let shape = header
        .shape()
        .iter()
        .map(|&size| usize::try_from(size).map_err(|_| Problem::format("a dimension is too large")))
        .collect::<Result<Vec<_>, _>>()?;
    let count = element_count(&shape);
    let needed = count.and_then(|count| count.checked_mul(element.size())).map(|bytes| bytes as u64);
    let present = available.saturating_sub(start);
    let (Some(count), Some(needed)) = (count, needed) else {
        return Err(Problem::format(format!("shape {shape:?} is too large")));
    };
    if needed > present {
        return Err(Problem::format(format!(
            "shape {shape:?} needs {needed} bytes, but there are only {present}: it is truncated"
        )));
    }
    Ok(Layout { shape, count, element, big_endian, fortran: header.order() == Order::Fortran, start })
}

/// Writes the header of a row-major, little-endian array. `descr` is NumPy's type string.
pub(super) fn write_header(writer: impl Write, descr: &str, shape: &[usize]) -> io::Result<()> {
    let element = descr.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let shape: Vec<u64> = shape.iter().map(|&size| size as u64).collect();
    npyz::WriteOptions::new_header_only()
        .dtype(DType::Plain(element))
        .shape(&shape)
        .writer(writer)
        .write_header_only()
        .map(|_| ())
}

fn read_header(reader: &mut impl Read) -> Result<(NpyHeader, u64), Problem> {
    let mut header = vec![0; 10];
    reader.read_exact(&mut header)?;
    if header[..6] != *b"\x93NUMPY" {
        return Err(Problem::format("this is no NumPy array (it does not begin with \\x93NUMPY)"));
    }
    if header[6] > 1 {
        header.resize(12, 0);
        reader.read_exact(&mut header[10..])?;
    }
    let length = header[8..].iter().rev().fold(0, |length, &byte| (length << 8) | u64::from(byte));
    if length > LONGEST_HEADER {
        return Err(Problem::format(format!("its header claims {length} bytes; {LONGEST_HEADER} are the limit")));
    }
    let start = header.len();
    header.resize(start + length as usize, 0);
    reader.read_exact(&mut header[start..])?;
    let text = std::str::from_utf8(&header[start..]).map_err(|_| Problem::format("its header is not text"))?;
    check_header(text)?;
    let bytes = header.len() as u64;
    Ok((NpyHeader::from_reader(Cursor::new(header))?, bytes))
}

/// Refuses what would exhaust the stack of the header's parser or overflow the product of its shape.
fn check_header(text: &str) -> Result<(), Problem> {
    let unusual = text.matches(['(', '[', '{']).count() > MOST_BRACKETS || text.contains('\\');
    let mut shapes = text.split("shape").skip(1);
    let (Some(shape), None, false) = (shapes.next(), shapes.next(), unusual) else {
        return Err(Problem::format("its header is not one that NumPy writes for an array of numbers"));
    };
    let dimensions = shape.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inner, _)| inner);
    let sizes: Option<Vec<usize>> = dimensions.and_then(|inner| {
        inner.split(',').map(str::trim).filter(|size| !size.is_empty()).map(|size| size.parse().ok()).collect()
    });
    match sizes {
        // Zeros hide an overflow from the product but not from partial ones.
        Some(sizes) if element_count(&sizes.iter().map(|&size| size.max(1)).collect::<Vec<_>>()).is_some() => Ok(()),
        _ => Err(Problem::format("its header has no usable shape")),
    }
}

fn element_of(header: &NpyHeader) -> Result<(Element, bool), Problem> {
    if header.uses_pickled_array() {
        return Err(Problem::format(
            "it holds pickled Python objects, which are never read; save plain numbers, as in array.astype('float32')",
        ));
    }
    let dtype = header.dtype();
    let DType::Plain(kind) = &dtype else {
        return Err(Problem::format(format!("it holds records ({}); save plain numbers", dtype.descr())));
    };
    let element = match (kind.type_char(), kind.size_field()) {
        (TypeChar::Float, 2) => Element::F16,
        (TypeChar::Float, 4) => Element::F32,
        (TypeChar::Float, 8) => Element::F64,
        (TypeChar::Bool, 1) => Element::Bool,
        (TypeChar::Int, 1) => Element::I8,
        (TypeChar::Int, 2) => Element::I16,
        (TypeChar::Int, 4) => Element::I32,
        (TypeChar::Int, 8) => Element::I64,
        (TypeChar::Uint, 1) => Element::U8,
        (TypeChar::Uint, 2) => Element::U16,
        (TypeChar::Uint, 4) => Element::U32,
        (TypeChar::Uint, 8) => Element::U64,
        _ => return Err(Problem::format(format!("numbers of type {} are not read; use float32", dtype.descr()))),
    };
    Ok((element, kind.endianness() == Endianness::Big))
}
