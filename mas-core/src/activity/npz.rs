//! NumPy's archive format: a zip of `.npy` arrays, as `numpy.savez` and `numpy.savez_compressed` write it.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};

use npyz::npz::{NpzArchive, NpzWriter};
use npyz::zip::CompressionMethod;
use npyz::zip::read::ZipFile;
use npyz::zip::result::ZipError;
use npyz::zip::write::FileOptions;

use super::array::{Array, Arrays, Problem};
use super::npy;

/// An opened archive.
pub(super) struct Npz {
    archive: NpzArchive<BufReader<File>>,
}

impl Npz {
    pub fn open(file: File) -> Result<Self, Problem> {
        Ok(Self { archive: NpzArchive::new(BufReader::new(file))? })
    }
}

impl Arrays for Npz {
    fn names(&self) -> Vec<String> {
        self.archive.array_names().map(String::from).collect()
    }

    fn read(&mut self, name: &str) -> Result<Array, Problem> {
        self.read_by(name, |entry, size| npy::read(entry, size))
    }

    fn read_wide(&mut self, name: &str) -> Result<(Vec<usize>, Vec<f64>), Problem> {
        self.read_by(name, |entry, size| npy::read_wide(entry, size))
    }
}

impl Npz {
    fn read_by<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut ZipFile<'_>, u64) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let mut entry = match self.archive.zip_archive().by_name(&npyz::npz::file_name_from_array_name(name)) {
            Ok(entry) => entry,
            Err(ZipError::Io(error)) => return Err(error.into()),
            Err(error) => return Err(Problem::format(format!("`{name}`: {error}"))),
        };
        let size = entry.size();
        let array = read(&mut entry, size).map_err(|problem| within(name, problem))?;
        // The checksum is compared when the end is reached, and only then.
        match entry.read(&mut [0]) {
            Ok(0) => Ok(array),
            Ok(_) => Err(Problem::format(format!("`{name}` goes on after its last number"))),
            Err(error) => Err(within(name, error.into())),
        }
    }
}

fn within(name: &str, problem: Problem) -> Problem {
    match problem {
        Problem::Format(reason) => Problem::Format(format!("`{name}`: {reason}")),
        Problem::Io(error) => Problem::Io(error),
    }
}

/// Writes an archive, array by array. Nothing is compressed (like `numpy.savez`: noise does not compress), and no time
/// is stored, so equal arrays give equal bytes.
pub(super) struct NpzFile<W: Write + Seek> {
    writer: NpzWriter<W>,
}

impl<W: Write + Seek> NpzFile<W> {
    pub fn new(writer: W) -> Self {
        Self { writer: NpzWriter::new(writer) }
    }

    /// Begins an array; its numbers are then written to [`NpzFile::data`].
    pub fn begin(&mut self, name: &str, descr: &str, shape: &[usize], bytes: usize) -> io::Result<()> {
        let options = FileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(npyz::zip::DateTime::default())
            // Beyond 4 GiB sizes need the 64-bit fields; the margin is for the header.
            .large_file(bytes > (u32::MAX - (1 << 20)) as usize);
        let zip = self.writer.zip_writer();
        zip.start_file(npyz::npz::file_name_from_array_name(name), options)?;
        npy::write_header(zip, descr, shape)
    }

    pub fn data(&mut self) -> &mut impl Write {
        self.writer.zip_writer()
    }

    /// Writes the directory of the archive. Without this the file is unusable.
    pub fn finish(mut self) -> io::Result<()> {
        self.writer.zip_writer().finish()?;
        Ok(())
    }
}
