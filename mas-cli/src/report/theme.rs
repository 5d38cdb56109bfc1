//! Colours that read on light and on dark.
//!
//! Figures are drawn by plotters, which knows fixed colours only. So each paint is drawn in a colour that stands for it
//! and nothing else ([`Paint::stand_in`]); afterwards [`themed`] puts in its place a class, which the style sheet gives a
//! light and a dark colour, and the light colour for programs that read no style sheets.

use std::fmt::Write;

use plotters::style::RGBColor;

/// Steps of the heat map's scale.
pub(super) const HEAT_STEPS: u8 = 20;

/// A colour by its part in a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    /// Text and what matters.
    Ink,
    /// Labels and what matters less.
    Muted,
    /// Grid lines.
    Grid,
    /// The page.
    Page,
    /// Bars of controls.
    Control,
    /// A paler blue than the first series.
    Pale,
    /// A series; there are [`SERIES`] of them, used again from the first after the last.
    Series(u8),
    /// A value of the heat map's scale, in [`HEAT_STEPS`] steps.
    Heat(u8),
    /// Text on low values of the heat map's scale.
    OnLow,
    /// Text on high values.
    OnHigh,
}

/// Colours of series: Okabe and Ito's, which colour-blind readers tell apart, made lighter where the page is dark.
const SERIES_COLOURS: [(&str, &str); SERIES as usize] = [
    ("#0072B2", "#5DB5F0"),
    ("#C75100", "#F4935A"),
    ("#00805C", "#3CC79C"),
    ("#AF5388", "#E59AC5"),
    ("#9A6B00", "#E8B83A"),
    ("#2F8FC4", "#8AD3F7"),
    ("#5B4FA3", "#ADA3EE"),
    ("#5C6670", "#B4BEC8"),
];
/// How many series have a colour of their own.
pub(super) const SERIES: u8 = 8;

const HEAT_LIGHT: [[f64; 3]; 3] = [[239.0, 243.0, 247.0], [127.0, 178.0, 219.0], [8.0, 74.0, 132.0]];
const HEAT_DARK: [[f64; 3]; 3] = [[29.0, 39.0, 50.0], [46.0, 110.0, 166.0], [168.0, 217.0, 255.0]];

impl Paint {
    const FIXED: [Self; 8] =
        [Self::Ink, Self::Muted, Self::Grid, Self::Page, Self::Control, Self::Pale, Self::OnLow, Self::OnHigh];

    fn all() -> impl Iterator<Item = Self> {
        Self::FIXED.into_iter().chain((0..SERIES).map(Self::Series)).chain((0..=HEAT_STEPS).map(Self::Heat))
    }

    /// The paint of a value between 0 and 1 on the heat map's scale, and of the text on it.
    pub(super) fn heat(value: f64) -> (Self, Self) {
        let step = (value.clamp(0.0, 1.0) * f64::from(HEAT_STEPS)).round() as u8;
        (Self::Heat(step), if value >= 0.7 { Self::OnHigh } else { Self::OnLow })
    }

    /// The colour that stands for this paint while drawing.
    pub(super) fn stand_in(self) -> RGBColor {
        let code = match self {
            Self::Ink => 0,
            Self::Muted => 1,
            Self::Grid => 2,
            Self::Control => 3,
            Self::OnLow => 4,
            Self::OnHigh => 5,
            Self::Pale => 6,
            Self::Page => 7,
            Self::Series(index) => 10 + index % SERIES,
            Self::Heat(step) => 100 + step.min(HEAT_STEPS),
        };
        RGBColor(1, 2, code)
    }

    fn class(self) -> String {
        match self {
            Self::Ink => "ink".into(),
            Self::Muted => "muted".into(),
            Self::Grid => "grid".into(),
            Self::Page => "page".into(),
            Self::Control => "control".into(),
            Self::Pale => "pale".into(),
            Self::OnLow => "on-low".into(),
            Self::OnHigh => "on-high".into(),
            Self::Series(index) => format!("series-{}", index % SERIES),
            Self::Heat(step) => format!("heat-{}", step.min(HEAT_STEPS)),
        }
    }

    /// The colour on a light page and on a dark one.
    fn colours(self) -> (String, String) {
        let (light, dark) = match self {
            Self::Ink => ("#1B2128", "#E8EDF2"),
            Self::Muted => ("#5A6570", "#A3AFBA"),
            Self::Grid => ("#DFE4E9", "#303B46"),
            Self::Control => ("#9AA5B0", "#74818D"),
            Self::Page => ("#FFFFFF", "#12181F"),
            Self::Pale => ("#86BFE3", "#2D6C9C"),
            Self::OnLow => ("#1B2128", "#E8EDF2"),
            Self::OnHigh => ("#FFFFFF", "#0B1620"),
            Self::Series(index) => SERIES_COLOURS[usize::from(index % SERIES)],
            Self::Heat(step) => return (ramp(&HEAT_LIGHT, step), ramp(&HEAT_DARK, step)),
        };
        (light.into(), dark.into())
    }
}

fn ramp(stops: &[[f64; 3]; 3], step: u8) -> String {
    let place = 2.0 * f64::from(step.min(HEAT_STEPS)) / f64::from(HEAT_STEPS);
    let (from, to, share) = if place < 1.0 { (0, 1, place) } else { (1, 2, place - 1.0) };
    let channel = |i: usize| (stops[from][i] + share * (stops[to][i] - stops[from][i])).round() as u8;
    format!("#{:02X}{:02X}{:02X}", channel(0), channel(1), channel(2))
}

/// The style sheet of figures, light and dark.
pub(super) fn style() -> String {
    let mut light = String::from(".figure-svg text{font-family:system-ui,\"Segoe UI\",Helvetica,Arial,sans-serif}\n");
    let mut dark = String::new();
    for paint in Paint::all() {
        let class = paint.class();
        let (on_light, on_dark) = paint.colours();
        // Writing to a string cannot fail.
        let _ = writeln!(light, ".f-{class}{{fill:{on_light}}}.s-{class}{{stroke:{on_light}}}");
        let _ = writeln!(dark, ".f-{class}{{fill:{on_dark}}}.s-{class}{{stroke:{on_dark}}}");
    }
    format!("{light}@media (prefers-color-scheme:dark){{\n{dark}}}\n")
}

/// Drawn SVG with classes in the place of stand-ins.
pub(super) fn themed(svg: &str) -> String {
    let mut out = svg.to_owned();
    for paint in Paint::all() {
        let RGBColor(r, g, b) = paint.stand_in();
        let class = paint.class();
        let (light, _) = paint.colours();
        for (attribute, prefix) in [("fill", "f"), ("stroke", "s")] {
            let drawn = format!("{attribute}=\"#{r:02X}{g:02X}{b:02X}\"");
            out = out.replace(&drawn, &format!("class=\"{prefix}-{class}\" {attribute}=\"{light}\""));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_paint_has_a_stand_in_of_its_own() {
        let mut codes: Vec<_> = Paint::all().map(|paint| paint.stand_in().2).collect();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }

    #[test]
    fn stand_ins_become_classes() {
        let out = themed("<rect fill=\"#010200\" stroke=\"none\"/><line stroke=\"#01020B\"/>");
        assert_eq!(
            out,
            "<rect class=\"f-ink\" fill=\"#1B2128\" stroke=\"none\"/><line class=\"s-series-1\" stroke=\"#C75100\"/>"
        );
    }

    #[test]
    fn the_scale_goes_from_pale_to_full_on_a_light_page() {
        assert_eq!((ramp(&HEAT_LIGHT, 0), ramp(&HEAT_LIGHT, HEAT_STEPS)), ("#EFF3F7".into(), "#084A84".into()));
    }
}
