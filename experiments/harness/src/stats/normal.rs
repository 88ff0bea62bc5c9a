//! The standard normal distribution.

use std::f64::consts::PI;

/// Returns the chance of a standard normal value at most `z`, with a relative error below 1e-13 in the
/// lower tail. The middle is Marsaglia's series (*Evaluating the Normal Distribution*, J. Stat. Software
/// 11(4), 2004), whose terms all have one sign. The tails are Laplace's continued fraction.
pub fn cdf(z: f64) -> f64 {
    let density = (-z * z / 2.0).exp() / (2.0 * PI).sqrt();
    if z.abs() < 2.5 {
        return 0.5 + density * series(z);
    }
    let tail = density / fraction(z.abs());
    if z < 0.0 { tail } else { 1.0 - tail }
}

/// Sums `z + z^3/3 + z^5/(3*5) + ...`.
fn series(z: f64) -> f64 {
    let (mut term, mut sum, mut odd) = (z, z, 1.0);
    while term.abs() > 1e-17 * sum.abs() {
        odd += 2.0;
        term *= z * z / odd;
        sum += term;
    }
    sum
}

/// Returns `z + 1/(z + 2/(z + 3/(z + ...)))`. A hundred terms are exact in double precision from 2.5 on.
fn fraction(z: f64) -> f64 {
    (1..=100).rev().fold(z, |rest, step| z + f64::from(step) / rest)
}

/// Returns the standard normal value that a value is at most with chance `p`, with a relative error below
/// 1e-15. Returns an infinity for 0 and 1 and NaN outside of them. Wichura, *Algorithm AS 241: The
/// Percentage Points of the Normal Distribution*, Applied Statistics 37(3), 1988, routine PPND16.
pub fn quantile(p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 || p.is_nan() {
        return match p {
            0.0 => f64::NEG_INFINITY,
            1.0 => f64::INFINITY,
            _ => f64::NAN,
        };
    }
    let from_half = p - 0.5;
    if from_half.abs() <= 0.425 {
        return from_half * rational(&CENTRE, 0.180_625 - from_half * from_half);
    }
    let root = (-p.min(1.0 - p).ln()).sqrt();
    let size = if root <= 5.0 { rational(&TAIL, root - 1.6) } else { rational(&FAR, root - 5.0) };
    size.copysign(from_half)
}

/// Returns the quotient of two polynomials; the coefficients begin with the constants.
fn rational(coefficients: &[[f64; 8]; 2], at: f64) -> f64 {
    let [above, below] = coefficients
        .map(|terms| terms.iter().rev().fold(0.0, |sum, coefficient| sum * at + coefficient));
    above / below
}

/// Chances from 0.075 to 0.925.
const CENTRE: [[f64; 8]; 2] = [
    [
        3.3871328727963665,
        133.14166789178438,
        1971.5909503065513,
        13731.69376550946,
        45921.95393154987,
        67265.7709270087,
        33430.57558358813,
        2509.0809287301227,
    ],
    [
        1.0,
        42.31333070160091,
        687.1870074920579,
        5394.196021424751,
        21213.794301586597,
        39307.89580009271,
        28729.085735721943,
        5226.495278852854,
    ],
];
/// Chances beyond, down to about 1e-11.
const TAIL: [[f64; 8]; 2] = [
    [
        1.4234371107496835,
        4.630337846156546,
        5.769497221460691,
        3.6478483247632045,
        1.2704582524523684,
        0.2417807251774506,
        0.022723844989269184,
        0.0007745450142783414,
    ],
    [
        1.0,
        2.053191626637759,
        1.6763848301838038,
        0.6897673349851,
        0.14810397642748008,
        0.015198666563616457,
        0.0005475938084995345,
        1.0507500716444169e-09,
    ],
];
/// Smaller chances.
const FAR: [[f64; 8]; 2] = [
    [
        6.657904643501103,
        5.463784911164114,
        1.7848265399172913,
        0.29656057182850487,
        0.026532189526576124,
        0.0012426609473880784,
        2.7115555687434876e-05,
        2.0103343992922881e-07,
    ],
    [
        1.0,
        0.599832206555888,
        0.1369298809227358,
        0.014875361290850615,
        0.0007868691311456133,
        1.8463183175100548e-05,
        1.421511758316446e-07,
        2.0442631033899397e-15,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_that_wichura_printed() {
        let printed = [
            (0.25, -0.674_489_750_196_081_7),
            (0.001, -3.090_232_306_167_814),
            (1e-20, -9.262_340_089_798_408),
        ];
        for (p, expected) in printed {
            assert!((quantile(p) - expected).abs() < 1e-15 * expected.abs() * 2.0, "{p}");
        }
        assert_eq!(quantile(0.5), 0.0);
        assert_eq!((quantile(0.0), quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!([-0.1, 1.1, f64::NAN].iter().all(|p| quantile(*p).is_nan()));
    }

    #[test]
    fn the_distribution_and_its_quantile_undo_each_other() {
        for step in -80..=80 {
            let z = f64::from(step) / 10.0;
            let chance = cdf(z);
            assert!((chance + cdf(-z) - 1.0).abs() < 1e-15, "{z}");
            assert!(z > 6.0 || (quantile(chance) - z).abs() < 1e-7, "{z}");
            assert!(z > 0.0 || (quantile(chance) - z).abs() < 1e-13 * (1.0 - z), "{z}");
        }
        assert_eq!((cdf(40.0), cdf(f64::NEG_INFINITY), cdf(f64::INFINITY)), (1.0, 0.0, 1.0));
        assert!(cdf(f64::NAN).is_nan());
    }
}
