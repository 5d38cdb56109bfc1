use std::path::{Path, PathBuf};

use mas_core::Alignment;
use serde_json::json;

use super::{Session, iia::table};
use crate::{
    Error, Result,
    given::{Given, Recording},
    networks::folder_name,
    results::{IiaRow, trained_name},
    seeds::derive,
    statistics::iia_rows,
    studies::by_variable,
    work::{self, AlignmentSettings},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The alignment folder
    alignment: PathBuf,
    /// Fresh held-out pairs of each direction
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = super::count)]
    pairs: usize,
    /// The network folders, in the alignment's order [default: where they were when it was fitted]
    #[arg(long, value_delimiter = ',', value_name = "NETWORK")]
    networks: Vec<PathBuf>,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    if arguments.pairs == 0 {
        return Err(Error::invalid("--pairs 0: nothing can be measured on no pairs"));
    }
    let compute = session.compute()?;
    let folder = &arguments.alignment;
    let (alignment, settings) = Alignment::load(folder, &compute.device)?;
    let AlignmentSettings { configuration, networks: places, warnings, .. } = AlignmentSettings::of(settings, folder)?;
    warnings.iter().for_each(|warning| session.output.warn(warning));
    if !arguments.networks.is_empty() && arguments.networks.len() != places.len() {
        return Err(Error::invalid(format!(
            "--networks names {} networks, but the alignment is of {}",
            arguments.networks.len(),
            places.len()
        )));
    }
    let networks = places
        .iter()
        .zip(alignment.members())
        .enumerate()
        .map(|(index, (place, member))| {
            let path = arguments.networks.get(index).cloned().unwrap_or_else(|| resolve(folder, &place.path));
            let name = trained_name(&member.network);
            let given: Given = match place.recorded_on {
                None => session.open(&path, Some(name), &compute)?.into(),
                Some(task) => Recording::open(&path, name, task, &member.site.name, &compute)?.into(),
            };
            if given.identity() != place.identity {
                return Err(Error::invalid(format!(
                    "{}: these are not the weights that the alignment was fitted to",
                    path.display()
                )));
            }
            Ok(given)
        })
        .collect::<Result<Vec<_>>>()?;
    // Not the pairs that it was judged by when it was fitted, whatever its seed was.
    let seed = derive(session.seed(), &["evaluation"]);
    let outcomes = work::remeasure(&configuration, &alignment, networks, &compute, arguments.pairs, seed)?;
    let names: Vec<String> = alignment.members().iter().map(|member| member.network.clone()).collect();
    let outcomes = by_variable("", &folder_name(folder)?, &configuration, &names, &outcomes);
    let rows: Vec<IiaRow> = outcomes.iter().flat_map(|of| iia_rows(&of.unit, &of.rows)).collect();
    session.output.result(&json!({ "alignment": folder, "pairs": arguments.pairs, "iia": rows }), || table(&rows))
}

/// A network's place, seen from the alignment's folder.
fn resolve(folder: &Path, place: &Path) -> PathBuf {
    if place.is_absolute() { place.to_owned() } else { folder.join(place) }
}
