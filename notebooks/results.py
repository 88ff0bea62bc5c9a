"""Reads the folder that `kovan-lab run` writes; docs/FORMAT.md has every file and column."""

import json
import os
from pathlib import Path

import pandas as pd

# Version 2 has more columns and files; the notebooks use those of version 1.
SCHEMA_VERSIONS = (1, 2)
# By marker and line as well as by colour, so that print and colour-blind readers see them. Okabe and
# Ito's colours; 7, 13 and 4 have no common factor, so the looks repeat after 364 schemes only.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9"]
MARKERS = "os^vD<>Pp*hXd"
DASHES = ["-", "--", "-.", ":"]

# The columns that are text, where `null` or `NA` is a name and not a missing number.
TEXTS = [
    "experiment",
    "scheme",
    "structure",
    "workload",
    "adversary",
    "allocator",
    "status",
    "error",
    "placement",
    "parameters",
    "method",
    "allocator_version",
    "role",
    "operation",
    "histogram",
    "build",
    "machine",
]


def read(path):
    """A table in which only empty numbers are missing."""
    numbers = [column for column in pd.read_csv(path, nrows=0).columns if column not in TEXTS]
    return pd.read_csv(
        path,
        dtype={column: str for column in TEXTS},
        keep_default_na=False,
        na_values={column: [""] for column in numbers},
    )


def quota(machine):
    """The CPU quota of the control group, if there is one: `, quota 1.5`."""
    micros, _, period = (machine.get("cgroup_cpu_max") or "max").partition(" ")
    return f", quota {int(micros) / int(period):g}" if micros != "max" else ""


class Results:
    """A results folder: what was run on what, one row per cell, and the counters over time."""

    def __init__(self, spec, folder=None):
        """Of this experiment: a folder, or that which KOVAN_RESULTS names, else that of scale `laptop`."""
        default = Path(__file__).parent.parent / "results" / f"{spec}-laptop"
        self.folder = Path(folder or os.environ.get("KOVAN_RESULTS", default))
        manifest = self.folder / "manifest.json"
        if not manifest.exists():
            raise FileNotFoundError(
                f"{manifest}: not there; run `cargo run --release -- run {spec}`, "
                "or set KOVAN_RESULTS to a results folder"
            )
        self.manifest = json.loads(manifest.read_text())
        version = self.manifest.get("schema_version")
        if version not in SCHEMA_VERSIONS:
            raise ValueError(f"{manifest}: schema_version {version}, but this reads {SCHEMA_VERSIONS}")
        if self.manifest["experiment"] != spec:
            raise ValueError(f"{self.folder}: holds `{self.manifest['experiment']}`, not `{spec}`")
        cells = read(self.folder / "samples.csv")
        # What failed or was refused has no numbers. It is kept to be shown, never plotted as zero.
        self.failed = cells[cells["status"] != "ok"]
        self.samples = cells[cells["status"] == "ok"]

    def series(self):
        """The counters over time; records that are kept have them compressed."""
        path = self.folder / "series.csv"
        return read(path if path.exists() else path.with_suffix(".csv.gz"))

    def provenance(self):
        """One line to print under a figure: machine, commit, scale, and what is missing."""
        machine, build = self.manifest["machine"], self.manifest["build"]
        parts = [
            f"{machine['cpu_model']}, {machine['cores']} processors{quota(machine)}",
            f"{self.manifest['allocator']['name']} allocator",
            f"commit {str(build['commit'])[:12]}" + (" with changes" if build["dirty"] else ""),
            f"scale {self.manifest['scale']}, {self.manifest['started']}",
        ]
        if not self.manifest["complete"]:
            parts.append("INCOMPLETE")
        if len(self.failed):
            parts.append(f"{len(self.failed)} cells without numbers")
        return "; ".join(parts)


def style(schemes):
    """Colour, marker and dashes of each scheme: the same in all figures of a notebook."""
    return {
        scheme: {
            "color": COLOURS[at % len(COLOURS)],
            "marker": MARKERS[at % len(MARKERS)],
            "linestyle": DASHES[at % len(DASHES)],
        }
        for at, scheme in enumerate(sorted(schemes))
    }
