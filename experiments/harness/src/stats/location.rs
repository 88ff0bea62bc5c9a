//! Typical values.

use super::{real, sorted, whole};

/// Returns the median, in the unit of the values: of an even number, the middle between the two in the
/// middle. Returns `None` for no values, or for one that is not finite.
pub fn median(values: &[f64]) -> Option<f64> {
    sorted(values).map(|values| middle(&values))
}

/// Returns the median of values that are sorted, of which there is at least one.
pub(super) fn middle(sorted: &[f64]) -> f64 {
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

/// Returns the value below which a share `q` of the values is, from 0 for the least to 1 for the
/// greatest, in the unit of the values. It interpolates on a line between neighbours: type 7 of Hyndman &
/// Fan, *Sample Quantiles in Statistical Packages*, The American Statistician 50(4), 1996, as NumPy does.
/// Returns `None` for no values, for one that is not finite, and for `q` outside of 0 to 1.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let values = sorted(values)?;
    (0.0..=1.0).contains(&q).then(|| quantile_of_sorted(&values, q))
}

/// Returns the quantile of values that are sorted, of which there is at least one.
pub(super) fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    let last = sorted.len() - 1;
    let place = q * real(last);
    let below = whole(place).min(last);
    let share = place - real(below);
    // Weights, as a difference of two large values could overflow.
    sorted[below] * (1.0 - share) + sorted[(below + 1).min(last)] * share
}

/// Returns the geometric mean, which is the mean for ratios: that of a ratio and of its inverse is 1.
/// Returns `None` for no values, and for one that is not finite or not above zero.
pub fn geometric_mean(values: &[f64]) -> Option<f64> {
    let values = sorted(values).filter(|values| values[0] > 0.0)?;
    let logs: f64 = values.iter().map(|value| value.ln()).sum();
    Some((logs / real(values.len())).exp())
}

/// Returns the median of the distances from the median, in the unit of the values, without the factor
/// that makes it a standard deviation for normal noise (1.4826). Hampel, *The Influence Curve and Its Role
/// in Robust Estimation*, JASA 69(346), 1974. Returns `None` for no values, or for one that is not finite.
pub fn median_absolute_deviation(values: &[f64]) -> Option<f64> {
    let centre = median(values)?;
    let distances: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
    median(&distances)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Function = fn(&[f64]) -> Option<f64>;

    #[test]
    fn by_hand() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[8.0, 1.0, 2.0, 4.0]), Some(3.0));
        assert_eq!(median(&[f64::MAX, f64::MAX]), Some(f64::MAX));
        assert_eq!(geometric_mean(&[0.25, 4.0]), Some(1.0));
        assert_eq!(geometric_mean(&[1.0, 0.0]), None);
        assert_eq!(geometric_mean(&[4.0, -4.0]), None);
        assert_eq!(median_absolute_deviation(&[1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0]), Some(1.0));
    }

    #[test]
    fn quantiles_interpolate_between_neighbours() {
        let values = [40.0, 10.0, 20.0, 30.0];
        let at = |q| quantile(&values, q);
        assert_eq!([0.0, 0.5, 1.0].map(at), [Some(10.0), Some(25.0), Some(40.0)]);
        assert_eq!(at(0.25), Some(17.5));
        assert!([-0.01, 1.01, f64::NAN].map(at).iter().all(Option::is_none));
        assert_eq!(quantile(&[7.0], 0.9), Some(7.0));
        assert_eq!(quantile(&[-f64::MAX, f64::MAX], 0.5), Some(0.0));
    }

    #[test]
    fn no_values_and_bad_ones_are_refused() {
        let third: Function = |values| quantile(values, 1.0 / 3.0);
        for function in [median, third, geometric_mean, median_absolute_deviation] {
            assert_eq!(function(&[]), None);
            assert_eq!(function(&[1.0, f64::NAN, 2.0]), None);
            assert_eq!(function(&[1.0, f64::INFINITY, 2.0]), None);
            assert!(function(&[1.0]).is_some());
        }
    }
}
