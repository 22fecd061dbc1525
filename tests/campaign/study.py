"""Makes a finished build to tamper with: `python tests/campaign/study.py FOLDER`.

It is the workflow tests' tiny study, with a domain of raw data and with an accepted exception, so that there is a file
of every kind.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))

from conftest import Build, Ended, copy_workflow

ACCEPTED = "figures/bias.sample.pdf"


def pebbles() -> bytes:
    """Give the raw data of tests/workflow/added/domains/pebbles.py, whose sha256 is pinned there."""
    lines = []
    for i in range(1_000):
        x, y = (i * 7_919 + 13) % 1_000, (i * 104_729 + 7) % 1_009
        lines.append(f"{x} {y} {int((x + y > 1_000) != (i % 10 == 0))}\n")
    return "".join(lines).encode()


def add_pebbles(build: Build) -> None:
    """Let the study be of pebbles beside the spiral, their raw file in a folder of the checkout."""
    build.add("domains/pebbles.py")
    (build.folder / "pebbles").mkdir()
    (build.folder / "pebbles/pebbles.txt").write_bytes(pebbles())
    with build.study() as study:
        study["domains"]["pebbles"] = {
            "data": {"kind": "pebbles", "validation_size": 100, "test_size": 200},
            "source_copy": "pebbles",
            "train_sizes": [20, 40, 80, 160, 320],
            "budget": dict(study["domains"]["spiral"]["budget"]),
            "families": {"knn-1": {"kind": "knn", "k": 1}},
        }


def make(folder: Path) -> Build:
    """Build it, edit a figure by hand, accept that, and build again."""
    build = copy_workflow(folder)
    add_pebbles(build)
    _expect(build.snakemake(), "it can be built")
    figure = build.results / ACCEPTED
    figure.write_bytes(figure.read_bytes() + b"\n% a better title\n")
    _expect(build.audit("accept", f"results/{ACCEPTED}", "--reason", "it is only a comment"), "it can be accepted")
    _expect(build.snakemake(), "it can be built again")
    _expect(build.audit("verify"), "it is sound")
    return build


def _expect(ended: Ended, what: str) -> None:
    if ended.code != 0:
        raise SystemExit(f"expected that {what}:\n{ended.said}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where to make it; must not exist")
    make(parser.parse_args().folder.absolute())
