"""Findings: every number that the paper may print, by key, with the file and the place it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from scaling.claims import Outcome
from scaling.comparisons import LEVEL, Ratio, budget_check, runner_up
from scaling.curves import BUDGET_TOLERANCE, USUAL_SLOPES, Curve, chosen_runs, ranked
from scaling.domains import KnownLaw
from scaling.experiments import bias_numbers
from scaling.experiments import coverage as simulated
from scaling.experiments.coverage import Campaign, Cell, Coverage
from scaling.experiments.priors import Answer
from scaling.laws import BETA_RANGE, Estimate, Law, fit_law
from scaling.laws.analysis import AHEAD, AUDIT_FACTOR, Analysis
from scaling.laws.fitting import MIN_SHARDS
from scaling.laws.regions import MIN_DECADES, PASSES
from scaling.laws.rivals import POWER_LAWS, TOLERANCE
from scaling.laws.shards import SHARED
from scaling.metrics import PERPLEXITY, PREFIX, other_metrics, printed, told_apart
from scaling.models import Network
from scaling.notation import error, estimate, interval, misfit
from scaling.numbers import Number, count, fixed, percent, plain, significant, size_interval, word
from scaling.plans import DomainPlan, MeasuredPlan, TrainedPlan
from scaling.study import Study
from scaling.training import FEWEST_LOOKS, LOOKS


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
    campaigns: Sequence[Campaign] = (),
    bias: Answer | None = None,
) -> Iterator[Finding]:
    """Give all findings: of the design, of each domain, curve, law and claim."""
    yield from _method()
    yield from _design(study)
    if study.trained:
        total = sum(float(tables[name].flops.sum()) for name in study.plans)
        yield Finding("study.flops", significant(total, 2, "FLOP"), "curves.csv", "flops of what is trained here")
    for name, trained in study.trained.items():
        yield from _trained_domain(name, trained)
    for name, measured in study.measured.items():
        yield from _measured_domain(name, measured, tables[name])
    for name, domain in study.domains.items():
        yield from _ranking(name, domain.top, [curve for curve in curves if curve.domain == name], tables[name])
    for curve in curves:
        plan = study.domains[curve.domain]
        yield from _curve(curve, tables[curve.domain], plan)
        yield from _metrics(curve, tables[curve.domain], plan, told_apart(study, curve.domain))
        if curve.analysis is not None:
            yield from _law(curve, curve.analysis, plan)
    counted = [curve for curve in curves if curve.domain in study.pictured]
    yield from _tally(counted)
    yield from _budget_checks(counted, tables)
    yield from _fits(curves)
    yield from _held(curves, study)
    for outcome in outcomes:
        yield Finding(f"claim.{outcome.id}.verdict", word(outcome.verdict), f"claims/{outcome.id}.json", "/verdict")
        for name, number in outcome.numbers.items():
            pointer = f"/numbers/{name}/value"
            yield Finding(f"claim.{outcome.id}.{name}", number, f"claims/{outcome.id}.json", pointer)
    yield from _verdicts(outcomes)
    told = [*bias_numbers.settings(study), *(bias_numbers.numbers(study, bias) if bias else ())]
    yield from (Finding(*finding) for finding in told)
    if coverage := study.experiments.coverage:
        yield from _coverage(coverage, campaigns)


def _method() -> Iterator[Finding]:
    for name, number, place in (
        ("looks", count(LOOKS), "training.LOOKS"),
        ("fewest-looks", count(FEWEST_LOOKS), "training.FEWEST_LOOKS"),
        ("pool-share", count(SHARED), "laws.shards.SHARED"),
        ("budget-tolerance", percent(BUDGET_TOLERANCE, 0), "curves.BUDGET_TOLERANCE"),
        ("min-shards", count(MIN_SHARDS), "laws.fitting.MIN_SHARDS"),
        ("min-decades", fixed(MIN_DECADES, 1), "laws.regions.MIN_DECADES"),
        ("region-p", plain(PASSES), "laws.regions.PASSES"),
        ("tolerance", percent(TOLERANCE, 0), "laws.rivals.TOLERANCE"),
        ("audit-factor", plain(AUDIT_FACTOR), "laws.analysis.AUDIT_FACTOR"),
        ("ahead", plain(AHEAD), "laws.analysis.AHEAD"),
        ("level", percent(LEVEL, 0), "comparisons.LEVEL"),
        ("usual-steepest", fixed(USUAL_SLOPES[0], 2), "curves.USUAL_SLOPES"),
        ("usual-flattest", fixed(USUAL_SLOPES[1], 2), "curves.USUAL_SLOPES"),
        ("beta-steepest", fixed(BETA_RANGE[0], 0), "laws.fitting.BETA_RANGE"),
        ("beta-flattest", fixed(BETA_RANGE[1], 3), "laws.fitting.BETA_RANGE"),
    ):
        yield Finding(f"method.{name}", number, "code", f"scaling.{place}")


def _design(study: Study) -> Iterator[Finding]:
    runs = {name: len(study.runs(name)) for name in study.plans}
    doubled = {name: len(study.doubled_runs(name)) for name in study.plans}
    for key, value in {
        "runs": sum(runs.values()),
        "doubled-runs": sum(doubled.values()),
        "trainings": sum(runs.values()) + sum(doubled.values()),
        "arm-runs": sum(runs[name] for name in study.arms),
        "domain-trainings": sum(runs[name] + doubled[name] for name in study.trained),
        "domains": len(study.pictured),
        "controls": len(study.domains) - len(study.pictured),
        "control-curves": _curves_of(study.domains) - _curves_of(study.pictured),
        "kinds": len({family.kind for plan in study.trained.values() for family in plan.families.values()}),
        "seeds": len(study.seeds),
        "shared-pool-seeds": len(study.shared_pool_seeds),
        "claims": len(study.claims.present()),
    }.items():
        yield Finding(f"study.{key}", count(value), "config", key)
    own = {name: plan for name, plan in study.trained.items() if name in study.pictured}
    curves = _curves_of(own)
    if not study.measured:
        yield Finding("study.curves", count(curves), "config", "curves")
    else:
        # Which curves were measured elsewhere, the config doesn't say.
        further = _curves_of(study.measured)
        yield Finding("study.curves", count(curves + further), "curves.csv", "curves")
        yield Finding("study.trained-curves", count(curves), "config", "curves that are trained")
        yield Finding("study.measured-curves", count(further), "curves.csv", "curves that are measured")
        yield Finding("study.trained-domains", count(len(own)), "config", "domains that are trained on")
        yield Finding("study.measured-domains", count(len(study.measured)), "config", "domains that are measured")
    for id, claim in study.claims.present().items():
        for key, number in claim.thresholds().items():
            yield Finding(f"threshold.{id}.{key}", number, "config", f"/claims/{id}/{key.replace('-', '_')}")


def _curves_of(plans: Mapping[str, DomainPlan]) -> int:
    return sum(len(plan.families) for plan in plans.values())


def _trained_domain(name: str, plan: TrainedPlan) -> Iterator[Finding]:
    domain, sizes = plan.data, plan.all_sizes
    where = f"/domains/{name}"
    unit = domain.unit
    yield Finding(f"domain.{name}.shards", count(len(sizes)), "config", f"{where}/train_sizes")
    yield Finding(f"domain.{name}.n-min", count(min(sizes), unit), "config", f"{where}/train_sizes")
    yield Finding(f"domain.{name}.n-max", count(max(sizes), unit), "config", f"{where}/train_sizes")
    yield Finding(f"domain.{name}.top", count(plan.top, unit), "config", f"{where}/train_sizes")
    validation = count(domain.validation_size, unit)
    yield Finding(f"domain.{name}.validation-size", validation, "config", f"{where}/data/validation_size")
    guess = percent(domain.guess, 0) if plan.in_percent else significant(domain.guess, 3, plan.metric)
    yield Finding(f"domain.{name}.guess", guess, "config", f"{where}/data")
    if domain.pool is not None:
        yield Finding(f"domain.{name}.pool", count(domain.pool, unit), "config", f"{where}/data")
    if published := domain.published:
        reported = {"slope": fixed(published.slope, 3)}
        if published.growth is not None:
            reported["growth"] = fixed(published.growth, 2)
        for key, number in reported.items():
            place = f"scaling.domains.{domain.kind}.Domain.published.{key}"
            yield Finding(f"domain.{name}.published-{key}", number, "code", place)
    for field, number in plan.budget or ():
        steps = count(number)
        yield Finding(f"domain.{name}.{field.replace('_', '-')}", steps, "config", f"{where}/budget/{field}")
    if plan.seeds:
        yield Finding(f"domain.{name}.seeds", count(len(plan.seeds)), "config", f"{where}/seeds")
    for bound, seeds in plan.seeds_above.items():
        place = f"{where}/seeds_above/{bound}"
        yield Finding(f"domain.{name}.above-{bound}", count(bound, unit), "config", place)
        yield Finding(f"domain.{name}.seeds-above-{bound}", count(seeds), "config", place)
    for family, settings in plan.families.items():
        if own := settings.train_sizes:
            place = f"{where}/families/{family}/train_sizes"
            yield Finding(f"family.{name}.{family}.shards", count(len(own)), "config", place)
            yield Finding(f"family.{name}.{family}.n-min", count(min(own), unit), "config", place)
            yield Finding(f"family.{name}.{family}.n-max", count(max(own), unit), "config", place)
        if isinstance(settings, Network):
            for key, value in (("learning-rate", settings.learning_rate), ("weight-decay", settings.weight_decay)):
                place = f"{where}/families/{family}/{key.replace('-', '_')}"
                yield Finding(f"family.{name}.{family}.{key}", plain(value), "config", place)
        if settings.model_sizes != [None]:
            tried = word(", ".join(f"{size:,}" for size in settings.model_sizes))
            yield Finding(f"family.{name}.{family}.sizes", tried, "config", f"{where}/families/{family}/sizes")
        for size, seeds in getattr(settings, "seeds_of_size", {}).items():
            place = f"{where}/families/{family}/seeds_of_size/{size}"
            yield Finding(f"family.{name}.{family}.size-{size}", count(size), "config", place)
            yield Finding(f"family.{name}.{family}.seeds-of-{size}", count(seeds), "config", place)
    shared = sum(plan.shares_pool(N) for N in sizes)
    yield Finding(f"domain.{name}.shared-shards", count(shared), "config", f"{where}/train_sizes")


def _measured_domain(name: str, plan: MeasuredPlan, table: pd.DataFrame) -> Iterator[Finding]:
    source = f"curves/{name}.csv"
    yield Finding(f"domain.{name}.shards", count(table.N.nunique()), source, "N")
    yield Finding(f"domain.{name}.n-min", count(table.N.min(), plan.unit), source, "N")
    yield Finding(f"domain.{name}.n-max", count(table.N.max(), plan.unit), source, "N")
    yield Finding(f"domain.{name}.top", count(plan.top, plan.unit), source, "N")
    yield Finding(f"domain.{name}.models", count(table.family.nunique()), source, "family")
    yield Finding(f"domain.{name}.measurements", count(len(table)), source, "rows")
    for family, of_family in table.groupby("family"):
        if sizes := sorted(set(of_family["size"].dropna().astype(int))):
            given = word(", ".join(f"{size:,}" for size in sizes))
            yield Finding(f"family.{name}.{family}.sizes", given, source, f"size of {family}")


def _ranking(name: str, top: int, curves: Sequence[Curve], table: pd.DataFrame) -> Iterator[Finding]:
    """Give how often the worst and the second family err where families are ranked, as multiples of the best."""
    errors = [shard.median for curve in curves if (shard := curve.at(top))]
    if errors and min(errors) > 0:
        number = significant(max(errors) / min(errors), 2)
        yield Finding(f"domain.{name}.spread", number, f"laws/{name}/*.json", f"median of the shard of {top}")
    if second := runner_up(table, [curve.family for curve in ranked(curves, top)], top):
        place = f"error of the chosen rows, N = {top}, seed by seed"
        yield Finding(f"domain.{name}.second", second.number(), f"curves/{name}.csv", place)


def _curve(curve: Curve, table: pd.DataFrame, plan: DomainPlan) -> Iterator[Finding]:
    key, source = f"curve.{curve.domain}.{curve.family}", f"laws/{curve.domain}/{curve.family}.json"
    for place, shard in ((f"n{shard.N}", shard) for shard in curve.shards):
        index = curve.shards.index(shard)
        yield Finding(f"{key}.{place}", error(shard.median, plan), source, f"/shards/{index}/median")
    if curve.shards:
        yield Finding(f"{key}.first", error(curve.shards[0].median, plan), source, "/shards/0/median")
        last = len(curve.shards) - 1
        yield Finding(f"{key}.last", error(curve.shards[-1].median, plan), source, f"/shards/{last}/median")
    if curve.budget_gain is not None:
        yield Finding(f"{key}.budget-gain", percent(curve.budget_gain), source, "/budget_gain")
    yield Finding(f"{key}.diverged", count(curve.diverged), source, "/diverged")
    runs = table[(table.family == curve.family)]
    rows = f"rows of {curve.family}"
    yield Finding(f"{key}.runs", count(len(runs)), f"curves/{curve.domain}.csv", rows)
    if runs.flops.notna().all():
        yield Finding(f"{key}.flops", significant(runs.flops.sum(), 2, "FLOP"), f"curves/{curve.domain}.csv", rows)
    if growth := curve.size_law:
        how = f"t on optima inside the grid, in {growth.measure}"
        number = estimate(growth.exponent, growth.level, how, 2)
        yield Finding(f"{key}.growth", number, source, "/size_law/exponent/value")
    for end, shards in (("first", curve.shards[:1]), ("last", curve.shards[-1:])):
        for shard in shards:
            chosen = chosen_runs(table, curve.family, shard.N).iloc[0]
            where = (f"curves/{curve.domain}.csv", f"chosen {rows}, N = {shard.N}")
            for column in ("parameters", "size"):
                if pd.notna(chosen[column]):
                    yield Finding(f"{key}.{column}-{end}", count(int(chosen[column])), *where)


def _law(curve: Curve, analysis: Analysis, plan: DomainPlan) -> Iterator[Finding]:
    key, source = f"law.{curve.domain}.{curve.family}", f"laws/{curve.domain}/{curve.family}.json"
    law, regions = analysis.law, analysis.regions
    profile = "profile likelihood, F on shards less parameters"
    for name, number, place in (
        ("slope", estimate(law.slope, law.level, "profile likelihood, t on shard means"), "law/slope/value"),
        ("beta", estimate(law.beta, law.level, profile), "law/beta/value"),
        ("gamma", interval(law.gamma, law.level, profile, plan), "law/gamma/value"),
        ("alpha", interval(law.alpha, law.level, profile, plan), "law/alpha/value"),
        ("residual", misfit(law.rms_residual), "law/rms_residual"),
        ("misfit", misfit(law.misfit), "law/misfit"),
        ("agreement", percent(law.agreement, 0), "law/agreement"),
        ("shards", count(law.shards), "law/measured/N"),
        ("decades", fixed(law.decades, 1), "law/decades"),
        ("from", count(int(law.N[0])), "law/measured/N/0"),
        ("dropped", count(regions.dropped), "regions/dropped"),
    ):
        yield Finding(f"{key}.{name}", number, source, f"/analysis/{place}")
    if law.gamma.high is not None:
        yield Finding(f"{key}.gamma-bound", error(law.gamma.high, plan), source, "/analysis/law/gamma/high")
    if law.slope.low is not None and law.slope.high is not None:
        tenfold = fixed(
            10**law.slope.value,
            2,
            interval=(10**law.slope.low, 10**law.slope.high),
            level=law.level,
            how="ten to the power of the slope",
        )
        yield Finding(f"{key}.tenfold", tenfold, source, "/analysis/law/slope/value")
    for index, rival in enumerate(analysis.rivals):
        if rival.rolling_error is not None:
            name = rival.form.replace(" ", "-")
            missed, place = misfit(rival.rolling_error), f"/analysis/rivals/{index}/rolling_error"
            yield Finding(f"{key}.prediction.{name}", missed, source, place)
    yield from _ahead(key, source, analysis, plan)
    if (known := plan.known_of(curve.family)) is not None:
        for name, number in (
            ("exponent", fixed(known.exponent, 3)),
            ("beta", fixed(_exact_beta(law, known), 3)),
            ("slope", fixed(known.slope([int(N) for N in law.N]), 3)),
            ("last", error(known.error(int(law.N[-1])), plan)),
        ):
            yield Finding(f"{key}.known-{name}", number, "config", f"/domains/{curve.domain}/data: the known law")


def _held(curves: Sequence[Curve], study: Study) -> Iterator[Finding]:
    """Count the controls, and how often an interval holds what theory says."""
    laws = [
        (curve.law, known)
        for curve in curves
        if curve.law is not None and (known := study.domains[curve.domain].known_of(curve.family)) is not None
    ]
    if laws:
        slopes = [_holds(law.slope, known.slope([int(N) for N in law.N])) for law, known in laws]
        exponents = [_holds(law.beta, known.exponent) for law, known in laws]
        betas = [_holds(law.beta, _exact_beta(law, known)) for law, known in laws]
        counts = {"curves": len(laws), "slopes": sum(slopes), "exponents": sum(exponents), "betas": sum(betas)}
        for key, value in counts.items():
            yield Finding(f"controls.{key}", count(value), "laws/*/*.json", "/analysis/law")


def _exact_beta(law: Law, known: KnownLaw) -> float:
    """Fit the law to the exact errors at its shards: what it gives without noise, where a curve is still bent."""
    return fit_law(law.N, [known.error(int(N)) for N in law.N]).beta.value


def _holds(estimate: Estimate, truth: float) -> bool:
    return (estimate.low is None or estimate.low <= truth) and (estimate.high is None or truth <= estimate.high)


def _ahead(key: str, source: str, analysis: Analysis, plan: DomainPlan) -> Iterator[Finding]:
    """Give the audit of the curve's extrapolation, its own extrapolation, and the data for half the error."""
    how, level = "profile likelihood", analysis.law.level
    if audit := analysis.audit:
        foretold = Estimate(value=audit.predicted, low=audit.low, high=audit.high, identified=True)
        yield Finding(f"{key}.audit", interval(foretold, level, how, plan), source, "/analysis/audit/predicted")
        yield Finding(f"{key}.audit-observed", error(audit.observed, plan), source, "/analysis/audit/observed")
        yield Finding(f"{key}.audit-factor", fixed(audit.factor, 1), source, "/analysis/audit/factor")
        yield Finding(f"{key}.audit-error", misfit(abs(audit.log_error)), source, "/analysis/audit/log_error")
    ahead, halved = analysis.ahead, analysis.halved
    foretold = Estimate(value=ahead.error, low=ahead.shard.low, high=ahead.shard.high, identified=True)
    yield Finding(f"{key}.ahead", interval(foretold, level, how, plan), source, "/analysis/ahead/error")
    if halved.N is not None:
        N = size_interval(halved.N, halved.interval.low, halved.interval.high, level, how)
        yield Finding(f"{key}.halved", N, source, "/analysis/halved/N")
    if halved.interval.low is not None:
        yield Finding(f"{key}.halved-from", significant(halved.interval.low), source, "/analysis/halved/interval/low")


def _tally(curves: Sequence[Curve]) -> Iterator[Finding]:
    """Count the curves, without those of controls, by what they can tell."""
    free = [curve.law for curve in curves if curve.law is not None and not curve.compute_limited]
    foreseen = [foreseen for curve in curves if (foreseen := foresees(curve)) is not None]
    audits = [curve.audit for curve in curves if curve.audit]
    for key, value in {
        "compute-limited": sum(curve.compute_limited for curve in curves),
        # Of the laws that no budget bends.
        "free": len(free),
        "beta-identified": sum(law.beta.identified for law in free),
        "gamma-identified": sum(law.gamma.identified for law in free),
        # Of all laws with shards enough to predict the largest.
        "foretold": len(foreseen),
        "foreseen": sum(foreseen),
        "audited": len(audits),
        "audits-hit": sum(audit.hit for audit in audits),
    }.items():
        yield Finding(f"curves.{key}", count(value), "laws/*/*.json", "/analysis")


def _budget_checks(curves: Sequence[Curve], tables: Mapping[str, pd.DataFrame]) -> Iterator[Finding]:
    """Count the curves whose largest shard was trained again, and those of them whose seeds allow either answer."""
    checks = [check for curve in curves if (check := check_of(curve, tables[curve.domain])) is not None]
    for key, value in {"checked": len(checks), "near-chance": sum(near_chance(check) for check in checks)}.items():
        yield Finding(f"curves.{key}", count(value), "curves/*.csv", "error of the largest shards, twice trained")


def check_of(curve: Curve, table: pd.DataFrame) -> Ratio | None:
    """Give the compute check of a curve; None if it was not made, or failed."""
    return None if curve.budget_gain is None else budget_check(table, curve.family)


def near_chance(check: Ratio) -> bool:
    """Does the interval of a compute check allow either answer?"""
    bound = 1 - BUDGET_TOLERANCE
    return not (check.below(bound) or check.above(bound))


def _metrics(curve: Curve, table: pd.DataFrame, plan: DomainPlan, without: frozenset[str]) -> Iterator[Finding]:
    """Give what the curve's runs recorded beside its error, at its smallest and its largest shard."""
    for metric in other_metrics(table, curve, plan, without):
        key = f"metric.{curve.domain}.{curve.family}.{metric.key}"
        column = "exp of error" if metric.name == PERPLEXITY else PREFIX + metric.name
        for end, value, N in (("first", metric.first, curve.shards[0].N), ("last", metric.last, curve.shards[-1].N)):
            place = f"median of {column}, chosen rows of {curve.family}, N = {N}"
            yield Finding(f"{key}.{end}", printed(metric, value, plan), f"curves/{curve.domain}.csv", place)


def _fits(curves: Sequence[Curve]) -> Iterator[Finding]:
    """Tell what the text says of all fits and runs, those of controls among them."""
    diverged = count(sum(curve.diverged for curve in curves))
    yield Finding("curves.diverged", diverged, "laws/*/*.json", "/diverged")
    laws = [curve.law for curve in curves if curve.law is not None]
    if laws:
        yield Finding("laws.level", percent(laws[0].level, 0), "laws/*/*.json", "/analysis/law/level")
        agreement = percent(min(law.agreement for law in laws), 0)
        yield Finding("laws.agreement", agreement, "laws/*/*.json", "/analysis/law/agreement")


def foresees(curve: Curve) -> bool | None:
    """Does a power law predict the curve's largest shards better than forms without one? None where none was tried."""
    errors = {rival.form: rival.rolling_error for rival in curve.rivals if rival.rolling_error is not None}
    own = [error for form, error in errors.items() if form in POWER_LAWS]
    others = [error for form, error in errors.items() if form not in POWER_LAWS]
    return min(own) < min(others) if own and others else None


def _verdicts(outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    # Without claims no job makes such a file: that there are none, the study itself says.
    source, pointer = ("claims/*.json", "/verdict") if outcomes else ("config", "/claims")
    for verdict in ("supported", "contradicted", "undecided"):
        number = count(sum(outcome.verdict == verdict for outcome in outcomes))
        yield Finding(f"claims.{verdict}", number, source, pointer)


def _coverage(coverage: Coverage, campaigns: Sequence[Campaign]) -> Iterator[Finding]:
    """Give what simulated designs are and how often their intervals hold the truth, and count those that do."""
    where, files = "/experiments/coverage", "coverage/*.json"
    for name, number in (
        ("repetitions", count(coverage.repetitions)),
        ("designs", count(len(coverage.designs))),
        ("goal", percent(coverage.goal, 0)),
        ("goal-cut", percent(coverage.goal_cut, 0)),
        ("wide", percent(coverage.wide, 0)),
    ):
        yield Finding(f"coverage.{name}", number, "config", f"{where}/{name.replace('-', '_')}")
    for name in ("SMALLEST", "FIRST_ERROR", "LEVEL", "NEAR", "FAR", "TARGET"):
        value = getattr(simulated, name)
        number = percent(value, 0) if name == "LEVEL" else plain(value)
        place = f"scaling.experiments.coverage.{name}"
        yield Finding(f"coverage.{name.lower().replace('_', '-')}", number, "code", place)
    for campaign in campaigns:
        key, source = f"coverage.{campaign.design}", f"coverage/{campaign.design}.json"
        description = word(coverage.designs[campaign.design].description)
        yield Finding(f"{key}.design", description, "config", f"{where}/designs/{campaign.design}")
        yield Finding(f"{key}.refused", percent(campaign.refused), source, "/refused")
        for quantity, cell in campaign.cells.items():
            yield Finding(f"{key}.{quantity}", _share_of_trials(cell), source, f"/cells/{quantity}/share")
            if cell.width is not None:
                yield Finding(f"{key}.{quantity}-width", significant(cell.width), source, f"/cells/{quantity}/width")
    cells = [(cell, coverage.goal_of(campaign.design)) for campaign in campaigns for cell in campaign.cells.values()]
    for key, counted in {
        "cells": len(cells),
        "kept": sum(cell.share >= goal for cell, goal in cells),
        "missed": sum(cell.share < goal for cell, goal in cells),
        "too-wide": sum(cell.share > coverage.wide for cell, _ in cells),
    }.items():
        yield Finding(f"coverage.{key}", count(counted), files, "/cells")
    if cells:
        least = percent(min(cell.share for cell, _ in cells))
        yield Finding("coverage.least", least, files, "/cells")


def _share_of_trials(cell: Cell) -> Number:
    """Print a coverage in percent, the sign left to the table's caption; the values stay fractions."""
    shown = fixed(100 * cell.share, 1, interval=(100 * cell.low, 100 * cell.high))
    return Number(
        value=cell.share,
        printed=shown.printed,
        unit="fraction",
        low=cell.low,
        high=cell.high,
        level=simulated.LEVEL,
        how=f"Wilson, {cell.trials:,} trials",
        printed_interval=shown.printed_interval,
    )
