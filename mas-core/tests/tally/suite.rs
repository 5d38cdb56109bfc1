use super::{
    network::{A, O, Tally},
    pairs::{trial, trials},
};

/// The linear network is an example of how a network is written: it must do what networks must.
#[test]
fn a_network_written_by_hand_does_what_every_network_must() {
    let sequences = [trial(&[A, O, A], 2), trial(&[O], 0), trial(&[A, A, O, O, A], 3)];
    super::network_suite::suite(&Tally::new("tally", 5, 1), &trials(&sequences));
}
