"""D4, D5 and D6: do nearest neighbours with more data come close to the crafted network, and how many do they need?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from scaling.claims.claim import (
    Comparison,
    Evidence,
    Level,
    Verdict,
    holm,
    plural,
    unknown_region,
    unknown_shard,
)
from scaling.comparisons import (
    NothingToCompare,
    crossing,
    largest_shard,
    learner_errors,
    learner_runs,
    log_ratio,
    ratios_by_size,
)
from scaling.numbers import Number, count, fixed, percent, plain, significant
from scaling.settings import Count, Name

if TYPE_CHECKING:
    from scaling.study import Study


class DataComeClose(Comparison):
    """Nearest neighbours with more data come close to the crafted network, and beat it in one region."""

    id: ClassVar[str] = "D4"
    source: ClassVar[str] = "dzekman2024"
    statement: ClassVar[str] = (
        r"With ten times the data $k$-NN comes close to the crafted network, and it is better in the spiral's tail."
    )

    neighbours: Name
    """The k-NN learner."""
    crafted: Name
    """The network with the right prior."""
    N: Count
    """What the network gets."""
    more: Count
    """What the neighbours get."""
    near: Annotated[float, Field(gt=1)]
    """One comes close to the other if neither errs more than so many times as often."""
    region: Name
    """Where the neighbours are said to be better."""

    def named_learners(self) -> dict[str, Name]:
        """The two learners."""
        return {"neighbours": self.neighbours, "crafted": self.crafted}

    def faults(self, study: Study) -> Iterator[str]:
        """Name what this study does not have."""
        yield from super().faults(study)
        if plan := study.domains.get(self.domain):
            yield from unknown_shard(self.domain, plan, "N", self.N, self.crafted)
            yield from unknown_shard(self.domain, plan, "more", self.more, self.neighbours)
            yield from unknown_region(self.domain, plan, self.region)

    def describe(self) -> str:
        """Give the test in words."""
        near = r"$[1/\val{threshold.D4.near}, \val{threshold.D4.near}]$"
        return (
            rf"of the ratios of errors, $k$-NN with more data to the network: supported if the interval of the overall "
            rf"one lies within {near} and the upper bound of that in the {self.region} is below one; contradicted if "
            rf"the first lies wholly outside or a lower bound of the second is above one"
        )

    def thresholds(self) -> dict[str, Number]:
        """Give how near is close."""
        return {"near": plain(self.near)}

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        """Compare the two seed by seed: their shards differ, but a seed's test sets are drawn alike."""
        table = evidence.tables[self.domain]
        overall, region = (
            log_ratio(
                learner_errors(table, self.neighbours, self.more, column),
                learner_errors(table, self.crafted, self.N, column),
            )
            for column in ("error", f"error_{self.region}")
        )
        numbers = {
            "N": count(self.N),
            "more": count(self.more),
            "seeds": count(overall.pairs),
            "overall": overall.number(),
            "region": region.number(),
        }
        reason = (
            r"over <<seeds>> paired seeds, $k$-NN at $N=$ <<more>> errs <<overall>> <<overall|interval>> times as "
            r"often as the network at $N=$ <<N>>, and <<region>> <<region|interval>> times as often in the "
            rf"{self.region}"
        )
        if overall.within(1 / self.near, self.near) and region.below(1):
            return "supported", reason, numbers
        # Each on one side of a 95 % interval, so that a contradiction by either is false once in twenty times at most.
        if overall.above(self.near) or overall.below(1 / self.near) or region.above(1):
            return "contradicted", reason, numbers
        return "undecided", reason, numbers


class DataBeatsPrior(Comparison):
    """With enough data the model no longer matters, and nearest neighbours overtake the crafted network."""

    id: ClassVar[str] = "D5"
    source: ClassVar[str] = "dzekman2024"
    statement: ClassVar[str] = (
        r"With more data the choice of model stops mattering, and with enough of it plain $k$-NN beats the crafted "
        r"network."
    )

    neighbours: Name
    """The k-NN learner."""
    crafted: Name
    """The network family with the right prior: frozen at its smallest size, and scaled as validation chooses."""
    ratio: Annotated[float, Field(gt=1)]
    """Supported: worst to best family below this at the largest shard, and the crossing inside the range."""

    def named_learners(self) -> dict[str, Name]:
        """The neighbours; the network must be a family, for it is asked for at two sizes."""
        return {"neighbours": self.neighbours}

    def faults(self, study: Study) -> Iterator[str]:
        """Name what this study does not have."""
        yield from super().faults(study)
        plan = study.domains.get(self.domain)
        if plan and self.crafted not in plan.families:
            yield f"crafted = {self.crafted!r}: no family of {self.domain}. It has {', '.join(plan.families)}."

    def describe(self) -> str:
        """Give the test in words."""
        return (
            r"supported if at the largest shard the worst family errs less than \val{threshold.D5.ratio} times as "
            r"often as the best and the crossing $N^*$ is bracketed both for the network frozen at its smallest size "
            r"and for the one scaled with $N$; contradicted if $k$-NN still errs more, beyond doubt, at the largest "
            r"shard; undecided where frozen and scaled disagree or a curve is limited by compute"
        )

    def thresholds(self) -> dict[str, Number]:
        """Give the ratio."""
        return {"ratio": plain(self.ratio)}

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        """Find the crossing for the frozen and for the scaled network."""
        table = evidence.tables[self.domain]
        single = table[(table.budget_scale == 1) & (table.outcome == "trained")]
        top = largest_shard(single, self.neighbours, self.crafted)
        medians = single[(top == single.N) & single.chosen].groupby("family").error.median()
        smallest = single[single.family == self.crafted].sort_values("size").model.iloc[0]
        frozen = ratios_by_size(single, self.neighbours, single[single.model == smallest])
        scaled = ratios_by_size(single, self.neighbours, single[(single.family == self.crafted) & single.chosen])
        if top not in frozen or top not in scaled or not medians.min() > 0:
            raise NothingToCompare("at the largest shard a family makes no error, or has no run that ended well")
        spread = float(medians.max() / medians.min())
        crossings = {"frozen": crossing(frozen), "scaled": crossing(scaled)}
        numbers = {
            "top": count(top),
            "spread": significant(spread, 2),
            "frozen-ratio": frozen[top].number(),
            "scaled-ratio": scaled[top].number(),
        }
        numbers |= {f"{name}-crossing": at.number() for name, at in crossings.items() if at is not None}
        reason = (
            r"at $N=$ <<top>> the worst family errs <<spread>> times as often as the best; $k$-NN to network: "
            r"<<frozen-ratio>> <<frozen-ratio|interval>> against the frozen one and <<scaled-ratio>> "
            r"<<scaled-ratio|interval>> against the scaled one"
        )
        for name, ratios in (("frozen", frozen), ("scaled", scaled)):
            if crossings[name] is not None:
                doubt = "" if ratios[top].below(1) else ", but not beyond doubt"
                reason += (
                    rf"; $k$-NN overtakes the {name} network at $N^*=$ <<{name}-crossing>> <<{name}-crossing|interval>>"
                    rf"{doubt}"
                )
        silent = [curve for curve in evidence.curves if curve.domain == self.domain and curve.objection]
        if silent:
            numbers["silent"] = count(len(silent))
            few = plural(len(silent), "curve that it compares is", "curves that it compares are")
            return "undecided", rf"{reason}; but <<silent>> {few} too short or limited by compute", numbers
        if all((low := ratios[top].low) is not None and low > 1 for ratios in (frozen, scaled)):
            return "contradicted", reason, numbers
        if spread < self.ratio and all(at is not None and at.bracketed for at in crossings.values()):
            return "supported", reason, numbers
        return "undecided", reason, numbers


class OneNeighbour(Comparison):
    """Of nearest neighbours, one is better than several."""

    id: ClassVar[str] = "D6"
    source: ClassVar[str] = "dzekman2024"
    statement: ClassVar[str] = r"Five neighbours are a bad prior for labels without noise; one is better."

    one: Name
    """The learner that asks one neighbour."""
    several: Name
    """The learner that asks several."""
    level: Level
    """Level of the intervals, of which every upper bound must be below one: 1 − 2α, with α the size of every test."""

    def named_learners(self) -> dict[str, Name]:
        """The two learners."""
        return {"one": self.one, "several": self.several}

    def describe(self) -> str:
        """Give the test in words."""
        return (
            r"of the ratios of errors, one neighbour to several, on every shard that both saw: supported if the upper "
            r"bound of every \val{threshold.D6.level} interval is below one; contradicted if a ratio is above one "
            r"beyond doubt, by Holm's procedure over the shards"
        )

    def thresholds(self) -> dict[str, Number]:
        """Give the level."""
        return {"level": percent(self.level, 0)}

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        """Compare the two at every N, seed by seed."""
        table = evidence.tables[self.domain]
        several = learner_runs(table, self.several)
        ratios = ratios_by_size(table, self.one, several, self.level)
        if not ratios:
            raise NothingToCompare("on no shard have both an error above zero")
        silent = len(set(learner_runs(table, self.one).N) & set(several.N)) - len(ratios)
        smallest, largest = min(ratios), max(ratios)
        values = [ratio.value for ratio in ratios.values()]
        numbers = {
            "shards": count(len(ratios)),
            "smallest": count(smallest),
            "largest": count(largest),
            "first": ratios[smallest].number(),
            "last": ratios[largest].number(),
            "least": fixed(min(values), 2),
            "most": fixed(max(values), 2),
        }
        reason = (
            rf"over <<shards>> {plural(len(ratios), 'shard size', 'shard sizes')} the ratio lies between <<least>> and "
            r"<<most>>; it is <<first>> <<first|interval>> at $N=$ <<smallest>> and <<last>> <<last|interval>> at "
            r"$N=$ <<largest>>"
        )
        if silent:
            numbers["silent"] = count(silent)
            reason += rf"; at <<silent>> further {plural(silent, 'size', 'sizes')} one of them makes no error"
        if holm([ratio.p_above(1) for ratio in ratios.values()], (1 - self.level) / 2):
            return "contradicted", reason, numbers
        beyond_doubt = all(ratio.below(1) for ratio in ratios.values())
        return ("supported" if beyond_doubt and not silent else "undecided"), reason, numbers
