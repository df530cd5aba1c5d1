//! Places nodes and routes edges: layers from left to right, few crossings, short edges.

use super::Picture;
use super::words::{LABEL, WIDTH, cut, label_width};

pub(super) const HEIGHT: f64 = 66.0;
/// The gap between two nodes of a layer.
const APART: f64 = 34.0;
/// The height that an edge needs to pass a layer.
const LANE: f64 = 18.0;
const MARGIN: f64 = 20.0;
/// The length of an edge that stays visible on both sides of its label, together.
const SHAFT: f64 = 28.0;
const SWEEPS: usize = 12;

/// The position of everything, in pixels.
pub(super) struct Layout {
    pub width: f64,
    pub height: f64,
    /// The upper left corner of each node.
    pub nodes: Vec<(f64, f64)>,
    /// The points that each edge passes, from its source on.
    pub edges: Vec<Vec<(f64, f64)>>,
}

/// A node, or the place where an edge passes a layer.
struct Spot {
    layer: usize,
    y: f64,
    size: f64,
    before: Vec<usize>,
    after: Vec<usize>,
}

/// An edge as the layers see it: it always leads to the right.
struct Way {
    spots: Vec<usize>,
    reversed: bool,
}

pub(super) fn layout(picture: &Picture) -> Layout {
    let count = picture.nodes.len();
    let arrows: Vec<(usize, usize)> = picture.edges.iter().map(|e| (e.from, e.to)).collect();
    let forward = without_cycles(count, &arrows);
    let layers_of = layers(count, &forward);
    let mut spots: Vec<Spot> = layers_of.iter().map(|layer| Spot::new(*layer, HEIGHT)).collect();
    let ways: Vec<Way> = forward.iter().zip(&arrows).map(|(to, from)| way(&mut spots, *to, to != from)).collect();
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); spots.iter().map(|s| s.layer + 1).max().unwrap_or(0)];
    for (at, spot) in spots.iter().enumerate() {
        rows[spot.layer].push(at);
    }
    untangle(&spots, &mut rows);
    place(&mut spots, &rows);
    let columns = columns(picture, &ways, &spots, rows.len());
    let top = spots.iter().map(|s| s.y - s.size / 2.0).fold(f64::INFINITY, f64::min).min(0.0);
    for spot in &mut spots {
        spot.y += MARGIN - top;
    }
    let bottom = spots.iter().map(|s| s.y + s.size / 2.0).fold(0.0, f64::max);
    Layout {
        width: columns.last().map_or(0.0, |x| x + WIDTH) + MARGIN,
        height: bottom + MARGIN,
        nodes: spots.iter().take(count).map(|s| (columns[s.layer], s.y - HEIGHT / 2.0)).collect(),
        edges: ways.iter().map(|way| points(way, &ways, &spots, &columns)).collect(),
    }
}

impl Spot {
    fn new(layer: usize, size: f64) -> Self {
        Self { layer, y: 0.0, size, before: Vec::new(), after: Vec::new() }
    }
}

/// Reverses edges that close a circle.
fn without_cycles(count: usize, edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    fn visit(at: usize, edges: &[(usize, usize)], seen: &mut [u8], out: &mut [(usize, usize)]) {
        seen[at] = 1;
        for (index, (from, to)) in edges.iter().enumerate().filter(|(_, (from, _))| *from == at) {
            match seen[*to] {
                0 => visit(*to, edges, seen, out),
                1 => out[index] = (*to, *from),
                _ => {}
            }
        }
        seen[at] = 2;
    }
    let (mut seen, mut out) = (vec![0; count], edges.to_vec());
    let entered: Vec<bool> = (0..count).map(|n| edges.iter().any(|(_, to)| *to == n)).collect();
    let sources = (0..count).filter(|n| !entered[*n]).chain(0..count).collect::<Vec<_>>();
    for node in sources {
        if seen[node] == 0 {
            visit(node, edges, &mut seen, &mut out);
        }
    }
    out
}

/// Gives each node a layer: the length of the longest path from a source. Then moves each source next to its nearest
/// successor.
fn layers(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut layer = vec![0; count];
    for _ in 0..count {
        for (from, to) in edges {
            layer[*to] = layer[*to].max(layer[*from] + 1);
        }
    }
    for node in 0..count {
        let entered = edges.iter().any(|(_, to)| *to == node);
        let next = edges.iter().filter(|(from, _)| *from == node).map(|(_, to)| layer[*to]).min();
        if let Some(next) = next.filter(|_| !entered) {
            layer[node] = next - 1;
        }
    }
    layer
}

/// Routes an edge through every layer between its ends.
fn way(spots: &mut Vec<Spot>, (from, to): (usize, usize), reversed: bool) -> Way {
    let mut way = vec![from];
    for layer in spots[from].layer + 1..spots[to].layer {
        spots.push(Spot::new(layer, LANE));
        way.push(spots.len() - 1);
    }
    way.push(to);
    for pair in way.windows(2) {
        spots[pair[0]].after.push(pair[1]);
        spots[pair[1]].before.push(pair[0]);
    }
    Way { spots: way, reversed }
}

/// Orders each layer by the positions of its neighbours, forwards and backwards in turn. Keeps the order with the
/// fewest crossings.
fn untangle(spots: &[Spot], rows: &mut Vec<Vec<usize>>) {
    let mut best = (crossings(spots, rows), rows.clone());
    for sweep in 0..SWEEPS {
        let order: Vec<usize> =
            if sweep % 2 == 0 { (0..rows.len()).collect() } else { (0..rows.len()).rev().collect() };
        for layer in order {
            let index = positions(rows, spots.len());
            let key = |at: &usize| {
                let near = if sweep % 2 == 0 { &spots[*at].before } else { &spots[*at].after };
                let sum: f64 = near.iter().map(|n| index[*n]).sum();
                if near.is_empty() { index[*at] } else { sum / near.len() as f64 }
            };
            let mut row = rows[layer].clone();
            row.sort_by(|a, b| key(a).total_cmp(&key(b)).then(a.cmp(b)));
            rows[layer] = row;
        }
        let now = crossings(spots, rows);
        if now < best.0 {
            best = (now, rows.clone());
        }
    }
    *rows = best.1;
}

/// Returns each spot's position within its layer, from 0 to 1.
fn positions(rows: &[Vec<usize>], count: usize) -> Vec<f64> {
    let mut index = vec![0.0; count];
    for row in rows {
        for (at, spot) in row.iter().enumerate() {
            index[*spot] = (at as f64 + 0.5) / row.len() as f64;
        }
    }
    index
}

fn crossings(spots: &[Spot], rows: &[Vec<usize>]) -> usize {
    let index = positions(rows, spots.len());
    let mut count = 0;
    for row in rows {
        let edges: Vec<(f64, f64)> =
            row.iter().flat_map(|at| spots[*at].after.iter().map(|to| (index[*at], index[*to]))).collect();
        for (i, a) in edges.iter().enumerate() {
            count += edges[i + 1..].iter().filter(|b| (a.0 - b.0) * (a.1 - b.1) < 0.0).count();
        }
    }
    count
}

/// Moves every spot towards the middle of its neighbours, as far as the other spots in its layer allow.
fn place(spots: &mut [Spot], rows: &[Vec<usize>]) {
    for row in rows {
        let mut y = 0.0;
        for at in row {
            y += spots[*at].size / 2.0;
            spots[*at].y = y;
            y += spots[*at].size / 2.0 + APART;
        }
    }
    for sweep in 0..SWEEPS * 2 {
        let order: Vec<usize> =
            if sweep % 2 == 0 { (0..rows.len()).collect() } else { (0..rows.len()).rev().collect() };
        for layer in order {
            let row = &rows[layer];
            let wished: Vec<f64> = row
                .iter()
                .map(|at| {
                    let spot = &spots[*at];
                    let near: Vec<f64> = spot.before.iter().chain(&spot.after).map(|n| spots[*n].y).collect();
                    if near.is_empty() { spot.y } else { near.iter().sum::<f64>() / near.len() as f64 }
                })
                .collect();
            let mut offsets = Vec::new();
            let mut offset = 0.0;
            for (i, at) in row.iter().enumerate() {
                if i > 0 {
                    offset += f64::midpoint(spots[row[i - 1]].size, spots[*at].size) + APART;
                }
                offsets.push(offset);
            }
            let free: Vec<f64> = wished.iter().zip(&offsets).map(|(wish, offset)| wish - offset).collect();
            for ((at, y), offset) in row.iter().zip(rising(&free)).zip(&offsets) {
                spots[*at].y = y + offset;
            }
        }
    }
}

/// Returns the nearest ascending values: neighbours out of order are pooled at their mean.
fn rising(wished: &[f64]) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for wish in wished {
        pools.push((*wish, 1));
        while let [.., a, b] = pools[..]
            && a.0 > b.0
        {
            pools.truncate(pools.len() - 2);
            let count = a.1 + b.1;
            pools.push(((a.0 * a.1 as f64 + b.0 * b.1 as f64) / count as f64, count));
        }
    }
    pools.into_iter().flat_map(|(value, count)| std::iter::repeat_n(value, count)).collect()
}

/// Returns the left side of each layer. The gaps leave room for the labels.
fn columns(picture: &Picture, ways: &[Way], spots: &[Spot], count: usize) -> Vec<f64> {
    let mut gaps = vec![64.0_f64; count];
    for (edge, way) in picture.edges.iter().zip(ways) {
        let layer = spots[way.spots[0]].layer;
        if !edge.label.is_empty() {
            gaps[layer] = gaps[layer].max(label_width(&cut(&edge.label, LABEL)) + SHAFT);
        }
    }
    let mut x = MARGIN;
    let mut columns = Vec::new();
    for gap in gaps {
        columns.push(x);
        x += WIDTH + gap;
    }
    columns
}

/// Lists the points of an edge: its start, the layers that it passes, its end.
fn points(way: &Way, all: &[Way], spots: &[Spot], columns: &[f64]) -> Vec<(f64, f64)> {
    let (first, last) = (way.spots[0], way.spots[way.spots.len() - 1]);
    let leaving: Vec<(f64, &Way)> =
        all.iter().filter(|w| w.spots[0] == first).map(|w| (spots[w.spots[1]].y, w)).collect();
    let arriving: Vec<(f64, &Way)> = all
        .iter()
        .filter(|w| w.spots[w.spots.len() - 1] == last)
        .map(|w| (spots[w.spots[w.spots.len() - 2]].y, w))
        .collect();
    let mut points = vec![(columns[spots[first].layer] + WIDTH, spots[first].y + port(way, leaving))];
    for at in &way.spots[1..way.spots.len() - 1] {
        let x = columns[spots[*at].layer];
        points.push((x, spots[*at].y));
        points.push((x + WIDTH, spots[*at].y));
    }
    points.push((columns[spots[last].layer], spots[last].y + port(way, arriving)));
    if way.reversed {
        points.reverse();
    }
    points
}

/// Spreads the edges on one side of a node, in the order of their other ends.
fn port(way: &Way, mut side: Vec<(f64, &Way)>) -> f64 {
    side.sort_by(|a, b| a.0.total_cmp(&b.0));
    let at = side.iter().position(|(_, other)| std::ptr::eq(*other, way)).unwrap_or_default();
    let step = (HEIGHT * 0.66 / side.len() as f64).min(20.0);
    (at as f64 - (side.len() as f64 - 1.0) / 2.0) * step
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Edge, Picture, PictureNode};
    use super::*;

    fn picture(count: usize, edges: &[(usize, usize)]) -> Picture {
        let node = |n: usize| PictureNode {
            id: format!("queues.q{n}"),
            section: "queues".into(),
            name: format!("q{n}"),
            external: false,
            resources: Vec::new(),
            mark: None,
            drift: false,
        };
        let edge = |(from, to): &(usize, usize)| Edge { from: *from, to: *to, label: String::new(), dashed: false };
        Picture { stack: "s".into(), nodes: (0..count).map(node).collect(), edges: edges.iter().map(edge).collect() }
    }

    #[test]
    fn a_chain_goes_straight_to_the_right() {
        let layout = layout(&picture(3, &[(0, 1), (1, 2)]));
        assert!(layout.nodes[0].0 < layout.nodes[1].0 && layout.nodes[1].0 < layout.nodes[2].0);
        assert!(layout.nodes.iter().all(|(_, y)| (y - layout.nodes[0].1).abs() < 0.1));
    }

    #[test]
    fn an_empty_picture_has_a_size() {
        let layout = layout(&picture(0, &[]));
        assert!(layout.width > 0.0 && layout.height > 0.0 && layout.nodes.is_empty());
    }

    proptest! {
        #[test]
        fn no_two_nodes_overlap_and_all_are_inside(
            count in 1_usize..12,
            edges in prop::collection::btree_set((0_usize..12, 0_usize..12), 0..24),
        ) {
            let edges: Vec<_> = edges.into_iter().filter(|(a, b)| a != b && *a < count && *b < count).collect();
            let layout = layout(&picture(count, &edges));
            for (i, a) in layout.nodes.iter().enumerate() {
                prop_assert!(a.0 >= 0.0 && a.1 >= 0.0 && a.0 + WIDTH <= layout.width && a.1 + HEIGHT <= layout.height);
                for b in &layout.nodes[i + 1..] {
                    let apart = (a.0 - b.0).abs() >= WIDTH || (a.1 - b.1).abs() >= HEIGHT;
                    prop_assert!(apart, "{a:?} {b:?}");
                }
            }
            prop_assert_eq!(layout.edges.len(), edges.len());
            prop_assert!(layout.edges.iter().flatten().all(|(x, y)| x.is_finite() && y.is_finite()));
        }
    }
}
