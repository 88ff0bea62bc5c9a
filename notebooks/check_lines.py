"""Runs the three lines of docs/FORMAT.md and README.md that read a results folder, as they stand there.

`check_lines.py DIR` reads a folder of a run that has a workload `null` and an adversary `NA`.
"""

import csv
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NUMBERS = ["threads", "stalled", "repeat", "ops", "ops_per_second", "unreclaimed_peak", "growth", "seconds"]
NAMES = ["experiment", "scheme", "structure", "workload", "adversary", "allocator", "placement", "parameters"]


def lines_of(document):
    """The one block of Python in a document."""
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / document).read_text(), re.M | re.S)
    assert len(blocks) == 1, f"{document} has {len(blocks)} blocks of Python, not one"
    assert blocks[0].count("\n") == 3, f"{document}: these are not three lines"
    return blocks[0]


def plain(folder, table):
    """The rows as the standard library reads them."""
    with open(folder / table, newline="") as file:
        return list(csv.DictReader(file))


def check(document, folder):
    """Holds what the lines of a document read against the files."""
    lines = lines_of(document)
    assert lines.count("results/mine") == 1, f"{document}: the lines name no folder results/mine"
    scope = {}
    exec(lines.replace("results/mine", str(folder)), scope)
    samples, series = scope["samples"], scope["series"]

    rows = plain(folder, "samples.csv")
    assert len(samples) == len(rows) and len(series) == len(plain(folder, "series.csv"))
    for name in NAMES + ["error"]:
        assert samples[name].tolist() == [row[name] for row in rows], f"{name} is not as it stands in the file"
    assert {"null"} == set(samples["workload"]) and {"NA", "none"} == set(samples["adversary"])
    assert {"NA", "none"} == set(series["adversary"]) and {"null"} == set(series["workload"])
    for name in NUMBERS:
        assert samples[name].dtype.kind in "iuf", f"{name} is no number but {samples[name].dtype}"
    # What was refused has no numbers, and what failed would have none.
    refused = samples[samples["status"] == "refused"]
    measured = samples[samples["status"] == "ok"]
    assert len(refused) and len(measured) and len(refused) + len(measured) == len(samples)
    assert refused["ops"].isna().all() and measured["ops"].notna().all()
    grouped = samples.groupby(["scheme", "workload", "adversary", "parameters", "repeat"]).size()
    assert grouped.sum() == len(samples), "a grouping loses rows"
    # A series ends with the numbers of its cell.
    key = ["scheme", "structure", "workload", "adversary", "threads", "stalled", "repeat", "parameters"]
    ends = series.groupby(key)[["retired", "freed"]].last()
    both = measured.set_index(key)[["retired", "freed"]].join(ends.add_suffix("_end"))
    assert (both["retired"] == both["retired_end"]).all() and (both["freed"] == both["freed_end"]).all()
    print(f"check_lines: the lines of {document} read {len(samples)} cells and {len(series)} points")


if len(sys.argv) != 2:
    sys.exit(__doc__)
for each in ("docs/FORMAT.md", "README.md"):
    check(each, Path(sys.argv[1]).resolve())
