//! Draws the chart: a line for each operation, a dot for each tool, time on a logarithmic scale.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::cases::{Case, Operation};
use crate::results::Row;
use crate::table::{TOOLS, find, seconds, title};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 205.0;
const RIGHT: f64 = 30.0;
const LINE: f64 = 26.0;
/// The delay whose results are drawn.
const DELAY_MS: u64 = 50;
const COLOURS: &[(&str, &str)] = &[
    ("floor", "#868e96"),
    ("deployer", "#e8590c"),
    ("terraform", "#8f6ff0"),
    ("sam", "#2f9e44"),
    ("alchemy", "#1c8fd6"),
    ("chalice", "#d6336c"),
    ("ansible", "#a07b00"),
];
/// Readable on a light and on a dark page.
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1f2328}.m{fill:#59636e}.h{font-weight:600;font-size:15px}\
.g{stroke:#59636e;stroke-opacity:.25}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.m{fill:#9198a1}.g{stroke:#9198a1}}";

/// Draws the chart; it is empty when nothing was measured at 50 ms.
pub fn draw(rows: &[Row]) -> String {
    let rows: Vec<&Row> = rows.iter().filter(|row| row.delay_ms == DELAY_MS).collect();
    let cases: BTreeSet<Case> = rows.iter().map(|row| row.case).collect();
    let scale = Scale::of(&rows);
    let mut body = String::new();
    let mut y = legend(&mut body, &rows);
    for case in cases {
        y = panel(&mut body, &rows, case, &scale, y);
    }
    axis(&mut body, &scale, y);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         role=\"img\" aria-label=\"Seconds that each tool takes, with {DELAY_MS} ms a call\">\n<style>{STYLE}</style>\n{body}</svg>\n",
        height = y + 44.0
    )
}

/// The logarithmic time axis: powers of ten at equal distances.
struct Scale {
    least: i32,
    most: i32,
}

impl Scale {
    fn of(rows: &[&Row]) -> Self {
        let powers = || rows.iter().map(|row| row.wall_s.max(0.001).log10());
        let least = powers().fold(0.0, f64::min).floor();
        let most = powers().fold(0.0, f64::max).ceil().max(least + 1.0);
        Self { least: least as i32, most: most as i32 }
    }

    fn x(&self, seconds: f64) -> f64 {
        let share = (seconds.max(0.001).log10() - f64::from(self.least)) / f64::from(self.most - self.least);
        LEFT + share * (WIDTH - LEFT - RIGHT)
    }
}

/// Draws the legend of the tools' colours, and returns the y coordinate below it.
fn legend(body: &mut String, rows: &[&Row]) -> f64 {
    let mut x = 12.0;
    for (tool, name) in TOOLS.iter().filter(|(tool, _)| rows.iter().any(|row| row.tool == *tool)) {
        let _ = writeln!(body, "<circle cx=\"{:.0}\" cy=\"18\" r=\"6\" fill=\"{}\"/>", x + 6.0, colour(tool));
        let _ = writeln!(body, "<text x=\"{:.0}\" y=\"23\">{name}</text>", x + 18.0);
        x += 44.0 + 8.0 * name.len() as f64;
    }
    36.0
}

fn panel(body: &mut String, rows: &[&Row], case: Case, scale: &Scale, top: f64) -> f64 {
    let _ = writeln!(body, "<text class=\"h\" x=\"12\" y=\"{:.0}\">{}</text>", top + 22.0, title(case));
    let rows: Vec<&Row> = rows.iter().filter(|row| row.case == case).copied().collect();
    let mut y = top + 34.0;
    let begin = y;
    let mut marks = String::new();
    for operation in Operation::ALL {
        let mut line: Vec<&Row> = TOOLS.iter().filter_map(|(tool, _)| find(&rows, tool, operation)).collect();
        if !rows.iter().any(|row| row.operation == operation) {
            continue;
        }
        line.sort_by(|a, b| b.wall_s.total_cmp(&a.wall_s));
        let middle = y + LINE / 2.0;
        let _ = writeln!(marks, "<text class=\"m\" x=\"12\" y=\"{:.0}\">{}</text>", middle + 4.0, operation.words());
        let (first, last) = (scale.x(line[line.len() - 1].wall_s), scale.x(line[0].wall_s));
        let _ = writeln!(
            marks,
            "<line class=\"g\" x1=\"{first:.1}\" x2=\"{last:.1}\" y1=\"{middle}\" y2=\"{middle}\" stroke-width=\"3\"/>"
        );
        for row in line {
            let radius = if row.tool == "deployer" { 7.0 } else { 5.5 };
            let _ = writeln!(
                marks,
                "<circle cx=\"{:.1}\" cy=\"{middle}\" r=\"{radius}\" fill=\"{}\"><title>{}: {} s</title></circle>",
                scale.x(row.wall_s),
                colour(&row.tool),
                row.tool,
                seconds(row.wall_s)
            );
        }
        y += LINE;
    }
    grid(body, scale, begin, y);
    body.push_str(&marks);
    y + 6.0
}

fn grid(body: &mut String, scale: &Scale, top: f64, bottom: f64) {
    for power in scale.least..=scale.most {
        let x = scale.x(10_f64.powi(power));
        let _ = writeln!(body, "<line class=\"g\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>");
    }
}

fn axis(body: &mut String, scale: &Scale, y: f64) {
    for power in scale.least..=scale.most {
        let value = 10_f64.powi(power);
        let label =
            if power < 0 { format!("{value:.*} s", power.unsigned_abs() as usize) } else { format!("{value:.0} s") };
        let x = scale.x(value);
        let _ = writeln!(
            body,
            "<text class=\"m\" x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{label}</text>",
            y + 14.0
        );
    }
    let note = format!(
        "Wall time with {DELAY_MS} ms added to every call; further left is faster. Every step to the right is ten times as long."
    );
    let _ = writeln!(body, "<text class=\"m\" x=\"12\" y=\"{:.0}\">{note}</text>", y + 36.0);
}

fn colour(tool: &str) -> &'static str {
    COLOURS.iter().find(|(name, _)| *name == tool).map_or("#868e96", |(_, colour)| colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_times_as_long_is_always_as_far() {
        let scale = Scale { least: -1, most: 2 };
        let step = scale.x(1.0) - scale.x(0.1);
        assert!((scale.x(100.0) - scale.x(10.0) - step).abs() < 1e-9);
        assert!((scale.x(0.1) - LEFT).abs() < 1e-9);
    }

    #[test]
    fn a_chart_of_nothing_is_still_a_picture() {
        assert!(draw(&[]).starts_with("<svg"));
    }
}
