//! The safetensors format, read tensor by tensor so that the file is never in memory beside its numbers.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::array::{Array, Arrays, Problem, element_count};
use super::element::Element;
use super::npy::Layout;

/// The format's own limit for a header.
const LONGEST_HEADER: u64 = 100_000_000;

/// An opened file.
pub(super) struct SafetensorsFile {
    reader: BufReader<File>,
    metadata: Metadata,
    data_start: u64,
}

impl SafetensorsFile {
    pub fn open(file: File) -> Result<Self, Problem> {
        let size = file.metadata()?.len();
        let mut reader = BufReader::new(file);
        let mut length = [0; 8];
        reader.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        if length > LONGEST_HEADER || length > size.saturating_sub(8) {
            return Err(Problem::format(format!(
                "this is no safetensors file, or it is truncated (its header claims {length} of {size} bytes)"
            )));
        }
        let mut header = vec![0; length as usize];
        reader.read_exact(&mut header)?;
        let metadata: Metadata = serde_json::from_slice(&header)
            .map_err(|error| Problem::format(format!("its safetensors header is broken: {error}")))?;
        let data_start = 8 + length;
        let claimed = data_start.checked_add(metadata.data_len() as u64);
        if claimed != Some(size) {
            return Err(Problem::format(format!(
                "it has {size} bytes where its header describes {}: it is truncated or damaged",
                data_start.saturating_add(metadata.data_len() as u64)
            )));
        }
        Ok(Self { reader, metadata, data_start })
    }
}

impl Arrays for SafetensorsFile {
    fn names(&self) -> Vec<String> {
        self.metadata.offset_keys()
    }

    fn read(&mut self, name: &str) -> Result<Array, Problem> {
        let Layout { shape, count, element, start, .. } = self.layout(name)?;
        self.reader.seek(SeekFrom::Start(start))?;
        let numbers = element.read(&mut self.reader, count, false)?;
        Ok(Array { shape, numbers })
    }

    fn read_wide(&mut self, name: &str) -> Result<(Vec<usize>, Vec<f64>), Problem> {
        let Layout { shape, count, element, start, .. } = self.layout(name)?;
        self.reader.seek(SeekFrom::Start(start))?;
        Ok((shape, element.read_wide(&mut self.reader, count, false)?))
    }
}

impl SafetensorsFile {
    /// Where the tensor called `name` is, and how it is stored.
    pub fn layout(&self, name: &str) -> Result<Layout, Problem> {
        let info = self.metadata.info(name).ok_or_else(|| Problem::format(format!("there is no `{name}`")))?;
        let element = match info.dtype {
            Dtype::BF16 => Element::Bf16,
            Dtype::F16 => Element::F16,
            Dtype::F32 => Element::F32,
            Dtype::F64 => Element::F64,
            Dtype::BOOL => Element::Bool,
            Dtype::I8 => Element::I8,
            Dtype::I16 => Element::I16,
            Dtype::I32 => Element::I32,
            Dtype::I64 => Element::I64,
            Dtype::U8 => Element::U8,
            Dtype::U16 => Element::U16,
            Dtype::U32 => Element::U32,
            Dtype::U64 => Element::U64,
            other => return Err(Problem::format(format!("`{name}`: numbers of type {other} are not read; use F32"))),
        };
        let shape = info.shape.clone();
        let count = element_count(&shape).ok_or_else(|| Problem::format(format!("shape {shape:?} is too large")))?;
        let start = self.data_start + info.data_offsets.0 as u64;
        Ok(Layout { shape, count, element, big_endian: false, fortran: false, start })
    }
}

/// Writes the header for tensors that follow one another in this order.
pub(super) fn write_header(writer: &mut impl Write, tensors: &[(String, Element, Vec<usize>)]) -> io::Result<()> {
    let mut end = 0;
    let infos = tensors
        .iter()
        .map(|(name, element, shape)| {
            let start = end;
            end += shape.iter().product::<usize>() * element.size();
            let dtype = if *element == Element::I64 { Dtype::I64 } else { Dtype::F32 };
            (name.clone(), TensorInfo { dtype, shape: shape.clone(), data_offsets: (start, end) })
        })
        .collect();
    let metadata = Metadata::new(None, infos).map_err(|error| io::Error::other(error.to_string()))?;
    let mut header = serde_json::to_vec(&metadata)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    writer.write_all(&(header.len() as u64).to_le_bytes())?;
    writer.write_all(&header)
}
