/// A place in a network's computation where its activity can be read and written: a name (`hidden`,
/// `embedding`, `layer.0`) and the width of the activity there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Site {
    /// The name by which studies and the command line ask for it.
    pub name: String,
    /// Number of coordinates of one activity vector.
    pub width: usize,
}

impl Site {
    /// A site called `name` with activity of `width` coordinates.
    pub fn new(name: impl Into<String>, width: usize) -> Self {
        Self { name: name.into(), width }
    }
}
