//! Places labels on their edges, clear of each other and of the cards.

use super::Picture;
use super::layout::{HEIGHT, Layout};
use super::words::{LABEL, WIDTH, cut, label_width};

/// The height of a label, in pixels.
pub(super) const TALL: f64 = 18.0;
/// The free space around a label, in pixels.
const CLEAR: f64 = 3.0;
/// The fractions of a stretch of an edge at which a label may be placed. The middle comes first: people look there.
const ALONG: &[f64] = &[
    0.5, 0.46, 0.54, 0.42, 0.58, 0.38, 0.62, 0.34, 0.66, 0.3, 0.7, 0.26, 0.74, 0.22, 0.78, 0.18, 0.82, 0.14, 0.86, 0.1,
    0.9,
];

/// How much worse it is to cover a card than another label.
const ON_A_CARD: f64 = 4.0;
/// How often labels are moved to avoid each other.
const ROUNDS: usize = 6;

/// Left, top, right, bottom.
type Frame = (f64, f64, f64, f64);

/// Returns the centre of each edge's label; `None` for an edge without one.
pub(super) fn places(picture: &Picture, layout: &Layout) -> Vec<Option<(f64, f64)>> {
    let cards: Vec<Frame> = layout.nodes.iter().map(|(x, y)| (*x, *y, x + WIDTH, y + HEIGHT)).collect();
    let widths: Vec<f64> = picture.edges.iter().map(|edge| label_width(&cut(&edge.label, LABEL))).collect();
    let choices: Vec<_> = layout.edges.iter().map(|points| choices(points)).collect();
    let mut order: Vec<usize> = (0..picture.edges.len()).filter(|at| !picture.edges[*at].label.is_empty()).collect();
    order.retain(|at| !choices[*at].is_empty());
    // Wide labels have the fewest free places, so they come first.
    order.sort_by(|a, b| widths[*b].total_cmp(&widths[*a]).then(a.cmp(b)));
    let mut places: Vec<Option<(f64, f64)>> = vec![None; picture.edges.len()];
    for _ in 0..ROUNDS {
        let before = places.clone();
        for at in &order {
            let others: Vec<Frame> = (0..places.len())
                .filter(|other| other != at)
                .filter_map(|other| places[other].map(|place| frame_of(place, widths[other])))
                .collect();
            let hidden = |place: (f64, f64)| {
                let frame = frame_of(place, widths[*at]);
                cards.iter().map(|card| shared_area(frame, *card) * ON_A_CARD).sum::<f64>()
                    + others.iter().map(|other| shared_area(frame, *other)).sum::<f64>()
            };
            let mut best = (f64::INFINITY, choices[*at][0]);
            for place in &choices[*at] {
                let now = hidden(*place);
                if now < best.0 {
                    best = (now, *place);
                }
                if now <= 0.0 {
                    break;
                }
            }
            places[*at] = Some(best.1);
        }
        if places == before {
            break;
        }
    }
    places
}

/// Lists the possible places on an edge from its source on, the best first on each stretch.
fn choices(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    points.windows(2).flat_map(|pair| ALONG.iter().map(|t| on(pair[0], pair[1], *t))).collect()
}

/// Returns a point of the curve that draws the edge.
fn on((x0, y0): (f64, f64), (x1, y1): (f64, f64), t: f64) -> (f64, f64) {
    let (near, far) = ((1.0 - t).powi(3) + 3.0 * t * (1.0 - t).powi(2), 3.0 * t.powi(2) * (1.0 - t) + t.powi(3));
    let bend = 3.0 * t * (1.0 - t);
    let x = (1.0 - t).powi(3) * x0 + bend * f64::midpoint(x0, x1) + t.powi(3) * x1;
    (x, near * y0 + far * y1)
}

fn frame_of((x, y): (f64, f64), width: f64) -> Frame {
    (x - width / 2.0 - CLEAR, y - TALL / 2.0 - CLEAR, x + width / 2.0 + CLEAR, y + TALL / 2.0 + CLEAR)
}

/// Returns the area that two frames share.
fn shared_area(a: Frame, b: Frame) -> f64 {
    let (width, height) = (a.2.min(b.2) - a.0.max(b.0), a.3.min(b.3) - a.1.max(b.1));
    if width > 0.0 && height > 0.0 { width * height } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::{Edge, Picture, PictureNode};
    use super::*;

    /// Places the label `messages` on edges between two columns of three cards.
    fn place_labels(edges: &[(usize, usize)]) -> Vec<(f64, f64)> {
        let node = |n: usize| PictureNode {
            id: format!("queues.q{n}"),
            section: "queues".into(),
            name: format!("q{n}"),
            external: false,
            resources: Vec::new(),
            mark: None,
            drift: false,
        };
        let edge = |(from, to): &(usize, usize)| Edge { from: *from, to: *to, label: "messages".into(), dashed: false };
        let picture =
            Picture { stack: "s".into(), nodes: (0..6).map(node).collect(), edges: edges.iter().map(edge).collect() };
        let corner = |n: usize| (if n < 3 { 0.0 } else { 420.0 }, (n % 3) as f64 * 100.0);
        let side = |n: usize, x: f64| (corner(n).0 + x, corner(n).1 + HEIGHT / 2.0);
        let layout = Layout {
            width: 632.0,
            height: 266.0,
            nodes: (0..6).map(corner).collect(),
            edges: edges.iter().map(|(from, to)| vec![side(*from, WIDTH), side(*to, 0.0)]).collect(),
        };
        places(&picture, &layout).into_iter().flatten().collect()
    }

    #[test]
    fn a_label_stands_in_the_middle_where_it_is_alone() {
        let (x, y) = place_labels(&[(1, 4)])[0];
        assert!((x - 316.0).abs() < 0.1 && (y - 133.0).abs() < 0.1, "{x} {y}");
    }

    #[test]
    fn labels_of_edges_that_cross_stand_beside_each_other() {
        let places = place_labels(&[(0, 5), (1, 4), (2, 3)]);
        for (at, a) in places.iter().enumerate() {
            for b in &places[at + 1..] {
                assert!(
                    shared_area(frame_of(*a, label_width("messages")), frame_of(*b, label_width("messages"))) <= 0.0,
                    "{places:?}"
                );
            }
        }
    }
}
