//! From a study to the units of work that it asks for.

use serde::Serialize;
use serde_json::Value;

use super::Study;
use super::networks::{Network, Origin};
use crate::runs::{Input, InputSource, Key, Plan, Section, Unit, UnitKind};

impl Study {
    /// Everything that the study asks for: networks to train first, then alignments, each followed by its controls, then
    /// similarities. `device` is the kind of device (`flex`, `wgpu`, `cuda`), which numbers depend on.
    pub fn plan(&self, device: &str) -> Plan {
        let mut plan = Plan::default();
        let mut inputs = Vec::new();
        let mut trained: Vec<Section> = Vec::new();
        for network in &self.networks {
            let source = match &network.origin {
                Origin::Recipe(recipe) => {
                    let unit = Unit::new(UnitKind::Train, &network.name, json(recipe), Vec::new(), device);
                    let key = plan.push(unit);
                    push_to_section(&mut trained, &network.group, key);
                    (key, InputSource::Unit(UnitKind::Train))
                }
                Origin::Brought { path, key } | Origin::Shipped { path, key } => {
                    (*key, InputSource::Path(path.clone()))
                }
            };
            inputs.push(input(network, source));
        }
        trained.into_iter().for_each(|section| plan.push_section(section));

        let of = |places: &[usize]| places.iter().map(|&place| inputs[place].clone()).collect::<Vec<_>>();
        for alignment in &self.alignments {
            let mut units = Vec::new();
            for fit in &alignment.fits {
                let configuration = json(&fit.configuration);
                let unit = Unit::new(UnitKind::Align, &fit.name, configuration, of(&fit.networks), device);
                units.push(plan.push(unit));
            }
            plan.push_section(Section { name: alignment.name.clone(), kind: UnitKind::Align, units });
        }
        for similarity in &self.similarities {
            let mut units = Vec::new();
            for pair in &similarity.pairs {
                let configuration = json(&pair.configuration);
                let unit = Unit::new(UnitKind::Similarity, &pair.name, configuration, of(&pair.networks), device);
                units.push(plan.push(unit));
            }
            plan.push_section(Section { name: similarity.name.clone(), kind: UnitKind::Similarity, units });
        }
        for encoding in &self.encodings {
            let mut units = Vec::new();
            for (network, configuration) in &encoding.of {
                let name = format!("{}: {}", encoding.name, self.networks[*network].name);
                let unit = Unit::new(UnitKind::Encoding, name, json(configuration), of(&[*network]), device);
                units.push(plan.push(unit));
            }
            plan.push_section(Section { name: encoding.name.clone(), kind: UnitKind::Encoding, units });
        }
        plan
    }
}

fn push_to_section(sections: &mut Vec<Section>, name: &str, key: Key) {
    match sections.iter_mut().find(|section| section.name == name) {
        Some(section) => section.units.push(key),
        None => sections.push(Section { name: name.to_string(), kind: UnitKind::Train, units: vec![key] }),
    }
}

fn input(network: &Network, (key, source): (Key, InputSource)) -> Input {
    Input { name: network.name.clone(), key, source, allow_unaccepted: network.allow_unaccepted }
}

fn json(configuration: &impl Serialize) -> Value {
    // Only maps with keys that are no texts, and values whose own code fails, are no JSON; there are none of either.
    serde_json::to_value(configuration).expect("configurations are plain records")
}
