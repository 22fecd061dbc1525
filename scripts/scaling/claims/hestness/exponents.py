"""H2, H3, H4 and H8: how steep learning curves are, and what moves their steepness."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from scaling.claims.claim import Claim, Evidence, Level, Share, Verdict, holm, plural
from scaling.comparisons import LEVEL, NothingToCompare
from scaling.curves import chosen_runs
from scaling.laws import CurveError
from scaling.laws.exponents import (
    CommonSlopeTest,
    ExponentDifference,
    SlopeDifference,
    common_slope_test,
    exponent_difference,
    paired_runs,
    paired_slope_difference,
    slope_difference,
    slope_of,
)
from scaling.laws.fitting import MIN_SHARDS
from scaling.laws.regions import MIN_DECADES
from scaling.numbers import Number, count, fixed, percent, plain
from scaling.settings import Name

if TYPE_CHECKING:
    from scaling.study import Study

Margin = Annotated[float, Field(gt=0)]
Pair = tuple[Name, Name, Name]


class UsualExponent(Claim):
    """The usual range of exponents, by the effective slope of the neural families' curves."""

    id: ClassVar[str] = "H2"
    source: ClassVar[str] = "hestness2017"
    statement: ClassVar[str] = r"The exponent usually lies between $-0.07$ and $-0.35$, not at $-0.5$ or $-1$."

    steepest: Annotated[float, Field(lt=0)]
    flattest: Annotated[float, Field(lt=0)]
    share: Share
    """Share of the domains that settles the matter."""

    @model_validator(mode="after")
    def _in_order(self) -> UsualExponent:
        """The wrong way round, no slope would ever lie inside."""
        if self.steepest >= self.flattest:
            raise ValueError(f"steepest = {self.steepest:g} is not below flattest = {self.flattest:g}")
        return self

    def describe(self) -> str:
        """Give the test in words."""
        return (
            r"supported if in at least \val{threshold.H2.share} of the domains the slopes of all neural families "
            r"whose curves may speak lie, with their intervals, in "
            r"$[\val{threshold.H2.steepest}, \val{threshold.H2.flattest}]$; "
            r"contradicted if in as many they lie wholly outside"
        )

    def thresholds(self) -> dict[str, Number]:
        """Give the range and the share of the domains."""
        return {
            "share": percent(self.share, 0),
            "steepest": plain(self.steepest),
            "flattest": plain(self.flattest),
        }

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        """Count the domains inside and outside."""
        names = evidence.domains
        sides = [self._side(evidence, domain) for domain in names]
        inside, outside = sides.count("inside"), sides.count("outside")
        numbers = {
            "domains": count(len(names)),
            "inside": count(inside),
            "outside": count(outside),
            "silent": count(sides.count("silent")),
        }
        reason = (
            rf"of <<domains>> {plural(len(names), 'domain', 'domains')}, <<inside>> inside and <<outside>> outside "
            r"the range; in <<silent>> no neural curve may speak"
        )
        if inside >= self.share * len(names):
            return "supported", reason, numbers
        return ("contradicted" if outside >= self.share * len(names) else "undecided"), reason, numbers

    def _side(self, evidence: Evidence, domain: str) -> str:
        slopes = [
            curve.law.slope
            for curve in evidence.speaking
            if curve.domain == domain and (domain, curve.family) in evidence.neural and curve.law is not None
        ]
        if not slopes:
            return "silent"
        bounds = [(slope.low, slope.high) for slope in slopes if slope.low is not None and slope.high is not None]
        if len(bounds) < len(slopes):
            return "astride"
        if all(self.steepest <= low and high <= self.flattest for low, high in bounds):
            return "inside"
        return "outside" if all(high < self.steepest or low > self.flattest for low, high in bounds) else "astride"


class SameSlope(Claim):
    """What sets two families of one domain apart moves the offset of the curve, not its slope."""

    pairs: Annotated[tuple[Pair, ...], Field(min_length=1)]
    """Domain and the two families that are compared, over the shards that both saw."""
    margin: Margin
    """Slopes nearer than this count as equal."""
    level: Level
    """Level of the interval that must lie within the margin for equality: 1 − 2α, with α the size of every test."""

    def faults(self, study: Study) -> Iterator[str]:
        """Name the domains and families that this study does not have, and a family compared with itself."""
        for index, (domain, *families) in enumerate(self.pairs):
            key = f"pairs[{index}] = {[domain, *families]}"
            if domain not in study.domains:
                yield f"{key}: no domain {domain!r}. The study has {', '.join(study.domains)}."
                continue
            known = study.domains[domain].families
            for family in families:
                if family not in known:
                    yield f"{key}: no family {family!r} of {domain}. It has {', '.join(known)}."
            if families[0] == families[1]:
                yield f"{key}: {families[0]!r} is compared with itself. Give another family."

    def describe(self) -> str:
        """Give the test in words."""
        return (
            rf"supported if for every pair the \val{{threshold.{self.id}.level}} interval of the difference of slopes, "
            rf"on the same shards, lies within $\pm\val{{threshold.{self.id}.margin}}$; contradicted if a difference "
            r"exceeds that beyond doubt, by Holm's procedure over the pairs. Where the slopes of a pair differ beyond "
            r"doubt, the difference of its exponents $\beta$, each beside a floor, is only given with it"
        )

    def thresholds(self) -> dict[str, Number]:
        """Give margin and level."""
        return {"margin": plain(self.margin), "level": percent(self.level, 0)}

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        """Compare every pair whose curves may both speak."""
        numbers, parts, differences = {"pairs": count(len(self.pairs))}, [], []
        for domain, *families in self.pairs:
            found = self._compare(evidence, domain, *families)
            if found is None:
                continue
            difference, exponents, common = found
            differences.append(difference)
            key = ".".join((domain, *families))
            numbers[key] = _number(difference, (difference.inner_low, difference.inner_high), self.level)
            numbers[f"{key}.beta"] = _number_of_exponents(exponents)
            # In the claim's file alone: taking all shards for equally noisy and unpaired, it contradicts the interval.
            numbers[f"{key}.common"] = _p_value(common.p)
            first, second = (rf"\learner{{{domain}.{family}}}" for family in families)
            parts.append(rf"{first} less {second} on \domain{{{domain}}}: <<{key}>> <<{key}|interval>>")
            if difference.verdict == "different":
                parts[-1] += f", {_beside(difference, exponents, key)}"
        silent = len(self.pairs) - len(differences)
        if silent:
            numbers["silent"] = count(silent)
            parts.append(
                rf"in <<silent>> of <<pairs>> {plural(len(self.pairs), 'pair', 'pairs')} a curve may not speak, or too "
                "few shards are shared"
            )
        reason = ("differences of slopes: " if differences else "") + "; ".join(parts)
        if holm([difference.p_different for difference in differences], (1 - self.level) / 2):
            return "contradicted", reason, numbers
        equal = all(difference.verdict == "equal within the margin" for difference in differences)
        return ("supported" if equal and not silent else "undecided"), reason, numbers

    def _compare(
        self, evidence: Evidence, domain: str, first: str, second: str
    ) -> tuple[SlopeDifference, ExponentDifference, CommonSlopeTest] | None:
        """Compare two families over the power-law regions that they share; None if that settles nothing."""
        curves = [evidence.curve(domain, family) for family in (first, second)]
        laws = [curve.law for curve in curves if curve.objection is None and curve.law is not None]
        if len(laws) < len(curves):
            return None
        table = evidence.tables[domain]
        shared = sorted(set(laws[0].N).intersection(laws[1].N))
        if len(shared) < MIN_SHARDS or np.log10(shared[-1] / shared[0]) < MIN_DECADES:
            return None
        pairs = paired_runs(*(chosen_runs(table, family) for family in (first, second)))
        pairs = pairs[pairs.N.isin(shared)]
        sharing = table[table.shares_pool].N
        try:
            difference = paired_slope_difference(
                pairs.N,
                pairs["first"],
                pairs["second"],
                # The pool holds at least its largest shard; a smaller pool is the cautious choice.
                pool=None if sharing.empty else float(sharing.max()),
                margin=self.margin,
                alpha=(1 - self.level) / 2,
            )
            means = pairs.groupby("N")[["first", "second"]].mean()
            common = common_slope_test([(means.index, means[name]) for name in means])
        except CurveError:
            return None
        return difference, exponent_difference(laws[0], laws[1]), common


class ArchitectureMovesOffset(SameSlope):
    """Pairs of architectures."""

    id: ClassVar[str] = "H3"
    source: ClassVar[str] = "hestness2017"
    statement: ClassVar[str] = (
        "Better architectures move the offset of a learning curve, not its exponent: the models of a domain are "
        "equally steep."
    )


class KnobMovesOffset(SameSlope):
    """Pairs that differ by one knob only: optimiser, regulariser or loss."""

    id: ClassVar[str] = "H4"
    source: ClassVar[str] = "hestness2017"
    statement: ClassVar[str] = (
        "The law holds, with the same exponent, across optimisers, regularisers and loss functions."
    )

    def describe(self) -> str:
        """Give the test in words."""
        return "of the knobs that are compared here alone: " + super().describe()


class DomainSetsSlope(Claim):
    """Exponents differ from domain to domain, by learners that are the same in two of them."""

    id: ClassVar[str] = "H8"
    source: ClassVar[str] = "hestness2017"
    statement: ClassVar[str] = "Exponents differ from domain to domain."

    domains: Annotated[tuple[Name, ...], Field(min_length=2)]
    """Domains whose errors are of one metric: slopes of different metrics can't be compared."""
    margin: Margin
    """Slopes nearer than this count as equal."""
    level: Level
    """As of H3."""

    def faults(self, study: Study) -> Iterator[str]:
        """Name the domains that this study does not have, and metrics that differ."""
        metrics = {}
        for index, domain in enumerate(self.domains):
            if domain in study.domains:
                metrics[domain] = study.domains[domain].metric
            else:
                yield f"domains[{index}] = {domain!r}: no such domain. The study has {', '.join(study.domains)}."
        if len(set(self.domains)) < len(self.domains):
            yield f"domains = {list(self.domains)}: a domain is repeated. Give each once."
        if len(set(metrics.values())) > 1:
            told = ", ".join(f"{domain}: {metric}" for domain, metric in metrics.items())
            yield f"domains = {list(self.domains)}: slopes of different metrics can't be compared ({told})."

    def describe(self) -> str:
        """Give the test in words."""
        return (
            r"by the learners that domains share, and by exponents alone, not by intercepts, which depend on what $N$ "
            r"counts: supported if the slopes of each differ by more "
            r"than \val{threshold.H8.margin} with their whole \val{method.level} interval; contradicted if the "
            r"\val{threshold.H8.level} interval of every difference lies within $\pm\val{threshold.H8.margin}$. "
            r"Where slopes differ beyond doubt, the differences of exponents $\beta$, each beside a floor, are only "
            r"given with them"
        )

    def thresholds(self) -> dict[str, Number]:
        """Give margin and level."""
        return {"margin": plain(self.margin), "level": percent(self.level, 0)}

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        """Compare every learner's slopes in every two domains in which its curves may speak."""
        compared = list(self._compare(evidence))
        if not compared:
            raise NothingToCompare("no learner has curves that may speak in more than one domain")
        apart = [found for found in compared if _beyond(found.slopes)]
        equal = sum(found.slopes.verdict == "equal within the margin" for found in compared)
        silent = set(self.domains).difference(*(found.domains for found in compared))
        numbers = {
            "comparisons": count(len(compared)),
            "different": count(len(apart)),
            "equal": count(equal),
            "silent": count(len(silent)),
        }
        for found in compared:
            numbers[found.key] = _number(found.slopes, (found.slopes.low, found.slopes.high), LEVEL)
            numbers[f"{found.key}.beta"] = _number_of_exponents(found.exponents)
        reason = (
            rf"of <<comparisons>> {plural(len(compared), 'comparison', 'comparisons')}, <<different>> "
            rf"{plural(len(apart), 'shows', 'show')} a difference and <<equal>> {plural(equal, 'shows', 'show')} "
            r"equality"
        )
        if apart:
            ways = [found.exponents.beside(found.slopes) for found in apart]
            numbers |= {way.replace(" ", "-"): count(ways.count(way)) for way in ("same way", "other way", "not known")}
            reason += (
                r"; of the different, the exponents $\beta$ differ the same way in <<same-way>>, the other way in "
                r"<<other-way>>, and whether they do is not known in <<not-known>>"
            )
        least = min(compared, key=lambda found: abs(found.slopes.value))
        reason += "; " + least.told()
        if silent:
            reason += rf"; <<silent>> of the domains {plural(len(silent), 'has', 'have')} no such curve that may speak"
        if equal == len(compared):
            return "contradicted", reason, numbers
        return ("supported" if len(apart) == len(compared) and not silent else "undecided"), reason, numbers

    def _compare(self, evidence: Evidence) -> Iterator[AcrossDomains]:
        """Compare each learner in every two of its domains."""
        laws = [
            (curve, curve.law) for curve in evidence.speaking if curve.domain in self.domains and curve.law is not None
        ]
        for (first, one), (second, other) in combinations(laws, 2):
            if first.family == second.family:
                pair = ((first, one), (second, other))
                yield AcrossDomains(
                    learner=first.family,
                    domains=(first.domain, second.domain),
                    floors=tuple(curve.domain for curve, law in pair if law.gamma.identified),
                    slopes=slope_difference(
                        slope_of(one), slope_of(other), margin=self.margin, level=LEVEL, alpha=(1 - self.level) / 2
                    ),
                    exponents=exponent_difference(one, other),
                )


class AcrossDomains(NamedTuple):
    """A learner's slope and exponent in one domain less those in another."""

    learner: Name
    domains: tuple[Name, Name]
    floors: tuple[Name, ...]
    """Those of the two where its curve has a floor above zero."""
    slopes: SlopeDifference
    exponents: ExponentDifference

    @property
    def key(self) -> str:
        """What its numbers go by."""
        return ".".join((self.learner, *self.domains))

    def told(self) -> str:
        """Say what the least difference is, and whether it is one of floors."""
        first, second = self.domains
        told = (
            rf"the least is <<{self.key}>> <<{self.key}|interval>>, of \learner{{{first}.{self.learner}}} on "
            rf"\domain{{{first}}} less \domain{{{second}}}"
        )
        if self.floors:
            floored = " and ".join(rf"\domain{{{name}}}" for name in self.floors)
            told += f" (a floor flattens the curve on {floored})"
        return f"{told}, {_beside(self.slopes, self.exponents, self.key)}" if _beyond(self.slopes) else told


def _beyond(difference: SlopeDifference) -> bool:
    """Does the whole interval lie beyond the margin?"""
    return difference.low > difference.margin or difference.high < -difference.margin


def _number(difference: SlopeDifference, interval: tuple[float, float], level: float) -> Number:
    how = "t on the shards' mean log ratios" if difference.paired else "Welch's t on the slopes"
    return fixed(difference.value, 3, interval=interval, level=level, how=how)


def _number_of_exponents(difference: ExponentDifference) -> Number:
    how = "from the profiles of both laws, taken for independent"
    return fixed(difference.value, 2, interval=(difference.low, difference.high), level=LEVEL, how=how)


def _beside(slopes: SlopeDifference, exponents: ExponentDifference, key: str) -> str:
    """Say what the exponents of curves do whose slopes differ: a floor may be why, and is no part of them."""
    told = {
        "same way": "and so do the exponents $\\beta$, by",
        "other way": "but the exponents $\\beta$ differ the other way, by",
        "not known": "but whether the exponents $\\beta$ differ is not known:",
    }[exponents.beside(slopes)]
    return f"{told} <<{key}.beta>> <<{key}.beta|interval>>"


def _p_value(p: float) -> Number:
    if p < 0.001:
        return Number(value=p, printed="<0.001")
    return fixed(p, 3)
