//! An axis with its limits and ticks: which part of its length a value is at.

use super::figure::{AxisSpec, Scale, Ticks};
use super::font;
use super::ticks;

/// A tick, with a label unless it is minor or its label would cover another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    /// The part of the axis's length.
    pub(super) at: f64,
    /// The text; empty for none.
    pub(super) label: String,
    /// Says whether it is short and has no grid line.
    pub(super) minor: bool,
}

/// The room that an axis has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// The length of the axis in points.
    pub(super) length: f64,
    /// The size of its labels in points.
    pub(super) size: f64,
    /// Says whether its labels stand above each other and not side by side.
    pub(super) upright: bool,
}

/// An axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    scale: Scale,
    /// The limits, as exponents for an axis of factors.
    low: f64,
    high: f64,
    /// The part of the length below the smallest positive value, where there is a zero on an axis of factors.
    gap: f64,
    /// The ticks, from the smallest.
    pub(super) ticks: Vec<Tick>,
}

impl Axis {
    /// Returns the axis for values, all of which are finite.
    pub(super) fn new(spec: &AxisSpec, values: &[f64], room: Room) -> Self {
        let is_log = matches!(spec.scale, Scale::Log10 | Scale::Log2);
        let mut values = values.to_vec();
        if let Ticks::At(all) = &spec.ticks {
            values.extend(all.iter().filter(|tick| tick.is_finite()));
        }
        let has_zero = is_log && spec.limits.is_none() && values.contains(&0.0);
        let (low, high) = match &spec.scale {
            Scale::Categories(names) => (-0.5, names.len().max(1) as f64 - 0.5),
            scale => limits(spec, &values, scale),
        };
        let gap = if has_zero { (2.2 * room.size / room.length.max(1.0)).min(0.25) } else { 0.0 };
        let mut axis = Self { scale: spec.scale.clone(), low, high, gap, ticks: Vec::new() };
        axis.ticks = axis.place_ticks(spec, room);
        axis
    }

    /// Returns the part of the length at which a value is, which is outside of 0 to 1 beyond the limits.
    /// A negative value has no place on an axis of factors.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let value = match self.scale {
            Scale::Linear | Scale::Categories(_) => value,
            _ if value == 0.0 && self.gap > 0.0 => return Some(0.0),
            _ if value <= 0.0 => return None,
            Scale::Log10 => value.log10(),
            Scale::Log2 => value.log2(),
        };
        let part = (value - self.low) / (self.high - self.low);
        (part.is_finite()).then_some(self.gap + part * (1.0 - self.gap))
    }

    /// Returns the part of the length where a zero ends and factors begin, if there is a zero.
    pub(super) fn gap(&self) -> Option<f64> {
        (self.gap > 0.0).then_some(self.gap / 2.0)
    }

    /// Returns the width of the widest label in points.
    pub(super) fn widest(&self, size: f64) -> f64 {
        self.ticks.iter().map(|tick| font::width(&tick.label, size, false)).fold(0.0, f64::max)
    }

    fn place_ticks(&self, spec: &AxisSpec, room: Room) -> Vec<Tick> {
        let tick = |value: f64, label: String, minor: bool| {
            let at = self.place(value).filter(|at| (-1e-9..=1.0 + 1e-9).contains(at))?;
            Some(Tick { at, label, minor })
        };
        if let Scale::Categories(names) = &spec.scale {
            let names = (0..).zip(names);
            return names
                .filter_map(|(at, name)| tick(f64::from(at), font::plain(name), false))
                .collect();
        }
        let mut all: Vec<Tick> = match (&spec.ticks, &spec.scale) {
            (Ticks::At(values), _) => {
                let mut values: Vec<f64> =
                    values.iter().copied().filter(|v| v.is_finite()).collect();
                values.sort_by(f64::total_cmp);
                values.dedup();
                values.into_iter().filter_map(|v| tick(v, ticks::number(v), false)).collect()
            }
            (Ticks::Round, Scale::Log10 | Scale::Log2) => self.factors(room),
            (Ticks::Round, _) => {
                let each = if room.upright { 3.2 * room.size } else { 5.5 * room.size };
                let count = (room.length / each).clamp(2.0, 8.0);
                let (values, step) = ticks::linear(self.low, self.high, count);
                let texts = ticks::texts(&values, step);
                values.iter().zip(texts).filter_map(|(v, text)| tick(*v, text, false)).collect()
            }
        };
        if self.gap > 0.0 && !all.iter().any(|tick| tick.at == 0.0) {
            all.insert(0, Tick { at: 0.0, label: "0".into(), minor: false });
        }
        thin(&mut all, room);
        all
    }

    /// Returns the ticks of an axis of factors.
    fn factors(&self, room: Room) -> Vec<Tick> {
        let is_ten = self.scale == Scale::Log10;
        let base: f64 = if is_ten { 10.0 } else { 2.0 };
        let text = if is_ten { ticks::power_of_ten } else { ticks::power_of_two };
        let tick = |exponent: f64, factor: f64, label: String, minor: bool| {
            let at = self.place(base.powf(exponent) * factor)?;
            (self.gap - 1e-9..=1.0 + 1e-9).contains(&at).then_some(Tick { at, label, minor })
        };
        let powers = ticks::powers(self.low.floor(), self.high);
        let inside = powers.iter().filter(|power| **power >= self.low - 1e-9).count();
        let each = room.length * (1.0 - self.gap) / (self.high - self.low);
        let needed = room.size * if room.upright { 1.5 } else { 3.0 };
        let stride = (needed / each).ceil().max(1.0);
        let mut all = Vec::new();
        for power in powers {
            let is_major = (power / stride).fract() == 0.0;
            all.extend(tick(
                power,
                1.0,
                if is_major { text(power) } else { String::new() },
                !is_major,
            ));
            if is_ten && each > 1.6 * room.size {
                for factor in (2..=9).map(f64::from) {
                    // Less than two powers of ten: 2 and 5 have labels too.
                    let is_labelled = inside < 2 && (factor == 2.0 || factor == 5.0);
                    let value = 10f64.powf(power) * factor;
                    let label = if is_labelled { ticks::number(value) } else { String::new() };
                    all.extend(tick(power, factor, label, !is_labelled));
                }
            }
        }
        if all.iter().filter(|tick| !tick.label.is_empty()).count() < 2 {
            let ends = (base.powf(self.low), base.powf(self.high));
            let (values, step) =
                ticks::linear(ends.0, ends.1, (room.length / needed / 2.0).min(5.0));
            let texts = ticks::texts(&values, step);
            let between = values.iter().zip(texts);
            let tick = |(v, label): (&f64, String)| {
                Some(Tick { at: self.place(*v)?, label, minor: false })
            };
            all = between.filter_map(tick).collect();
        }
        all
    }
}

/// The limits for values on a scale: exponents for factors.
fn limits(spec: &AxisSpec, values: &[f64], scale: &Scale) -> (f64, f64) {
    let log: Option<fn(f64) -> f64> = match scale {
        Scale::Log10 => Some(f64::log10),
        Scale::Log2 => Some(f64::log2),
        _ => None,
    };
    if let Some((low, high)) = spec.limits {
        let (low, high) = log.map_or((low, high), |log| (log(low), log(high)));
        if low.is_finite() && high.is_finite() && low < high {
            return (low, high);
        }
    }
    let of = |log: fn(f64) -> f64| values.iter().filter(|v| **v > 0.0).map(|v| log(*v)).collect();
    let placed: Vec<f64> = log.map_or_else(|| values.to_vec(), of);
    let low = placed.iter().copied().fold(f64::INFINITY, f64::min);
    let high = placed.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return (0.0, 1.0);
    }
    // Settings that were measured keep off the ends, as their markers and bars have a width.
    let aside = match &spec.ticks {
        Ticks::Round => 0.0,
        Ticks::At(_) => {
            let mut placed = placed;
            placed.sort_by(f64::total_cmp);
            let steps = placed.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step > 0.0);
            0.3 * steps.fold(high - low, f64::min)
        }
    };
    let pad = ((high - low) * 0.05).max(aside);
    if log.is_some() {
        let pad = pad.max(if *scale == Scale::Log2 { 0.25 } else { 0.15 });
        return (low - pad, high + pad);
    }
    let from_zero = !spec.off_zero && spec.ticks == Ticks::Round;
    let (low, high) = if from_zero { (low.min(0.0), high.max(0.0)) } else { (low, high) };
    let pad = if high > low { pad.max((high - low) * 0.05) } else { (high.abs() * 0.1).max(0.5) };
    let low = if from_zero && low == 0.0 { 0.0 } else { low - pad };
    (low, high + pad)
}

/// Takes away the labels that would cover one before them. The last label stays.
fn thin(all: &mut [Tick], room: Room) {
    let half = |tick: &Tick| {
        if room.upright {
            0.55 * room.size
        } else {
            font::width(&tick.label, room.size, false) / 2.0
        }
    };
    let gap = if room.upright { 0.0 } else { 0.4 * room.size };
    let labelled: Vec<usize> = (0..all.len()).filter(|at| !all[*at].label.is_empty()).collect();
    let Some((&last, others)) = labelled.split_last() else { return };
    let place = |tick: &Tick| tick.at * room.length;
    let stop = place(&all[last]) - half(&all[last]) - gap;
    let mut free = f64::NEG_INFINITY;
    for &at in others {
        let (middle, half) = (place(&all[at]), half(&all[at]));
        if middle - half < free || middle + half > stop {
            all[at].label.clear();
        } else {
            free = middle + half + gap;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { length: 200.0, size: 8.0, upright: true };

    fn axis(scale: Scale, values: &[f64]) -> Axis {
        Axis::new(&AxisSpec::new("nodes", None, scale), values, ROOM)
    }

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.label.as_str()).filter(|text| !text.is_empty()).collect()
    }

    #[test]
    fn limits_follow_the_values() {
        for scale in [Scale::Linear, Scale::Log10, Scale::Log2] {
            for values in [&[3.0, 1e8][..], &[0.0, 7.0], &[42.0], &[1e-6, 2e-6], &[0.0], &[]] {
                let axis = axis(scale.clone(), values);
                for value in values {
                    let at = axis.place(*value);
                    // All zeros on an axis of factors are at its end.
                    assert!(
                        at.is_some_and(|at| (0.0..=1.0).contains(&at)),
                        "{scale:?} {values:?}: {at:?}"
                    );
                }
                assert!(labels(&axis).len() >= 2, "{scale:?} {values:?}: {:?}", axis.ticks);
                assert!(axis.ticks.iter().all(|tick| (-1e-6..=1.000_001).contains(&tick.at)));
            }
        }
        assert_eq!(axis(Scale::Log10, &[-1.0]).place(-1.0), None);
    }

    #[test]
    fn labels_are_powers_or_round() {
        assert_eq!(labels(&axis(Scale::Log10, &[200.0, 9e4])), ["10³", "10⁴", "10⁵"]);
        assert_eq!(labels(&axis(Scale::Log10, &[0.0, 3.0, 90.0])), ["0", "10", "100"]);
        assert_eq!(labels(&axis(Scale::Log10, &[210.0, 480.0])), ["200", "500"]);
        assert_eq!(
            labels(&axis(Scale::Linear, &[0.0, 1e8])),
            ["0", "20M", "40M", "60M", "80M", "100M"]
        );
    }

    #[test]
    fn close_labels_make_room() {
        let at = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0].to_vec();
        let spec =
            AxisSpec { ticks: Ticks::At(at), ..AxisSpec::new("threads", None, Scale::Linear) };
        let axis = Axis::new(&spec, &[1.0, 32.0], Room { length: 90.0, size: 8.0, upright: false });
        assert_eq!(labels(&axis), ["1", "4", "8", "16", "32"]);
        assert_eq!(axis.ticks.len(), 6);
    }
}
