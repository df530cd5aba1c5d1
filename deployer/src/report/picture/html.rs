//! Renders the picture as one HTML page that needs no network and no other file.
//!
//! # Guarantees
//! The page's content security policy lets it load nothing and run only the script that it contains. Without that
//! script every detail is still shown, one below the other.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::svg::{escaped, render};
use super::{Mark, Picture, PictureNode, singular};
use crate::plan::{Action, Cost, PlannedResource};
use crate::report::paint::{Paint, Tone};
use crate::report::plan::{self as text, LineSign, PlanView};
use crate::report::reason::remark;
use crate::report::shown::MaskedPlan;
use crate::spec::secrets::Secrets;
use crate::spec::visible;

const PICTURE: &str = include_str!("picture.css");
const PAGE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The contents of a page.
pub struct Page<'a> {
    pub picture: &'a Picture,
    /// Region and account, as far as they are known.
    pub about: String,
    pub plan: Option<(&'a MaskedPlan, Cost)>,
    pub secrets: &'a Secrets,
}

/// Renders the page.
pub fn html(page: &Page<'_>) -> String {
    let picture = page.picture;
    let digest = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    );
    let stack = escaped(&picture.stack);
    let title = if page.plan.is_some() { format!("{stack}: plan") } else { stack.clone() };
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>{PAGE}{PICTURE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n<p>{}</p>\n",
        escaped(&page.about)
    );
    out += &page.verdict();
    out += "</header>\n<main>\n<div class=\"drawing\">\n<div class=\"bar\"><button type=\"button\" aria-pressed=\"false\">Whole picture</button></div>\n<div class=\"frame\" tabindex=\"0\" role=\"region\" aria-label=\"Picture\">\n";
    out += &render(picture, "", |at| Some(anchor(at)));
    out += "</div>\n</div>\n<aside tabindex=\"0\" aria-live=\"polite\" aria-label=\"Details\">\n";
    out += &page.overview();
    for (at, node) in picture.nodes.iter().enumerate() {
        out += &page.details(at, node);
    }
    out += "</aside>\n</main>\n<p class=\"keys\"><kbd>Tab</kbd> or the arrow keys go from element to element, <kbd>Enter</kbd> shows one, <kbd>Esc</kbd> the whole.</p>\n";
    let _ = write!(out, "<script>{SCRIPT}</script>\n</body>\n</html>\n");
    visible::text(&page.secrets.mask(&out)).into_owned()
}

/// Returns the anchor of a node's details. A name may have characters that an address cannot.
fn anchor(at: usize) -> String {
    format!("e{at}")
}

impl Page<'_> {
    fn view(&self) -> PlanView<'_> {
        PlanView { paint: Paint { colour: false }, verbose: false, width: 60, secrets: self.secrets }
    }

    /// Renders the plan's summary and cost, and a legend of its signs.
    fn verdict(&self) -> String {
        let Some((plan, cost)) = self.plan else { return String::new() };
        let summary = text::summary_line(plan, self.view()).trim_end().replace('\n', " ");
        let mut out = format!("<p class=\"verdict\">{}</p>\n<p>{}</p>\n", escaped(&summary), text::cost_line(cost));
        out += "<ul class=\"legend\" aria-label=\"Signs\">";
        for mark in [Mark::Create, Mark::Update, Mark::Replace, Mark::Delete, Mark::Adopt] {
            if self.picture.nodes.iter().any(|node| node.mark == Some(mark)) {
                let _ = write!(out, "<li class=\"{0}\"><b>{1}</b>{0}</li>", mark.word(), mark.sign());
            }
        }
        if !plan.drift().is_empty() {
            out += "<li class=\"outside\"><b>!</b>changed outside</li>";
        }
        out + "</ul>\n"
    }

    /// Renders the parts that concern no single element: drift and notes.
    fn overview(&self) -> String {
        let mut out = String::from("<section id=\"all\">\n<h2>Overview</h2>\n");
        let Some((plan, _)) = self.plan else {
            let (elements, resources) =
                (self.picture.nodes.len(), self.picture.nodes.iter().map(|node| node.resources.len()).sum::<usize>());
            let _ = write!(
                out,
                "<p>{elements} elements, {resources} resources. Choose one to see what it is made of.</p>\n</section>\n"
            );
            return out;
        };
        out += "<p>Choose an element to see its changes.</p>\n";
        if !plan.notes().is_empty() {
            out += "<h3>For a person to do or to know</h3>\n<pre>";
            for note in plan.notes() {
                let _ =
                    write!(out, "<span class=\"note\">{}: {}</span>", escaped(&note.address), escaped(&remark(note)));
            }
            out += "</pre>\n";
        }
        if !plan.drift().is_empty() {
            out += "<h3>Changed outside since the last apply</h3>\n<pre>";
            for line in text::drift_lines(plan, self.view()).lines() {
                let _ = write!(out, "<span class=\"bang\">{}</span>", escaped(line));
            }
            out += "</pre>\n";
        }
        let changing = text::by_element(plan);
        if !changing.is_empty() {
            out += "<h3>Changes</h3>\n<pre>";
            for planned in changing {
                let line = format!("{} {}", text::sign(planned), planned.address);
                let _ =
                    write!(out, "<span class=\"{}\">{}</span>", class(text::tone(planned.action())), escaped(&line));
            }
            out += "</pre>\n";
        }
        out + "</section>\n"
    }

    /// Renders one element with all its details.
    fn details(&self, at: usize, node: &PictureNode) -> String {
        let mut out = format!("<section id=\"{}\">\n<h2>{}</h2>\n", anchor(at), escaped(&node.name));
        let external = if node.external { ", external: only referred to" } else { "" };
        let mark = node.mark.map(|mark| format!(", {}", mark.word())).unwrap_or_default();
        let _ = writeln!(out, "<p>{}{external}{mark}</p>", escaped(singular(&node.section)));
        for part in &node.resources {
            let planned = self.plan.and_then(|(plan, _)| plan.actions().iter().find(|p| p.address == part.address));
            let mark = planned.map_or("", |p| word(p.action()));
            let _ = write!(
                out,
                "<h3 class=\"{mark}\"><b>{}</b> {} <span class=\"kind\">{}</span>",
                part.sign.trim(),
                escaped(&part.address),
                part.kind
            );
            let why = planned.and_then(text::about);
            let _ = writeln!(
                out,
                "{}</h3>",
                why.map_or(String::new(), |why| format!(" <span class=\"why\">{}</span>", escaped(&why)))
            );
            if let (Some((plan, _)), Some(planned)) = (self.plan, planned) {
                out += &self.lines(plan, planned);
            }
        }
        out + "</section>\n"
    }

    fn lines(&self, plan: &MaskedPlan, planned: &PlannedResource) -> String {
        let lines = text::lines(plan, planned, self.view(), 0);
        if lines.is_empty() || planned.action() == Action::Unchanged {
            return String::new();
        }
        let mut out = String::from("<pre>");
        for line in lines {
            let class = match (line.sign, line.tone) {
                (Some(LineSign::Impact), _) => "cost",
                (_, Some(tone)) => class(tone),
                (_, None) => "plain",
            };
            let indent = " ".repeat(line.indent.saturating_sub(4));
            let _ = write!(out, "<span class=\"{class}\">{indent}{}</span>", escaped(&line.text()));
        }
        out + "</pre>\n"
    }
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "add",
        Tone::Bad => "del",
        Tone::Change => "bang",
        Tone::Note => "note",
        Tone::Faint | Tone::Strong => "faint",
    }
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
        Action::Adopt => "adopt",
        Action::Unchanged | Action::Forget => "",
    }
}
