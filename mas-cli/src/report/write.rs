//! Writing a report's folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use plotters::drawing::DrawingAreaErrorKind;

use super::data::{ReportData, StudyReport};
use super::figure::Figure;
use super::page::{self, Page, StudyFigures};
use super::pooled::settings;
use super::{bars, curves, divergence, heatmap, similarities};
use crate::results::{ResultsError, Tidy, write_file, write_rows};

/// What can go wrong with a report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] ResultsError),
    /// A figure could not be drawn.
    #[error("cannot draw a figure: {0}")]
    Drawing(String),
    /// The page could not be put together.
    #[error("cannot put the report's page together: {0}")]
    Page(#[from] askama::Error),
    /// Numbers could not be turned into CSV.
    #[error("cannot turn a figure's numbers into CSV: {0}")]
    Table(#[from] csv::Error),
}

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for ReportError {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        Self::Drawing(error.to_string())
    }
}

/// Writes the report into a folder, which is made where missing, and returns the page's path. Files of an earlier report
/// are written over; others are left alone.
///
/// # Errors
/// [`ReportError::File`] where a file cannot be written; the others are failures of this program.
pub fn write_report(data: &ReportData, folder: &Path) -> Result<PathBuf, ReportError> {
    let mut figures = Vec::new();
    let mut names = BTreeSet::new();
    for study in &data.studies {
        let mut of = study_figures(study)?;
        for figure in of.all_mut() {
            unique(figure, &mut names);
        }
        figures.push(of);
    }
    let mut files = Vec::new();
    for figure in figures.iter().flat_map(StudyFigures::all) {
        for (extension, bytes) in [("svg", figure.standalone()), ("csv", figure.table.to_csv()?)] {
            let name = format!("figures/{}.{extension}", figure.name);
            write_file(&folder.join(&name), bytes.as_bytes())?;
            files.push((name, figure.title.clone()));
        }
    }
    let of = |what: &str| what.to_owned();
    let mut tables = vec![
        (table_file(data, folder, "claims.csv", |study| &study.claims)?, of("Claims, their parts and verdicts")),
        (
            table_file(data, folder, "iia.csv", |study| &study.iia)?,
            of("IIA of every direction, control and population"),
        ),
        (
            table_file(data, folder, "divergence.csv", |study| &study.divergence)?,
            of("How far interchanged vectors leave natural ones, beside natural against natural"),
        ),
        (
            table_file(data, folder, "capacity.csv", |study| &study.capacity)?,
            of("What the subspaces take, beside what chance gives"),
        ),
        (table_file(data, folder, "similarity.csv", |study| &study.similarity)?, of("Correlational measures")),
    ];
    if data.studies.iter().any(|study| !study.encodings.is_empty()) {
        let file = table_file(data, folder, "encoding.csv", |study| &study.encodings)?;
        tables.push((file, of("In what form networks hold a variable")));
    }
    files.splice(0..0, tables);
    let page = page::render(&Page::new(data, &figures, &files))?;
    let path = folder.join("index.html");
    write_file(&path, page.as_bytes())?;
    Ok(path)
}

fn table_file<T: Tidy>(
    data: &ReportData,
    folder: &Path,
    name: &str,
    rows: impl Fn(&StudyReport) -> &Vec<T>,
) -> Result<String, ReportError> {
    let rows: Vec<T> = data.studies.iter().flat_map(|study| rows(study).iter().cloned()).collect();
    write_rows(&folder.join(name), &rows)?;
    Ok(name.to_owned())
}

fn study_figures(study: &StudyReport) -> Result<StudyFigures, ReportError> {
    // In the order of their rows in the file, whatever order the units finished in: figures must not depend on it.
    let mut study = study.clone();
    Tidy::sort(&mut study.iia);
    Tidy::sort(&mut study.divergence);
    Tidy::sort(&mut study.similarity);
    let all = settings(&study);
    let (mut heatmaps, mut more_heatmaps) = (Vec::new(), Vec::new());
    for setting in &all {
        let of = if setting.is_largest(&all) { &mut heatmaps } else { &mut more_heatmaps };
        of.extend(heatmap::heatmap(&study, setting)?);
    }
    Ok(StudyFigures {
        main: bars::study_figure(&study)?,
        heatmaps,
        more_heatmaps,
        side_by_side: similarities::side_by_side(&study)?,
        divergence: divergence::divergence(&study)?,
        dimension: curves::dimension(&study)?,
        training: curves::training(&study)?,
        fits: curves::fits(&study)?,
    })
}

/// Gives a figure a name that no earlier one has: names are made from words that users chose, and may fall together.
fn unique(figure: &mut Figure, names: &mut BTreeSet<String>) {
    let name = figure.name.clone();
    let mut number = 2;
    while !names.insert(figure.name.clone()) {
        figure.name = format!("{name}-{number}");
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;
    use crate::report::example;
    use crate::results::to_csv;

    fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        for part in [folder.to_owned(), folder.join("figures")] {
            for entry in fs::read_dir(part).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    found.insert(path.strip_prefix(folder).unwrap().display().to_string(), fs::read(&path).unwrap());
                }
            }
        }
        found
    }

    #[test]
    fn the_same_data_gives_the_same_bytes_in_any_order_of_rows() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut data = example::data();
        write_report(&data, one.path()).unwrap();
        data.studies[0].iia.reverse();
        data.studies[0].similarity.reverse();
        data.studies[0].divergence.reverse();
        write_report(&data, two.path()).unwrap();
        let (one, two) = (files(one.path()), files(two.path()));
        assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
        for (name, bytes) in &one {
            assert!(two[name] == *bytes, "{name} differs");
        }
        assert!(one.contains_key("figures/seeds-iia.svg") && one.contains_key("figures/seeds-iia.csv"));
        let iia = String::from_utf8(one["iia.csv"].clone()).unwrap();
        assert_eq!(iia, to_csv(&data.studies[0].iia).unwrap());
    }

    #[test]
    fn the_page_is_whole_and_links_to_files_that_exist() {
        let folder = tempfile::tempdir().unwrap();
        let path = write_report(&example::data(), folder.path()).unwrap();
        let page = fs::read_to_string(path).unwrap();
        assert!(!page.contains("<script") && !page.contains("src=\"http") && !page.contains("#0102"));
        let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for link in links.filter(|link| !link.starts_with('#')) {
            assert!(folder.path().join(link).is_file(), "{link}");
        }
        // Ids are used once each, or labels would name the wrong thing.
        let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    }

    #[test]
    fn what_users_write_is_shown_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let mut data = example::data();
        let bad = "<script>alert(1)</script>\"'&";
        data.title = bad.into();
        data.provenance.commands = [bad.to_owned()].into();
        data.provenance.programs = [bad.to_owned()].into();
        let study = &mut data.studies[0];
        (study.name, study.title, study.summary) = (bad.into(), bad.into(), bad.into());
        (study.cut, study.warnings) = (vec![bad.into()], vec![bad.into()]);
        for row in &mut study.iia {
            row.site = bad.into();
            row.variable = bad.into();
        }
        study.outcomes.clear();
        for row in study.divergence.iter_mut().chain(&mut study.capacity) {
            (row.alignment, row.site, row.variable) = (bad.into(), bad.into(), bad.into());
        }
        for row in &mut study.similarity {
            row.measure = format!("rsa{bad}");
        }
        for network in &mut study.networks {
            network.name = bad.into();
        }
        for curve in &mut study.training {
            curve.network = bad.into();
        }
        for claim in &mut study.claims {
            claim.statement = bad.into();
        }
        let page = fs::read_to_string(write_report(&data, folder.path()).unwrap()).unwrap();
        assert!(!page.contains("<script"));
        for (name, bytes) in files(folder.path()).into_iter().filter(|(name, _)| name.ends_with(".svg")) {
            assert!(!String::from_utf8(bytes).unwrap().contains("<script"), "{name}");
        }
    }

    #[test]
    fn an_empty_report_is_a_page_too() {
        let folder = tempfile::tempdir().unwrap();
        let mut data = ReportData { title: "Nothing yet".into(), ..ReportData::default() };
        write_report(&data, folder.path()).unwrap();
        data.studies.push(StudyReport { name: "a".into(), title: "A".into(), ..StudyReport::default() });
        data.studies.push(data.studies[0].clone());
        write_report(&data, folder.path()).unwrap();
    }

    #[test]
    fn names_that_fall_together_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let mut data = example::data();
        data.studies.push(data.studies[0].clone());
        write_report(&data, folder.path()).unwrap();
        assert!(folder.path().join("figures/seeds-iia-2.svg").is_file());
    }
}
