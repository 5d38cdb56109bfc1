//! Reading and writing rows as CSV.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use mas_core::storage::write_whole;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What can go wrong with a file of results.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultsError {
    /// The file could not be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The file is not a table of the expected rows; the message of `source` names the line.
    #[error("{} is not the table it should be: {source}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The reader's reason, with the line.
        source: csv::Error,
    },
    /// Rows could not be turned into CSV.
    #[error("cannot turn rows into CSV for {}: {source}", path.display())]
    Format {
        /// The file that was to be written.
        path: PathBuf,
        /// The writer's reason.
        source: csv::Error,
    },
    /// The file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
}

/// A kind of row that a results file holds.
pub trait Tidy: Serialize + DeserializeOwned + Clone {
    /// The columns, in order. Written even when there are no rows, so that an empty file still says what it would hold.
    const COLUMNS: &'static [&'static str];

    /// Brings rows into the one order in which they are written; rows that arrive in any order (units finish in any
    /// order) then give the same bytes. The default keeps the order given.
    fn sort(_rows: &mut [Self]) {}
}

/// Rows as CSV text: sorted, with a header, floats in the shortest form that reads back as the same number.
///
/// # Errors
/// Where a row cannot be serialised.
pub fn to_csv<T: Tidy>(rows: &[T]) -> Result<String, csv::Error> {
    let mut rows = rows.to_vec();
    T::sort(&mut rows);
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    writer.write_record(T::COLUMNS)?;
    for row in &rows {
        writer.serialize(row)?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    String::from_utf8(bytes).map_err(|error| csv::Error::from(io::Error::new(io::ErrorKind::InvalidData, error)))
}

/// Rows from CSV text. Columns are found by name, in any order; columns that the row has no field for are ignored.
///
/// # Errors
/// Where a column is missing or a field has the wrong form; the message names the line.
pub fn from_csv<T: Tidy>(text: &str) -> Result<Vec<T>, csv::Error> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().collect()
}

/// Reads a file of rows.
///
/// # Errors
/// [`ResultsError::Open`] where the file cannot be read, [`ResultsError::Parse`] where it holds something else.
pub fn read_rows<T: Tidy>(path: &Path) -> Result<Vec<T>, ResultsError> {
    let text = fs::read_to_string(path).map_err(|source| ResultsError::Open { path: path.into(), source })?;
    from_csv(&text).map_err(|source| ResultsError::Parse { path: path.into(), source })
}

/// Writes a file of rows, atomically: readers see the old file or the new one, never a part.
///
/// # Errors
/// [`ResultsError::Format`] where a row cannot be serialised, [`ResultsError::Write`] where the file cannot be written.
pub fn write_rows<T: Tidy>(path: &Path, rows: &[T]) -> Result<(), ResultsError> {
    let text = to_csv(rows).map_err(|source| ResultsError::Format { path: path.into(), source })?;
    write_file(path, text.as_bytes())
}

/// Writes a file [whole or not at all](write_whole). Makes the folder where missing.
///
/// # Errors
/// [`ResultsError::Write`] where the folder or the file cannot be written.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), ResultsError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .and_then(|()| write_whole(path, |file| file.write_all(bytes)))
        .map_err(|source| ResultsError::Write { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Control, FitRow, IiaRow, Population, SimilarityRow};

    fn iia(target: &str, value: f64) -> IiaRow {
        IiaRow {
            study: "seeds, \"quoted\"\nand more".into(),
            alignment: "hidden".into(),
            method: "mas".into(),
            positions: "individual".into(),
            source: "gru-0".into(),
            target: target.into(),
            site: "hidden".into(),
            variable: "count".into(),
            k: 32,
            seed: u64::MAX,
            control: Control::None,
            population: Population::HeldOutCounts,
            value,
            low: 0.1,
            high: 1.0,
            correct: 3,
            pairs: 7,
            token_accuracy: 1.0 / 3.0,
        }
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let rows = vec![iia("a", 1e-300), iia("b", 0.1 + 0.2)];
        assert_eq!(from_csv::<IiaRow>(&to_csv(&rows).unwrap()).unwrap(), rows);
    }

    #[test]
    fn order_of_arrival_does_not_matter() {
        let (a, b) = (iia("a", 0.5), iia("b", 0.25));
        assert_eq!(to_csv(&[a.clone(), b.clone()]).unwrap(), to_csv(&[b, a]).unwrap());
    }

    #[test]
    fn an_empty_file_still_names_its_columns() {
        let text = to_csv::<FitRow>(&[]).unwrap();
        assert_eq!(text.trim_end(), FitRow::COLUMNS.join(","));
        assert!(from_csv::<FitRow>(&text).unwrap().is_empty());
    }

    #[test]
    fn columns_are_those_of_the_fields() {
        // Written by hand (so that empty files have them), hence checked against what serde would write.
        fn header<T: Tidy>(row: &T) -> String {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.serialize(row).unwrap();
            String::from_utf8(writer.into_inner().unwrap()).unwrap().lines().next().unwrap().to_owned()
        }
        assert_eq!(header(&iia("a", 0.0)).split(',').collect::<Vec<_>>(), IiaRow::COLUMNS);
        let similarity = crate::results::similarity::tests::row();
        assert_eq!(header(&similarity).split(',').collect::<Vec<_>>(), SimilarityRow::COLUMNS);
        let quantity = crate::results::quantity::tests::row(crate::results::Quantity::KOverD);
        assert_eq!(header(&quantity).split(',').collect::<Vec<_>>(), crate::results::QuantityRow::COLUMNS);
        let outcome = crate::results::outcome::tests::row();
        assert_eq!(header(&outcome).split(',').collect::<Vec<_>>(), crate::results::OutcomeRow::COLUMNS);
        let claim = crate::results::claim::tests::row();
        assert_eq!(header(&claim).split(',').collect::<Vec<_>>(), crate::results::ClaimRow::COLUMNS);
    }

    #[test]
    fn files_are_replaced_whole_and_leave_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/iia.csv");
        write_rows(&path, &[iia("a", 0.5), iia("b", 0.5)]).unwrap();
        write_rows(&path, &[iia("a", 0.5)]).unwrap();
        assert_eq!(read_rows::<IiaRow>(&path).unwrap(), [iia("a", 0.5)]);
        assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 1);
    }

    #[test]
    fn a_bad_field_is_reported_with_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fit.csv");
        fs::write(
            &path,
            "step,loss,source,target,variable,iia,token_accuracy\n1,,a,b,count,0.5,1\nx,1,a,b,count,1,1\n",
        )
        .unwrap();
        let message = read_rows::<FitRow>(&path).unwrap_err().to_string();
        assert!(message.contains("fit.csv") && message.contains("line: 3"), "{message}");
    }
}
