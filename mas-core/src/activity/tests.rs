use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::{Activity, ActivityFile};
use crate::Error;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/activity/fixtures").join(name)
}

/// Two trials of 3 and 2 positions, 2 units wide, with tokens and a variable.
fn small() -> Activity {
    let values = (0..12).map(|value| value as f32 / 4.0).collect();
    Activity::new(values, [2, 3, 2], vec![3, 2])
        .unwrap()
        .with_tokens(vec![1, 2, 3, 4, 5, 0])
        .unwrap()
        .with_variable("count", vec![0.0, f32::NAN, 2.0, 3.0, 4.0, 9.0])
        .unwrap()
}

fn reason(result: crate::Result<Activity>) -> String {
    result.expect_err("this must be refused").to_string()
}

/// A safetensors file of one array, whose header may lie.
fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend(data);
    bytes
}

/// A `.npy` file, whose header may lie.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(data);
    bytes
}

fn read_bytes(name: &str, bytes: &[u8]) -> crate::Result<Activity> {
    let folder = folder();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    Activity::read(path)
}

#[test]
fn padding_is_cleared_and_not_yielded() {
    let activity = small();
    assert_eq!(activity.values()[10..], [0.0, 0.0]);
    assert!(activity.variable("count").unwrap()[5].is_nan());
    let rows: Vec<_> = activity.rows().map(|row| (row.trial, row.position, row.vector.to_vec())).collect();
    assert_eq!(rows.len(), activity.row_count());
    assert_eq!(rows[4], (1, 1, vec![2.0, 2.25]));
}

#[test]
fn padding_may_hold_anything() {
    assert!(Activity::new(vec![1.0, f32::NAN], [1, 2, 1], vec![1]).is_ok());
}

#[test]
fn the_first_number_that_is_not_finite_is_named() {
    let mut values = vec![0.0; 12];
    values[9] = f32::INFINITY;
    values[11] = f32::NAN;
    let error = Activity::new(values, [2, 3, 2], vec![3, 3]).unwrap_err();
    assert!(
        matches!(&error, Error::NotFinite(message)
        if message.contains("inf at trial 1, position 1, coordinate 1")),
        "{error}"
    );
}

#[test]
fn sizes_must_agree() {
    assert!(Activity::new(vec![0.0; 11], [2, 3, 2], vec![3, 3]).is_err());
    assert!(Activity::new(vec![0.0; 12], [2, 3, 2], vec![3]).is_err());
    assert!(Activity::new(vec![0.0; 12], [2, 3, 2], vec![3, 0]).is_err());
    assert!(Activity::new(vec![0.0; 12], [2, 3, 2], vec![3, 4]).is_err());
    assert!(Activity::new(vec![], [usize::MAX, 2, 2], vec![]).is_err());
    assert!(Activity::new(vec![], [0, 3, 2], vec![]).is_err());
    assert!(Activity::from_samples(vec![0.0; 5], 2).is_err());
    assert!(small().with_tokens(vec![0; 5]).is_err());
    assert!(small().with_variable("phase", vec![0.0; 5]).is_err());
    assert!(small().with_variable("a/b", vec![0.0; 6]).is_err());
    assert!(small().with_variable("phase", vec![f32::INFINITY; 6]).is_err());
}

#[test]
fn samples_are_trials_of_one_position() {
    let activity = Activity::from_samples(vec![1.0, 2.0, 3.0, 4.0], 2).unwrap();
    assert_eq!([activity.trials(), activity.time(), activity.width()], [2, 1, 2]);
    assert_eq!(activity.vector(1, 0), [3.0, 4.0]);
}

#[test]
fn selected_trials_keep_what_belongs_to_them() {
    let selected = small().select(&[1, 1]).unwrap();
    assert_eq!(selected.lengths(), [2, 2]);
    assert_eq!(selected.tokens().unwrap(), [4, 5, 0, 4, 5, 0]);
    assert_eq!(selected.variable("count").unwrap()[..2], [3.0, 4.0]);
    assert_eq!(selected.vector(1, 1), small().vector(1, 1));
    assert!(small().select(&[2]).is_err());
}

#[test]
fn files_give_back_what_was_written() {
    let folder = folder();
    for name in ["a.safetensors", "a.npz"] {
        let path = folder.path().join(name);
        small().write(&path).unwrap();
        let read = Activity::read(&path).unwrap();
        assert_eq!(read.values(), small().values());
        assert_eq!(read.lengths(), small().lengths());
        assert_eq!(read.tokens(), small().tokens());
        // NaN is not equal to itself: compare what is printed.
        assert_eq!(format!("{:?}", read.outline), format!("{:?}", small().outline));
        let first = fs::read(&path).unwrap();
        small().write(&path).unwrap();
        assert_eq!(first, fs::read(&path).unwrap(), "equal activity, equal bytes: {name}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file is left");
}

#[test]
fn npy_holds_the_vectors_without_padding() {
    let folder = folder();
    let path = folder.path().join("a.npy");
    small().write(&path).unwrap();
    let read = Activity::read(&path).unwrap();
    assert_eq!([read.trials(), read.time(), read.width()], [5, 1, 2]);
    assert_eq!(read.vector(4, 0), small().vector(1, 1));
}

#[test]
fn numpy_files_are_read() {
    let activity = Activity::read(fixture("compressed.npz")).unwrap();
    assert_eq!([activity.trials(), activity.time(), activity.width()], [2, 3, 4]);
    assert_eq!(activity.lengths(), [3, 2]);
    assert_eq!(activity.tokens().unwrap(), [5, 6, 7, 8, 9, 0]);
    assert_eq!(activity.vector(1, 1), [2.0, 2.125, 2.25, 2.375]);
    assert_eq!(activity.variable("count").unwrap()[..2], [0.0, 1.0]);
    assert_eq!(activity.variable_names().collect::<Vec<_>>(), ["count"]);

    let fortran = Activity::read(fixture("fortran-big-endian.npy")).unwrap();
    let expected: Vec<f32> = (0..24).map(|value| value as f32 / 8.0).collect();
    assert_eq!(fortran.values(), expected);
    assert_eq!(fortran.lengths(), [3, 3]);
}

/// All vectors of a file, read block by block.
fn in_blocks(path: impl AsRef<Path>) -> crate::Result<Vec<f64>> {
    let file = ActivityFile::open(path)?;
    let mut values = Vec::new();
    for row in (0..file.rows()).step_by(2) {
        values.extend(file.read(row..file.rows().min(row + 2))?);
    }
    Ok(values)
}

#[track_caller]
fn assert_blocks_agree(path: &Path) {
    let activity = Activity::read(path).unwrap();
    let whole: Vec<f64> = activity.rows().flat_map(|row| row.vector.iter().map(|&value| value.into())).collect();
    assert_eq!(in_blocks(path).unwrap(), whole, "{}", path.display());
    let file = ActivityFile::open(path).unwrap();
    let taken = file.take(&[3, 0]).unwrap();
    assert_eq!(taken, [&whole[3 * file.width()..][..file.width()], &whole[..file.width()]].concat());
}

#[test]
fn blocks_of_a_file_are_its_vectors() {
    assert_blocks_agree(&fixture("compressed.npz"));
    assert_blocks_agree(&fixture("fortran-big-endian.npy"));
    let folder = folder();
    for name in ["a.safetensors", "a.npz", "a.npy", "a.csv"] {
        let path = folder.path().join(name);
        small().write(&path).unwrap();
        assert_blocks_agree(&path);
    }
    assert!(ActivityFile::open(folder.path().join("a.npy")).unwrap().read(4..6).is_err());
}

/// 1, −2.5 and 3 as every type of real number, in both byte orders.
#[test]
fn every_type_of_number_is_read() {
    let types: [(&str, &[u8]); 3] = [
        ("f2", &[0x3c, 0x00, 0xc1, 0x00, 0x42, 0x00]),
        ("f4", &[0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0, 0x40, 0x40, 0, 0]),
        ("f8", &[0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 0x04, 0, 0, 0, 0, 0, 0, 0x40, 0x08, 0, 0, 0, 0, 0, 0]),
    ];
    let folder = folder();
    let path = folder.path().join("a.npy");
    for (name, big_endian) in types {
        let size = big_endian.len() / 3;
        let little_endian: Vec<u8> = big_endian.chunks(size).flat_map(|number| number.iter().rev().copied()).collect();
        for (order, data) in [('>', big_endian.to_vec()), ('<', little_endian)] {
            let header = format!("{{'descr': '{order}{name}', 'fortran_order': False, 'shape': (3, 1), }}");
            fs::write(&path, npy(&header, &data)).unwrap();
            assert_eq!(in_blocks(&path).unwrap(), [1.0, -2.5, 3.0], "{order}{name}");
            assert_eq!(Activity::read(&path).unwrap().values(), [1.0, -2.5, 3.0], "{order}{name}");
        }
    }
    let header = r#"{"activity":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4]}}"#;
    let path = folder.path().join("a.safetensors");
    fs::write(&path, safetensors(header, &[0x80, 0x3f, 0x20, 0xc0])).unwrap();
    assert_eq!(in_blocks(&path).unwrap(), [1.0, -2.5]);
}

#[test]
fn an_array_that_is_alone_may_have_any_name() {
    let folder = folder();
    let path = folder.path().join("a.safetensors");
    let header = r#"{"layer 3":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4]}}"#;
    fs::write(&path, safetensors(header, &[0x80, 0x3f, 0x20, 0xc0])).unwrap();
    assert_eq!(in_blocks(&path).unwrap(), [1.0, -2.5]);
    assert_eq!(Activity::read(&path).unwrap().values(), [1.0, -2.5]);
}

#[cfg(unix)]
#[test]
fn devices_are_refused() {
    let folder = folder();
    for extension in ["csv", "npy", "npz", "safetensors"] {
        let path = folder.path().join("endless").with_extension(extension);
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert!(in_blocks(&path).expect_err("endless").to_string().contains("no ordinary file"), "{extension}");
        assert!(reason(Activity::read(&path)).contains("no ordinary file"), "{extension}");
    }
}

#[test]
fn text_is_read_with_or_without_names() {
    let folder = folder();
    let path = folder.path().join("a.csv");
    for text in ["1,2\n3,-4e1\n", "x,y\r\n1,2\r\n3,-40\r\n", "1;2\n3;-40", "u 1\tu 2\n 1 \t 2\n3\t-40\n\n"] {
        fs::write(&path, text).unwrap();
        assert_eq!(in_blocks(&path).unwrap(), [1.0, 2.0, 3.0, -40.0], "{text:?}");
        assert_eq!(Activity::read(&path).unwrap().values(), [1.0, 2.0, 3.0, -40.0], "{text:?}");
    }
    // Columns that are numbered in place of named; two numbers may be a sample.
    for (text, numbers) in [("0,1,2,3\n5,6,7,8\n", &[5.0, 6.0, 7.0, 8.0]), ("0,1\n5,6\n", &[0.0, 1.0, 5.0, 6.0])] {
        fs::write(&path, text).unwrap();
        assert_eq!(in_blocks(&path).unwrap(), numbers, "{text:?}");
    }
}

#[test]
fn what_is_no_number_in_a_text_is_named() {
    let folder = folder();
    let path = folder.path().join("a.csv");
    for (text, says) in [
        ("x,y\n1,2\n3,four\n", "row 1 (line 3), column 1: \"four\""),
        ("1,2\n3\n", "row 1 (line 2) has 1 cells where others have 2"),
        ("1,2\n3,\n", "row 1 (line 2), column 1: \"\""),
        ("1,2\n3,NaN\n", "row 1, column 1 is NaN"),
        ("1,2\ninf,4\n", "row 1, column 0 is inf"),
        ("x,y\n", "no line of numbers"),
        ("", "no line of numbers"),
    ] {
        fs::write(&path, text).unwrap();
        let message = in_blocks(&path).expect_err("this must be refused").to_string();
        assert!(message.contains(says) && message.contains("a.csv"), "{text:?}: {message}");
        assert!(Activity::read(&path).is_err(), "{text:?}");
    }
    fs::write(&path, b"1,2\n3,\xff\n").unwrap();
    assert!(in_blocks(&path).is_err());
}

#[cfg(not(feature = "hdf5"))]
#[test]
fn hdf5_needs_its_feature() {
    let message = reason(Activity::read(fixture("compressed.h5")));
    assert!(message.contains("feature `hdf5`") && message.contains("compressed.h5"), "{message}");
}

#[cfg(feature = "hdf5")]
#[test]
fn hdf5_is_read() {
    let path = fixture("compressed.h5");
    let activity = Activity::read(&path).unwrap();
    assert_eq!([activity.trials(), activity.time(), activity.width()], [2, 3, 4]);
    assert_eq!(activity.lengths(), [3, 2]);
    assert_eq!(activity.tokens().unwrap(), [5, 6, 7, 8, 9, 0]);
    assert_eq!(activity.vector(1, 1), [2.0, 2.125, 2.25, 2.375]);
    assert_eq!(activity.variable_names().collect::<Vec<_>>(), ["count"]);
    assert_blocks_agree(&path);

    let folder = folder();
    let copy = folder.path().join("copy.h5");
    let whole = fs::read(&path).unwrap();
    for length in (0..whole.len()).step_by(97) {
        fs::write(&copy, &whole[..length]).unwrap();
        let message = reason(Activity::read(&copy));
        assert!(message.contains("copy.h5"), "{length} bytes: {message}");
        assert!(in_blocks(&copy).is_err(), "{length} bytes");
    }
    assert!(small().write(&copy).unwrap_err().to_string().contains("only read"));
}

#[test]
fn pickled_arrays_are_refused() {
    let message = reason(Activity::read(fixture("pickled.npy")));
    assert!(message.contains("pickled") && message.contains("pickled.npy"), "{message}");
    let message = in_blocks(fixture("pickled.npy")).expect_err("this must be refused").to_string();
    assert!(message.contains("pickled") && message.contains("pickled.npy"), "{message}");
}

#[test]
fn bfloat16_is_read_from_safetensors() {
    let header = r#"{"activity":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4]}}"#;
    let activity = read_bytes("a.safetensors", &safetensors(header, &[0x80, 0x3f, 0x20, 0xc0])).unwrap();
    assert_eq!(activity.values(), [1.0, -2.5]);
}

#[test]
fn numbers_that_are_not_finite_name_the_file_and_the_row() {
    let data: Vec<u8> = [0.0_f64, 1.0, 1e300, 0.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let message =
        reason(read_bytes("a.npy", &npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }", &data)));
    assert!(message.contains("a.npy") && message.contains("trial 1, position 0, coordinate 0"), "{message}");
    // In 64 bits, it is the squares that must be finite.
    let folder = folder();
    let path = folder.path().join("b.npy");
    fs::write(&path, npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }", &data)).unwrap();
    let message = in_blocks(&path).expect_err("this must be refused").to_string();
    assert!(message.contains("b.npy") && message.contains("row 1, column 0"), "{message}");
}

#[test]
fn wrong_ranks_and_sizes_are_refused() {
    let four = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1), }", &[0; 4]);
    assert!(reason(read_bytes("a.npy", &four)).contains("[1, 1, 1, 1]"));
    let cases = [
        (
            r#"{"other":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},
                "another":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]}}"#,
            8,
            "`activity`",
        ),
        (r#"{"tokens":{"dtype":"I64","shape":[1,1],"data_offsets":[0,8]}}"#, 8, "`activity`"),
        (r#"{"activity":{"dtype":"F32","shape":[1,1,1],"data_offsets":[0,4]}}"#, 4, "lengths"),
        (
            r#"{"activity":{"dtype":"F32","shape":[1,1,1],"data_offsets":[0,4]},
                "lengths":{"dtype":"I64","shape":[2],"data_offsets":[4,20]}}"#,
            20,
            "`lengths` should be [1], not [2]",
        ),
        (
            r#"{"activity":{"dtype":"F32","shape":[1,1,1],"data_offsets":[0,4]},
                "lengths":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            8,
            "integers",
        ),
        (
            r#"{"activity":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},
                "tokens":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}"#,
            11,
            "`tokens` should be [2, 1] or [2], not [3]",
        ),
    ];
    for (header, bytes, expected) in cases {
        let message = reason(read_bytes("a.safetensors", &safetensors(header, &vec![0; bytes])));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn headers_that_lie_are_refused_before_anything_is_allocated() {
    let header = |shape: &str| format!("{{'descr': '<f4', 'fortran_order': True, 'shape': {shape}, }}");
    for shape in [
        "(4294967296, 4294967296)",
        "(0, 4294967296, 4294967296, 4294967296)",
        "(99999999999999999999, 1)",
        "(1000000000, 100)",
        "(-1, 2)",
        "(2, 2",
        "'shape'",
    ] {
        assert!(matches!(read_bytes("a.npy", &npy(&header(shape), &[0; 16])), Err(Error::Format { .. })), "{shape}");
    }
    let nested = format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000));
    assert!(read_bytes("a.npy", &npy(&header(&nested), &[])).is_err());
    let mut long = b"\x93NUMPY\x02\x00".to_vec();
    long.extend(u32::MAX.to_le_bytes());
    assert!(reason(read_bytes("a.npy", &long)).contains("limit"));
    let huge = r#"{"activity":{"dtype":"F32","shape":[4294967296,1024],"data_offsets":[0,17592186044416]}}"#;
    assert!(reason(read_bytes("a.safetensors", &safetensors(huge, &[0; 16]))).contains("truncated"));
    let wrong = r#"{"activity":{"dtype":"F32","shape":[2,2],"data_offsets":[0,8]}}"#;
    assert!(read_bytes("a.safetensors", &safetensors(wrong, &[0; 8])).is_err());
}

#[test]
fn every_truncation_is_refused() {
    let folder = folder();
    for name in ["a.safetensors", "a.npz", "a.npy"] {
        let path = folder.path().join(name);
        small().write(&path).unwrap();
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(Activity::read(&path), Err(Error::Format { .. })), "{name}: {length} bytes");
            assert!(matches!(in_blocks(&path), Err(Error::Format { .. })), "{name} in blocks: {length} bytes");
        }
    }
}

proptest! {
    /// Whatever is damaged, reading ends in an answer. A stored archive carries checksums: damage to its numbers shows.
    #[test]
    fn damaged_files_never_panic(at in 0_usize..4096, byte: u8, other in 0_usize..4096, replaced: u8) {
        let folder = folder();
        for name in ["a.safetensors", "a.npz", "a.npy", "a.csv"] {
            let path = folder.path().join(name);
            small().write(&path).unwrap();
            let mut bytes = fs::read(&path).unwrap();
            let size = bytes.len();
            bytes[at % size] = byte;
            bytes[other % size] = replaced;
            fs::write(&path, bytes).unwrap();
            if let Ok(activity) = Activity::read(&path) {
                prop_assert!(activity.rows().all(|row| row.vector.iter().all(|value| value.is_finite())));
            }
            if let Ok(values) = in_blocks(&path) {
                prop_assert!(values.iter().all(|value| value.is_finite()));
            }
        }
    }
}

#[test]
fn a_damaged_archive_fails_its_checksum() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    small().write(&path).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let value = 2.25_f32.to_le_bytes();
    let at = bytes.windows(4).position(|window| window == value).unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(reason(Activity::read(&path)).contains("checksum"));
}

#[test]
fn errors_name_the_file() {
    let folder = folder();
    let missing = folder.path().join("missing").join("a.npz");
    assert!(matches!(Activity::read(&missing), Err(Error::Io { .. })));
    assert!(matches!(small().write(&missing), Err(Error::Io { .. })));
    assert!(reason(Activity::read("recording.txt")).contains("recording.txt"));
}

#[cfg(unix)]
#[test]
fn written_files_have_ordinary_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let ordinary = folder.path().join("ordinary");
    fs::write(&ordinary, "").unwrap();
    let path = folder.path().join("a.npz");
    small().write(&path).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&path), mode(&ordinary));
}
