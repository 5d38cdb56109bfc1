use std::{cell::RefCell, ops::Range};

use burn::prelude::*;

use crate::{
    At, Continuation, Direction, Edit, Error, Natural, Network, Pairs, Participant, Positions, Prefix, Result, Resume,
    Retain, Site, Trials,
    alignment::{Evaluated, Subspaces},
    interchange::insert,
};

/// The interchanges of one direction and one variable.
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// From which network into which.
    pub direction: Direction,
    /// The subspace that is swapped, by index, or [`Subspaces::ALL`] or [`Subspaces::EXTRANEOUS`].
    pub subspace: usize,
    /// The interchanges.
    pub pairs: &'a Pairs,
}

/// How interchanges are made: what all exchanges of a fit or an evaluation share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Setting {
    /// One position, or the whole history.
    pub positions: Positions,
    /// What the target keeps.
    pub retain: Retain,
}

/// All exchanges into one network's one subspace, with everything before the interchange computed once: source
/// vectors, the target's own vectors, and the prefix from which it goes on.
pub(crate) struct Inflow<'a> {
    pub target: usize,
    pub network: &'a dyn Network,
    pub parts: Vec<Part<'a>>,
    site: Site,
    setting: Setting,
    swapped: Swapped,
    trials: Trials,
    positions: Vec<usize>,
    prefix: Option<Prefix>,
    /// The target's own activity where it is edited; where it [reaches](Self::reaches) so far, to the end of the trials.
    natural: Option<Natural>,
    reaches: bool,
}

/// The most numbers of one exchange's activity at whole histories that are held; those of more are read in every step.
const HELD: usize = 1 << 25;

/// Which aligned coordinates go over.
enum Swapped {
    /// Those of one block.
    Block(Range<usize>),
    /// All but the first ones, which named blocks have. Within one network that is the same as keeping the target's named
    /// blocks in the source's vector, so that only these are needed:
    /// `ĥ = A⁻¹(A(h_s) + Eᵀ E (A(h_t) − A(h_s)))`, with `E` selecting all named blocks.
    Extraneous(Range<usize>),
}

impl Swapped {
    fn of(subspaces: &Subspaces, subspace: usize) -> Result<Self> {
        match subspace {
            Subspaces::EXTRANEOUS => Ok(Self::Extraneous(0..subspaces.columns())),
            named => subspaces.range(named).map(Self::Block),
        }
    }
}

/// One exchange's share of an [`Inflow`].
pub(crate) struct Part<'a> {
    pub source: usize,
    /// Where the exchange stands in the list that the inflows were made from.
    pub exchange: usize,
    /// The trials of the inflow that are its pairs.
    pub rows: Range<usize>,
    participant: Participant<'a>,
    sources: Trials,
    /// The source's vectors at the exchanged positions, pair after pair, `[vector, width]`. A history's, as many as its
    /// tokens, are held where there is [room](HELD) for them, or no network to read them from later.
    vectors: Option<Tensor<2>>,
    /// The first vector of each pair.
    first: Vec<usize>,
}

impl<'a> Inflow<'a> {
    /// Groups `exchanges` by target and subspace and records what comes before the interchanges.
    pub fn record(
        participants: &[Participant<'a>],
        subspaces: &Subspaces,
        setting: Setting,
        exchanges: &[Exchange],
    ) -> Result<Vec<Self>> {
        let mut groups: Vec<(usize, usize, Vec<usize>)> = Vec::new();
        for (index, exchange) in exchanges.iter().enumerate() {
            exchange.pairs.check()?;
            if exchange.pairs.is_empty() {
                let name = |index: usize| participants.get(index).map_or("?", Participant::name);
                let Direction { source, target } = exchange.direction;
                return Err(Error::invalid(format!(
                    "no pairs of sequences for direction {} → {}",
                    name(source),
                    name(target)
                )));
            }
            let Direction { source, target } = exchange.direction;
            if exchange.subspace == Subspaces::EXTRANEOUS && (source != target || setting.retain == Retain::Nothing) {
                return Err(Error::invalid(format!(
                    "direction {source} → {target}: the extraneous block is swapped within one network that keeps the rest"
                )));
            }
            let key = (exchange.direction.target, exchange.subspace);
            match groups.iter_mut().find(|group| (group.0, group.1) == key) {
                Some(group) => group.2.push(index),
                None => groups.push((key.0, key.1, vec![index])),
            }
        }
        groups
            .into_iter()
            .map(|(target, subspace, members)| {
                let swapped = Swapped::of(subspaces, subspace)?;
                Self::record_one(participants, setting, swapped, target, &members, exchanges)
            })
            .collect()
    }

    fn record_one(
        participants: &[Participant<'a>],
        setting: Setting,
        swapped: Swapped,
        target: usize,
        members: &[usize],
        exchanges: &[Exchange],
    ) -> Result<Self> {
        let unknown = |index: usize| Error::invalid(format!("a direction names network {index}, which was not given"));
        let participant = participants.get(target).ok_or_else(|| unknown(target))?;
        let (network, site) = (participant.network()?, participant.site().clone());
        let mut parts = Vec::new();
        let mut positions = Vec::new();
        for &exchange in members {
            let Exchange { direction, pairs, .. } = exchanges[exchange];
            let source = participants.get(direction.source).ok_or_else(|| unknown(direction.source))?;
            let stepwise = setting.positions == Positions::Stepwise;
            if stepwise && pairs.source_positions != pairs.target_positions {
                return Err(Error::invalid("stepwise interchanges need the same position in source and target"));
            }
            let (mut at, mut first) = (Vec::new(), Vec::with_capacity(pairs.len()));
            for (pair, &position) in pairs.source_positions.iter().enumerate() {
                first.push(at.len());
                let begin = if stepwise { 0 } else { position };
                at.extend((begin..=position).map(|position| (pair, position)));
            }
            let held = !stepwise || at.len() * source.site().width <= HELD || source.network().is_err();
            let read = || source.reader().read(source.site(), &pairs.source, &at);
            let vectors = held.then(read).transpose()?;
            let rows = positions.len()..positions.len() + pairs.len();
            positions.extend_from_slice(&pairs.target_positions);
            let (source, participant, sources) = (direction.source, source.clone(), pairs.source.clone());
            parts.push(Part { source, exchange, rows, participant, sources, vectors, first });
        }
        let counterfactuals: Vec<&Trials> = members.iter().map(|&e| &exchanges[e].pairs.counterfactual).collect();
        let trials = Trials::concatenate(&counterfactuals)?;
        let individual = setting.positions == Positions::Individual;
        let prefix = individual.then(|| network.prepare(&site, &trials, &positions)).transpose()?;
        let begin = |position: usize| if individual { position } else { 0 };
        // The last token has nothing to predict, and is not read.
        let to_the_end: Vec<Range<usize>> = (positions.iter().enumerate())
            .map(|(trial, &position)| begin(position)..(position + 1).max(trials.length(trial).saturating_sub(1)))
            .collect();
        let numbers = to_the_end.iter().map(Range::len).sum::<usize>() * site.width;
        let reaches = !network.carries_state(&site) && numbers <= HELD * members.len();
        let natural = match (reaches, individual) {
            (true, _) => Some(Natural::read(network, &site, &trials, &to_the_end)?),
            (false, true) => {
                let edited: Vec<_> = positions.iter().map(|&position| position..position + 1).collect();
                Some(Natural::read(network, &site, &trials, &edited)?)
            }
            (false, false) => None,
        };
        Ok(Self { target, network, parts, site, setting, swapped, trials, positions, prefix, natural, reaches })
    }

    /// The interchanges of `rows`, which go part by part, to be resumed.
    pub fn resume<'b>(&'b self, rows: &'b [usize], free_running: bool) -> Resume<'b> {
        Resume {
            site: &self.site,
            interchange: self.setting.positions,
            prefix: self.prefix.as_ref(),
            trials: &self.trials,
            positions: &self.positions,
            rows,
            free_running,
            natural: self.natural.as_ref().filter(|_| self.reaches),
        }
    }

    /// The source activity for the rows of `resume` (which lie in `part`): `[vector, width]`, one for each exchanged
    /// position.
    pub fn source_activity(&self, part: &Part, resume: &Resume) -> Result<Tensor<2>> {
        let pairs: Vec<usize> = resume.rows.iter().map(|row| row - part.rows.start).collect();
        match &part.vectors {
            Some(vectors) => {
                let history = |(row, &pair): (usize, &usize)| {
                    let begin = part.first[pair];
                    let steps = if self.setting.positions == Positions::Stepwise { resume.position(row) } else { 0 };
                    begin..=begin + steps
                };
                Ok(take(vectors, &pairs.iter().enumerate().flat_map(history).collect::<Vec<_>>()))
            }
            None => {
                let at: Vec<_> = resume.exchanged().into_iter().map(|at| (at.row, at.position)).collect();
                part.participant.reader().read(part.participant.site(), &part.sources.select(&pairs), &at)
            }
        }
    }

    /// What goes over: aligned values `[vector, block]`; of the extraneous block the vectors as they are, `[vector, width]`.
    pub fn values(&self, source: &Evaluated, activity: Tensor<2>) -> Tensor<2> {
        match &self.swapped {
            Swapped::Block(block) => source.read(activity, block.clone()),
            Swapped::Extraneous(_) => activity,
        }
    }

    /// The target's activity with `values` put in, `[vector, width]`.
    fn insert(&self, target: &Evaluated, values: Tensor<2>, natural: Tensor<2>) -> Tensor<2> {
        match &self.swapped {
            Swapped::Block(block) => insert(target, block.clone(), self.setting.retain, values, natural),
            Swapped::Extraneous(named) => {
                let kept = target.read(natural, named.clone());
                target.write(values, named.clone(), kept)
            }
        }
    }

    /// The target's own activity at the exchanged positions, `[vector, width]`, where that is known beforehand.
    pub fn natural(&self, resume: &Resume) -> Result<Option<Tensor<2>>> {
        match &self.natural {
            Some(natural) => {
                let at = resume.exchanged().into_iter().map(|At { row, position }| (resume.rows[row], position));
                natural.at(at).map(Some)
            }
            None if self.network.carries_state(&self.site) => Ok(None),
            None => self.read(resume).map(Some),
        }
    }

    /// The target's activity with `values` put in, `[vector, width]`, where that is known beforehand.
    pub fn edited(&self, target: &Evaluated, resume: &Resume, values: Tensor<2>) -> Result<Option<Tensor<2>>> {
        let natural = self.natural(resume)?;
        Ok(natural.map(|natural| self.insert(target, values, natural)))
    }

    /// Goes on from interchanges that put [`values`](Self::values) into the target.
    pub fn run(&self, target: &Evaluated, resume: &Resume, values: Tensor<2>) -> Result<Continuation> {
        match self.edited(target, resume, values.clone())? {
            Some(edited) => self.network.resume(resume, Edit::Known(edited)),
            None => self.run_in_order(target, resume, values, &|_, _| {}),
        }
    }

    /// As [`run`](Self::run), where each edit sees what earlier ones did; `watch` is shown the edited vectors and where
    /// they stand among [`Resume::exchanged`].
    fn run_in_order(
        &self,
        target: &Evaluated,
        resume: &Resume,
        values: Tensor<2>,
        watch: &dyn Fn(&[usize], &Tensor<2>),
    ) -> Result<Continuation> {
        let mut first = Vec::with_capacity(resume.rows.len());
        let mut next = 0;
        for row in 0..resume.rows.len() {
            first.push(next);
            next += resume.position(row) + 1;
        }
        let edit = |at: &[At], natural: Tensor<2>| {
            let chosen: Vec<usize> = at.iter().map(|at| first[at.row] + at.position).collect();
            let edited = self.insert(target, take(&values, &chosen), natural);
            watch(&chosen, &edited);
            edited
        };
        self.network.resume(resume, Edit::Sequential(&edit))
    }

    /// What the exchanged vectors become, `[vector, width]`, in the order of [`Resume::exchanged`].
    pub fn interchanged(&self, target: &Evaluated, resume: &Resume, values: Tensor<2>) -> Result<Tensor<2>> {
        if let Some(edited) = self.edited(target, resume, values.clone())? {
            return Ok(edited);
        }
        let seen = RefCell::new((Vec::new(), Vec::new()));
        self.run_in_order(target, resume, values, &|chosen, edited| {
            let (places, vectors) = &mut *seen.borrow_mut();
            places.extend_from_slice(chosen);
            vectors.push(edited.clone());
        })?;
        let (places, vectors) = seen.into_inner();
        let mut order = vec![0; places.len()];
        places.into_iter().enumerate().for_each(|(seen, place)| order[place] = seen);
        Ok(take(&Tensor::cat(vectors, 0), &order))
    }

    /// The target's own activity at the exchanged positions, `[vector, width]`, in a run without interchanges.
    pub fn untouched(&self, resume: &Resume) -> Result<Tensor<2>> {
        match self.natural(resume)? {
            Some(natural) => Ok(natural),
            None => self.read(resume),
        }
    }

    fn read(&self, resume: &Resume) -> Result<Tensor<2>> {
        let at: Vec<_> = resume.exchanged().into_iter().map(|at| (at.row, at.position)).collect();
        self.network.read(&self.site, &self.trials.select(resume.rows), &at)
    }

    /// Goes on without an interchange.
    pub fn run_untouched(&self, resume: &Resume) -> Result<Continuation> {
        match self.natural(resume)? {
            Some(natural) => self.network.resume(resume, Edit::Known(natural)),
            None => self.network.resume(resume, Edit::Sequential(&|_, natural| natural)),
        }
    }
}

/// The rows of `tensor` at `rows`, `[row, width]`.
pub(crate) fn take(tensor: &Tensor<2>, rows: &[usize]) -> Tensor<2> {
    let ids: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
    let n = ids.len();
    let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [n]), &tensor.device().inner());
    tensor.clone().select(0, ids)
}
