//! Activity that is somewhat alike: two noisy mixtures of the same latent variables.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use faer::Mat;
use mas_metrics::Samples;
use npyz::WriterBuilder;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Result;

const LATENT: usize = 16;
/// Rows that are made at a time.
const BLOCK: usize = 4096;

/// Two activities in memory, each `[rows, width]`.
pub fn two(rows: usize, width: usize) -> Result<[Samples; 2]> {
    let mut views = Views::new(width);
    let mut values = [Vec::with_capacity(rows * width), Vec::with_capacity(rows * width)];
    for first in (0..rows).step_by(BLOCK) {
        let block = views.next(BLOCK.min(rows - first));
        values.iter_mut().zip(block).for_each(|(values, block)| values.extend(block));
    }
    let [a, b] = values;
    Ok([Samples::from_row_major(&a, width)?, Samples::from_row_major(&b, width)?])
}

/// The same as files of 32-bit numbers, without ever holding them in memory.
pub fn write(paths: [&Path; 2], rows: usize, width: usize) -> Result<()> {
    let mut views = Views::new(width);
    let mut writers = paths.map(|path| -> Result<_> {
        let file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        let shape = [rows as u64, width as u64];
        Ok(npyz::WriteOptions::<f32>::new().default_dtype().shape(&shape).writer(file).begin_nd()?)
    });
    for first in (0..rows).step_by(BLOCK) {
        for (writer, block) in writers.iter_mut().zip(views.next(BLOCK.min(rows - first))) {
            writer.as_mut().map_err(|error| error.to_string())?.extend(block)?;
        }
    }
    writers.into_iter().try_for_each(|writer| Ok(writer?.finish()?))
}

struct Views {
    rng: ChaCha8Rng,
    width: usize,
    mixing: [Mat<f32>; 2],
}

impl Views {
    fn new(width: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut mixing = || Mat::from_fn(LATENT, width, |_, _| rng.random_range(-1.0..1.0));
        let mixing = [mixing(), mixing()];
        Self { rng, width, mixing }
    }

    /// The next rows of both, row-major.
    fn next(&mut self, rows: usize) -> [Vec<f32>; 2] {
        let latent = Mat::from_fn(rows, LATENT, |_, _| self.rng.random_range(-1.0..1.0_f32));
        [0, 1].map(|view| {
            let mixed = &latent * &self.mixing[view];
            let noise = || self.rng.random_range(-1.0..1.0_f32);
            let places = (0..rows).flat_map(|row| (0..self.width).map(move |unit| (row, unit)));
            places.zip(std::iter::repeat_with(noise)).map(|((row, unit), noise)| mixed[(row, unit)] + noise).collect()
        })
    }
}
