use crate::results::{Control, IiaRow, NULL, Population};

/// IIA by variable, direction and control, over changed pairs; of the null variable, which changes no answer, over all.
pub(super) fn table(rows: &[IiaRow]) -> String {
    let mut text = String::new();
    let mut of = None;
    for row in rows {
        let shown = match row.control {
            Control::Ceiling => row.population == Population::All,
            _ if row.variable == NULL => row.population == Population::All,
            _ => row.population == Population::Changed,
        };
        if !shown {
            continue;
        }
        if of != Some(&row.variable) {
            let (head, variable) = (("direction", "control", "IIA", "95 %", "pairs"), &row.variable);
            text.push_str(&format!(
                "{variable}\n{:<34} {:<16} {:>6}  {:<15} {:>6}\n",
                head.0, head.1, head.2, head.3, head.4
            ));
            of = Some(variable);
        }
        text.push_str(&format!(
            "{:<34} {:<16} {:>6.3}  {:.3} – {:.3}   {:>6}\n",
            format!("{} → {}", row.source, row.target),
            row.control.id(),
            row.value,
            row.low,
            row.high,
            row.pairs
        ));
    }
    text
}
