"""D1, D2, D3 and D9: what regularisers, the right prior, and more on top of it do for a network with few data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from scaling.claims.claim import (
    Comparison,
    Evidence,
    Level,
    Share,
    Verdict,
    unknown_learners,
    unknown_region,
    unknown_shard,
)
from scaling.claims.dzekman.arms import arm_plan, faults_of_arm
from scaling.comparisons import NothingToCompare, learner_errors, learner_runs, log_ratio, mean, paired_ratio
from scaling.experiments.bias import FEWEST_MAPS
from scaling.numbers import Number, count, percent, plain
from scaling.settings import Count, Name

if TYPE_CHECKING:
    import pandas as pd

    from scaling.study import Study


class AtOneShard(Comparison):
    """A comparison that rests on one shard, so where the curves end plays no part."""

    N: Count

    def faults(self, study: Study) -> Iterator[str]:
        """Name what this study does not have."""
        yield from super().faults(study)
        if plan := study.domains.get(self.domain):
            yield from unknown_shard(self.domain, plan, "N", self.N, *self.named_learners().values())


class InOneRegion(AtOneShard):
    """One that looks into a region, too."""

    region: Name
    """The region where samples are rare."""

    def faults(self, study: Study) -> Iterator[str]:
        """Name what this study does not have."""
        yield from super().faults(study)
        if plan := study.domains.get(self.domain):
            yield from unknown_region(self.domain, plan, self.region)


class RegularisersLackPrior(InOneRegion):
    """A regulariser is no prior: it doesn't help where samples are rare."""

    id: ClassVar[str] = "D1"
    source: ClassVar[str] = "dzekman2024"
    statement: ClassVar[str] = (
        "Without a prior nothing tells which boundary is right where samples are rare; regularisation does not help "
        "there."
    )

    plain: Name
    """The network without a prior."""
    regularised: Name
    """The same network, regularised."""
    margin: Annotated[float, Field(gt=0, lt=1)]
    """A ratio nearer to one than this is no help."""
    level: Level
    """Level of the interval that must lie within the margin: 1 − 2α, with α the size of either test."""

    def named_learners(self) -> dict[str, Name]:
        """The two learners."""
        return {"plain": self.plain, "regularised": self.regularised}

    def describe(self) -> str:
        """Give the test in words."""
        return (
            rf"of the ratio of errors in the {self.region}, regularised to plain: supported if its "
            r"\val{threshold.D1.level} interval lies within $1\pm\val{threshold.D1.margin}$; contradicted if it lies "
            r"wholly below"
        )

    def thresholds(self) -> dict[str, Number]:
        """Give margin and level."""
        return {"margin": plain(self.margin), "level": percent(self.level, 0)}

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        """Compare the two seed by seed."""
        table = evidence.tables[self.domain]
        overall, region = (
            paired_ratio(table, self.regularised, self.plain, self.N, column, self.level)
            for column in ("error", f"error_{self.region}")
        )
        # Where both only guess, a ratio near one says little: so the paper tells the errors, too.
        errors = {
            f"{name}-error": mean(learner_errors(table, learner, self.N, f"error_{self.region}"), most=1).share()
            for name, learner in self.named_learners().items()
        }
        numbers = {
            "N": count(self.N),
            "seeds": count(region.pairs),
            "region": region.number(),
            "overall": overall.number(),
            **errors,
        }
        reason = (
            rf"at $N=$ <<N>>, over <<seeds>> paired seeds, the ratio is <<region>> <<region|interval>> in the "
            rf"{self.region}, of errors of <<regularised-error>> and <<plain-error>>, and <<overall>> "
            rf"<<overall|interval>> overall"
        )
        if region.within(1 - self.margin, 1 + self.margin):
            return "supported", reason, numbers
        return ("contradicted" if region.below(1 - self.margin) else "undecided"), reason, numbers


class InformedPrior(InOneRegion):
    """The right prior helps with little data, also where the samples are rarest."""

    id: ClassVar[str] = "D2"
    source: ClassVar[str] = "dzekman2024"
    statement: ClassVar[str] = (
        "The right inductive bias (polar inputs) helps much with a thousand examples, also where there are hardly any."
    )

    informed: Name
    """The learner with the prior."""
    plain: Name
    """The same learner without it."""
    ratio: Share
    """Supported: the ratio's upper bound, informed to plain, is below this, both overall and in the region."""

    def named_learners(self) -> dict[str, Name]:
        """The two learners."""
        return {"informed": self.informed, "plain": self.plain}

    def describe(self) -> str:
        """Give the test in words."""
        return (
            r"supported if the upper bound of the ratio of errors, informed to plain, is below "
            rf"\val{{threshold.D2.ratio}} both overall and in the {self.region}; contradicted if a lower bound reaches "
            r"1. It rests on one shard, so where the curves end plays no part"
        )

    def thresholds(self) -> dict[str, Number]:
        """Give the ratio."""
        return {"ratio": plain(self.ratio)}

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        """Compare the two learners seed by seed."""
        table = evidence.tables[self.domain]
        ratios = {
            name: paired_ratio(table, self.informed, self.plain, self.N, column)
            for name, column in (("overall", "error"), ("region", f"error_{self.region}"))
        }
        numbers = {"N": count(self.N), **{name: ratio.number() for name, ratio in ratios.items()}}
        numbers["seeds"] = count(ratios["overall"].pairs)
        reason = (
            rf"at $N=$ <<N>>, over <<seeds>> paired seeds, the ratio is <<overall>> <<overall|interval>> overall and "
            rf"<<region>> <<region|interval>> in the {self.region}"
        )
        if all(ratio.below(self.ratio) for ratio in ratios.values()):
            return "supported", reason, numbers
        if any(ratio.low is not None and ratio.low >= 1 for ratio in ratios.values()):
            return "contradicted", reason, numbers
        return "undecided", reason, numbers


class NothingOnTop(AtOneShard):
    """Once the prior is right, loss, regulariser and normalisation add nothing."""

    id: ClassVar[str] = "D3"
    source: ClassVar[str] = "dzekman2024"
    statement: ClassVar[str] = (
        "Focal loss, weight decay and layer norm on top of the right inductive bias make the network no better at all."
    )

    informed: Name
    """The learner with the prior."""
    elaborate: Name
    """The same learner with more on top."""
    ratio: Share
    """Supported: the ratio's lower bound, elaborate to informed, is above this."""

    def named_learners(self) -> dict[str, Name]:
        """The two learners."""
        return {"informed": self.informed, "elaborate": self.elaborate}

    def describe(self) -> str:
        """Give the test in words."""
        return (
            r"supported if the lower bound of the ratio of errors, with all three to without, is above "
            r"\val{threshold.D3.ratio}; contradicted if the upper bound is below it"
        )

    def thresholds(self) -> dict[str, Number]:
        """Give the ratio."""
        return {"ratio": plain(self.ratio)}

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        """Compare the two seed by seed."""
        found = paired_ratio(evidence.tables[self.domain], self.elaborate, self.informed, self.N)
        numbers = {"N": count(self.N), "seeds": count(found.pairs), "overall": found.number()}
        reason = (
            r"at $N=$ <<N>>, over <<seeds>> paired seeds, the network with all three errs <<overall>> "
            r"<<overall|interval>> times as often as the one without"
        )
        if found.above(self.ratio):
            return "supported", reason, numbers
        return ("contradicted" if found.below(self.ratio) else "undecided"), reason, numbers


class FocalLossTradesVariance(AtOneShard):
    """Focal loss gets more of the hard places right, and seeds disagree more around them."""

    id: ClassVar[str] = "D9"
    source: ClassVar[str] = "dzekman2024"
    experiment: ClassVar[str | None] = "bias"
    statement: ClassVar[str] = (
        "Focal loss is more often right where points are hard, at the price of more variance around them."
    )

    plain: Name
    """The network with the usual loss, in the domain."""
    arm: Name
    """The arm in which the other is trained."""
    focal: Name
    """The network with focal loss, in the arm."""

    def named_learners(self) -> dict[str, Name]:
        """The learner of the domain."""
        return {"plain": self.plain}

    def faults(self, study: Study) -> Iterator[str]:
        """Name what this study does not have."""
        yield from super().faults(study)
        if self.domain not in study.domains:
            return
        yield from faults_of_arm(study, self.domain, self.arm)
        if study.experiments.bias and study.experiments.bias.judges is None:
            yield "it is about hard points. Name the model that tells them under experiments.bias.judges."
        if plan := arm_plan(study, self.domain, self.arm):
            place = f"{self.domain}-{self.arm}"
            yield from unknown_learners(place, plan, {"focal": self.focal})
            yield from unknown_shard(place, plan, "N", self.N, self.focal)
            yield from _without_maps(place, plan.data, self.N)
            yield from _without_maps(self.domain, study.trained[self.domain].data, self.N)

    def describe(self) -> str:
        """Give the test in words."""
        return (
            r"of the ratios, focal to plain, on decision maps: supported if the upper bound of that of the errors on "
            r"hard cells is below one and the lower bound of that of the disagreement between seeds around them is "
            r"above one; contradicted if a lower bound of the first is above one or an upper bound of the second "
            r"below one"
        )

    def thresholds(self) -> dict[str, Number]:
        """There are none: both ratios are held against one."""
        return {}

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        """Compare the two seed by seed."""
        places = ((f"{self.domain}-{self.arm}", self.focal), (self.domain, self.plain))
        focal, plain_ = (self._hard(evidence, place, learner) for place, learner in places)
        error = log_ratio(focal.error, plain_.error)
        disagreement = log_ratio(focal.disagreement.dropna(), plain_.disagreement.dropna())
        numbers = {
            "N": count(self.N),
            "seeds": count(error.pairs),
            "error": error.number(),
            "disagreement": disagreement.number(),
        }
        reason = (
            r"at $N=$ <<N>>, over <<seeds>> paired seeds, the network with focal loss errs <<error>> "
            r"<<error|interval>> times as often on hard cells, and around them seeds disagree <<disagreement>> "
            r"<<disagreement|interval>> times as often"
        )
        if error.below(1) and disagreement.above(1):
            return "supported", reason, numbers
        # Each on one side of a 95 % interval, so that a contradiction by either is false once in twenty times at most.
        if error.above(1) or disagreement.below(1):
            return "contradicted", reason, numbers
        return "undecided", reason, numbers

    def _hard(self, evidence: Evidence, place: str, learner: str) -> pd.DataFrame:
        """Select what the maps of a learner say of hard cells, by seed."""
        if evidence.hard is None:
            raise NothingToCompare("no decision maps were compared")
        models = learner_runs(evidence.tables[place], learner, self.N).model
        rows = evidence.hard
        rows = rows[(rows.domain == place) & (rows.N == self.N) & rows.model.isin(models)]
        if rows.empty:
            raise NothingToCompare(f"no decision map of {learner} was compared on {place}")
        return rows.set_index("seed")


def _without_maps(place: str, data: object, N: int) -> Iterator[str]:
    """Say that a domain or an arm keeps too few decision maps of its runs at N."""
    kept = getattr(data, "map_seeds", {})
    if kept.get(N, 0) < FEWEST_MAPS:
        yield (
            f"N = {N}: fewer than {FEWEST_MAPS} seeds of {place} keep their decision maps. Its data.map_seeds are "
            f"{dict(kept)}; give more seeds."
        )
