//! Renders the picture as SVG: cards for elements, lines for data flows. It suits light and dark pages; signs, borders
//! and colours all show the plan's marks.

use std::fmt::Write as _;

use super::labels::{TALL, places};
use super::layout::{HEIGHT, Layout, layout};
use super::text::under;
use super::words::{LABEL, TEXT, WIDTH, cut, label_width, name};
use super::{Edge, Mark, PERSON, Picture, PictureNode, singular};
use crate::spec::sections;

/// The smallest letters of `picture.css` have 12.5 pixels; this factor shrinks them to 12.
const SHRUNK: f64 = 12.0 / 12.5;

const STYLE: &str = include_str!("picture.css");

/// Renders a complete SVG file.
pub fn svg(picture: &Picture) -> String {
    let style = format!("<style>{STYLE}</style>");
    render(picture, &style, |_| None)
}

/// Renders the drawing; `link` returns the target of a node's link.
pub(super) fn render(picture: &Picture, style: &str, link: impl Fn(usize) -> Option<String>) -> String {
    let layout = layout(picture);
    let (width, height) = (layout.width.ceil(), layout.height.ceil());
    // In a page the drawing may shrink until the smallest letters are 12 pixels high. On a narrower page it scrolls.
    let least = if style.is_empty() { format!(" style=\"min-width:{:.0}px\"", width * SHRUNK) } else { String::new() };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"picture\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\"{least} role=\"group\" aria-label=\"The resources of {}\">{style}\n",
        escaped(&picture.stack)
    );
    out += "<defs><marker id=\"tip\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path class=\"tip\" d=\"M0 1 L9 5 L0 9 z\"/></marker></defs>\n";
    for (edge, points) in picture.edges.iter().zip(&layout.edges) {
        line(&mut out, edge, points);
    }
    for (edge, place) in picture.edges.iter().zip(places(picture, &layout)) {
        label(&mut out, edge, place);
    }
    for (at, node) in picture.nodes.iter().enumerate() {
        match link(at) {
            Some(to) => {
                let _ = write!(out, "<a href=\"#{to}\" aria-label=\"{}\" class=\"node\">", escaped(&spoken_text(node)));
                card(&mut out, node, &layout, at);
                out += "</a>\n";
            }
            None => {
                out += "<g class=\"node\">";
                card(&mut out, node, &layout, at);
                out += "</g>\n";
            }
        }
    }
    out + "</svg>\n"
}

/// Returns a screen reader's text for a node.
pub(super) fn spoken_text(node: &PictureNode) -> String {
    let mut words = format!("{}, {}", node.name, under(node));
    if let Some(mark) = node.mark {
        let _ = write!(words, ", {}", mark.word());
    }
    if node.drift {
        words += ", changed outside";
    }
    words
}

fn line(out: &mut String, edge: &Edge, points: &[(f64, f64)]) {
    let mut path = String::new();
    for (at, pair) in points.windows(2).enumerate() {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        if at == 0 {
            let _ = write!(path, "M{x0:.1} {y0:.1}");
        }
        let middle = f64::midpoint(x0, x1);
        let _ = write!(path, " C{middle:.1} {y0:.1} {middle:.1} {y1:.1} {x1:.1} {y1:.1}");
    }
    let class = if edge.dashed { "edge dashed" } else { "edge" };
    let _ = writeln!(out, "<path class=\"{class}\" d=\"{path}\" marker-end=\"url(#tip)\"/>");
}

fn label(out: &mut String, edge: &Edge, place: Option<(f64, f64)>) {
    let Some((x, y)) = place else { return };
    let text = cut(&edge.label, LABEL);
    let width = label_width(&text);
    let _ = writeln!(
        out,
        "<g class=\"label\"><title>{}</title><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{TALL}\" rx=\"9\"/><text x=\"{x:.1}\" y=\"{:.1}\">{}</text></g>",
        escaped(&edge.label),
        x - width / 2.0,
        y - TALL / 2.0,
        y + 4.0,
        escaped(&text)
    );
}

fn card(out: &mut String, node: &PictureNode, layout: &Layout, at: usize) {
    let (x, y) = layout.nodes[at];
    let mark = node.mark.unwrap_or(Mark::Unchanged);
    let plain = if node.mark.is_none() { " unplanned" } else { "" };
    let external = if node.external { " external" } else { "" };
    let _ = write!(
        out,
        "<g class=\"card {} s-{}{plain}{external}\" transform=\"translate({x:.1} {y:.1})\"><title>{}</title>",
        mark.word(),
        escaped(&node.section),
        escaped(&spoken_text(node))
    );
    let _ = write!(
        out,
        "<rect class=\"focus\" x=\"-5\" y=\"-5\" width=\"{}\" height=\"{}\" rx=\"16\"/>",
        WIDTH + 10.0,
        HEIGHT + 10.0
    );
    let _ = write!(out, "<rect class=\"box\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"12\"/>");
    let _ = write!(
        out,
        "<g class=\"icon\" transform=\"translate(10 17)\"><rect width=\"32\" height=\"32\" rx=\"9\"/><path transform=\"translate(4 4)\" d=\"{}\"/></g>",
        icon(&node.section)
    );
    let lines = name(&node.name);
    let (class, tops) = if lines.len() > 1 { ("name long", &[21, 36][..]) } else { ("name", &[30][..]) };
    for (line, y) in lines.iter().zip(tops) {
        let _ = write!(out, "<text class=\"{class}\" x=\"{TEXT}\" y=\"{y}\">{}</text>", escaped(line));
    }
    let words = match node.mark {
        Some(mark) if mark != Mark::Unchanged => format!("{} · {}", singular(&node.section), mark.word()),
        _ => under(node),
    };
    let y = if lines.len() > 1 { 54 } else { 48 };
    let _ = write!(out, "<text class=\"under\" x=\"{TEXT}\" y=\"{y}\">{}</text>", escaped(&words));
    if !mark.sign().is_empty() {
        let _ = write!(
            out,
            "<g class=\"badge\" transform=\"translate({} 0)\"><circle r=\"12\"/><text y=\"5\">{}</text></g>",
            WIDTH - 16.0,
            mark.sign()
        );
    }
    if node.drift {
        let _ = write!(
            out,
            "<g class=\"badge drift\" transform=\"translate({} 0)\"><path d=\"M0 -12 L12 9 L-12 9 z\"/><text y=\"6\">!</text></g>",
            WIDTH - 46.0
        );
    }
    out.push_str("</g>");
}

/// The icon of a person.
const FACE: &str = "M12 4 m-4 4 a4 4 0 1 0 8 0 a4 4 0 1 0 -8 0 M4 21 C4 16 8 14 12 14 C16 14 20 16 20 21";
/// The icon of a section of an older version, which only the state has.
const SQUARE: &str = "M5 5 H19 V19 H5 Z";

/// Returns the icon of a section as a path on 24 × 24.
fn icon(section: &str) -> &'static str {
    match sections::find(section) {
        Some(section) => section.about().picture.icon,
        None if section == PERSON => FACE,
        None => SQUARE,
    }
}

/// Escapes a text for XML and HTML, in content and in attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            // XML cannot represent these characters.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
