//! What reads files from elsewhere never panics, whatever is in them: valid files with seeded mutations, over and over.
//!
//! In a test run each reader gets a second or two; `cargo xtask fuzz READER --minutes N --seed S` goes on for longer. A
//! mutation that panics is kept in the target folder, and its path is in the message.

mod mutation;

use std::{
    cell::Cell,
    io::{Cursor, Read, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Once,
    time::{Duration, Instant},
};

use burn::tensor::Device;
use mas_core::Activity;
use mas_models::import::{ImportOptions, import};
use mutation::Mutation;
use rand::{RngExt, SeedableRng, seq::IteratorRandom};
use rand_chacha::ChaCha8Rng;

/// Mutations of each seed file in a test run.
const FEW: u64 = 150;

thread_local! {
    /// Panics in this thread, those that a reader has caught itself, too.
    static PANICS: Cell<u64> = const { Cell::new(0) };
}

/// Reads mutations of `files`, each with its own extension, until the time is up.
fn fuzz(reader: &str, files: &[&str], read: impl Fn(&Path) -> bool) {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |value| value.parse().unwrap());
    let (minutes, seed) = (number("MAS_FUZZ_MINUTES", 0), number("MAS_FUZZ_SEED", 1));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let seeds: Vec<(PathBuf, Vec<u8>)> = files
        .iter()
        .map(|file| root.join(file))
        .map(|path| (path.clone(), std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))))
        .collect();
    // What is being read is on disk, also if reading it takes the whole process down.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{reader}-{seed}"));
    std::fs::create_dir_all(&folder).unwrap();
    for (path, bytes) in &seeds {
        let whole = folder.join(path.file_name().unwrap());
        std::fs::write(&whole, bytes).unwrap();
        assert!(read(&whole), "{} is not read as it is", path.display());
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let inherited = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.set(PANICS.get() + 1);
            inherited(panic);
        }));
    });
    let until = Instant::now() + Duration::from_secs(60 * minutes);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut tried, mut accepted) = (0_u64, 0_u64);
    while tried < FEW * seeds.len() as u64 || Instant::now() < until {
        let (path, bytes) = &seeds[rng.random_range(0..seeds.len())];
        let mutated = mutate(bytes, &mut rng);
        let place = folder.join("mutated").with_extension(path.extension().unwrap());
        std::fs::write(&place, &mutated).unwrap();
        match catch_unwind(AssertUnwindSafe(|| read(&place))) {
            Ok(fine) => accepted += u64::from(fine),
            Err(_) => panic!("{reader} panics on {}, see above (seed {seed}, mutation {tried})", place.display()),
        }
        tried += 1;
    }
    std::fs::remove_dir_all(&folder).unwrap();
    println!(
        "{reader}: {tried} mutations of {} files read, seed {seed}: {accepted} accepted, no panic but {} that it caught \
         from the library below it",
        seeds.len(),
        PANICS.get()
    );
}

/// A few mutations of the file; of a zip archive more often of what is in it, under checksums that are right.
fn mutate(bytes: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut file = bytes.to_vec();
    let is_archive = file.starts_with(b"PK");
    let times = rng.random_range(1..=4);
    if is_archive && rng.random_bool(0.7) {
        return rearchived(&file, rng, |entry, rng| {
            (0..times).for_each(|_| Mutation::draw(entry, rng).apply(entry));
        });
    }
    (0..times).for_each(|_| Mutation::draw(&file, rng).apply(&mut file));
    file
}

/// The archive with one of its entries changed, of those that have more than a few bytes.
fn rearchived(archive: &[u8], rng: &mut ChaCha8Rng, change: impl FnOnce(&mut Vec<u8>, &mut ChaCha8Rng)) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut entries: Vec<(String, Vec<u8>)> = (0..archive.len())
        .map(|index| {
            let mut entry = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.name().unwrap().to_string(), content)
        })
        .collect();
    if let Some((_, content)) = entries.iter_mut().filter(|(_, content)| content.len() > 16).choose(rng) {
        change(content, rng);
    }
    let mut written = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in entries {
        written.start_file(name, options).unwrap();
        written.write_all(&content).unwrap();
    }
    written.finish().unwrap().into_inner()
}

fn imports(path: &Path, task: Option<&str>) -> bool {
    let options = ImportOptions { task: task.map(Into::into), ..ImportOptions::default() };
    import(path, &options, &Device::flex()).is_ok()
}

#[test]
fn pytorch() {
    let files = ["tiny_zip.pt", "tiny_legacy.pt"].map(|file| format!("mas-models/tests/fixtures/{file}"));
    fuzz("pytorch", &files.each_ref().map(String::as_str), |path| imports(path, None));
}

#[test]
fn safetensors() {
    let file = "mas-models/tests/fixtures/transformer_random_d32_h2/state_dict.safetensors";
    fuzz("safetensors", &[file], |path| {
        // Its configuration stands beside it.
        let meta = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file).with_file_name("meta.json");
        std::fs::copy(meta, path.with_file_name("meta.json")).unwrap();
        imports(path, Some("multi-object"))
    });
}

#[test]
fn activity() {
    let files =
        ["compressed.npz", "fortran-big-endian.npy"].map(|file| format!("mas-core/src/activity/fixtures/{file}"));
    fuzz("activity", &files.each_ref().map(String::as_str), |path| Activity::read(path).is_ok());
}
