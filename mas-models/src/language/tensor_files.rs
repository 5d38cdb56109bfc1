use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, Metadata};

use super::loading::Tensors;
use crate::stored::{Element, decode, element};
use crate::{Error, Result};

/// Tensors by name in one or several safetensors files, read one at a time from where they lie.
///
/// Positioned reads take the place of a memory map: the pages of a map count as the process's own, so that a model would
/// need twice its size while it is loaded, and a file that shrinks under a map ends the process.
#[derive(Debug)]
pub(super) struct TensorFiles {
    files: Vec<(PathBuf, File)>,
    tensors: BTreeMap<String, Place>,
    /// What the files say beside their tensors.
    notes: HashMap<String, String>,
}

/// Where a tensor lies.
#[derive(Debug)]
struct Place {
    file: usize,
    begin: u64,
    bytes: u64,
    shape: Vec<usize>,
    dtype: Dtype,
}

/// A header of more bytes than this is none.
const LARGEST_HEADER: u64 = 100_000_000;

/// Bytes that are decoded at once; a multiple of every element's size.
const PIECE: usize = 1 << 22;

impl TensorFiles {
    /// Reads the headers of safetensors files.
    ///
    /// # Errors
    /// A file that is missing, truncated or no safetensors file, or a tensor that is in two of them.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        let mut opened = Self { files: Vec::new(), tensors: BTreeMap::new(), notes: HashMap::new() };
        for path in paths {
            opened.add(path)?;
        }
        Ok(opened)
    }

    fn add(&mut self, path: &Path) -> Result<()> {
        let failed = |error| Error::io(path, error);
        let wrong = |reason: String| Error::format(path, format!("truncated, or no safetensors file ({reason})"));
        let mut file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(|_| wrong("it has no header".into()))?;
        let header = u64::from_le_bytes(length);
        let begin = match header.checked_add(8) {
            Some(begin) if begin <= size && header <= LARGEST_HEADER => begin,
            _ => return Err(wrong(format!("its header should have {header} bytes, the file has {size}"))),
        };
        let mut bytes = Vec::new();
        (&mut file).take(header).read_to_end(&mut bytes).map_err(failed)?;
        let metadata: Metadata = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        for (name, info) in metadata.tensors() {
            let (from, to) = info.data_offsets;
            // Whether offsets fit shapes and follow each other has been checked; whether the file has as much has not.
            if begin.checked_add(to as u64).is_none_or(|end| end > size) {
                return Err(wrong(format!(
                    "tensor {name} ends at byte {to} of the data, the file has {}",
                    size - begin
                )));
            }
            let place = Place {
                file: self.files.len(),
                begin: begin + from as u64,
                bytes: (to - from) as u64,
                shape: info.shape.clone(),
                dtype: info.dtype,
            };
            if self.tensors.insert(name.clone(), place).is_some() {
                return Err(Error::format(path, format!("tensor {name} is also in another of the files")));
            }
        }
        self.notes.extend(metadata.metadata().clone().unwrap_or_default());
        self.files.push((path.to_path_buf(), file));
        Ok(())
    }

    /// What is said under a key.
    pub fn note(&self, key: &str) -> Option<&str> {
        self.notes.get(key).map(String::as_str)
    }

    /// The names of all tensors, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }
}

impl Tensors for TensorFiles {
    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|place| place.shape.as_slice())
    }

    fn path(&self, name: &str) -> PathBuf {
        let file = self.tensors.get(name).map_or(0, |place| place.file);
        self.files.get(file).map(|(path, _)| path.clone()).unwrap_or_default()
    }

    fn read(&mut self, name: &str, mut each: impl FnMut(&[f32]) -> Result<()>) -> Result<()> {
        let path = self.path(name);
        let place = self.tensors.get(name).ok_or_else(|| Error::format(&path, format!("tensor {name} is missing")))?;
        let element = element(place.dtype);
        if element == Element::Other {
            return Err(Error::format(path, format!("tensor {name} does not hold floating-point numbers")));
        }
        let failed = |error| Error::io(&path, error);
        let file = &mut self.files[place.file].1;
        file.seek(SeekFrom::Start(place.begin)).map_err(failed)?;
        let mut left = place.bytes;
        let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
        while left > 0 {
            let count = PIECE.min(usize::try_from(left).unwrap_or(PIECE));
            file.read_exact(&mut piece[..count]).map_err(failed)?;
            each(&decode(element, &piece[..count]).unwrap_or_default())?;
            left -= count as u64;
        }
        Ok(())
    }
}
