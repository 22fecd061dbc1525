"""History: what jobs took when they ran last, for what to grant them when they run again.

A cluster stops a job that takes more memory or time than was asked for, and lets one wait that asks for much.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from provenance.receipts import Receipt

MEMORY_MARGIN = 1.5
"""Of memory a job takes much the same each time; of another size of the same rule, not much more."""
TIME_MARGIN = 2.0
"""Nodes differ in speed, and share their memory's bandwidth."""
BESIDE_MB = 500
"""For what runs on the node beside the job's script: two processes of Snakemake, of 200 MB each."""
START_MINUTES = 2
"""For starting them, from a file system that may be slow."""


@dataclass(frozen=True)
class Grant:
    """What a job may take before a cluster stops it."""

    mem_mb: int
    runtime: int
    """Minutes."""

    def again(self, attempt: int) -> Grant:
        """Give what to grant at an attempt, counted from 1: twice as much each time."""
        return Grant(self.mem_mb * 2 ** (attempt - 1), self.runtime * 2 ** (attempt - 1))


class History:
    """What the jobs behind some receipts took."""

    def __init__(self, receipts: Iterable[Receipt]):
        self._own: dict[tuple[str, frozenset[tuple[str, str]]], Grant] = {}
        self._most: dict[str, Grant] = defaultdict(lambda: Grant(0, 0))
        for receipt in receipts:
            if receipt.made.keys() >= {"memory_mb", "wall_s"}:
                grant = _with_margin(receipt.made["memory_mb"], receipt.made["wall_s"])
                most = self._most[receipt.rule]
                self._own[_job(receipt.rule, receipt.wildcards)] = grant
                self._most[receipt.rule] = Grant(max(most.mem_mb, grant.mem_mb), max(most.runtime, grant.runtime))

    def grant(self, rule: str, wildcards: Mapping[str, str], declared: Grant, attempt: int = 1) -> Grant:
        """Say what a job may take: with a margin what it took itself, else what the costliest of its rule took.

        What is `declared` counts only where no job of the rule has run yet.
        """
        known = self._own.get(_job(rule, wildcards)) or self._most.get(rule, declared)
        return known.again(attempt)


def _job(rule: str, wildcards: Mapping[str, str]) -> tuple[str, frozenset[tuple[str, str]]]:
    return rule, frozenset(wildcards.items())


def _with_margin(memory_mb: float, wall_s: float) -> Grant:
    return Grant(math.ceil(memory_mb * MEMORY_MARGIN) + BESIDE_MB, math.ceil(wall_s * TIME_MARGIN / 60) + START_MINUTES)
