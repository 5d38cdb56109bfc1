//! Arrays recorded from the author's PyTorch implementation.

use std::{fs::File, io::BufReader, path::Path};

use burn::prelude::*;
use npyz::{Order, npz::NpzArchive};

/// One file of recorded arrays.
pub struct Recording(NpzArchive<BufReader<File>>);

impl Recording {
    /// The file `name`.npz among the fixtures.
    pub fn open(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name).with_extension("npz");
        Self(NpzArchive::open(path).unwrap())
    }

    /// The matrix called `key`, `[row, column]`; a vector is one row.
    pub fn find(&mut self, key: &str) -> Option<Tensor<2>> {
        let array = self.0.by_name(key).unwrap()?;
        let (rows, columns) = match *array.shape() {
            [columns] => (1, columns as usize),
            [rows, columns] => (rows as usize, columns as usize),
            ref shape => panic!("{key} is {shape:?}"),
        };
        let order = array.order();
        let values = array.into_vec::<f32>().unwrap();
        let matrix = |shape| Tensor::from_data(TensorData::new(values, shape), &Device::flex());
        Some(match order {
            Order::C => matrix([rows, columns]),
            Order::Fortran => matrix([columns, rows]).transpose(),
        })
    }

    /// As [`find`](Self::find), of a matrix that must be there.
    pub fn matrix(&mut self, key: &str) -> Tensor<2> {
        self.find(key).unwrap_or_else(|| panic!("no {key}"))
    }
}

/// The largest absolute difference of two matrices.
pub fn difference(left: Tensor<2>, right: Tensor<2>) -> f32 {
    (left.inner() - right.inner()).abs().max().into_scalar()
}
