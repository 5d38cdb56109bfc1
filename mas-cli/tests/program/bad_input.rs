//! What the program says of bad input: one clear error, exit code 2, finished results intact.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use crate::networks::align;
use crate::studies::{STUDY, with_study};
use crate::{refuses, small_network, succeeds};

#[test]
fn bad_input_is_refused_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    small_network(path, "a", 1);
    small_network(path, "b", 2);
    assert!(refuses(path, &["align", "a", "nowhere", "--out", "x"]).contains("nowhere"));
    assert!(refuses(path, &["align", "a", "b", "--out", "x"]).contains("acceptance"));
    let wide = ["align", "a", "b", "--k", "9", "--allow-unaccepted", "--training-pairs", "9", "--out", "x"];
    assert!(refuses(path, &wide).contains("has only 8"));
    assert!(refuses(path, &align(&["--site", "cell", "--out", "x"])).contains("hidden"));
    assert!(refuses(path, &align(&["--method", "magic", "--out", "x"])).contains("unidirectional-mas"));
    assert!(refuses(path, &align(&["--variable", "weight", "--out", "x"])).contains("count"));
    assert!(
        refuses(path, &["record", "a", "--site", "layer.0", "--task", "modulo", "--out", "x.npy"]).contains("layer.0")
    );
    assert!(refuses(path, &align(&["--device", "tpu", "--out", "x"])).contains("flex"));
    assert!(refuses(path, &align(&["--variable", "full,count", "--out", "x"])).contains("alone"));
    assert!(refuses(path, &align(&["--variable", "count", "--range", "3,1", "--out", "x"])).contains("from 3 to 1"));
    assert!(refuses(path, &align(&["--variable", "count", "--range", "3", "--out", "x"])).contains("two ends"));
    assert!(refuses(path, &align(&["--site", "logits", "--out", "x"])).contains("not interchanged"));
    assert!(refuses(path, &["evaluate", "x", "--pairs", "0"]).contains("--pairs 0"));
    assert!(refuses(path, &align(&["--out", "b"])).contains("is no alignment"));
    assert!(!path.join("x.partial").exists(), "what is refused leaves nothing behind");
    std::fs::create_dir_all(path.join("other/folder")).unwrap();
    assert!(
        refuses(path, &["train", "--task", "modulo", "--network", "gru", "--out", "other"]).contains("is no network")
    );
    assert!(refuses(path, &["train", "--task", "modulo", "--network", "mlp", "--out", "x"]).contains("gru"));

    let weights = path.join("b/weights.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &whole[..whole.len() / 2]).unwrap();
    assert!(refuses(path, &align(&["--out", "x"])).contains("weights.safetensors"));
    std::fs::remove_file(&weights).unwrap();
    assert!(refuses(path, &align(&["--out", "x"])).contains("weights.safetensors"));
    let toml = path.join("a/network.toml");
    let text = std::fs::read_to_string(&toml).unwrap();
    std::fs::write(&toml, format!("surprise = 1\n{text}")).unwrap();
    assert!(refuses(path, &align(&["--out", "x"])).contains("surprise"));

    std::fs::write(path.join("x.npy"), b"\x93NUMPY\x01\x00").unwrap();
    assert!(refuses(path, &["compare", "x.npy", "x.npy"]).contains("x.npy"));
}

#[test]
fn activity_that_is_not_finite_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }";
    file.extend(format!("{header:<117}\n").bytes());
    for value in [0.0_f32, 1.0, 2.0, f32::NAN, 4.0, 5.0] {
        file.extend(value.to_le_bytes());
    }
    std::fs::write(folder.path().join("a.npy"), file).unwrap();
    let complaint = refuses(folder.path(), &["compare", "a.npy", "a.npy"]);
    assert!(complaint.contains("a.npy") && complaint.contains('1'), "{complaint}");
}

#[test]
fn a_second_process_is_told_of_the_first() {
    let folder = with_study(STUDY);
    std::fs::create_dir(folder.path().join("runs")).unwrap();
    let lock = std::fs::File::create(folder.path().join("runs/.lock")).unwrap();
    lock.lock().unwrap();
    let complaint = refuses(folder.path(), &["run", "small.toml"]);
    assert!(complaint.contains("runs"), "{complaint}");
}

#[test]
fn mistakes_in_a_study_are_shown_with_their_line() {
    let line_of = |text: &str, what: &str| text.lines().position(|line| line.contains(what)).unwrap() + 1;
    for (from, to, says) in [
        ("k = 4\nbatch = 8", "kk = 4\nbatch = 8", "kk"),
        ("architecture = \"gru\"", "architecture = \"gru2\"", "gru2"),
        ("architecture = \"gru\"", "architecture = \"mamba\"", "`gru`, `lstm`, `rnn`, `transformer`"),
        ("k = 4\nbatch = 8", "method = \"clmass\"\nk = 4\nbatch = 8", "did you mean `clmas`?"),
        ("claims = [\"C1\"]", "claims = [\"C99\"]", "C99"),
        ("max-steps = 60", "max-steps = 0", "at least 1"),
        ("task = \"multi-object\"", "task = \"counting\"", "counting"),
        ("architecture = \"gru\"", "heads = 2\narchitecture = \"gru\"", "no attention heads"),
        ("training = {", "training = { clip = -1.0,", "above 0"),
        ("training = {", "training = { feedback = \"forced\",", "teacher-forced"),
        ("max-steps = 60", "max-steps = \"many\"", "many"),
        ("k = 4\nbatch = 8", "k = 9\nbatch = 8", "9"),
        ("site = \"embedding\"", "site = \"nowhere\"", "nowhere"),
    ] {
        let text = STUDY.replacen(from, to, 1);
        let folder = with_study(&text);
        let complaint = refuses(folder.path(), &["run", "small.toml"]);
        let line = line_of(&text, to.lines().next().unwrap());
        assert!(complaint.contains(says), "{complaint}");
        assert!(complaint.contains("small.toml"), "{complaint}");
        assert!(complaint.contains(&line.to_string()), "line {line} is not in {complaint}");
    }
    let folder = with_study("");
    refuses(folder.path(), &["run", "small.toml"]);
    assert!(refuses(folder.path(), &["run", "absent.toml"]).contains("absent.toml"));
    assert!(refuses(folder.path(), &["report", "nowhere"]).contains("nowhere"));
}

/// Alignments left out: only the two networks are trained.
fn networks_only() -> &'static str {
    STUDY.split("[[alignments]]").next().unwrap()
}

#[test]
fn a_run_folder_that_cannot_be_one_is_refused() {
    let folder = with_study(networks_only());
    std::fs::write(folder.path().join("runs"), "a file").unwrap();
    let complaint = refuses(folder.path(), &["run", "small.toml"]);
    assert!(complaint.contains("runs"), "{complaint}");
    assert_eq!(std::fs::read_to_string(folder.path().join("runs")).unwrap(), "a file");
}

#[test]
fn a_full_disk_leaves_finished_results_intact() {
    let folder = with_study(networks_only());
    let disk = match SmallDisk::mount(&folder.path().join("runs")) {
        Ok(disk) => disk,
        Err(reason) => return eprintln!("skipped: no file system can be mounted here: {reason}"),
    };
    succeeds(folder.path(), &["run", "small.toml"]);
    let mut finished = disk.results();
    assert_eq!(finished.keys().filter(|path| path.ends_with("weights.safetensors")).count(), 2);
    std::fs::write(folder.path().join("small.toml"), STUDY).unwrap();
    let run = ["run", "small.toml", "--threads", "1"];
    // From no room at all to room for some of what a fit writes.
    for room in [0, 16, 40] {
        disk.fill_but(room);
        let complaint = refuses(folder.path(), &run);
        assert!(complaint.contains("No space left"), "{room} KiB left: {complaint}");
        let now = disk.results();
        assert!(finished.iter().all(|(path, bytes)| now.get(path) == Some(bytes)), "{room} KiB left");
        finished = now;
    }
    disk.empty();
    succeeds(folder.path(), &run);
    let at_once = succeeds(folder.path(), &["run", "small.toml", "--runs", "elsewhere", "--json"]);
    assert!(at_once.contains("claims"));
    let iia = |runs: &str| std::fs::read_to_string(folder.path().join(runs).join("report/iia.csv")).unwrap();
    assert_eq!(iia("runs"), iia("elsewhere"));
}

/// A file system of one mebibyte in memory.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(place: &Path) -> Result<Self, String> {
        std::fs::create_dir(place).map_err(|error| error.to_string())?;
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1M", "tmpfs"]).arg(place).output();
        match mount {
            Ok(output) if output.status.success() => Ok(Self(place.to_owned())),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Leaves this many KiB of room.
    fn fill_but(&self, room: usize) {
        self.empty();
        let mut size: usize = 1024 * 1024;
        // What is there already takes its part, in whole pages.
        while std::fs::write(self.filler(), vec![0; size]).is_err() {
            size -= 4096;
        }
        std::fs::write(self.filler(), vec![0; size.saturating_sub(room * 1024)]).unwrap();
    }

    fn empty(&self) {
        let _ = std::fs::remove_file(self.filler());
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// The files of all finished results.
    fn results(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders: Vec<PathBuf> =
            ["train", "align"].iter().flat_map(|kind| entries(&self.0.join(kind))).collect();
        folders.retain(|path| path.is_dir() && path.extension().is_none());
        while let Some(folder) = folders.pop() {
            for path in entries(&folder) {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = std::fs::read(&path).unwrap();
                    found.insert(path, bytes);
                }
            }
        }
        found
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn counts_that_no_machine_can_hold_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let huge = "1000000000000000000";
    let sample = ["tasks", "sample", "--task", "modulo", "--samples", huge];
    assert!(refuses(folder.path(), &sample).contains("at most"));
    let pairs = ["tasks", "pairs", "--source", "modulo", "--target", "modulo", "--variable", "count", "--pairs", huge];
    assert!(refuses(folder.path(), &pairs).contains("at most"));
    assert!(refuses(folder.path(), &["align", "a", "--training-pairs", huge, "--out", "x"]).contains("at most"));
    assert!(refuses(folder.path(), &["tasks", "list", "--threads", "999999"]).contains("at most"));
}

#[test]
fn a_second_command_for_the_same_result_is_told_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let lock = std::fs::File::create(folder.path().join("x.partial.lock")).unwrap();
    lock.lock().unwrap();
    let train = ["train", "--task", "modulo", "--network", "gru", "--width", "8", "--max-steps", "1", "--out", "x"];
    assert!(refuses(folder.path(), &train).contains("another mas process"));
}
