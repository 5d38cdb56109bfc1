use super::{Fit, FitConfig};
use crate::{Alignment, Error, Exchange, Latents, Pairs, Result, Setting, Trials, alignment::Orthogonal, storage};

/// What tells a fit from others, so that a checkpoint is gone on from by its own fit only: settings, networks (their names
/// and sites; whether their weights are still the same is the caller's to know), pairs and the alignment that it starts
/// from. When it ends is left out: a fit may go on for longer than was asked at first, unless its steps depend on that.
pub(super) fn identity(fit: &Fit, start: &Alignment) -> Result<String> {
    let mut config = FitConfig { stop: Default::default(), ..fit.config.clone() };
    if config.cool_down.is_none() {
        config.max_steps = 0;
    }
    let Setting { positions, retain } = fit.setting;
    let networks: Vec<_> = fit.participants.iter().map(|network| (network.name(), network.site())).collect();
    let description = (config, positions, retain, &fit.objective, start.subspaces(), networks);
    let mut digest = Digest::default();
    digest.bytes(&serde_json::to_vec(&description).map_err(|error| Error::invalid(error.to_string()))?);
    for member in start.members() {
        let (map, prestep) = (member.function.map(), member.function.prestep());
        let parametrisation = map.rotation().map(Orthogonal::parametrisation);
        digest.bytes(format!("{} {parametrisation:?} {:?}", map.kind(), prestep.squash()).as_bytes());
        let of_prestep = prestep.tensors().map(|(name, tensor)| (name.to_owned(), tensor));
        for (name, tensor) in map.tensors().into_iter().chain(of_prestep) {
            digest.bytes(name.as_bytes());
            storage::values(tensor)?.iter().for_each(|value| digest.bytes(&value.to_le_bytes()));
        }
    }
    for exchanges in [&fit.training, &fit.validation] {
        digest.number(exchanges.len());
        exchanges.iter().for_each(|exchange| digest.exchange(exchange));
    }
    Ok(format!("{:016x}", digest.0))
}

/// FNV-1a of 64 bits: enough to tell apart what nobody made alike on purpose.
struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn number(&mut self, number: usize) {
        self.bytes(&(number as u64).to_le_bytes());
    }

    fn exchange(&mut self, exchange: &Exchange) {
        let Exchange { direction, subspace, pairs } = exchange;
        let Pairs { source, source_positions, target: _, target_positions, counterfactual, changed, natural, .. } =
            pairs;
        [direction.source, direction.target, *subspace].into_iter().for_each(|number| self.number(number));
        source_positions.iter().chain(target_positions).for_each(|&position| self.number(position));
        changed.iter().for_each(|&changed| self.number(changed.into()));
        self.trials(source);
        self.trials(counterfactual);
        if let Some(Latents { trials, at }) = natural {
            self.trials(trials);
            at.iter().for_each(|at| match at {
                Some((trial, position)) => [1, *trial, *position].into_iter().for_each(|number| self.number(number)),
                None => self.number(0),
            });
        }
    }

    fn trials(&mut self, trials: &Trials) {
        for trial in 0..trials.len() {
            self.number(trials.length(trial));
            trials.tokens(trial).iter().for_each(|&token| self.number(token as usize));
            trials.response(trial).iter().for_each(|&set| self.number(set.into()));
        }
    }
}
