//! Tests of the run folder and the executor, with work that only writes a line.

mod executing;
mod killing;
mod listing;
mod locking;
mod sharding;

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use serde_json::json;

use super::{BoxError, Executor, Input, InputSource, Key, Plan, Provenance, RunFolder, Unit, UnitContext, UnitKind};

fn provenance() -> Provenance {
    Provenance {
        version: "1.2.3".into(),
        commit: Some("abc".into()),
        device: "flex on 2 threads".into(),
        cpu: "a processor".into(),
        command: "mas run study.toml".into(),
    }
}

fn folder(place: &tempfile::TempDir) -> RunFolder {
    RunFolder::open(place.path().join("runs")).unwrap()
}

fn unit(kind: UnitKind, name: &str, inputs: &[(UnitKind, &str, Key)]) -> Unit {
    let input = |(kind, name, key): &(UnitKind, &str, Key)| Input {
        name: name.to_string(),
        key: *key,
        source: InputSource::Unit(*kind),
        allow_unaccepted: false,
    };
    Unit::new(kind, name, json!({ "what": name }), inputs.iter().map(input).collect(), "flex")
}

/// `networks` to train, and a fit of each with the next; every fit's name is `fit-i`.
fn ring(networks: usize) -> Plan {
    let mut plan = Plan::default();
    let names: Vec<_> = (0..networks).map(|i| format!("net-{i}")).collect();
    let keys: Vec<_> = names.iter().map(|name| plan.push(unit(UnitKind::Train, name, &[]))).collect();
    for i in 0..networks {
        let j = (i + 1) % networks;
        let inputs = [(UnitKind::Train, names[i].as_str(), keys[i]), (UnitKind::Train, names[j].as_str(), keys[j])];
        plan.push(unit(UnitKind::Align, &format!("fit-{i}"), &inputs));
    }
    plan
}

/// Work that notes what it was asked to do, and fails at some.
#[derive(Default)]
struct Desk {
    done: Mutex<Vec<String>>,
    fails: Vec<&'static str>,
    panics: Vec<&'static str>,
    /// Milliseconds for a unit.
    takes: u64,
}

impl Desk {
    fn work(&self, unit: &Unit, context: &UnitContext<'_>) -> Result<(), BoxError> {
        // The inputs are there, whole, and in order.
        for (input, path) in unit.inputs().iter().zip(&context.inputs) {
            assert_eq!(fs::read_to_string(path.join("result.txt")).unwrap(), format!("result of {}", input.name));
        }
        assert_eq!(context.resumed, context.dir.join("checkpoint").exists());
        fs::write(context.dir.join("checkpoint"), "half")?;
        std::thread::sleep(std::time::Duration::from_millis(self.takes));
        if self.fails.contains(&unit.name()) {
            return Err("no such luck".into());
        }
        assert!(!self.panics.contains(&unit.name()), "all is lost");
        fs::remove_file(context.dir.join("checkpoint"))?;
        fs::write(context.dir.join("result.txt"), format!("result of {}", unit.name()))?;
        context.progress.advance(1, 1);
        self.done.lock().unwrap().push(unit.name().to_string());
        Ok(())
    }

    fn done(&self) -> Vec<String> {
        self.done.lock().unwrap().clone()
    }

    fn sorted(&self) -> Vec<String> {
        let mut done = self.done();
        done.sort();
        done
    }
}

fn executor(folder: &RunFolder) -> Executor<'_> {
    Executor::new(folder, provenance()).poll(std::time::Duration::from_millis(5))
}

/// All files under `folder` with their contents, but for lock files.
fn contents(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_none_or(|extension| extension != "lock") {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found.retain(|(name, _)| name != ".lock");
    found
}
