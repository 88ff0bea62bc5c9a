//! Numbers for people, and sums of them.

/// A number with thousands apart.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with three digits that count, or more where they stand before the point; `∞` where it is larger than
/// anything that is measured.
pub fn readable(number: f64) -> String {
    let size = number.abs();
    if size > 1e300 {
        return if number > 0.0 { "∞".into() } else { "-∞".into() };
    }
    let places = match size {
        _ if size >= 100.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 1.0 => 2,
        _ if size >= 0.1 => 3,
        _ => 4,
    };
    let text = format!("{number:.places$}");
    if text.contains('.') {
        let text = text.trim_end_matches('0').trim_end_matches('.');
        return if text == "-0" { "0".into() } else { text.into() };
    }
    match text.parse() {
        Ok(whole) => count(whole),
        Err(_) => text,
    }
}

/// The sum, without the sign that `sum` gives nothing: -0.0.
pub fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, value| sum + value)
}

/// The median; of an even number, the middle between the two in the middle.
pub fn median(values: &mut [u64]) -> Option<u64> {
    values.sort_unstable();
    let high = *values.get(values.len() / 2)?;
    let low = values[(values.len() - 1) / 2];
    Some(low + (high - low) / 2)
}

/// Reads a time as `90`, `90s`, `20m` or `8h`, in seconds.
///
/// # Errors
/// If it is none, or longer than a year: what would be right.
pub fn time(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, "s"),
    };
    let factor = match unit {
        "h" => 3600.0,
        "m" => 60.0,
        _ => 1.0,
    };
    let seconds = number.parse::<f64>().ok().map(|number| number * factor);
    // A year.
    let fits = seconds.filter(|seconds| (0.001..=31_536_000.0).contains(seconds));
    fits.ok_or_else(|| "not a time; write for example 90s, 20m or 8h".into())
}

/// Reads a part of a whole as `5%` or `0.05`.
///
/// # Errors
/// If it is none, or more than all: what would be right.
pub fn share(text: &str) -> Result<f64, String> {
    let part = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse(),
    };
    let fits = part.ok().filter(|part| *part > 0.0 && *part <= 1.0);
    fits.ok_or_else(|| "must be above 0 and at most 100 %; write for example 5% or 0.05".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_shares_are_read() {
        assert_eq!(["90", "90s", "20m", "8h"].map(time), [90.0, 90.0, 1200.0, 28_800.0].map(Ok));
        assert_eq!(["5%", "0.05", "100 %"].map(share), [0.05, 0.05, 1.0].map(Ok));
        for wrong in ["", "m", "-1s", "0", "nan", "9999999h"] {
            assert!(time(wrong).is_err_and(|told| told.contains("20m")), "{wrong}");
        }
        for wrong in ["", "%", "0", "-5%", "101%", "nan", "inf"] {
            assert!(share(wrong).is_err_and(|told| told.contains("5%")), "{wrong}");
        }
    }

    #[test]
    fn numbers_have_three_digits_that_count() {
        let numbers = [0.0, -0.00001, 0.01234, 0.5, 1.0, 3.2468, 15.5, 123.4, 12345.6, -7.0];
        let texts = ["0", "0", "0.0123", "0.5", "1", "3.25", "15.5", "123", "12,346", "-7"];
        assert_eq!(numbers.map(readable), texts);
        assert_eq!([f64::MAX, f64::MIN].map(readable), ["∞", "-∞"]);
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(median(&mut [3, 1, 2]), Some(2));
        assert_eq!(median(&mut [8, 1, 2, 4]), Some(3));
        assert_eq!(median(&mut [u64::MAX, u64::MAX - 2]), Some(u64::MAX - 1));
        assert_eq!(median(&mut []), None);
    }
}
