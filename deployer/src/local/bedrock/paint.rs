//! Paints a landscape from prompt and seed. The prompt decides colours and time of day; both together decide the
//! shapes.
//!
//! Rows are filled by copying runs of one colour, and only the glow of the sun blends pixel by pixel. So an unoptimised
//! build paints a megapixel in about a tenth of a second.

use std::f32::consts::TAU;

use sha2::{Digest, Sha256};

type Rgb = [u8; 3];

/// Number of ranges of hills, painted from far to near.
const RANGES: usize = 6;

/// Returns a PNG of the given size in pixels. The same prompt, seed and size always give the same bytes.
pub(super) fn paint(width: u32, height: u32, prompt: &str, seed: u64) -> Result<Vec<u8>, png::EncodingError> {
    let mood = Mood::of(prompt);
    let mut dice = Dice::seeded(prompt, seed);
    let mut canvas = Canvas::new(width as usize, height as usize);
    sky(&mut canvas, &mood);
    if mood.night {
        stars(&mut canvas, &mut dice);
    }
    sun(&mut canvas, &mood, &mut dice);
    let mut nearest = Vec::new();
    for range in 0..RANGES {
        nearest = hills(&mut canvas, &mood, &mut dice, range);
    }
    couch(&mut canvas, &mood, &mut dice, &nearest);
    encode(&canvas)
}

/// Encodes with the filter for differences to the row above: consecutive rows are nearly equal, so it compresses best.
fn encode(canvas: &Canvas) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, canvas.width as u32, canvas.height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.set_filter(png::Filter::Up);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&canvas.pixels)?;
    writer.finish()?;
    Ok(bytes)
}

struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![0; width * height * 3] }
    }

    /// Fills columns `from..to` of a row, clipped to the canvas.
    fn fill(&mut self, row: usize, from: usize, to: usize, colour: Rgb) {
        let to = to.min(self.width);
        if row < self.height && from < to {
            let start = row * self.width;
            self.pixels[(start + from) * 3..(start + to) * 3].as_chunks_mut::<3>().0.fill(colour);
        }
    }

    fn blend(&mut self, x: usize, y: usize, colour: Rgb, share: f32) {
        let at = (y * self.width + x) * 3;
        let below = [self.pixels[at], self.pixels[at + 1], self.pixels[at + 2]];
        self.pixels[at..at + 3].copy_from_slice(&mix(below, colour, share));
    }
}

/// Colours and time of day, from the prompt alone.
struct Mood {
    night: bool,
    zenith: Rgb,
    horizon: Rgb,
    sun: Rgb,
    land: Rgb,
    couch: Rgb,
}

impl Mood {
    fn of(prompt: &str) -> Self {
        let digest = Sha256::digest(prompt.as_bytes());
        let hue = f32::from(digest[0]) / 256.0;
        let warm = 0.02 + 0.12 * f32::from(digest[1]) / 256.0;
        let night = digest[2] % 4 == 0;
        let (zenith, horizon) = match digest[2] % 4 {
            0 => (hsl(hue, 0.55, 0.10), hsl(hue + 0.08, 0.45, 0.34)),
            1 => (hsl(hue, 0.45, 0.45), hsl(warm, 0.85, 0.78)),
            2 => (hsl(0.52 + hue * 0.12, 0.60, 0.56), hsl(0.52 + hue * 0.1, 0.55, 0.88)),
            _ => (hsl(hue, 0.50, 0.28), hsl(warm, 0.80, 0.62)),
        };
        Self {
            night,
            zenith,
            horizon,
            sun: if night { [236, 236, 220] } else { hsl(warm + 0.04, 0.95, 0.80) },
            land: hsl(hue + 0.30 + f32::from(digest[3]) / 512.0, 0.38, if night { 0.07 } else { 0.16 }),
            couch: hsl(warm + f32::from(digest[4]) / 256.0, 0.65, if night { 0.34 } else { 0.46 }),
        }
    }
}

fn sky(canvas: &mut Canvas, mood: &Mood) {
    let horizon = canvas.height as f32 * 0.72;
    for row in 0..canvas.height {
        let share = (row as f32 / horizon).min(1.0);
        canvas.fill(row, 0, canvas.width, mix(mood.zenith, mood.horizon, share * share.sqrt()));
    }
}

fn stars(canvas: &mut Canvas, dice: &mut Dice) {
    for _ in 0..canvas.width * canvas.height / 4000 {
        let x = (dice.roll() * (canvas.width - 1) as f32) as usize;
        let y = (dice.roll() * canvas.height as f32 * 0.6) as usize;
        canvas.blend(x, y, [255, 255, 245], 0.25 + 0.75 * dice.roll());
    }
}

fn sun(canvas: &mut Canvas, mood: &Mood, dice: &mut Dice) {
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let (x, y) = (width * (0.18 + 0.64 * dice.roll()), height * (0.20 + 0.26 * dice.roll()));
    let radius = width.min(height) * (0.045 + 0.035 * dice.roll());
    let glow = radius * 3.2;
    let columns = (x - glow).max(0.0) as usize..((x + glow) as usize).min(canvas.width);
    for row in (y - glow).max(0.0) as usize..((y + glow) as usize).min(canvas.height) {
        let dy = row as f32 - y;
        for column in columns.clone() {
            let dx = column as f32 - x;
            let distance = (dx * dx + dy * dy).sqrt();
            if distance < glow {
                let fade = 1.0 - distance / glow;
                let disc = (radius - distance + 0.5).clamp(0.0, 1.0);
                canvas.blend(column, row, mood.sun, disc.max(fade * fade * 0.5));
            }
        }
    }
}

/// Paints one range and returns the row of its ridge in each column. Far ranges are jagged and hazy, near ones smooth
/// and dark.
fn hills(canvas: &mut Canvas, mood: &Mood, dice: &mut Dice, range: usize) -> Vec<usize> {
    let nearness = range as f32 / (RANGES - 1) as f32;
    let ridge = ridge(canvas, dice, nearness);
    let (peak, foot) = (ridge.iter().copied().min().unwrap_or(0), canvas.height);
    let crest = mix(mood.horizon, mood.land, 0.22 + 0.78 * nearness);
    for row in peak..foot {
        let depth = (row - peak) as f32 / (foot - peak) as f32;
        let colour = mix(crest, mood.horizon, (1.0 - nearness) * depth * 0.6);
        let mut column = 0;
        while column < canvas.width {
            if ridge[column] > row {
                column += 1;
                continue;
            }
            let start = column;
            while column < canvas.width && ridge[column] <= row {
                column += 1;
            }
            canvas.fill(row, start, column, colour);
        }
    }
    ridge
}

fn ridge(canvas: &Canvas, dice: &mut Dice, nearness: f32) -> Vec<usize> {
    let height = canvas.height as f32;
    let base = height * (0.52 + 0.36 * nearness);
    let reach = height * (0.17 - 0.09 * nearness);
    let waves: Vec<(f32, f32, f32)> = (0..6)
        .map(|octave| {
            let pitch = 2f32.powi(octave) * (0.7 + 0.6 * dice.roll());
            (pitch, dice.roll() * TAU, 0.5f32.powi(octave + 1))
        })
        .collect();
    let smooth = nearness > 0.5;
    (0..canvas.width)
        .map(|column| {
            let along = column as f32 / canvas.width as f32 * TAU;
            let rise: f32 = waves
                .iter()
                .take(if smooth { 3 } else { 6 })
                .map(|(pitch, phase, weight)| {
                    let wave = (along * pitch + phase).sin();
                    weight * if smooth { wave } else { 1.0 - 2.0 * wave.abs() }
                })
                .sum();
            (base - rise * reach).clamp(0.0, height - 1.0) as usize
        })
        .collect()
}

/// Paints a couch on the nearest hill: back, seat, two arms, two feet.
fn couch(canvas: &mut Canvas, mood: &Mood, dice: &mut Dice, ground: &[usize]) {
    let unit = canvas.width.min(canvas.height) / 60;
    let left = ((0.12 + 0.60 * dice.roll()) * canvas.width as f32) as usize;
    let span = &ground[left.min(ground.len() - 1)..(left + 10 * unit).min(ground.len())];
    let (top, foot) = (span.iter().min(), span.iter().max());
    let floor = (top.unwrap_or(&0) + foot.unwrap_or(&0)) / 2 + unit / 2;
    let shade = mix(mood.couch, mood.land, 0.35);
    let parts = [
        (1, 0, 9, 6, shade),
        (1, 1, 9, 3, mood.couch),
        (0, 0, 2, 4, mood.couch),
        (8, 0, 10, 4, mood.couch),
        (1, -1, 2, 0, mood.land),
        (8, -1, 9, 0, mood.land),
    ];
    for (from, bottom, to, top, colour) in parts {
        let first = floor.saturating_sub(unit * (top + 1) as usize);
        let last = floor.saturating_sub(unit * (bottom + 1) as usize);
        for row in first..last {
            let rounded = (unit / 2).saturating_sub(row - first);
            canvas.fill(row, left + from * unit + rounded, left + to * unit - rounded, colour);
        }
    }
}

fn mix(from: Rgb, to: Rgb, share: f32) -> Rgb {
    let part = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * share) as u8;
    [part(from[0], to[0]), part(from[1], to[1]), part(from[2], to[2])]
}

/// Converts hue in turns (any value), saturation and lightness in 0..=1.
fn hsl(hue: f32, saturation: f32, lightness: f32) -> Rgb {
    let reach = saturation * lightness.min(1.0 - lightness);
    let channel = |offset: f32| {
        let place = (offset + hue.rem_euclid(1.0) * 12.0).rem_euclid(12.0);
        let level = lightness - reach * (place - 3.0).min(9.0 - place).clamp(-1.0, 1.0);
        (level * 255.0) as u8
    };
    [channel(0.0), channel(8.0), channel(4.0)]
}

/// Pseudo-random numbers (SplitMix64) that are the same on every machine.
struct Dice(u64);

impl Dice {
    fn seeded(prompt: &str, seed: u64) -> Self {
        let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(prompt.as_bytes()).finalize();
        Self(digest.iter().take(8).fold(0, |state, byte| state << 8 | u64::from(*byte)))
    }

    /// Returns a number in 0..1.
    fn roll(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 40) as f32 / (1u64 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        (frame.width, frame.height, pixels)
    }

    #[test]
    fn the_picture_is_a_png_of_the_size_ordered() {
        for (width, height) in [(128, 128), (384, 160), (80, 176)] {
            let (decoded_width, decoded_height, pixels) = decoded(&paint(width, height, "a couch", 7).unwrap());
            assert_eq!((decoded_width, decoded_height), (width, height));
            let colours: std::collections::BTreeSet<_> = pixels.as_chunks::<3>().0.iter().collect();
            assert!(colours.len() > 50, "only {} colours at {width}×{height}", colours.len());
        }
    }

    #[test]
    fn prompt_and_seed_decide_the_picture() {
        let painted = |prompt, seed| paint(128, 128, prompt, seed).unwrap();
        assert_eq!(painted("a couch", 7), painted("a couch", 7));
        assert_ne!(painted("a couch", 7), painted("a couch", 8));
        assert_ne!(painted("a couch", 7), painted("a sofa", 7));
    }

    #[test]
    fn the_couch_stays_on_the_canvas_for_any_seed() {
        for seed in 0..40 {
            paint(80, 176, "narrow", seed).unwrap();
            paint(176, 80, "wide", seed).unwrap();
        }
    }
}
