use crate::{Error, Result};

/// Documents cut to pieces that a network learns from: each one, with the token that ends a text after it, in pieces of
/// `length` tokens at most. Nothing of one document is read before another.
///
/// ```
/// let documents = [vec![5, 6, 7, 8, 9], vec![4]];
/// let pieces = mas_models::pieces(&documents, 3, Some(0))?;
/// assert_eq!(pieces, [vec![5, 6, 7], vec![8, 9, 0], vec![4, 0]]);
/// # Ok::<(), mas_models::Error>(())
/// ```
///
/// # Errors
/// Pieces of less than two tokens, or nothing with a next token to be learned.
pub fn pieces(documents: &[Vec<u32>], length: usize, end: Option<u32>) -> Result<Vec<Vec<u32>>> {
    if length < 2 {
        return Err(Error::invalid(format!("length = {length}, must be at least 2: a token and the next one")));
    }
    let mut pieces = Vec::new();
    for document in documents.iter().filter(|document| !document.is_empty()) {
        let whole: Vec<u32> = document.iter().copied().chain(end).collect();
        pieces.extend(whole.chunks(length).filter(|piece| piece.len() > 1).map(<[u32]>::to_vec));
    }
    match pieces.is_empty() {
        true => Err(Error::invalid("the text is empty: there is no next token to be learned")),
        false => Ok(pieces),
    }
}
