"""A small tamper campaign; tests/campaign/tamper.py runs the whole of it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "campaign"))

import tamper


def test_what_was_tampered_with_is_found_and_named_and_nothing_else(finished):
    before = finished.files()
    results = tamper.run(finished.folder, limit=40)
    assert [f"{result.case.name}: {result.objection}" for result in results if result.objection] == []
    assert len(results) >= 35, "some can't be done to their file"
    assert len({result.case.kind for result in results}) >= 15
    assert finished.files() == before
