"""Checks the lab's statistics (experiments/harness/src/stats) against SciPy.

`stats-cases.csv` has samples and what SciPy gives for them. This script computes it anew and fails if the
file says otherwise; a Rust test fails if the lab's functions do. So neither side can drift from the other.
`--write` writes the file.

What SciPy does not have is computed here by definition: the estimate of Hodges and Lehmann from all means
of two values, and its interval from the polynomial that counts the sums of ranks.
"""

import csv
import io
import math
import pathlib
import random
import sys

import numpy as np
from scipy import stats

CASES = pathlib.Path(__file__).with_name("stats-cases.csv")
HEADER = ["sample", "method", "argument", "x", "y", "expected", "tolerance"]
RESAMPLES = 400_000
# Ends of bootstrap intervals, as a share of the width. Both sides draw at random: with 100,000 resamples
# the standard deviation of an end is 0.3 % of the width or less.
BOOTSTRAP_TOLERANCE = 0.015
# Everything else, as a share of the largest expected value: rounding.
TOLERANCE = 1e-11


def samples():
    """Samples by name. Rounded, so that no machine's mathematical library shows in the file."""
    draw = random.Random(20)

    def logs(n, sigma, scale=1.0):
        return [round(scale * math.exp(draw.gauss(0, sigma)), 6) for _ in range(n)]

    def differences(n, mean, digits):
        return [round(draw.gauss(mean, 1), digits) for _ in range(n)]

    return {
        "one": [4.25],
        "five": [3.1, 4.7, 2.2, 5.9, 4.4],
        "six": [3.1, 4.7, 2.2, 5.9, 4.4, 3.8],
        "seven": [3.1, 4.7, 2.2, 5.9, 4.4, 3.8, 1.9],
        "integers": [3.0, 5.0, 5.0, 8.0, 5.0, 2.0, 9.0, 3.0, 5.0, 7.0, 3.0],
        "skewed-15": logs(15, 1.0),
        "skewed-40": logs(40, 0.8),
        "throughput": logs(21, 0.03, 41_000_000.0),
        "differences-13": [1.5, -0.5, 0.0, 2.0, 1.5, -1.5, 3.0, 0.5, 0.0, 2.5, -0.5, 1.0, 4.0],
        "differences-20": differences(20, 0.5, 6),
        "differences-50": differences(50, 0.3, 6),
        "differences-60": differences(60, 0.3, 6),
        "differences-60-with-ties": differences(60, 0.3, 1),
        "throughput-30": logs(30, 0.05, 39_000_000.0),
        "throughput-36": logs(36, 0.04, 42_000_000.0),
    }


def paired():
    """Pairs of samples by name, for ratios and lines."""
    draw = random.Random(21)
    blocks = [math.exp(draw.gauss(0, 0.2)) for _ in range(15)]

    def beside(ratio, noise):
        return [round(1e6 * ratio * block * math.exp(draw.gauss(0, noise)), 3) for block in blocks]

    times = [round(0.1 * at, 6) for at in range(40)]
    nodes = [round(250.0 + 90.0 * time + draw.gauss(0, 20), 6) for time in times]
    return {
        "sen-1968": ([1.0, 2.0, 3.0, 4.0, 10.0, 12.0, 18.0], [9.0, 15.0, 19.0, 20.0, 45.0, 55.0, 78.0]),
        "four-points": ([1.0, 2.0, 3.0, 4.0], [1.0, 2.5, 2.75, 4.5]),
        "five-points": ([1.0, 2.0, 3.0, 4.0, 6.0], [1.0, 2.5, 2.75, 4.5, 4.25]),
        "ties-in-both": ([1.0, 1.0, 2.0, 3.0, 3.0, 4.0, 5.0, 6.0, 7.0], [2.0, 3.0, 3.0, 3.0, 5.0, 6.0, 6.0, 8.0, 7.0]),
        "ties-in-x": ([float(at // 8) for at in range(40)], nodes),
        "ties-in-y": (sorted(nodes), [float(at // 8) for at in range(40)]),
        "series": (times, nodes),
        "alike": (beside(1.0, 0.02), beside(1.0, 0.02)),
        "slower": (beside(0.95, 0.02), beside(1.0, 0.02)),
    }


def finite(values):
    return None if any(math.isnan(value) for value in values) else [float(value) for value in values]


def median_interval(x, confidence):
    """SciPy's interval of a quantile by order statistics, with the confidence that these attain."""
    test = stats.quantile_test(x, q=0, p=0.5)
    interval = test.confidence_interval(confidence)
    left_out = stats.binom.ppf((1 - confidence) / 2, len(x), 0.5) - 1
    attained = 1 - 2 * stats.binom.cdf(left_out, len(x), 0.5)
    return finite([np.median(x), interval.low, interval.high, attained])


def sign_test(x):
    plus, minus = sum(value > 0 for value in x), sum(value < 0 for value in x)
    return [stats.binomtest(plus, plus + minus).pvalue] if plus + minus else None


def signed_rank_test(x):
    values = [value for value in x if value]
    sizes = [abs(value) for value in values]
    if len(values) > 50:
        method = "asymptotic"
    elif len(set(sizes)) < len(sizes):
        method = stats.PermutationMethod(n_resamples=np.inf)
    else:
        method = "exact"
    return [stats.wilcoxon(values, method=method).pvalue]


def hodges_lehmann(x, confidence):
    n = len(x)
    means = np.sort([(x[i] + x[j]) / 2 for i in range(n) for j in range(i, n)])
    tail = (1 - confidence) / 2
    if n <= 50:
        ways = [1]
        for rank in range(1, n + 1):
            ways = np.convolve(ways, [1] + [0] * (rank - 1) + [1])
        below = np.cumsum(ways) / 2**n
        out = int(np.searchsorted(below, tail, side="right")) - 1
        chance = below[out]
    else:
        mean, deviation = n * (n + 1) / 4, math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        out = math.floor(stats.norm.ppf(tail, mean, deviation) - 0.5)
        chance = stats.norm.cdf(out + 0.5, mean, deviation)
    if out < 0:
        return None
    return [np.median(means), means[out], means[-1 - out], 1 - 2 * chance]


def paired_ratio(x, y):
    interval = hodges_lehmann(np.log(x) - np.log(y), 0.95)
    return interval and [*np.exp(interval[:3]), interval[3]]


def theil_sen(x, y, confidence):
    line = stats.theilslopes(y, x, confidence)
    # That all points but for chance rise, or fall, is too likely. SciPy then takes the least and the
    # greatest slope, which do not attain the confidence.
    if 2 / math.factorial(len(x)) > 1 - confidence:
        return None
    return [line.slope, line.low_slope, line.high_slope, confidence, line.intercept]


def bca(data, statistic, confidence):
    if min(len(sample) for sample in data) < 8:  # The lab's own limit.
        return None
    result = stats.bootstrap(
        data,
        statistic,
        n_resamples=RESAMPLES,
        batch=RESAMPLES // 40,
        confidence_level=confidence,
        method="BCa",
        rng=np.random.default_rng(22),
    ).confidence_interval
    return finite([statistic(*data, axis=-1), *result, confidence])


def ratio_of_medians(x, y, axis):
    return np.median(x, axis=axis) / np.median(y, axis=axis)


def rows():
    for z in (-30.0, -8.0, -2.5, -2.4999, -1.0, 0.0, 0.3, 1.96, 2.6, 7.0):
        yield "number", "normal-cdf", None, [z], [], [stats.norm.cdf(z)]
    for p in (1e-300, 1e-20, 0.001, 0.025, 0.074, 0.076, 0.5, 0.8, 0.975, 0.9999):
        yield "number", "normal-quantile", None, [p], [], [stats.norm.ppf(p)]
    for name, x in samples().items():
        yield name, "median", None, x, [], [np.median(x)]
        for q in (0.0, 0.1, 0.25, 0.9, 1.0):
            yield name, "quantile", q, x, [], [np.quantile(x, q)]
        if min(x) > 0:
            yield name, "geometric-mean", None, x, [], [stats.gmean(x)]
        yield name, "median-absolute-deviation", None, x, [], [stats.median_abs_deviation(x)]
        for confidence in (0.9, 0.95, 0.99):
            yield name, "median-interval", confidence, x, [], median_interval(x, confidence)
            yield name, "hodges-lehmann", confidence, x, [], hodges_lehmann(x, confidence)
        yield name, "sign-test", None, x, [], sign_test(x)
        yield name, "signed-rank-test", None, x, [], signed_rank_test(x)
    for name, (x, y) in paired().items():
        for confidence in (0.9, 0.95, 0.99):
            yield name, "theil-sen", confidence, x, y, theil_sen(x, y, confidence)
        if min(x) > 0 and min(y) > 0:
            yield name, "paired-ratio", None, x, y, paired_ratio(x, y)
    yield from bootstraps()


def bootstraps():
    for name in ("seven", "skewed-15", "skewed-40", "throughput"):
        x = samples()[name]
        for confidence in (0.9, 0.95):
            yield name, "bca-mean", confidence, x, [], bca((x,), np.mean, confidence)
            yield name, "bca-deviation", confidence, x, [], bca((x,), np.std, confidence)
    # Resampled medians take few values. For these samples no seed moves an end to the next of them.
    for name in ("skewed-40", "throughput", "differences-20"):
        x = samples()[name]
        yield name, "bca-median", 0.95, x, [], bca((x,), np.median, 0.95)
    large = ["throughput-30", "throughput-36"]
    for names in (large, large[::-1], ["throughput-30", "throughput"], ["throughput", "six"]):
        data = tuple(samples()[name] for name in names)
        yield " over ".join(names), "bca-ratio-of-medians", 0.95, *data, bca(data, ratio_of_medians, 0.95)


def tolerance(method, expected):
    if expected is None:
        return 0.0
    if method.startswith("bca-"):
        return BOOTSTRAP_TOLERANCE * (expected[2] - expected[1])
    return TOLERANCE * max(abs(value) for value in expected)


def text(row):
    sample, method, argument, x, y, expected = row
    words = [" ".join(repr(float(value)) for value in values) for values in (x, y)]
    result = "none" if expected is None else " ".join(repr(float(value)) for value in expected)
    number = "" if argument is None else repr(argument)
    return [sample, method, number, *words, result, f"{tolerance(method, expected):.3g}"]


def agrees(stored, computed):
    """Whether a stored row is of the same case, and its values are within the tolerance."""
    if stored[:5] != computed[:5] or (stored[5] == "none") != (computed[5] == "none"):
        return False
    if stored[5] == "none":
        return True
    values = [[float(word) for word in row[5].split()] for row in (stored, computed)]
    close = [abs(one - two) <= float(computed[6]) for one, two in zip(*values)]
    return len(values[0]) == len(values[1]) and all(close)


def main():
    computed = [text(row) for row in rows()]
    if sys.argv[1:] == ["--write"]:
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerows([HEADER, *computed])
        CASES.write_text(file.getvalue())
        print(f"check_stats: {len(computed)} cases written")
        return
    header, *stored = csv.reader(CASES.read_text().splitlines())
    wrong = [pair for pair in zip(stored, computed) if not agrees(*pair)]
    for was, now in wrong:
        print(f"check_stats: {was[1]} of {was[0]}: the file has {was[5]}, SciPy {now[5]}", file=sys.stderr)
    if wrong or header != HEADER or len(stored) != len(computed):
        sys.exit("check_stats: SciPy does not give what stats-cases.csv has; see --write")
    print(f"check_stats: {len(computed)} cases are as SciPy has them")


if __name__ == "__main__":
    main()
