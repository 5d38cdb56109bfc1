//! Activity files that are read a block of rows at a time, in 64 bits.

use std::fs::File;
use std::io::BufReader;
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::array::{self, Arrays, Problem};
use super::csv;
use super::file::{Format, lengths, trial_time_width};
#[cfg(feature = "hdf5")]
use super::hdf5::Hdf5File;
use super::npy::{self, Layout};
use super::npz::Npz;
use super::safetensors::SafetensorsFile;
use crate::{Error, Result};

/// The largest number that is read: its squares and their sums are still finite.
const LARGEST: f64 = 1e100;

/// The vectors of an activity file, of any size: they stay in the file and are read block by block, in 64 bits.
///
/// `.npy` and `.safetensors` are memory-mapped for as long as a block is read, so that what is in memory is one block.
/// `.npz`, `.csv` and HDF5, which have to be unpacked, are held in memory as a whole. What the files may hold is said by
/// [`Activity::read`](super::Activity::read); tokens and variables are passed over.
///
/// ```
/// use mas_core::{Activity, ActivityFile};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("a.npy");
/// Activity::from_samples(vec![1., 2., 3., 4., 5., 6.], 2)?.write(&path)?;
/// let file = ActivityFile::open(&path)?;
/// assert_eq!((file.rows(), file.width()), (3, 2));
/// assert_eq!(file.read(1..3)?, [3., 4., 5., 6.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ActivityFile {
    path: PathBuf,
    /// `[trial, time, width]`.
    shape: [usize; 3],
    /// For each trial the number of rows before it, and at the end the number of all; `None` where nothing is padding.
    starts: Option<Vec<usize>>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Mapped { file: File, layout: Layout },
    Held(Vec<f64>),
}

impl ActivityFile {
    /// Opens a file: `.npy`, `.npz`, `.safetensors`, `.csv` or, with the feature `hdf5`, `.h5` or `.hdf5`. Its header is
    /// checked; of the numbers, only those of a
    /// format that has to be unpacked are looked at.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses; [`Error::Format`] if the file is not such a file or holds no vector.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let format = Format::of(path)?;
        Self::opened(path, format).map_err(|problem| problem.of(path))
    }

    fn opened(path: &Path, format: Format) -> Result<Self, Problem> {
        let file = array::open(path)?;
        let (given, lengths, source): Contents = match format {
            Format::Npy => {
                let size = file.metadata()?.len();
                let layout = npy::layout(&mut BufReader::new(&file), size)?;
                (layout.shape.clone(), None, Source::Mapped { file, layout })
            }
            Format::Safetensors => {
                let mut arrays = SafetensorsFile::open(file.try_clone()?)?;
                let layout = arrays.layout(&arrays.activity()?)?;
                let lengths = lengths(&mut arrays, &layout.shape, trial_time_width(&layout.shape)?)?;
                (layout.shape.clone(), Some(lengths), Source::Mapped { file, layout })
            }
            Format::Npz => held(&mut Npz::open(file)?)?,
            #[cfg(feature = "hdf5")]
            Format::Hdf5 => held(&mut Hdf5File::open(path)?)?,
            Format::Csv => {
                let (shape, values) = csv::read(BufReader::new(file))?;
                (shape.to_vec(), None, Source::Held(values))
            }
        };
        let shape = trial_time_width(&given)?;
        if shape.contains(&0) {
            return Err(Problem::format(format!("activity of shape {given:?} holds no vector")));
        }
        let starts = lengths.map(|lengths| starts(&lengths, shape[1])).transpose()?.flatten();
        Ok(Self { path: path.to_owned(), shape, starts, source })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of vectors that are not padding.
    pub fn rows(&self) -> usize {
        let [trials, time, _] = self.shape;
        self.starts.as_ref().and_then(|starts| starts.last().copied()).unwrap_or(trials * time)
    }

    /// Number of units.
    pub fn width(&self) -> usize {
        self.shape[2]
    }

    /// For each trial how many of its positions are real; `None` where there is no time, only samples.
    pub fn lengths(&self) -> Option<Vec<usize>> {
        let [trials, time, _] = self.shape;
        match &self.starts {
            Some(starts) => Some(starts.windows(2).map(|pair| pair[1] - pair[0]).collect()),
            None => (time > 1).then(|| vec![time; trials]),
        }
    }

    /// The vectors of the rows in `rows`, padding left out: `[row, width]`, row-major.
    ///
    /// # Errors
    /// Rows that do not exist, a number that is not finite or beyond 1e100 (file, row and column are named), and
    /// whatever the system says.
    pub fn read(&self, rows: Range<usize>) -> Result<Vec<f64>> {
        let mut values = Vec::with_capacity(rows.len().min(self.rows()) * self.width());
        self.for_stretches(rows.clone(), &mut values)?;
        self.check(&values, |place| rows.start + place)?;
        Ok(values)
    }

    /// The vectors of the rows at `rows`, in that order: `[row, width]`, row-major.
    ///
    /// # Errors
    /// As [`ActivityFile::read`].
    pub fn take(&self, rows: &[usize]) -> Result<Vec<f64>> {
        let mut values = Vec::with_capacity(rows.len() * self.width());
        // Rows that lie far apart touch pages of their own: they are given back now and then.
        for some in rows.chunks(ROWS_AT_ONCE) {
            let view = self.view()?;
            for &row in some {
                self.check_range(&(row..row + 1))?;
                view.decode(self.stored(row)..self.stored(row) + 1, self.shape, &mut values);
            }
        }
        self.check(&values, |place| rows[place])?;
        Ok(values)
    }

    fn for_stretches(&self, rows: Range<usize>, values: &mut Vec<f64>) -> Result<()> {
        self.check_range(&rows)?;
        let view = self.view()?;
        let mut row = rows.start;
        // Within a trial rows follow one another; where nothing is padding, everywhere.
        while row < rows.end {
            let end = match &self.starts {
                None => rows.end,
                Some(starts) => starts[starts.partition_point(|&start| start <= row)].min(rows.end),
            };
            let stored = self.stored(row);
            view.decode(stored..stored + (end - row), self.shape, values);
            row = end;
        }
        Ok(())
    }

    /// The place of a row among all positions, with padding.
    fn stored(&self, row: usize) -> usize {
        match &self.starts {
            None => row,
            Some(starts) => {
                let trial = starts.partition_point(|&start| start <= row) - 1;
                trial * self.shape[1] + (row - starts[trial])
            }
        }
    }

    fn check_range(&self, rows: &Range<usize>) -> Result<()> {
        match rows.end > self.rows() {
            true => Err(Error::format(&self.path, format!("there is no row {} among {}", rows.end - 1, self.rows()))),
            false => Ok(()),
        }
    }

    fn check(&self, values: &[f64], row: impl Fn(usize) -> usize) -> Result<()> {
        let Some(place) = values.iter().position(|value| value.is_nan() || value.abs() > LARGEST) else {
            return Ok(());
        };
        let (row, column) = (row(place / self.width()), place % self.width());
        let stored = self.stored(row);
        let trial = match self.shape[1] {
            1 => String::new(),
            time => format!(" (trial {}, position {})", stored / time, stored % time),
        };
        let value = values[place];
        let reason = format!("row {row}{trial}, column {column} is {value}; activity must be finite, up to 1e100");
        Err(Error::format(&self.path, reason))
    }

    fn view(&self) -> Result<View<'_>> {
        let (file, layout) = match &self.source {
            Source::Held(values) => return Ok(View::Held(values)),
            Source::Mapped { file, layout } => (file, layout),
        };
        let needed = layout.start + (layout.count * layout.element.size()) as u64;
        let size = file.metadata().map_err(|error| Error::io(&self.path, error))?.len();
        if size < needed {
            return Err(Error::format(&self.path, "it became shorter while it was read"));
        }
        // SAFETY: the mapping is read-only and lives as long as one block is decoded, and nothing in it is taken for
        // anything but bytes. A file that another program changes meanwhile gives other numbers; one that it cuts
        // within that time ends this program, which no program that maps files can prevent.
        #[expect(unsafe_code, reason = "files cannot be mapped otherwise")]
        let map = unsafe { Mmap::map(file) }.map_err(|error| Error::io(&self.path, error))?;
        Ok(View::Mapped { map, layout })
    }
}

/// Rows that are taken out of one mapping.
const ROWS_AT_ONCE: usize = 512;

/// The numbers, for as long as a block is read: dropping it gives back the memory of the pages that were touched.
enum View<'a> {
    Mapped { map: Mmap, layout: &'a Layout },
    Held(&'a [f64]),
}

impl View<'_> {
    /// Puts the vectors at the places `stored` behind `values`.
    fn decode(&self, stored: Range<usize>, [trials, time, width]: [usize; 3], values: &mut Vec<f64>) {
        let (map, layout) = match self {
            View::Held(held) => return values.extend_from_slice(&held[stored.start * width..stored.end * width]),
            View::Mapped { map, layout } => (map, layout),
        };
        let size = layout.element.size();
        let numbers = &map[layout.start as usize..][..layout.count * size];
        if !layout.fortran {
            let bytes = &numbers[stored.start * width * size..stored.end * width * size];
            return layout.element.decode_wide(bytes, layout.big_endian, values);
        }
        for place in stored {
            let first = place / time + trials * (place % time);
            for unit in 0..width {
                let at = (first + unit * trials * time) * size;
                layout.element.decode_wide(&numbers[at..at + size], layout.big_endian, values);
            }
        }
    }
}

/// What a file has: its shape, for each trial its real positions, and its numbers.
type Contents = (Vec<usize>, Option<Vec<usize>>, Source);

/// A file that has to be unpacked.
fn held(arrays: &mut impl Arrays) -> Result<Contents, Problem> {
    let (shape, values) = arrays.read_wide(&arrays.activity()?)?;
    let lengths = lengths(arrays, &shape, trial_time_width(&shape)?)?;
    Ok((shape, Some(lengths), Source::Held(values)))
}

/// The number of rows before each trial; `None` where no trial has padding.
fn starts(lengths: &[usize], time: usize) -> Result<Option<Vec<usize>>, Problem> {
    let mut starts = vec![0];
    let mut rows = 0;
    for (trial, &length) in lengths.iter().enumerate() {
        if length == 0 || length > time {
            return Err(Problem::format(format!(
                "trial {trial} has length {length}; lengths run from 1 to the padded time {time}"
            )));
        }
        rows += length;
        starts.push(rows);
    }
    Ok((rows < lengths.len() * time).then_some(starts))
}
