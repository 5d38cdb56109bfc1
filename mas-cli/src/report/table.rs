//! A figure's numbers: the CSV beside it and the table under it.

/// Columns of text and numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// The header.
    pub columns: Vec<String>,
    /// The rows, each as long as the header.
    pub rows: Vec<Vec<Cell>>,
}

/// A field of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// Nothing was measured.
    Nothing,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Text(number.to_string())
    }
}

impl From<Option<f64>> for Cell {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Self::Nothing, Self::Number)
    }
}

impl Cell {
    /// The field as a reader wants it: four digits.
    #[must_use]
    pub fn short(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => {
                let text = format!("{number:.4}");
                let text = text.trim_end_matches('0').trim_end_matches('.');
                if matches!(text, "-0" | "") { "0".to_owned() } else { text.to_owned() }
            }
            Self::Nothing => "–".to_owned(),
        }
    }

    /// Whether the field is to be set as a number.
    #[must_use]
    pub fn is_number(&self) -> bool {
        match self {
            Self::Text(text) => text.strip_suffix(" %").unwrap_or(text).parse::<f64>().is_ok(),
            Self::Number(_) | Self::Nothing => true,
        }
    }

    fn exact(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Nothing => String::new(),
        }
    }
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(columns: &[&str]) -> Self {
        Self { columns: columns.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// Whether a column holds numbers alone.
    #[must_use]
    pub fn is_number(&self, column: &usize) -> bool {
        self.rows.iter().all(|row| row.get(*column).is_some_and(Cell::is_number))
    }

    /// The table as CSV, numbers in the shortest form that reads back as the same.
    ///
    /// # Errors
    /// Where a row is not as long as the header.
    pub fn to_csv(&self) -> Result<String, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.columns)?;
        for row in &self.rows {
            writer.write_record(row.iter().map(Cell::exact))?;
        }
        let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_in_the_file_and_short_on_the_page() {
        let mut table = Table::new(&["network", "iia"]);
        table.push(vec!["a,b".into(), (1.0 / 3.0).into()]);
        table.push(vec!["c".into(), None.into()]);
        assert_eq!(table.to_csv().unwrap(), "network,iia\n\"a,b\",0.3333333333333333\nc,\n");
        assert_eq!(table.rows[0][1].short(), "0.3333");
        assert_eq!(Cell::Number(1.0).short(), "1");
        assert_eq!(Cell::Number(-0.00001).short(), "0");
        assert_eq!(Cell::Number(100.0).short(), "100");
    }
}
