//! Renders pictures for other programs to draw: mermaid (GitHub shows it) and DOT (Graphviz).

use std::fmt::Write as _;

use super::{Mark, Picture, PictureNode, shape, singular};
use crate::spec::sections::about::Shape;

/// Renders a mermaid flow chart.
pub fn mermaid(picture: &Picture) -> String {
    let mut out = String::from("flowchart LR\n");
    for (at, node) in picture.nodes.iter().enumerate() {
        let label = format!("{}<br><small>{}</small>", escaped(&title(node)), escaped(&under(node)));
        let (open, close) = match shape(&node.section) {
            Shape::Rectangle => ("[", "]"),
            Shape::Cylinder => ("[(", ")]"),
            Shape::Circle => ("((", "))"),
            Shape::Hexagon => ("{{", "}}"),
            Shape::Queue => ("[[", "]]"),
            Shape::Stadium => ("([", "])"),
        };
        let _ = writeln!(out, "  n{at}{open}\"{label}\"{close}");
    }
    for edge in &picture.edges {
        let arrow = if edge.dashed { "-.->" } else { "-->" };
        let label = if edge.label.is_empty() { String::new() } else { format!("|\"{}\"|", escaped(&edge.label)) };
        let _ = writeln!(out, "  n{} {arrow}{label} n{}", edge.from, edge.to);
    }
    for (mark, style) in [
        (Mark::Create, "stroke:#0a7f5a,stroke-width:3px"),
        (Mark::Update, "stroke:#b36b00,stroke-width:3px"),
        (Mark::Replace, "stroke:#a0458a,stroke-width:3px,stroke-dasharray:8 3"),
        (Mark::Delete, "stroke:#c03d00,stroke-width:3px,stroke-dasharray:3 3"),
        (Mark::Adopt, "stroke:#1766a8,stroke-width:3px"),
    ] {
        let marked = picture.nodes.iter().enumerate().filter(|(_, node)| node.mark == Some(mark));
        let ids: Vec<String> = marked.map(|(at, _)| format!("n{at}")).collect();
        if !ids.is_empty() {
            let _ = writeln!(out, "  classDef {} {style}\n  class {} {}", mark.word(), ids.join(","), mark.word());
        }
    }
    out
}

/// Renders a graph for Graphviz.
pub fn dot(picture: &Picture) -> String {
    let mut out = format!(
        "digraph {} {{\n  rankdir=LR\n  node [shape=box style=rounded fontname=\"Helvetica\"]\n  edge [fontname=\"Helvetica\" fontsize=10]\n",
        quoted(&picture.stack)
    );
    for (at, node) in picture.nodes.iter().enumerate() {
        let shape = match shape(&node.section) {
            // The default is a box with round corners.
            Shape::Rectangle | Shape::Stadium => "",
            Shape::Cylinder => " shape=cylinder",
            Shape::Circle => " shape=circle",
            Shape::Hexagon => " shape=hexagon",
            Shape::Queue => " shape=box3d",
        };
        let style = if node.external { " style=\"rounded,dashed\"" } else { "" };
        let parts: Vec<String> = node.resources.iter().map(|part| format!("{} {}", part.address, part.kind)).collect();
        let label = quoted(&format!("{}\n{}", title(node), under(node)));
        let _ = writeln!(out, "  n{at} [label={label}{shape}{style} tooltip={}]", quoted(&parts.join("\n")));
    }
    for edge in &picture.edges {
        let style = if edge.dashed { " style=dashed" } else { "" };
        let _ = writeln!(out, "  n{} -> n{} [label={}{style}]", edge.from, edge.to, quoted(&edge.label));
    }
    out + "}\n"
}

fn title(node: &PictureNode) -> String {
    match node.mark.map(Mark::sign).filter(|sign| !sign.is_empty()) {
        Some(sign) => format!("{sign} {}", node.name),
        None => node.name.clone(),
    }
}

/// Returns the second line of a node: its type and the number of its resources.
pub(super) fn under(node: &PictureNode) -> String {
    let mut words = singular(&node.section).to_owned();
    if node.external {
        words += ", external";
    }
    if node.resources.len() > 1 {
        let _ = write!(words, ", {} resources", node.resources.len());
    }
    words
}

/// Escapes a text inside mermaid's quotes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace(['\n', '\r'], " ")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', ""))
}
