use std::fs::File;
use std::io;
use std::path::Path;

use super::element::Numbers;
use crate::Error;

/// One array of a file, in row-major order.
#[derive(Debug)]
pub(super) struct Array {
    pub shape: Vec<usize>,
    pub numbers: Numbers,
}

/// A file of named arrays.
pub(super) trait Arrays {
    /// The names of all arrays.
    fn names(&self) -> Vec<String>;
    /// The array called `name`, which is one of [`Arrays::names`].
    fn read(&mut self, name: &str) -> Result<Array, Problem>;
    /// As [`Arrays::read`], with every number in 64 bits: the shape, and the numbers in row-major order.
    fn read_wide(&mut self, name: &str) -> Result<(Vec<usize>, Vec<f64>), Problem>;

    /// The array that holds the activity: `activity`, or whatever the only one is called.
    fn activity(&self) -> Result<String, Problem> {
        let names = self.names();
        match names.as_slice() {
            [only] if only != "tokens" && only != "lengths" => Ok(only.clone()),
            _ if names.iter().any(|name| name == "activity") => Ok("activity".into()),
            _ => Err(Problem::format(format!("there is no array called `activity`, only {names:?}"))),
        }
    }
}

/// Why an array cannot be read; the file's name is added where it is known.
#[derive(Debug)]
pub(super) enum Problem {
    /// The file is not what it should be.
    Format(String),
    /// The system would not give it.
    Io(io::Error),
}

impl Problem {
    pub fn format(reason: impl ToString) -> Self {
        Self::Format(reason.to_string())
    }

    /// The error about the file at `path`.
    pub fn of(self, path: &Path) -> Error {
        match self {
            Self::Format(reason) => Error::format(path, reason),
            Self::Io(error) => Error::io(path, error),
        }
    }
}

/// Decoders report broken data as I/O errors too: only what the system itself said is one here.
impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::format("the file ends too early: it is truncated"),
            _ if error.raw_os_error().is_some() => Self::Io(error),
            _ => Self::format(error),
        }
    }
}

/// A file to be read: not a folder, and no device that never ends.
pub(super) fn open(path: &Path) -> Result<File, Problem> {
    let file = File::open(path).map_err(Problem::Io)?;
    match file.metadata().map_err(Problem::Io)?.is_file() {
        true => Ok(file),
        false => Err(Problem::format("this is no ordinary file")),
    }
}

/// Number of elements of `shape`; `None` when no memory could hold them.
pub(super) fn element_count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size))
}

impl Array {
    /// An array whose numbers come in Fortran order: the first index runs fastest.
    pub fn from_fortran_order(shape: Vec<usize>, numbers: Numbers) -> Self {
        let numbers = match numbers {
            Numbers::Real(numbers) => Numbers::Real(row_major(&numbers, &shape)),
            Numbers::Whole(numbers) => Numbers::Whole(row_major(&numbers, &shape)),
        };
        Self { shape, numbers }
    }

    /// The numbers as real ones (whole numbers are converted), and the shape.
    pub fn into_real(self) -> (Vec<usize>, Vec<f32>) {
        let numbers = match self.numbers {
            Numbers::Real(numbers) => numbers,
            Numbers::Whole(numbers) => numbers.into_iter().map(|number| number as f32).collect(),
        };
        (self.shape, numbers)
    }

    /// The numbers as whole ones, and the shape.
    pub fn into_whole(self, name: &str) -> Result<(Vec<usize>, Vec<i64>), Problem> {
        match self.numbers {
            Numbers::Whole(numbers) => Ok((self.shape, numbers)),
            Numbers::Real(_) => {
                Err(Problem::format(format!("`{name}` must hold integers, not floating-point numbers")))
            }
        }
    }
}

/// Numbers in Fortran order, put into row-major order.
pub(super) fn row_major<T: Copy>(numbers: &[T], shape: &[usize]) -> Vec<T> {
    let strides: Vec<usize> = shape
        .iter()
        .scan(1, |stride, &size| {
            let own = *stride;
            *stride *= size;
            Some(own)
        })
        .collect();
    let mut index = vec![0; shape.len()];
    let mut offset = 0;
    let mut ordered = Vec::with_capacity(numbers.len());
    for _ in 0..numbers.len() {
        ordered.push(numbers[offset]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            offset += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            offset -= index[axis] * strides[axis];
            index[axis] = 0;
        }
    }
    ordered
}
