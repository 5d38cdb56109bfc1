//! Reading and writing [`Activity`], by the file's extension.

use std::fs::File;
use std::io::{self, BufReader, Seek, Write};
use std::path::Path;

use super::array::{self, Array, Arrays, Problem};
use super::element::{Element, write_all};
#[cfg(feature = "hdf5")]
use super::hdf5::Hdf5File;
use super::npz::{Npz, NpzFile};
use super::safetensors::{SafetensorsFile, write_header};
use super::{Activity, Outline, csv, npy};
use crate::storage::write_whole;
use crate::{Error, Result};

/// The formats, by extension.
#[derive(Debug, Clone, Copy)]
pub(super) enum Format {
    Safetensors,
    Npz,
    Npy,
    Csv,
    #[cfg(feature = "hdf5")]
    Hdf5,
}

/// A variable's key is this and its name.
const VARIABLE: &str = "var.";

impl Format {
    pub fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("safetensors") => Ok(Self::Safetensors),
            Some("npz") => Ok(Self::Npz),
            Some("npy") => Ok(Self::Npy),
            Some("csv") => Ok(Self::Csv),
            #[cfg(feature = "hdf5")]
            Some("h5" | "hdf5") => Ok(Self::Hdf5),
            #[cfg(not(feature = "hdf5"))]
            Some("h5" | "hdf5") => {
                Err(Error::format(path, "this build does not read HDF5; build with the feature `hdf5`, or save .npy"))
            }
            _ => Err(Error::format(path, "activity files end in .safetensors, .npz, .npy or .csv")),
        }
    }
}

impl Activity {
    /// Reads a file of recorded activity: `.safetensors`, `.npz` (stored or compressed), `.npy`, `.csv` or, with the
    /// feature `hdf5`, `.h5` and `.hdf5`.
    ///
    /// * `.safetensors`, `.npz`, HDF5: `activity` is `[trial, time, width]` with `lengths` `[trial]`, or `[sample, width]`
    ///   (where `lengths` may be left out); optionally `tokens` and, for each variable, `var.<name>`, both
    ///   `[trial, time]` (`[sample]` will do where there is no time). Other keys are ignored.
    /// * `.npy`: a bare `[sample, width]`, or `[trial, time, width]` in which nothing is padding.
    /// * `.csv`: a line of numbers for each sample, separated by commas, semicolons or tabs; the first line may name the
    ///   units.
    ///
    /// Real numbers may have 16 (safetensors: also bfloat16), 32 or 64 bits and are kept in 32; lengths and tokens are
    /// whole numbers of any size. NumPy arrays may be big-endian or in Fortran order.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses; [`Error::Format`] if the file is not such a file: truncated, pickled, of
    /// another rank, sizes that do not agree, or a number outside the padding that is not finite (the first is named).
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let format = Format::of(path)?;
        let file = array::open(path).map_err(|problem| problem.of(path))?;
        let activity = match format {
            Format::Safetensors => SafetensorsFile::open(file).and_then(|mut arrays| assemble(&mut arrays)),
            Format::Npz => Npz::open(file).and_then(|mut arrays| assemble(&mut arrays)),
            Format::Npy => read_npy(file),
            Format::Csv => read_csv(file),
            #[cfg(feature = "hdf5")]
            Format::Hdf5 => Hdf5File::open(path).and_then(|mut arrays| assemble(&mut arrays)),
        };
        activity.map_err(|problem| problem.of(path))
    }

    /// Writes a file that [`Activity::read`] reads, in the format of its extension, whole or not at all.
    ///
    /// `.safetensors` and `.npz` hold everything. `.npy` and `.csv` (without a line of names) are a bare `[sample, width]`
    /// of the vectors that are not padding, trial by trial: which trial they came from, tokens and variables are lost.
    /// HDF5 is only read.
    ///
    /// # Errors
    /// Another extension, or whatever the system refuses (a missing folder, a full disk). A file that was there
    /// before is then untouched.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        self.outline.write(path, (0..self.trials()).map(|trial| Ok(self.trial(trial).to_vec())))
    }
}

impl Outline {
    /// Writes a file as [`Activity::write`] does, with activity that is handed over a trial at a time: no more of it need
    /// ever be in memory.
    ///
    /// - `activity`: of each trial in order the vectors without padding, `[length, width]`, row-major
    ///
    /// # Errors
    /// As there, what `activity` says, another number of trials or of values than there should be, or a value that is not
    /// finite. A file that was there before is then untouched.
    pub fn write(&self, path: impl AsRef<Path>, activity: impl IntoIterator<Item = Result<Vec<f32>>>) -> Result<()> {
        let path = path.as_ref();
        let trials = &mut activity.into_iter();
        let written = match Format::of(path)? {
            Format::Safetensors => write_whole(path, |writer| self.write_safetensors(writer, trials)),
            Format::Npz => write_whole(path, |writer| self.write_npz(writer, trials)),
            Format::Npy => write_whole(path, |writer| self.write_npy(writer, trials)),
            Format::Csv => write_whole(path, |writer| self.write_csv(writer, trials)),
            #[cfg(feature = "hdf5")]
            Format::Hdf5 => return Err(Error::format(path, "HDF5 is only read; write .npz or .safetensors")),
        };
        written.map_err(|failure| match failure {
            Failure::File(error) => Error::io(path, error),
            Failure::Activity(error) => error,
        })
    }

    fn write_safetensors(
        &self,
        writer: &mut impl Write,
        activity: &mut dyn Iterator<Item = Result<Vec<f32>>>,
    ) -> Result<(), Failure> {
        let columns = self.columns();
        let infos: Vec<_> =
            columns.iter().map(|column| (column.name.clone(), column.element(), column.shape.clone())).collect();
        write_header(writer, &infos)?;
        columns.iter().try_for_each(|column| self.write_column(writer, column, activity))
    }

    fn write_npz(
        &self,
        writer: &mut (impl Write + Seek),
        activity: &mut dyn Iterator<Item = Result<Vec<f32>>>,
    ) -> Result<(), Failure> {
        let mut file = NpzFile::new(writer);
        for column in self.columns() {
            let descr = if column.element() == Element::I64 { "<i8" } else { "<f4" };
            let bytes = column.shape.iter().product::<usize>() * column.element().size();
            file.begin(&column.name, descr, &column.shape, bytes)?;
            self.write_column(file.data(), &column, activity)?;
        }
        Ok(file.finish()?)
    }

    fn write_npy(
        &self,
        writer: &mut impl Write,
        activity: &mut dyn Iterator<Item = Result<Vec<f32>>>,
    ) -> Result<(), Failure> {
        npy::write_header(&mut *writer, "<f4", &[self.row_count(), self.width])?;
        self.each(activity, |vectors| write_all(writer, vectors, f32::to_le_bytes))
    }

    fn write_csv(
        &self,
        writer: &mut impl Write,
        activity: &mut dyn Iterator<Item = Result<Vec<f32>>>,
    ) -> Result<(), Failure> {
        self.each(activity, |vectors| {
            for vector in vectors.chunks_exact(self.width) {
                for (unit, value) in vector.iter().enumerate() {
                    write!(writer, "{}{value}", if unit == 0 { "" } else { "," })?;
                }
                writeln!(writer)?;
            }
            Ok(())
        })
    }

    fn write_column(
        &self,
        writer: &mut impl Write,
        column: &Column<'_>,
        activity: &mut dyn Iterator<Item = Result<Vec<f32>>>,
    ) -> Result<(), Failure> {
        match &column.cells {
            Cells::Activity => {
                let padded = vec![0.0; self.time * self.width];
                self.each(activity, |vectors| {
                    write_all(writer, vectors, f32::to_le_bytes)?;
                    write_all(writer, &padded[vectors.len()..], f32::to_le_bytes)
                })?;
            }
            Cells::Real(numbers) => write_all(writer, numbers, f32::to_le_bytes)?,
            Cells::Whole(numbers) => write_all(writer, numbers, i64::to_le_bytes)?,
            Cells::Owned(numbers) => write_all(writer, numbers, i64::to_le_bytes)?,
        }
        Ok(())
    }

    /// Does something with the vectors of every trial, checked.
    fn each(
        &self,
        activity: &mut dyn Iterator<Item = Result<Vec<f32>>>,
        mut write: impl FnMut(&[f32]) -> io::Result<()>,
    ) -> Result<(), Failure> {
        for trial in 0..self.trials {
            let missing = || Error::invalid(format!("activity of {trial} trials of {} was handed over", self.trials));
            let vectors = activity.next().ok_or_else(missing)??;
            self.check(trial, &vectors)?;
            write(&vectors)?;
        }
        match activity.next() {
            None => Ok(()),
            Some(_) => Err(Error::invalid(format!("activity of more than {} trials was handed over", self.trials)))?,
        }
    }

    /// Everything a file holds. Whole numbers come first: that keeps tensors aligned in a safetensors file.
    fn columns(&self) -> Vec<Column<'_>> {
        let positions = vec![self.trials, self.time];
        let lengths = self.lengths.iter().map(|&length| length as i64).collect();
        let mut columns = vec![Column::new("lengths", vec![self.trials], Cells::Owned(lengths))];
        columns.extend(self.tokens.as_deref().map(|of| Column::new("tokens", positions.clone(), Cells::Whole(of))));
        columns.push(Column::new("activity", vec![self.trials, self.time, self.width], Cells::Activity));
        columns.extend(
            self.variables
                .iter()
                .map(|(name, values)| Column::new(format!("{VARIABLE}{name}"), positions.clone(), Cells::Real(values))),
        );
        columns
    }
}

/// Why a file is not written.
enum Failure {
    File(io::Error),
    Activity(Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Activity(error)
    }
}

/// Reads integer token ids from `.npy`, or from `.npz` under the key `tokens`: a row for each trial.
///
/// # Errors
/// As [`Activity::read`]; numbers that are not whole, or an array that is not `[trial, time]`.
pub fn read_tokens(path: impl AsRef<Path>) -> Result<Vec<Vec<i64>>> {
    let path = path.as_ref();
    let format = Format::of(path)?;
    let file = array::open(path).map_err(|problem| problem.of(path))?;
    let array = match format {
        Format::Npy => {
            file.metadata().map_err(Problem::from).and_then(|of| npy::read(&mut BufReader::new(file), of.len()))
        }
        Format::Npz => Npz::open(file).and_then(|mut arrays| arrays.read("tokens")),
        Format::Safetensors => SafetensorsFile::open(file).and_then(|mut arrays| arrays.read("tokens")),
        Format::Csv => Err(Problem::format("tokens are read from .npy, .npz or .safetensors")),
        #[cfg(feature = "hdf5")]
        Format::Hdf5 => Hdf5File::open(path).and_then(|mut arrays| arrays.read("tokens")),
    };
    let rows = array.and_then(|array| {
        let (shape, tokens) = array.into_whole("tokens")?;
        match shape[..] {
            [_, 0] => Err(Problem::format("`tokens` has trials without positions")),
            [_, time] => Ok(tokens.chunks_exact(time).map(<[i64]>::to_vec).collect()),
            _ => Err(Problem::format(format!("`tokens` must be [trial, time], not {shape:?}"))),
        }
    });
    rows.map_err(|problem| problem.of(path))
}

/// One array to be written.
struct Column<'a> {
    name: String,
    shape: Vec<usize>,
    cells: Cells<'a>,
}

enum Cells<'a> {
    /// What is handed over trial by trial.
    Activity,
    Real(&'a [f32]),
    Whole(&'a [i64]),
    Owned(Vec<i64>),
}

impl<'a> Column<'a> {
    fn new(name: impl Into<String>, shape: Vec<usize>, cells: Cells<'a>) -> Self {
        Self { name: name.into(), shape, cells }
    }

    fn element(&self) -> Element {
        match self.cells {
            Cells::Activity | Cells::Real(_) => Element::F32,
            Cells::Whole(_) | Cells::Owned(_) => Element::I64,
        }
    }
}

fn read_npy(file: File) -> Result<Activity, Problem> {
    let size = file.metadata()?.len();
    let (shape, values) = npy::read(&mut BufReader::new(file), size)?.into_real();
    let shape = trial_time_width(&shape)?;
    build(values, shape, vec![shape[1]; shape[0]])
}

fn read_csv(file: File) -> Result<Activity, Problem> {
    let (shape, values) = csv::read(BufReader::new(file))?;
    let [samples, width] = shape;
    build(values.into_iter().map(|value| value as f32).collect(), [samples, 1, width], vec![1; samples])
}

fn assemble(arrays: &mut impl Arrays) -> Result<Activity, Problem> {
    let (names, own) = (arrays.names(), arrays.activity()?);
    let (given, values) = arrays.read(&own)?.into_real();
    let shape = trial_time_width(&given)?;
    let lengths = lengths(arrays, &given, shape)?;
    let mut activity = build(values, shape, lengths)?;
    let mut position_shapes: Vec<&[usize]> = vec![&shape[..2]];
    if given.len() == 2 {
        position_shapes.push(&shape[..1]);
    }
    for name in names {
        let variable = name.strip_prefix(VARIABLE);
        if name == own || (name != "tokens" && variable.is_none()) {
            continue;
        }
        let array: Array = arrays.read(&name)?;
        check_shape(&name, &array.shape, &position_shapes)?;
        activity = match variable {
            Some(variable) => activity.with_variable(variable, array.into_real().1),
            None => activity.with_tokens(array.into_whole(&name)?.1),
        }
        .map_err(Problem::format)?;
    }
    Ok(activity)
}

/// For each trial how many positions are real; where there is no time, `lengths` may be left out.
pub(super) fn lengths(
    arrays: &mut impl Arrays,
    given: &[usize],
    [trials, time, _]: [usize; 3],
) -> Result<Vec<usize>, Problem> {
    let names = arrays.names();
    if names.iter().any(|name| name == "lengths") {
        let (length_shape, lengths) = arrays.read("lengths")?.into_whole("lengths")?;
        check_shape("lengths", &length_shape, &[&[trials]])?;
        lengths
            .into_iter()
            .enumerate()
            .map(|(trial, length)| {
                usize::try_from(length)
                    .map_err(|_| Problem::format(format!("trial {trial} has length {length}; lengths start at 1")))
            })
            .collect()
    } else if given.len() == 2 {
        Ok(vec![1; trials])
    } else {
        Err(Problem::format(format!(
            "activity {given:?} needs `lengths` [{trials}]; fill it with {time} if nothing is padding"
        )))
    }
}

fn build(values: Vec<f32>, shape: [usize; 3], lengths: Vec<usize>) -> Result<Activity, Problem> {
    Activity::new(values, shape, lengths).map_err(Problem::format)
}

pub(super) fn trial_time_width(shape: &[usize]) -> Result<[usize; 3], Problem> {
    match *shape {
        [samples, width] => Ok([samples, 1, width]),
        [trials, time, width] => Ok([trials, time, width]),
        _ => Err(Problem::format(format!("activity is [trial, time, width] or [sample, width], not {shape:?}"))),
    }
}

fn check_shape(name: &str, shape: &[usize], accepted: &[&[usize]]) -> Result<(), Problem> {
    if accepted.contains(&shape) {
        return Ok(());
    }
    let wanted: Vec<String> = accepted.iter().map(|shape| format!("{shape:?}")).collect();
    Err(Problem::format(format!("`{name}` should be {}, not {shape:?}", wanted.join(" or "))))
}
