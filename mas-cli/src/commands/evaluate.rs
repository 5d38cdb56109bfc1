use std::path::{Path, PathBuf};

use mas_core::Alignment;
use serde_json::json;

use super::{Session, align::table};
use crate::{
    Error, Result,
    networks::{Loaded, folder_name},
    results::{AlignmentUnit, trained_name},
    seeds::derive,
    statistics::{Bootstrap, iia_rows},
    study::AlignConfiguration,
    work::{self, ALIGNMENT_SETTINGS, NETWORK_SETTINGS, NetworkPlace},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The alignment folder
    alignment: PathBuf,
    /// Fresh held-out pairs of each direction
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pairs: usize,
    /// The network folders, in the alignment's order [default: where they were when it was fitted]
    #[arg(long, value_delimiter = ',', value_name = "NETWORK")]
    networks: Vec<PathBuf>,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let compute = session.compute()?;
    let folder = &arguments.alignment;
    let (alignment, mut settings) = Alignment::load(folder, &compute.device)?;
    let mut take = |key: &str| {
        settings
            .remove(key)
            .ok_or_else(|| Error::invalid(format!("{}: alignment.toml has no settings.{key}", folder.display())))
    };
    let damaged = |error: toml::de::Error| Error::invalid(format!("{}: alignment.toml: {error}", folder.display()));
    let configuration: AlignConfiguration = take(ALIGNMENT_SETTINGS)?.try_into().map_err(damaged)?;
    let places: Vec<NetworkPlace> = take(NETWORK_SETTINGS)?.try_into().map_err(damaged)?;
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
            let loaded = Loaded::open(&path, Some(trained_name(&member.network)), true, &compute)?;
            if loaded.identity != place.identity {
                return Err(Error::invalid(format!(
                    "{}: these are not the weights that the alignment was fitted to",
                    path.display()
                )));
            }
            Ok(loaded)
        })
        .collect::<Result<Vec<_>>>()?;
    // Not the pairs that it was judged by when it was fitted, whatever its seed was.
    let seed = derive(session.global.seed, &["evaluation"]);
    let outcomes = work::remeasure(&configuration, &alignment, networks, &compute, arguments.pairs, seed)?;
    let unit = AlignmentUnit {
        study: String::new(),
        alignment: folder_name(folder)?,
        method: configuration.method.name().into(),
        positions: configuration.positions.to_string(),
        site: configuration.site_label(),
        variable: configuration.variables.iter().map(ToString::to_string).collect::<Vec<_>>().join("+"),
        k: configuration.k.unwrap_or(0) as u64,
        seed: configuration.seed,
    };
    let rows = iia_rows(&unit, &outcomes, &Bootstrap { seed, ..Bootstrap::default() });
    session.output.result(&json!({ "alignment": folder, "pairs": arguments.pairs, "iia": rows }), || table(&rows))
}

/// A network's place, seen from the alignment's folder.
fn resolve(folder: &Path, place: &Path) -> PathBuf {
    if place.is_absolute() { place.to_owned() } else { folder.join(place) }
}
