//! What the tests have in common: every task, and the tasks' functions written down once more.
#![allow(dead_code)]

use mas_tasks::{Task, TaskConfig, TaskKind};

/// Every task with every program that describes it.
pub fn every_task() -> Vec<Task> {
    let configs = TaskKind::ALL
        .iter()
        .flat_map(|kind| kind.programs().iter().map(|program| TaskConfig::new(*kind).with_program(*program)));
    configs.map(|config| config.build().unwrap()).collect()
}

/// The number of responses after N demonstrations, from tables.
pub fn responses(kind: TaskKind, n: u32) -> u32 {
    // Up to twice as many as a task has: a target can be shown more than it knows.
    const NEAREST: [u32; 41] = [
        0, 0, 3, 3, 3, 6, 6, 6, 9, 9, 9, 12, 12, 12, 15, 15, 15, 18, 18, 18, 21, 21, 21, 24, 24, 24, 27, 27, 27, 30,
        30, 30, 33, 33, 33, 36, 36, 36, 39, 39, 39,
    ];
    match kind {
        TaskKind::Modulo => [0, 1, 2, 3][n as usize % 4],
        TaskKind::Rounding => NEAREST[n as usize],
        TaskKind::Square => (0..n).map(|k| 2 * k + 1).sum(),
        TaskKind::Arithmetic => panic!("arithmetic has no responses"),
        _ => n,
    }
}
