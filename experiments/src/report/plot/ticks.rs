//! Round numbers for axes.

/// Round steps from 0 to at least `most`, about `count` of them.
pub(crate) fn linear(most: f64, count: f64) -> Vec<f64> {
    let rough = (most / count).max(1e-9);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|s| *s >= rough * 0.999)
        .unwrap_or(power);
    let mut ticks = vec![0.0];
    let mut at = 0.0;
    while ticks.last().is_some_and(|last| *last < most * 0.999_999) && ticks.len() < 100 {
        at += 1.0;
        ticks.push(at * step);
    }
    ticks
}

/// The exponents from 0 to at least `most` (itself an exponent).
pub(crate) fn decades(most: f64) -> Vec<f64> {
    let mut ticks = vec![0.0, 1.0];
    while ticks.last().is_some_and(|last| *last < most) && ticks.len() < 30 {
        ticks.push(ticks.len() as f64);
    }
    ticks
}

/// A power of ten: 1, 10, 100, 1,000, then 10⁴ and so on.
pub(crate) fn power_of_ten(exponent: f64) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let text = format!("{exponent:.0}");
    match text.as_str() {
        "0" => "1".into(),
        "1" => "10".into(),
        "2" => "100".into(),
        "3" => "1,000".into(),
        _ => {
            let digits =
                text.chars().filter_map(|c| c.to_digit(10)).map(|digit| DIGITS[digit as usize]);
            std::iter::once("10".to_string()).chain(digits.map(String::from)).collect()
        }
    }
}

/// A number with the decimals that it needs.
pub(crate) fn decimal(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_cover_the_values() {
        assert_eq!(linear(9.3, 5.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(linear(0.0, 5.0), [0.0]);
        assert_eq!(decades(2.5), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!([0.0, 3.0, 6.0, 12.0].map(power_of_ten), ["1", "1,000", "10⁶", "10¹²"]);
        assert_eq!([0.5, 2.0, 0.0].map(decimal), ["0.5", "2", "0"]);
    }
}
