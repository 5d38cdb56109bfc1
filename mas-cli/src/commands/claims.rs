use crate::results::{ClaimRow, OVERALL};

/// Claims with their parts: the verdict, and what it rests on.
pub(super) fn table<'a>(claims: impl IntoIterator<Item = &'a ClaimRow>) -> String {
    let mut text = String::new();
    for row in claims {
        let number = |value: Option<f64>| value.map_or_else(|| "–".into(), |value| format!("{value:.3}"));
        if row.part == OVERALL {
            text.push_str(&format!("{}  {}  {}\n", row.claim, row.verdict, row.statement));
            if let Some(but) = row.but() {
                text.push_str(&format!("    but {but}\n"));
            }
        } else {
            text.push_str(&format!(
                "    {:<8} {:<28} {:<12} {} [{}, {}]  {}; {}\n",
                row.kind.id(),
                row.part,
                row.verdict,
                number(row.value),
                number(row.low),
                number(row.high),
                row.threshold,
                row.measured
            ));
        }
    }
    text
}
