use serde::{Deserialize, Serialize};

use super::{Ending, Validation};

/// When a fit ends before its last step. Only directions that are trained count, and of these the ones that the fit is
/// [judged](super::FitConfig::judged) by.
///
/// IIA has a mark to reach. The counterfactual-latent loss has none, since nobody knows how near two natural vectors with
/// the same values are to each other: a fit that has both has converged when the mark is reached and that loss no longer
/// falls, and one that has only this loss when it has not fallen for as long as any fit is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct StopRule {
    /// The validation IIA that every such direction trained on behaviour must reach.
    pub mark: f64,
    /// By which share of its lowest value so far the mean counterfactual-latent loss must have fallen to count as falling.
    pub improvement: f64,
    /// Converged: the mark is reached, and that loss not falling, at so many validations running.
    pub running: usize,
    /// Or: so many validations without a better mean IIA or a falling counterfactual-latent loss.
    pub patience: usize,
}

impl Default for StopRule {
    fn default() -> Self {
        Self { mark: 0.995, improvement: 0.01, running: 3, patience: 20 }
    }
}

impl StopRule {
    /// Whether a fit with this `history` of validations is over.
    pub(super) fn ending(&self, history: &[Validation]) -> Option<Ending> {
        let (mut running, mut waiting) = (0, 0);
        let (mut best, mut lowest) = (f64::NEG_INFINITY, f64::INFINITY);
        for (index, validation) in history.iter().enumerate() {
            let (iia, loss) = (validation.mean_iia(), validation.mean_latent());
            let falls = loss.is_some_and(|loss| loss < lowest * (1.0 - self.improvement));
            running = if self.is_marked(validation) && !falls { running + 1 } else { 0 };
            let rises = iia.is_some_and(|iia| iia > best);
            waiting = if rises || falls || index == 0 { 0 } else { waiting + 1 };
            best = best.max(iia.unwrap_or(best));
            if falls {
                lowest = loss.unwrap_or(lowest);
            }
        }
        if running >= self.running.max(1) {
            Some(Ending::Converged)
        } else if waiting >= self.patience.max(1) {
            // With no mark to miss, the end of the fall is what there is to reach.
            let marks = history.last().is_some_and(|validation| !validation.accuracy.is_empty());
            Some(if marks { Ending::Plateau } else { Ending::Converged })
        } else {
            None
        }
    }

    /// Whether a fit whose learning rate went down to zero has come to its end with this `history`: no validation follows
    /// that could confirm the last one, and none is needed, since nothing moves any more. Without a mark to reach, the end of
    /// the schedule is the end.
    pub(super) fn is_reached(&self, history: &[Validation]) -> bool {
        history.last().is_some_and(|last| {
            self.is_marked(last) || (last.accuracy.is_empty() && !last.latent.is_empty() && last.step > 0)
        })
    }

    /// Whether every direction that is trained on behaviour reaches the mark.
    fn is_marked(&self, validation: &Validation) -> bool {
        !validation.accuracy.is_empty() && validation.accuracy.iter().all(|direction| direction.iia >= self.mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Direction,
        fit::{DirectionAccuracy, DirectionLatent},
    };

    /// A validation with these IIAs and counterfactual-latent losses.
    fn validation(iia: &[f64], losses: &[f64]) -> Validation {
        let direction = Direction::new(0, 0);
        let accuracy = |&iia: &f64| DirectionAccuracy { direction, subspace: 0, iia, token_accuracy: iia };
        let latent = |&loss: &f64| DirectionLatent { direction, subspace: 0, loss };
        Validation {
            step: 0,
            loss: None,
            accuracy: iia.iter().map(accuracy).collect(),
            latent: losses.iter().map(latent).collect(),
        }
    }

    fn ending(rule: StopRule, history: &[(&[f64], &[f64])]) -> Option<Ending> {
        let history: Vec<Validation> = history.iter().map(|(iia, losses)| validation(iia, losses)).collect();
        rule.ending(&history)
    }

    const RULE: StopRule = StopRule { mark: 0.9, improvement: 0.1, running: 2, patience: 3 };

    #[test]
    fn every_direction_has_to_reach_the_mark_running() {
        assert_eq!(ending(RULE, &[(&[0.9, 1.0], &[])]), None);
        assert_eq!(ending(RULE, &[(&[0.9, 1.0], &[]), (&[0.95, 0.9], &[])]), Some(Ending::Converged));
        assert_eq!(ending(RULE, &[(&[0.9, 1.0], &[]), (&[0.95, 0.8], &[])]), None);
        assert_eq!(ending(RULE, &[(&[1.0], &[]), (&[0.8], &[]), (&[1.0], &[])]), None);
    }

    #[test]
    fn a_mean_that_gets_no_better_is_a_plateau() {
        let history: &[(&[f64], &[f64])] = &[(&[0.4], &[]), (&[0.5], &[]), (&[0.5], &[]), (&[0.2], &[]), (&[0.5], &[])];
        assert_eq!(ending(RULE, &history[..4]), None);
        assert_eq!(ending(RULE, history), Some(Ending::Plateau));
    }

    /// With nothing but a counterfactual-latent loss, there is no mark that is reached before anything is learned.
    #[test]
    fn a_latent_loss_alone_ends_a_fit_when_it_has_not_fallen_for_long() {
        assert_eq!(ending(RULE, &[(&[], &[1.0])]), None);
        assert_eq!(ending(RULE, &[(&[], &[1.0]), (&[], &[0.8]), (&[], &[0.7])]), None);
        assert_eq!(ending(RULE, &[(&[], &[1.0]), (&[], &[0.95])]), None);
        // There is no mark that it could reach: a fit by it alone waits as long as any other that gets no better.
        let flat = |validations| vec![(&[][..], &[1.0][..]); validations];
        assert_eq!(ending(RULE, &flat(RULE.patience)), None);
        assert_eq!(ending(RULE, &flat(RULE.patience + 1)), Some(Ending::Converged));
        // What falls slowly falls all the same.
        assert_eq!(ending(RULE, &[(&[], &[1.0]), (&[], &[0.95]), (&[], &[0.89])]), None);
        // The mean over directions counts.
        let swapped: [(&[f64], &[f64]); 2] = [(&[], &[1.0, 0.2]), (&[], &[0.2, 1.0])];
        assert_eq!(ending(RULE, &swapped.repeat(RULE.patience)), Some(Ending::Converged));
    }

    #[test]
    fn a_schedule_is_at_its_end_with_one_validation_at_the_mark() {
        let at = |step, iia: &[f64], losses: &[f64]| [Validation { step, ..validation(iia, losses) }];
        assert!(RULE.is_reached(&at(0, &[0.9, 1.0], &[])), "what starts at the mark needs no step");
        assert!(!RULE.is_reached(&at(10, &[0.89, 1.0], &[])));
        assert!(RULE.is_reached(&at(10, &[1.0], &[0.5])));
        assert!(RULE.is_reached(&at(10, &[], &[0.5])) && !RULE.is_reached(&at(0, &[], &[0.5])));
        assert!(!RULE.is_reached(&[]));
    }

    #[test]
    fn with_both_losses_both_have_to_be_at_their_end() {
        let history: &[(&[f64], &[f64])] = &[(&[0.1], &[1.0]), (&[1.0], &[0.5]), (&[1.0], &[0.4]), (&[1.0], &[0.41])];
        assert_eq!(ending(RULE, history), None);
        assert_eq!(ending(RULE, &[history, &[(&[0.95], &[0.39])]].concat()), Some(Ending::Converged));
        // Behaviour below the mark: as long as either gets better, the fit goes on.
        let stuck = |loss| (&[0.5][..], loss);
        let falling: [&[f64]; 5] = [&[1.0], &[0.8], &[0.7], &[0.6], &[0.5]];
        assert_eq!(ending(RULE, &falling.map(stuck)), None);
        let flat: [&[f64]; 5] = [&[1.0], &[0.8], &[0.8], &[0.8], &[0.8]];
        assert_eq!(ending(RULE, &flat.map(stuck)), Some(Ending::Plateau));
    }
}
