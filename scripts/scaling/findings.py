"""Findings: every number that the paper may print, by key, with the file and the place it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from scaling.claims import Outcome
from scaling.curves import Curve, chosen_runs
from scaling.laws import Estimate, Law
from scaling.numbers import Number, count, fixed, percent, significant, word
from scaling.study import DomainPlan, Study


class Finding(NamedTuple):
    """A number, its key, and where it was read: a file of the results folder and a JSON pointer or column in it."""

    key: str
    number: Number
    source: str
    pointer: str


def collect(
    study: Study,
    tables: Mapping[str, pd.DataFrame],
    curves: Sequence[Curve],
    outcomes: Sequence[Outcome],
) -> Iterator[Finding]:
    """Give all findings: of the design, of each domain, curve, law and claim."""
    yield from _design(study)
    for name, plan in study.domains.items():
        yield from _domain(name, plan)
    for curve in curves:
        yield from _curve(curve, tables[curve.domain])
        if curve.law is not None:
            yield from _law(curve, curve.law)
    for outcome in outcomes:
        yield Finding(f"claim.{outcome.id}.verdict", word(outcome.verdict), f"claims/{outcome.id}.json", "/verdict")
        for name, number in outcome.numbers.items():
            pointer = f"/numbers/{name}/value"
            yield Finding(f"claim.{outcome.id}.{name}", number, f"claims/{outcome.id}.json", pointer)
    yield from _verdicts(outcomes)


def _design(study: Study) -> Iterator[Finding]:
    runs = {name: len(study.runs(name)) for name in study.domains}
    doubled = {name: len(study.doubled_runs(name)) for name in study.domains}
    for key, value in {
        "runs": sum(runs.values()),
        "doubled-runs": sum(doubled.values()),
        "trainings": sum(runs.values()) + sum(doubled.values()),
        "domains": len(study.domains),
        "curves": sum(len(plan.families) for plan in study.domains.values()),
        "seeds": len(study.seeds),
        "shared-pool-seeds": len(study.shared_pool_seeds),
        "claims": len(study.claims.present()),
    }.items():
        yield Finding(f"study.{key}", count(value), "config", key)
    if bias := study.experiments.bias:
        yield Finding("bias.n", count(bias.N), "config", "/experiments/bias/N")


def _domain(name: str, plan: DomainPlan) -> Iterator[Finding]:
    domain, sizes = plan.domain, plan.train_sizes
    where = f"/domains/{name}"
    unit = domain.unit
    yield Finding(f"domain.{name}.shards", count(len(sizes)), "config", f"{where}/train_sizes")
    yield Finding(f"domain.{name}.n-min", count(min(sizes), unit), "config", f"{where}/train_sizes")
    yield Finding(f"domain.{name}.n-max", count(max(sizes), unit), "config", f"{where}/train_sizes")
    validation = count(domain.validation_size, unit)
    yield Finding(f"domain.{name}.validation-size", validation, "config", f"{where}/data/validation_size")
    yield Finding(f"domain.{name}.guess", percent(domain.guess, 0), "config", f"{where}/data")
    if domain.pool is not None:
        yield Finding(f"domain.{name}.pool", count(domain.pool, unit), "config", f"{where}/data")
    shared = sum(plan.shares_pool(N) for N in sizes)
    yield Finding(f"domain.{name}.shared-shards", count(shared), "config", f"{where}/train_sizes")


def _curve(curve: Curve, table: pd.DataFrame) -> Iterator[Finding]:
    key, source = f"curve.{curve.domain}.{curve.family}", f"laws/{curve.domain}/{curve.family}.json"
    for place, shard in ((f"n{shard.N}", shard) for shard in curve.shards):
        index = curve.shards.index(shard)
        yield Finding(f"{key}.{place}", _error(shard.median), source, f"/shards/{index}/median")
    if curve.shards:
        yield Finding(f"{key}.first", _error(curve.shards[0].median), source, "/shards/0/median")
        last = len(curve.shards) - 1
        yield Finding(f"{key}.last", _error(curve.shards[-1].median), source, f"/shards/{last}/median")
    if curve.budget_gain is not None:
        yield Finding(f"{key}.budget-gain", percent(curve.budget_gain), source, "/budget_gain")
    diverged = sum(shard.diverged for shard in curve.shards)
    yield Finding(f"{key}.diverged", count(diverged), source, "/shards/*/diverged")
    runs = table[(table.family == curve.family)]
    rows = f"rows of {curve.family}"
    yield Finding(f"{key}.runs", count(len(runs)), f"curves/{curve.domain}.csv", rows)
    yield Finding(f"{key}.flops", significant(runs.flops.sum(), 2, "FLOP"), f"curves/{curve.domain}.csv", rows)
    largest = chosen_runs(table, curve.family, N=int(table.N.max()))
    if len(largest):
        parameters = count(int(largest.parameters.iloc[0]))
        yield Finding(f"{key}.parameters", parameters, f"curves/{curve.domain}.csv", f"chosen {rows}")


def _error(value: float) -> Number:
    """Print an error in percent with two or three significant figures."""
    return percent(value, 1 if value >= 0.1 else 2)


def _law(curve: Curve, law: Law) -> Iterator[Finding]:
    key, source = f"law.{curve.domain}.{curve.family}", f"laws/{curve.domain}/{curve.family}.json"
    profile = "profile, F on shards less parameters"
    yield Finding(f"{key}.slope", _estimate(law.slope, law.level, "t on shard means"), source, "/law/slope/value")
    yield Finding(f"{key}.beta", _estimate(law.beta, law.level, profile), source, "/law/beta/value")
    yield Finding(f"{key}.gamma", _estimate(law.gamma, law.level, profile, 4), source, "/law/gamma/value")
    yield Finding(f"{key}.alpha", _estimate(law.alpha, law.level, profile, 4), source, "/law/alpha/value")
    if law.gamma.high is not None:
        yield Finding(f"{key}.gamma-bound", fixed(law.gamma.high, 4), source, "/law/gamma/high")
    yield Finding(f"{key}.residual", percent(law.rms_residual), source, "/law/rms_residual")
    yield Finding(f"{key}.agreement", percent(law.agreement, 0), source, "/law/agreement")
    yield Finding(f"{key}.shards", count(law.shards), source, "/law/shards")
    yield Finding(f"{key}.decades", fixed(law.decades, 1), source, "/law/decades")
    for index, rival in enumerate(law.rivals):
        if rival.rolling_error is not None:
            name = rival.form.replace(" ", "-")
            error = percent(rival.rolling_error)
            yield Finding(f"{key}.prediction.{name}", error, source, f"/law/rivals/{index}/rolling_error")


def _estimate(estimate: Estimate, level: float, how: str, digits: int = 3) -> Number:
    return fixed(estimate.value, digits, interval=(estimate.low, estimate.high), level=level, how=how)


def _verdicts(outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    for verdict in ("supported", "contradicted", "undecided"):
        number = count(sum(outcome.verdict == verdict for outcome in outcomes))
        yield Finding(f"claims.{verdict}", number, "claims", "/verdict")
