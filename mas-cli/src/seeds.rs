//! Independent seeds from one.

/// The seed of one purpose: a hash of the study's `seed` and of what tells the purpose from others.
pub fn derive(seed: u64, purpose: &[&str]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    for part in purpose {
        // The length first, so that no two lists of parts read the same.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let bytes = *hasher.finalize().as_bytes();
    // 53 bits, which every format that a seed may be written to (TOML, JSON) carries.
    u64::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]]) >> 11
}
