"""H7: do learning curves foretell what more data would bring?"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import model_validator

from scaling.claims.claim import Claim, Evidence, Share, Verdict, plural
from scaling.comparisons import NothingToCompare
from scaling.numbers import Number, count, fixed, percent
from scaling.settings import Count


class Foretelling(Claim):
    """The smaller shards of every curve foretell its largest, with an interval that keeps its promise."""

    id: ClassVar[str] = "H7"
    source: ClassVar[str] = "hestness2017"
    statement: ClassVar[str] = (
        "Learning curves foretell how much data a target accuracy takes, and so whether to collect more."
    )

    min_curves: Count
    """Fewer audited curves settle nothing."""
    hits: Share
    """Supported: at least this share of the intervals holds what was observed, and the median error is small."""
    error: Share
    """Supported: the median log error of the predictions is at most this."""
    few_hits: Share
    """Contradicted: at most this share of the intervals holds what was observed."""

    @model_validator(mode="after")
    def _in_order(self) -> Foretelling:
        """The wrong way round, one share of hits would both support and contradict."""
        if self.few_hits >= self.hits:
            raise ValueError(f"few_hits = {self.few_hits:g} is not below hits = {self.hits:g}")
        return self

    def describe(self) -> str:
        """Give the test in words."""
        return (
            r"by the extrapolation audit of at least \val{threshold.H7.min-curves} curves that may speak, the largest "
            r"shard foretold from much smaller ones: supported if at least \val{threshold.H7.hits} of the "
            r"\val{method.level} intervals hold what was observed and the median error is at most "
            r"\val{threshold.H7.error}; contradicted if at most \val{threshold.H7.few-hits} of them do"
        )

    def thresholds(self) -> dict[str, Number]:
        """Give the number of curves, the shares and the error."""
        return {
            "min-curves": count(self.min_curves),
            "hits": percent(self.hits, 0),
            "error": percent(self.error, 0),
            "few-hits": percent(self.few_hits, 0),
        }

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        """Count the intervals that hold."""
        audits = [curve.audit for curve in evidence.speaking if curve.audit is not None]
        domains = {curve.domain for curve in evidence.speaking if curve.audit is not None}
        if not audits:
            raise NothingToCompare("no curve that may speak has smaller shards enough to foretell its largest")
        hits = sum(audit.hit for audit in audits)
        error = float(np.median([abs(audit.log_error) for audit in audits]))
        numbers = {
            "audited": count(len(audits)),
            "domains": count(len(domains)),
            "hits": count(hits),
            "error": percent(error),
            "factor": fixed(float(np.median([audit.factor for audit in audits])), 1),
        }
        reason = (
            rf"of <<audited>> {plural(len(audits), 'curve', 'curves')} that may speak, the intervals of <<hits>> hold; "
            r"the median error is <<error>>, over a factor of <<factor>> in data (median)"
        )
        if len(domains) < len(audits):
            reason += (
                rf"; these are of <<domains>> {plural(len(domains), 'domain', 'domains')}, and curves of one domain "
                "share test sets and shards, so that their hits are not independent"
            )
        share = hits / len(audits)
        if len(audits) < self.min_curves:
            return "undecided", rf"{reason}; that is too few curves", numbers
        if share <= self.few_hits:
            return "contradicted", reason, numbers
        return ("supported" if share >= self.hits and error <= self.error else "undecided"), reason, numbers
