"""Runs a notebook, and holds its outputs against those that are kept in it.

`run.py NOTEBOOK` runs a copy, on the results folder that KOVAN_RESULTS names. `run.py NOTEBOOK --check` also fails where
a text or a table is another one than in the file; pictures are not compared, since other fonts draw them differently.
`run.py NOTEBOOK --write` keeps the new outputs.
"""

import copy
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def texts(notebook):
    """What each cell printed or showed, without its pictures."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            is_picture = any(kind.startswith("image/") for kind in data)
            found.append(output.get("text") or ("a picture" if is_picture else data.get("text/plain")))
    return found


def main():
    path, mode = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    kept = nbformat.read(path, as_version=4)
    new = copy.deepcopy(kept)
    NotebookClient(new, resources={"metadata": {"path": str(path.parent)}}, record_timing=False).execute()
    if mode == "--write":
        # What differs from run to run, and says nothing.
        for cell in new.cells:
            cell.metadata.pop("execution", None)
        new.metadata.pop("language_info", None)
        nbformat.write(new, path)
    elif mode == "--check" and texts(new) != texts(kept):
        for one, other in zip(texts(kept), texts(new)):
            if one != other:
                sys.exit(f"{path}: it keeps\n{one}\nand now shows\n{other}\n`run.py {path} --write` keeps that")
        sys.exit(f"{path}: it keeps {len(texts(kept))} outputs, and now has {len(texts(new))}")


if __name__ == "__main__":
    main()
