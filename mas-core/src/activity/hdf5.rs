//! HDF5 files, through the HDF5 library: datasets at the top of the file under the names that all activity files have.

use std::path::Path;

use hdf5_metno::types::TypeDescriptor;
use hdf5_metno::{Dataset, File};

use super::array::{Array, Arrays, Problem, element_count};
use super::element::Numbers;

/// The most that compression is believed to have saved. Deflate cannot do better than 1032:1; a dataset that claims more
/// than this names numbers that nobody stored.
const MOST_COMPRESSED: u64 = 1100;

/// An opened file.
pub(super) struct Hdf5File {
    file: File,
    size: u64,
}

impl Hdf5File {
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let size = path.metadata().map_err(Problem::Io)?.len();
        Ok(Self { file: File::open(path).map_err(Problem::format)?, size })
    }

    /// The dataset called `name`, its shape, and whether it holds whole numbers.
    fn dataset(&self, name: &str) -> Result<(Dataset, Vec<usize>, bool), Problem> {
        let of_name = |reason: String| Problem::Format(format!("`{name}`: {reason}"));
        let dataset = self.file.dataset(name).map_err(|error| of_name(error.to_string()))?;
        let kind = dataset.dtype().and_then(|kind| kind.to_descriptor()).map_err(|error| of_name(error.to_string()))?;
        let whole = match kind {
            TypeDescriptor::Float(_) => false,
            TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_) => true,
            other => return Err(of_name(format!("values of type {other} are not read; use 32-bit floats"))),
        };
        let shape = dataset.shape();
        let bytes = element_count(&shape).and_then(|count| count.checked_mul(8)).map(|bytes| bytes as u64);
        match bytes {
            Some(bytes) if bytes / MOST_COMPRESSED <= self.size => Ok((dataset, shape, whole)),
            _ => Err(of_name(format!("a file of {} bytes does not hold shape {shape:?}", self.size))),
        }
    }
}

impl Arrays for Hdf5File {
    fn names(&self) -> Vec<String> {
        self.file.member_names().unwrap_or_default()
    }

    fn read(&mut self, name: &str) -> Result<Array, Problem> {
        let (dataset, shape, whole) = self.dataset(name)?;
        // The library turns any byte order and any size of number into these.
        let numbers = match whole {
            true => dataset.read_raw::<i64>().map(Numbers::Whole),
            false => dataset.read_raw::<f32>().map(Numbers::Real),
        };
        Ok(Array { shape, numbers: numbers.map_err(|error| Problem::format(format!("`{name}`: {error}")))? })
    }

    fn read_wide(&mut self, name: &str) -> Result<(Vec<usize>, Vec<f64>), Problem> {
        let (dataset, shape, _) = self.dataset(name)?;
        let numbers = dataset.read_raw::<f64>().map_err(|error| Problem::format(format!("`{name}`: {error}")))?;
        Ok((shape, numbers))
    }
}
