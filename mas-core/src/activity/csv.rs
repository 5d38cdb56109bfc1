//! Text: a line of numbers for each sample.

use std::io::BufRead;

use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};

use super::array::Problem;

/// What may stand between numbers, the most usual first.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// From so many units on, a first line `0,1,2,3` is hardly activity.
const COUNTED: usize = 4;

/// Reads `[sample, width]`, row-major. A first line that names the units is left out: one in which no cell is a number, or
/// that counts four or more of them, `0,1,2,3,…`, as tables are written whose columns have no names.
pub(super) fn read(mut reader: impl BufRead) -> Result<([usize; 2], Vec<f64>), Problem> {
    let beginning = reader.fill_buf()?;
    let line = beginning.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let separator = SEPARATORS.into_iter().find(|separator| line.contains(separator)).unwrap_or(b',');
    let mut table =
        ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).delimiter(separator).from_reader(reader);
    let (mut rows, mut width) = (0, 0);
    let mut values = Vec::new();
    let mut record = StringRecord::new();
    let mut first = true;
    while table.read_record(&mut record).map_err(problem)? {
        let named = std::mem::take(&mut first) && names_units(&record);
        if named {
            width = record.len();
            continue;
        }
        let place = || format!("row {rows} (line {})", record.position().map_or(0, csv::Position::line));
        if width == 0 {
            width = record.len();
        }
        if record.len() != width {
            return Err(Problem::format(format!("{} has {} cells where others have {width}", place(), record.len())));
        }
        for (column, cell) in record.iter().enumerate() {
            values.push(cell.parse::<f64>().map_err(|_| {
                let shown: String = cell.chars().take(40).collect();
                Problem::format(format!("{}, column {column}: {shown:?} is no number", place()))
            })?);
        }
        rows += 1;
    }
    if rows == 0 {
        return Err(Problem::format("it has no line of numbers"));
    }
    Ok(([rows, width], values))
}

fn names_units(record: &StringRecord) -> bool {
    let counted = record.iter().enumerate().all(|(column, cell)| cell == column.to_string());
    counted && record.len() >= COUNTED || record.iter().all(|cell| cell.parse::<f64>().is_err())
}

fn problem(error: csv::Error) -> Problem {
    let text = error.to_string();
    match error.into_kind() {
        ErrorKind::Io(error) => error.into(),
        _ => Problem::Format(text),
    }
}
