//! Round numbers for axes, and how they are written.

/// Returns the multiples of a round step from `low` to `high`, with the step: about `count` of them.
pub(super) fn linear(low: f64, high: f64, count: f64) -> (Vec<f64>, f64) {
    let rough = ((high - low) / count.max(1.0)).max(f64::MIN_POSITIVE);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power);
    let step = step.into_iter().find(|step| *step >= rough * 0.999).unwrap_or(power * 10.0);
    let (first, last) = ((low / step - 1e-6).ceil(), (high / step + 1e-6).floor());
    let mut ticks = Vec::new();
    let mut at = first;
    while at <= last && ticks.len() < 100 {
        // Never the -0 that a negative factor makes.
        ticks.push(at * step + 0.0);
        at += 1.0;
    }
    (ticks, step)
}

/// Returns the exponents of the whole powers of `base` between two exponents.
pub(super) fn powers(low: f64, high: f64) -> Vec<f64> {
    let mut all = Vec::new();
    let mut at = (low - 1e-9).ceil();
    while at <= high + 1e-9 && all.len() < 700 {
        all.push(at + 0.0);
        at += 1.0;
    }
    all
}

/// Writes a power of ten: 0.01 to 100 in digits, others as 10⁵.
pub(super) fn power_of_ten(exponent: f64) -> String {
    match exponent {
        -2.0 => "0.01".into(),
        -1.0 => "0.1".into(),
        0.0 => "1".into(),
        1.0 => "10".into(),
        2.0 => "100".into(),
        _ => format!("10{}", superscript(exponent)),
    }
}

/// Writes a power of two: up to 4096 in digits, others as 2¹³.
pub(super) fn power_of_two(exponent: f64) -> String {
    if (0.0..=12.0).contains(&exponent) {
        return number(exponent.exp2());
    }
    format!("2{}", superscript(exponent))
}

fn superscript(exponent: f64) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raise = |c: char| c.to_digit(10).map_or('⁻', |digit| DIGITS[digit as usize]);
    format!("{exponent:.0}").chars().map(raise).collect()
}

/// The suffixes of large numbers.
const SUFFIXES: [(f64, &str); 4] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K")];

/// Returns the unit in which a number of this size is written, from 10,000.
fn suffix(most: f64) -> (f64, &'static str) {
    let fits = |(unit, _): &(f64, &str)| most.abs() >= 0.9999 * unit && most.abs() >= 9999.5;
    SUFFIXES.into_iter().find(fits).unwrap_or((1.0, ""))
}

/// Writes the ticks of a linear axis, all in one unit and with equally many decimals.
pub(super) fn texts(ticks: &[f64], step: f64) -> Vec<String> {
    let most = ticks.iter().fold(0.0, |most: f64, tick| most.max(tick.abs()));
    if most >= 1e15 || (most > 0.0 && most < 1e-3) {
        return ticks.iter().map(|tick| number(*tick)).collect();
    }
    let (unit, name) = suffix(most);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Between 0 and 6.
    let decimals = (-(step / unit).log10() - 1e-9).ceil().clamp(0.0, 6.0) as usize;
    let one = |tick: &f64| match *tick {
        0.0 => "0".into(),
        tick if unit > 1.0 => format!("{:.decimals$}{name}", tick / unit),
        tick if tick.abs() >= 1000.0 => number(tick),
        tick => format!("{tick:.decimals$}"),
    };
    ticks.iter().map(one).map(|text| text.replace('-', "−")).collect()
}

/// Writes a number with three digits that count, or as many as it has before the point.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e15).contains(&size) {
        let exponent = size.log10().floor();
        let factor = trimmed(value / 10f64.powf(exponent), 2);
        let power = format!("10{}", superscript(exponent));
        return if factor == "1" { power } else { format!("{factor}×{power}") };
    }
    let (unit, name) = suffix(size);
    let scaled = value / unit;
    let text = match scaled.abs() {
        s if s >= 99.95 => trimmed(scaled, 0),
        s if s >= 9.995 => trimmed(scaled, 1),
        s if s >= 0.9995 => trimmed(scaled, 2),
        _ => trimmed(scaled, 4),
    };
    match text.strip_prefix('−').unwrap_or(&text).len() {
        4 if name.is_empty() && !text.contains('.') => {
            format!("{},{}", &text[..text.len() - 3], &text[text.len() - 3..])
        }
        _ => format!("{text}{name}"),
    }
}

/// Writes a number without zeros at the end of its decimals.
fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}").replace('-', "−");
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        assert_eq!(linear(0.0, 9.3, 5.0), (vec![0.0, 2.0, 4.0, 6.0, 8.0], 2.0));
        assert_eq!(linear(-1.0, 1.0, 4.0).0, [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert_eq!(linear(0.0, 0.0, 5.0).0, [0.0]);
        assert_eq!(powers(-0.3, 2.0), [0.0, 1.0, 2.0]);
    }

    #[test]
    fn ticks_are_written_alike() {
        assert_eq!(texts(&[0.0, 0.5, 1.0], 0.5), ["0", "0.5", "1.0"]);
        assert_eq!(texts(&[0.0, 5e7, 1e8], 5e7), ["0", "50M", "100M"]);
        assert_eq!(texts(&[0.0, 5e5, 1e6], 5e5), ["0", "0.5M", "1.0M"]);
        assert_eq!(texts(&[0.0, 500.0, 1000.0], 500.0), ["0", "500", "1,000"]);
        assert_eq!(texts(&[-2.0, 0.0], 2.0), ["−2", "0"]);
        assert_eq!(texts(&[0.0, 2e-5], 2e-5), ["0", "2×10⁻⁵"]);
    }

    #[test]
    fn numbers_are_short() {
        let all = [0.5, 0.0125, 12.34, 999.9, 1000.0, 4096.0, 16384.0, 1.25e6, 1e8, 2e17, 1e-9];
        let texts = [
            "0.5",
            "0.0125",
            "12.3",
            "1,000",
            "1,000",
            "4,096",
            "16.4K",
            "1.25M",
            "100M",
            "2×10¹⁷",
            "10⁻⁹",
        ];
        assert_eq!(all.map(number), texts);
        assert_eq!(
            [-3.0, -2.0, 2.0, 6.0, 12.0].map(power_of_ten),
            ["10⁻³", "0.01", "100", "10⁶", "10¹²"]
        );
        assert_eq!([0.0, 10.0, 20.0].map(power_of_two), ["1", "1,024", "2²⁰"]);
    }
}
