//! What reads files from elsewhere never panics, whatever is in them: valid files with seeded mutations, over and over.
//!
//! In a test run each reader gets a second or two; `cargo xtask fuzz READER --minutes N --seed S` goes on for longer. A
//! mutation that panics is kept in the target folder, and its path is in the message.

#[path = "../../mas-models/tests/gguf_files/mod.rs"]
#[expect(dead_code, reason = "the tests of mas-models ask it for more kinds of files")]
mod gguf_files;
mod mutation;

use std::{
    cell::Cell,
    io::{Cursor, Read, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Once,
    time::{Duration, Instant},
};

use burn::tensor::Device;
use gguf_files::{Gguf, Kind};
use mas_core::{Activity, ActivityFile};
use mas_models::{
    Precision,
    import::{ImportOptions, StateMap, import, import_mapped},
    import_gguf, import_hugging_face,
};
use mutation::Mutation;
use rand::{RngExt, SeedableRng, seq::IteratorRandom};
use rand_chacha::ChaCha8Rng;

/// Mutations of each seed file in a test run.
const FEW: u64 = 150;

thread_local! {
    /// Panics in this thread, those that a reader has caught itself, too.
    static PANICS: Cell<u64> = const { Cell::new(0) };
}

/// A file of the repository that is read as it is, by its name.
fn fixture(path: &str) -> (String, Vec<u8>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    (name, std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// Reads mutations of `seeds` (name and bytes), each with its own extension, until the time is up.
fn fuzz(reader: &str, seeds: &[(String, Vec<u8>)], read: impl Fn(&Path) -> bool) {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |value| value.parse().unwrap());
    let (minutes, seed) = (number("MAS_FUZZ_MINUTES", 0), number("MAS_FUZZ_SEED", 1));
    // What is being read is on disk, also if reading it takes the whole process down.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{reader}-{seed}"));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in seeds {
        std::fs::write(folder.join(name), bytes).unwrap();
        assert!(read(&folder.join(name)), "{name} is not read as it is");
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
        let (name, bytes) = &seeds[rng.random_range(0..seeds.len())];
        let mutated = mutate(bytes, &mut rng);
        let place = folder.join(format!("mutated-{name}"));
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
    let files = ["tiny_zip.pt", "tiny_legacy.pt", "tied.pt"];
    let [zip, legacy, tied] = files.map(|file| fixture(&format!("mas-models/tests/fixtures/{file}")));
    let folder = tempfile::tempdir().unwrap();
    let map = folder.path().join("map.toml");
    let tokens = (0..600).map(|id| format!("\"t{id}\"")).collect::<Vec<_>>().join(", ");
    let names = "cell = \"gru\"\nembedding = \"encoder\"\nrecurrent = \"core\"\nread-out = [\"head\"]";
    std::fs::write(&map, format!("{names}\ntokens = [{tokens}]\n")).unwrap();
    let map = StateMap::read(map).unwrap();
    fuzz("pytorch", &[zip, legacy, tied], |path| {
        // Of the plain network nothing says what it is but a map.
        let mapped = import_mapped(path, &map, &ImportOptions::default(), &Device::flex()).is_ok();
        imports(path, None) | mapped
    });
}

#[test]
fn safetensors() {
    let folder = "mas-models/tests/fixtures/transformer_random_d32_h2";
    let (_, meta) = fixture(&format!("{folder}/meta.json"));
    fuzz("safetensors", &[fixture(&format!("{folder}/state_dict.safetensors"))], |path| {
        // Its configuration stands beside it.
        std::fs::write(path.with_file_name("meta.json"), &meta).unwrap();
        imports(path, Some("multi-object"))
    });
}

#[test]
fn gguf() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mas-models/tests/fixtures/language-models/llama");
    let packed = |name: &str, row: usize| match name.contains("norm") || !row.is_multiple_of(32) {
        true => Kind::F32,
        false => Kind::Q4_1,
    };
    let seeds = [("plain.gguf", Gguf::of(&model, |_, _| Kind::F32)), ("packed.gguf", Gguf::of(&model, packed))];
    let seeds = seeds.map(|(name, file)| (name.to_owned(), file.with_tokens("smollm").bytes()));
    fuzz("gguf", &seeds, |path| import_gguf(path, Precision::F32, &Device::flex()).is_ok());
}

#[test]
fn hugging_face() {
    let folder = "mas-models/tests/fixtures/language-models/llama";
    let files = ["config.json", "model.safetensors"].map(|name| fixture(&format!("{folder}/{name}")));
    fuzz("hugging-face", &files, |path| {
        // One of the two as it is, the other as it was mutated, each under its own name.
        let given = path.parent().unwrap().join("folder");
        std::fs::create_dir_all(&given).unwrap();
        for (name, bytes) in &files {
            match path.extension() == Path::new(name).extension() {
                true => drop(std::fs::copy(path, given.join(name)).unwrap()),
                false => std::fs::write(given.join(name), bytes).unwrap(),
            }
        }
        import_hugging_face(&given, Precision::F32, &Device::flex()).is_ok()
    });
}

#[test]
fn activity() {
    let folder = tempfile::tempdir().unwrap();
    let saved = |extension: &str| {
        let activity = Activity::new((0..24).map(|at| at as f32).collect(), [2, 3, 4], vec![3, 2]).unwrap();
        let activity = activity.with_tokens(vec![1, 3, 4, 1, 3, 0]).unwrap();
        let name = format!("saved.{extension}");
        activity.write(folder.path().join(&name)).unwrap();
        (name.clone(), std::fs::read(folder.path().join(&name)).unwrap())
    };
    let seeds = [
        fixture("mas-core/src/activity/fixtures/compressed.npz"),
        fixture("mas-core/src/activity/fixtures/fortran-big-endian.npy"),
        saved("npz"),
        saved("safetensors"),
        ("table.csv".to_owned(), b"a,b,c\n1,2.5,-3e2\n4,5,6\n0.1,0.2,0.3\n".to_vec()),
    ];
    fuzz("activity", &seeds, |path| {
        // Both ways of reading: in blocks of rows, and whole.
        let in_blocks = ActivityFile::open(path).is_ok_and(|file| file.read(0..file.rows().min(2)).is_ok());
        Activity::read(path).is_ok() | in_blocks
    });
}
