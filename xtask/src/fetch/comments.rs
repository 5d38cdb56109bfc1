//! The labelled comments, made readable: escapes that were written out are undone, doubles and what is too long left out.

use std::collections::HashSet;

/// Comments by their label.
#[derive(Debug, Default, PartialEq)]
pub struct Sorted {
    pub insulting: Vec<String>,
    pub civil: Vec<String>,
    /// How many were left out because they were there already.
    pub doubles: usize,
    /// How many were left out because of their length.
    pub unfit: usize,
}

/// Characters that a comment has at least and at most.
const LENGTHS: std::ops::RangeInclusive<usize> = 12..=1000;

/// Reads a CSV file with the columns `Comment` and `Insult` (0 or 1).
pub fn sorted(text: &[u8]) -> Result<Sorted, Box<dyn std::error::Error>> {
    let mut reader = csv::Reader::from_reader(text);
    let headers = reader.headers()?.clone();
    let column = |name: &str| {
        headers.iter().position(|header| header == name).ok_or_else(|| format!("the comments have no column {name}"))
    };
    let (comment, insult) = (column("Comment")?, column("Insult")?);
    let mut sorted = Sorted::default();
    let mut known = HashSet::new();
    for record in reader.records() {
        let record = record?;
        let text = cleaned(record.get(comment).unwrap_or_default());
        if !LENGTHS.contains(&text.chars().count()) {
            sorted.unfit += 1;
        } else if !known.insert(text.to_lowercase()) {
            sorted.doubles += 1;
        } else {
            match record.get(insult) {
                Some("1") => sorted.insulting.push(text),
                Some("0") => sorted.civil.push(text),
                other => return Err(format!("a comment is labelled {other:?}, must be 0 or 1").into()),
            }
        }
    }
    Ok(sorted)
}

/// A text a line, as JSON.
pub fn as_lines(texts: &[String]) -> String {
    texts.iter().map(|text| format!("{}\n", serde_json::json!({ "text": text }))).collect()
}

/// A comment without quotes around it, written-out escapes and runs of white space.
///
/// Characters beyond ASCII were written out as `\xe9` or `\u2019`; some comments were written out twice, where `\\xe2\\x80`
/// are bytes of UTF-8, of which nothing is made.
fn cleaned(text: &str) -> String {
    let text = text.trim().trim_matches('"');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = rest[at..].trim_start_matches('\\');
        let doubled = rest.len() - at - escape.len() > 1;
        let mut letters = escape.chars();
        let first = letters.next();
        let digits = match first {
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            _ => 0,
        };
        let code =
            escape.get(1..1 + digits).filter(|_| digits > 0).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        rest = match (first, code) {
            (_, Some(code)) => {
                let character = char::from_u32(code).filter(|_| !doubled || code < 128);
                out.push(character.filter(|character| !character.is_control()).unwrap_or(' '));
                &escape[1 + digits..]
            }
            (Some('n' | 'r' | 't'), None) => {
                out.push(' ');
                letters.as_str()
            }
            _ => escape,
        };
    }
    out.push_str(rest);
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_out_escapes_are_undone() {
        for (given, expected) in [
            (r#""You there.""#, "You there."),
            (r"a point.\xa0 It seems\nthat", "a point. It seems that"),
            (r"caf\xe9 \u2019tis", "café ’tis"),
            (r"A\\xc2\\xa0majority\\n\\nof", "A majority of"),
            (r"can\\'t", "can't"),
            (r"a\\\\nb", "a b"),
            (r"ends in \", "ends in"),
            (r"\x4", "x4"),
            (r"\x4é", "x4é"),
        ] {
            assert_eq!(cleaned(given), expected, "{given}");
        }
    }

    #[test]
    fn doubles_and_the_unfit_are_left_out_and_the_rest_is_sorted() {
        let long = "x".repeat(1001);
        let text = format!(
            "id,Comment,Insult\n1,\"\"\"What a nice day\"\"\",0\n2,what a nice DAY,1\n3,You are dreadful,1\n4,short,1\n5,{long},0\n"
        );
        let sorted = sorted(text.as_bytes()).unwrap();
        assert_eq!(sorted.civil, ["What a nice day"]);
        assert_eq!(sorted.insulting, ["You are dreadful"]);
        assert_eq!((sorted.doubles, sorted.unfit), (1, 2));
        assert_eq!(as_lines(&sorted.civil), "{\"text\":\"What a nice day\"}\n");
    }

    #[test]
    fn files_that_are_something_else_are_refused() {
        assert!(sorted(b"a,b\n1,2\n").unwrap_err().to_string().contains("no column Comment"));
        assert!(sorted(b"Comment,Insult\nwhat a nice day,maybe\n").unwrap_err().to_string().contains("maybe"));
    }
}
