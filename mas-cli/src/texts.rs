//! Text to learn from: documents in files.

use std::path::Path;

use crate::{Error, Result};

/// The documents of a file: of a `.jsonl` one a line, a JSON string or an object with the text under `field`; any other
/// file is one document.
///
/// # Errors
/// A file that cannot be read or is not UTF-8, a line that is no JSON or has no such field, a file without text.
pub fn documents(path: &Path, field: &str) -> Result<Vec<String>> {
    let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::invalid(format!("{}: is not UTF-8 text (from byte {at} on)", path.display()))
    })?;
    let documents = match path.extension().and_then(|extension| extension.to_str()) {
        Some("jsonl") => {
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            lines.map(|(index, line)| of_line(line, field, path, index + 1)).collect::<Result<Vec<_>>>()?
        }
        _ => vec![text],
    };
    let documents: Vec<String> = documents.into_iter().filter(|document| !document.trim().is_empty()).collect();
    match documents.is_empty() {
        true => Err(Error::invalid(format!("{}: there is no text in it", path.display()))),
        false => Ok(documents),
    }
}

fn of_line(line: &str, field: &str, path: &Path, number: usize) -> Result<String> {
    let wrong = |reason: String| Error::invalid(format!("{}, line {number}: {reason}", path.display()));
    let json: serde_json::Value = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
    let text = json.as_str().or_else(|| json.get(field).and_then(serde_json::Value::as_str));
    text.map(str::to_owned).ok_or_else(|| wrong(format!("neither a text nor an object with a text under {field:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_lines_of_jsonl_or_whole_files() {
        let place = tempfile::tempdir().unwrap();
        let of = |name: &str, content: &[u8]| {
            let path = place.path().join(name);
            std::fs::write(&path, content).unwrap();
            documents(&path, "text").map_err(|error| error.to_string())
        };
        assert_eq!(of("a.jsonl", b"{\"text\": \"one\"}\n\n\"two\"\n{\"text\": \" \"}\n").unwrap(), ["one", "two"]);
        assert_eq!(of("a.txt", "zwei\nZeilen – ja\n".as_bytes()).unwrap(), ["zwei\nZeilen – ja\n"]);
        assert!(of("b.jsonl", b"\"one\"\n{\"words\": \"two\"}\n").unwrap_err().contains("line 2: neither"));
        assert!(of("c.jsonl", b"{\n").unwrap_err().contains("line 1"));
        assert!(of("d.txt", b"ab\xff").unwrap_err().contains("not UTF-8 text (from byte 2 on)"));
        assert!(of("e.txt", b"  \n").unwrap_err().contains("no text"));
    }
}
