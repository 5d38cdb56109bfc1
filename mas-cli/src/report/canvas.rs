//! Drawing with plotters in CSS pixels.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::theme::{Paint, themed};
use super::write::ReportError;

/// Plotters' SVG has whole coordinates; drawing larger gives quarters of a pixel.
pub(super) const SCALE: f64 = 4.0;

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Pixels to drawing units.
pub(super) fn units(pixels: f64) -> i32 {
    (pixels * SCALE).round() as i32
}

/// How wide a text is at most, in pixels, as well as can be told without its font.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let em: f64 = text
        .chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | 't' | 'f' | 'r' | '.' | ',' | ':' | ';' | '\'' | '|' | '(' | ')' | '[' | ']' | ' '
            | '-' => 0.38,
            'm' | 'w' | 'M' | 'W' | '%' | '→' => 0.9,
            'A'..='Z' => 0.7,
            _ => 0.62,
        })
        .sum();
    em * size
}

/// A text that is no wider than so many pixels: its end is left out where it must be.
pub(super) fn fitting(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while kept.len() > 1 {
        kept.pop();
        let shorter: String = kept.iter().collect::<String>().trim_end().to_owned() + "…";
        if text_width(&shorter, size) <= width {
            return shorter;
        }
    }
    "…".to_owned()
}

/// Where a text lies about its point: horizontally, vertically always centred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Start,
    Middle,
    End,
}

/// The look of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lettering {
    pub(super) size: f64,
    pub(super) paint: Paint,
    pub(super) align: Align,
    pub(super) bold: bool,
    pub(super) upwards: bool,
}

impl Lettering {
    pub(super) fn new(size: f64, paint: Paint, align: Align) -> Self {
        Self { size, paint, align, bold: false, upwards: false }
    }

    pub(super) fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(super) fn upwards(self) -> Self {
        Self { upwards: true, ..self }
    }
}

/// A drawing area with shapes in pixels.
pub(super) struct Canvas<'a, 'b> {
    pub(super) area: &'b Area<'a>,
}

impl Canvas<'_, '_> {
    pub(super) fn rectangle(&self, x: f64, y: f64, width: f64, height: f64, paint: Paint) -> Result<(), ReportError> {
        let corners = [(units(x), units(y)), (units(x + width), units(y + height))];
        Ok(self.area.draw(&Rectangle::new(corners, paint.stand_in().filled()))?)
    }

    pub(super) fn outline(&self, x: f64, y: f64, width: f64, height: f64, paint: Paint) -> Result<(), ReportError> {
        // A path rather than a rectangle, whose outline plotters draws a single unit wide.
        let (left, top, right, bottom) = (units(x), units(y), units(x + width), units(y + height));
        let path = vec![(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        Ok(self.area.draw(&PathElement::new(path, stroke(paint, 1.0)))?)
    }

    pub(super) fn line(&self, from: (f64, f64), to: (f64, f64), paint: Paint, width: f64) -> Result<(), ReportError> {
        let path = vec![(units(from.0), units(from.1)), (units(to.0), units(to.1))];
        Ok(self.area.draw(&PathElement::new(path, stroke(paint, width)))?)
    }

    pub(super) fn diamond(&self, x: f64, y: f64, radius: f64, paint: Paint) -> Result<(), ReportError> {
        let corner = |dx: f64, dy: f64| (units(x + dx * radius), units(y + dy * radius));
        let corners = vec![corner(-1.0, 0.0), corner(0.0, -1.0), corner(1.0, 0.0), corner(0.0, 1.0)];
        Ok(self.area.draw(&Polygon::new(corners, paint.stand_in().filled()))?)
    }

    /// An interval as a line with caps.
    pub(super) fn whisker(&self, low: f64, high: f64, y: f64, paint: Paint) -> Result<(), ReportError> {
        self.line((low, y), (high, y), paint, 1.5)?;
        for x in [low, high] {
            self.line((x, y - 3.5), (x, y + 3.5), paint, 1.5)?;
        }
        Ok(())
    }

    pub(super) fn text(&self, text: &str, x: f64, y: f64, look: Lettering) -> Result<(), ReportError> {
        let horizontal = match look.align {
            Align::Start => HPos::Left,
            Align::Middle => HPos::Center,
            Align::End => HPos::Right,
        };
        let mut style = lettering(look).pos(Pos::new(horizontal, VPos::Center));
        if look.upwards {
            style = style.transform(FontTransform::Rotate270);
        }
        Ok(self.area.draw(&Text::new(text.to_owned(), (units(x), units(y)), style))?)
    }
}

pub(super) fn stroke(paint: Paint, width: f64) -> ShapeStyle {
    ShapeStyle { color: paint.stand_in().to_rgba(), filled: false, stroke_width: units(width).unsigned_abs() }
}

/// Plotters' text style; it takes a font's height, which is 1.24 times the size that CSS means.
pub(super) fn lettering(look: Lettering) -> TextStyle<'static> {
    let weight = if look.bold { FontStyle::Bold } else { FontStyle::Normal };
    let font = FontDesc::new(FontFamily::SansSerif, look.size * SCALE * 1.24, weight);
    let mut style = TextStyle::from(font);
    style.color = look.paint.stand_in().to_backend_color();
    style
}

/// What is inside the `<svg>` element of a drawing of that many pixels.
pub(super) fn draw(
    width: f64,
    height: f64,
    picture: impl FnOnce(&Area<'_>) -> Result<(), ReportError>,
) -> Result<String, ReportError> {
    let mut svg = String::new();
    {
        let size = (units(width).unsigned_abs(), units(height).unsigned_abs());
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        picture(&area)?;
        area.present()?;
    }
    let inside = svg.split_once("<svg").and_then(|(_, rest)| rest.split_once('>')).map_or("", |(_, rest)| rest);
    let inside = inside.rsplit_once("</svg>").map_or(inside, |(inside, _)| inside);
    Ok(themed(inside.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_shortened() {
        let drawn = draw(100.0, 20.0, |area| {
            let look = Lettering::new(10.0, Paint::Ink, Align::Start);
            Canvas { area }.text("<b>&\"", 0.0, 10.0, look)
        });
        let drawn = drawn.unwrap();
        assert!(drawn.contains("&lt;b&gt;&amp;") && !drawn.contains("<b>"), "{drawn}");
        assert!(drawn.contains("f-ink"), "{drawn}");
        let short = fitting("a very long name of a network", 10.0, 60.0);
        assert!(short.ends_with('…') && text_width(&short, 10.0) <= 60.0, "{short}");
        assert_eq!(fitting("short", 10.0, 60.0), "short");
    }
}
