//! A line through points that a few of them cannot turn.
//!
//! Sen, *Estimates of the Regression Coefficient Based on Kendall's Tau*, JASA 63(324), 1968; the estimate
//! itself is Theil's of 1950. Up to 29 % of the points may be anywhere without moving the slope far.

use super::location::middle;
use super::{Interval, normal, real, sorted, tail, whole};

/// A line with the interval of its slope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// The slope, in units of y per unit of x.
    pub slope: Interval,
    /// The value of y where x is zero, by the median of all x and that of all y.
    pub intercept: f64,
}

/// Returns the line through points `(x, y)`: its slope is the median of the slopes between any two points
/// with different x. The ends of its interval are two of these slopes, chosen by the normal approximation
/// of Kendall's tau with its correction for equal values (Sen 1968, section 3).
///
/// Deviations of the points from a line are assumed to be independent. Neighbouring samples of one series
/// rarely are, see [`super::growth::trend`]. Returns `None` for a coordinate that is not finite, and where
/// even the least and the greatest slope do not attain the confidence: for 0.95 it takes five points.
/// Returns `None` also where few points differ in x. It takes time and memory for n(n - 1)/2 slopes.
pub fn line(points: &[(f64, f64)], confidence: f64) -> Option<Line> {
    let tail = tail(confidence)?;
    let x = sorted(&points.iter().map(|point| point.0).collect::<Vec<f64>>())?;
    let y = sorted(&points.iter().map(|point| point.1).collect::<Vec<f64>>())?;
    let slopes = slopes(points)?;
    let all = weight(points.len());
    // Equal values narrow the interval. They are no reason to do with fewer points.
    ends(points.len() * (points.len() - 1) / 2, all, tail)?;
    let (low, high) = ends(slopes.len(), all - ties(&x) - ties(&y), tail)?;
    let slope = Interval::new(middle(&slopes), slopes[low], slopes[high], confidence)?;
    let intercept = middle(&y) - slope.estimate * middle(&x);
    intercept.is_finite().then_some(Line { slope, intercept })
}

/// Returns the slopes between any two points with different x, in rising order, or `None` if there is no
/// such pair or a slope is not finite.
fn slopes(points: &[(f64, f64)]) -> Option<Vec<f64>> {
    let mut slopes = Vec::new();
    for (at, one) in points.iter().enumerate() {
        let others = points[at + 1..].iter().filter(|two| two.0 != one.0);
        slopes.extend(others.map(|two| (two.1 - one.1) / (two.0 - one.0)));
    }
    sorted(&slopes)
}

/// Returns the places of both ends of the interval in a sorted list of slopes, or `None` if one of them is
/// outside of the list. `weights` is 18 times the variance of the number of slopes above less below the
/// true one.
fn ends(slopes: usize, weights: f64, tail: f64) -> Option<(usize, usize)> {
    // The quantile is negative.
    let reach = normal::quantile(tail) * (weights.max(0.0) / 18.0).sqrt();
    let low = ((real(slopes) + reach) / 2.0).round_ties_even();
    let high = ((real(slopes) - reach) / 2.0).round_ties_even();
    (low >= 1.0 && high < real(slopes)).then(|| (whole(low) - 1, whole(high)))
}

/// Returns what groups of equal values take from the variance.
fn ties(sorted: &[f64]) -> f64 {
    sorted.chunk_by(|one, two| one == two).map(|same| weight(same.len())).sum()
}

/// Returns 18 times the variance of Kendall's score of so many different values.
fn weight(values: usize) -> f64 {
    let values = real(values);
    values * (values - 1.0) * (2.0 * values + 5.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(x: &[f64], y: &[f64]) -> Vec<(f64, f64)> {
        x.iter().copied().zip(y.iter().copied()).collect()
    }

    #[test]
    fn the_example_of_sen() {
        let x = [1.0, 2.0, 3.0, 4.0, 10.0, 12.0, 18.0];
        let y = [9.0, 15.0, 19.0, 20.0, 45.0, 55.0, 78.0];
        let line = line(&points(&x, &y), 0.95).unwrap();
        assert_eq!((line.slope.estimate, line.intercept), (4.0, 4.0));
        assert_eq!((line.slope.low, line.slope.high), (26.0 / 7.0, 35.0 / 8.0));
    }

    #[test]
    fn one_wild_point_does_not_turn_the_line() {
        let x: Vec<f64> = (0..20).map(f64::from).collect();
        let mut y: Vec<f64> = x.iter().map(|x| 3.0 + 2.0 * x).collect();
        y[19] = 1e9;
        let line = line(&points(&x, &y), 0.95).unwrap();
        assert_eq!((line.slope.estimate, line.slope.low, line.slope.high), (2.0, 2.0, 2.0));
        assert_eq!(line.intercept, 3.0);
    }

    #[test]
    fn it_takes_five_points_that_differ_in_x() {
        let x = [0.0, 1.0, 2.0, 3.0, 4.0];
        for y in [[0.0, 1.0, 4.0, 9.0, 16.0], [7.0; 5]] {
            let points = points(&x, &y);
            assert!(line(&points, 0.95).is_some());
            for n in 0..5 {
                assert_eq!(line(&points[..n], 0.95), None, "{n} of {y:?}");
            }
            assert_eq!(line(&points, 0.9999), None);
            assert_eq!(line(&points, 1.5), None);
        }
        assert_eq!(line(&points(&[1.0; 9], &[2.0; 9]), 0.95), None);
    }

    #[test]
    fn equal_values_narrow_the_interval() {
        let tied = |at: u32| (f64::from(at / 3), f64::from(at / 6));
        let points: Vec<(f64, f64)> = (0..24).map(tied).collect();
        // 24 * 23 * 53 = 29256 weights, of which 8 groups of 3 in x take 66 each and 4 of 6 in y 510.
        let [x, y] = [8.0 * 66.0, 4.0 * 510.0];
        let sorted = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).collect::<Vec<f64>>();
        assert_eq!(weight(24), 29_256.0);
        assert_eq!((ties(&sorted(|point| point.0)), ties(&sorted(|point| point.1))), (x, y));
        // A series that stays where it is has no variance, and its slope is certain, also where x is tied.
        let flat: Vec<(f64, f64)> = points.iter().map(|point| (point.0, 7.0)).collect();
        let slope = line(&flat, 0.95).unwrap().slope;
        assert_eq!((slope.low, slope.high), (0.0, 0.0));
    }

    #[test]
    fn the_order_of_points_does_not_matter() {
        let x = [1.0, 2.0, 3.0, 4.0, 10.0, 12.0, 18.0];
        let y = [9.0, 15.0, 19.0, 20.0, 45.0, 55.0, 78.0];
        let mut swapped = points(&x, &y);
        swapped.reverse();
        swapped.swap(0, 3);
        assert_eq!(line(&swapped, 0.95), line(&points(&x, &y), 0.95));
    }

    #[test]
    fn coordinates_that_are_not_finite_are_refused() {
        for bad in [f64::NAN, f64::INFINITY] {
            for point in [(bad, 1.0), (1.0, bad)] {
                let mut points = points(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], &[1.0; 6]);
                points.push(point);
                assert_eq!(line(&points, 0.95), None);
            }
        }
        let steep = points(&[0.0, 1e-300, 2.0, 3.0, 4.0, 5.0], &[0.0, 1e300, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(line(&steep, 0.95), None);
    }
}
