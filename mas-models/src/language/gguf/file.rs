//! The container: what is said about a network, and where its tensors lie.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::blocks::Kind;
use crate::language::loading::Tensors;
use crate::{Error, Result};

/// Something that the file says about the network.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Flag(bool),
    Whole(i128),
    Number(f64),
    Text(String),
    List(Vec<Value>),
}

/// A GGUF file, of which tensors are read one at a time.
#[derive(Debug)]
pub(super) struct GgufFile {
    path: PathBuf,
    file: File,
    metadata: BTreeMap<String, Value>,
    tensors: BTreeMap<String, Place>,
}

/// Where a tensor lies.
#[derive(Debug)]
struct Place {
    begin: u64,
    bytes: u64,
    /// The slowest first.
    shape: Vec<usize>,
    /// Its id, which may be one that cannot be read.
    kind: u32,
}

/// Bytes that are unpacked at once, about.
const PIECE: usize = 1 << 22;

impl GgufFile {
    /// Reads what comes before the tensors.
    ///
    /// # Errors
    /// A file that is missing, truncated, no GGUF file, or of a version other than 2 and 3.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |error| Error::io(path, error);
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut header = Header { path, reader: BufReader::new(&file), read: 0, size };
        if header.bytes(4)? != b"GGUF" {
            return Err(Error::format(path, "is no GGUF file"));
        }
        let version = u32::from_le_bytes(header.array()?);
        if !(2..=3).contains(&version) {
            return Err(Error::format(
                path,
                format!("is GGUF of version {version}; 2 and 3 (little-endian) can be read"),
            ));
        }
        let (tensors, keys) = (header.count()?, header.count()?);
        let mut metadata = BTreeMap::new();
        for _ in 0..keys {
            let key = header.text()?;
            let kind = u32::from_le_bytes(header.array()?);
            let value = header.value(kind, true)?;
            metadata.insert(key, value);
        }
        let mut places = Vec::new();
        for _ in 0..tensors {
            places.push(header.place()?);
        }
        let alignment = match metadata.get("general.alignment") {
            None => 32,
            Some(Value::Whole(alignment @ 1..=65_536)) => *alignment as u64,
            Some(_) => return Err(Error::format(path, "general.alignment must lie between 1 and 65536")),
        };
        let data = header.read.next_multiple_of(alignment);
        let mut tensors = BTreeMap::new();
        for (name, mut place) in places {
            let begin = data.checked_add(place.begin);
            match begin.filter(|begin| begin.checked_add(place.bytes).is_some_and(|end| end <= size)) {
                Some(begin) => place.begin = begin,
                None => {
                    return Err(Error::format(
                        path,
                        format!("truncated: tensor {name} ends beyond the file's {size} bytes"),
                    ));
                }
            }
            if tensors.contains_key(&name) {
                return Err(Error::format(path, format!("tensor {name} is there twice")));
            }
            tensors.insert(name, place);
        }
        Ok(Self { path: path.to_path_buf(), file, metadata, tensors })
    }

    /// What the file says under a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.metadata.get(key)
    }

    /// The names of all tensors, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// How many tensors there are of each type.
    pub fn kinds(&self) -> BTreeMap<Kind, usize> {
        let mut counts = BTreeMap::new();
        for kind in self.tensors.values().filter_map(|place| Kind::of(place.kind)) {
            *counts.entry(kind).or_insert(0) += 1;
        }
        counts
    }

    /// A message about this file.
    pub fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::format(&self.path, reason.into())
    }
}

impl Tensors for GgufFile {
    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|place| place.shape.as_slice())
    }

    fn path(&self, _: &str) -> PathBuf {
        self.path.clone()
    }

    fn read(&mut self, name: &str, mut each: impl FnMut(&[f32]) -> Result<()>) -> Result<()> {
        let place = self.tensors.get(name).ok_or_else(|| self.wrong(format!("tensor {name} is missing")))?;
        let kind = Kind::of(place.kind).ok_or_else(|| {
            self.wrong(format!(
                "tensor {name} is of ggml's type {}; F32, F16, BF16, Q8_0, Q4_0 and Q4_1 can be read: convert the file",
                place.kind
            ))
        })?;
        let (_, block) = kind.block();
        let failed = |error| Error::io(&self.path, error);
        self.file.seek(SeekFrom::Start(place.begin)).map_err(failed)?;
        let mut left = place.bytes;
        let most = PIECE / block * block;
        let mut piece = vec![0; most.min(usize::try_from(left).unwrap_or(most))];
        while left > 0 {
            let count = most.min(usize::try_from(left).unwrap_or(most));
            self.file.read_exact(&mut piece[..count]).map_err(failed)?;
            each(&kind.unpack(&piece[..count]))?;
            left -= count as u64;
        }
        Ok(())
    }
}

/// What comes before the tensors, as it is being read. Nothing is believed to be longer than what is left of the file.
struct Header<'a> {
    path: &'a Path,
    reader: BufReader<&'a File>,
    read: u64,
    size: u64,
}

impl Header<'_> {
    fn truncated(&self) -> Error {
        Error::format(self.path, format!("truncated, or damaged about byte {} of {}", self.read, self.size))
    }

    fn bytes(&mut self, count: u64) -> Result<Vec<u8>> {
        let count = self.within(count, 1)?;
        let mut bytes = vec![0; count];
        self.reader.read_exact(&mut bytes).map_err(|error| Error::io(self.path, error))?;
        self.read += count as u64;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self.bytes(N as u64)?;
        bytes.try_into().map_err(|_| self.truncated())
    }

    /// A count of things that take at least so many bytes each, if the file can hold them.
    fn within(&self, count: u64, bytes: u64) -> Result<usize> {
        match count.checked_mul(bytes) {
            Some(total) if total <= self.size - self.read => Ok(count as usize),
            _ => Err(self.truncated()),
        }
    }

    fn count(&mut self) -> Result<usize> {
        let count = u64::from_le_bytes(self.array()?);
        self.within(count, 1)
    }

    fn text(&mut self) -> Result<String> {
        let count = self.count()?;
        let bytes = self.bytes(count as u64)?;
        String::from_utf8(bytes)
            .map_err(|_| Error::format(self.path, format!("text about byte {} is not UTF-8", self.read)))
    }

    /// A value of a type, which may be a list unless it is in one.
    fn value(&mut self, kind: u32, lists: bool) -> Result<Value> {
        Ok(match kind {
            0 => Value::Whole(u8::from_le_bytes(self.array()?).into()),
            1 => Value::Whole(i8::from_le_bytes(self.array()?).into()),
            2 => Value::Whole(u16::from_le_bytes(self.array()?).into()),
            3 => Value::Whole(i16::from_le_bytes(self.array()?).into()),
            4 => Value::Whole(u32::from_le_bytes(self.array()?).into()),
            5 => Value::Whole(i32::from_le_bytes(self.array()?).into()),
            6 => Value::Number(f32::from_le_bytes(self.array()?).into()),
            7 => Value::Flag(self.array::<1>()? != [0]),
            8 => Value::Text(self.text()?),
            9 if lists => {
                let kind = u32::from_le_bytes(self.array()?);
                let count = self.count()?;
                Value::List((0..count).map(|_| self.value(kind, false)).collect::<Result<_>>()?)
            }
            10 => Value::Whole(u64::from_le_bytes(self.array()?).into()),
            11 => Value::Whole(i64::from_le_bytes(self.array()?).into()),
            12 => Value::Number(f64::from_le_bytes(self.array()?)),
            other => {
                let reason = format!("has a value of the unknown type {other} about byte {}", self.read);
                return Err(Error::format(self.path, reason));
            }
        })
    }

    /// A tensor's name, and where it lies from the begin of the data on.
    fn place(&mut self) -> Result<(String, Place)> {
        let name = self.text()?;
        let dimensions = u32::from_le_bytes(self.array()?);
        if dimensions > 4 {
            return Err(Error::format(self.path, format!("tensor {name} has {dimensions} dimensions, can have 4")));
        }
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            let extent = u64::from_le_bytes(self.array()?);
            shape.push(usize::try_from(extent).map_err(|_| self.truncated())?);
        }
        // The fastest comes first in the file.
        shape.reverse();
        let kind = u32::from_le_bytes(self.array()?);
        let begin = u64::from_le_bytes(self.array()?);
        let bytes = match Kind::of(kind) {
            // Said when it is asked for.
            None => Some(0),
            Some(known) => {
                let (numbers, bytes) = known.block();
                let row = shape.last().copied().unwrap_or(1);
                if !row.is_multiple_of(numbers) {
                    let reason =
                        format!("tensor {name} has rows of {row}, which are no whole blocks of {}", known.name());
                    return Err(Error::format(self.path, reason));
                }
                let count = shape.iter().try_fold(1_u64, |count, &extent| count.checked_mul(extent as u64));
                count.and_then(|count| (count / numbers as u64).checked_mul(bytes as u64))
            }
        };
        let bytes = bytes.ok_or_else(|| self.truncated())?;
        Ok((name, Place { begin, bytes, shape, kind }))
    }
}
