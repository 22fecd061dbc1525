"""Claims of Dzekman (2024): what the right prior buys with few data, and what is left of it with many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from scaling.claims.claim import Comparison, Evidence, Share, Verdict, plural
from scaling.comparisons import NothingToCompare, crossing, difference, paired_ratio, ratios_by_size
from scaling.curves import chosen_runs
from scaling.numbers import Number, count, fixed, plain
from scaling.settings import Count, Name

if TYPE_CHECKING:
    import pandas as pd

    from scaling.study import Study


class InformedPrior(Comparison):
    """The right prior helps with little data, also where the samples are rarest."""

    id: ClassVar[str] = "D2"
    source: ClassVar[str] = "dzekman2024"
    statement: ClassVar[str] = (
        "The right inductive bias (polar inputs) helps much with a thousand examples, also where there are hardly any."
    )

    informed: Name
    """The family with the prior."""
    plain: Name
    """The same family without it."""
    N: Count
    region: Name
    """The region where samples are rare."""
    ratio: Share
    """Supported: the ratio's upper bound, informed to plain, is below this, both overall and in the region."""

    def named_families(self) -> dict[str, Name]:
        """The two families."""
        return {"informed": self.informed, "plain": self.plain}

    def faults(self, study: Study) -> Iterator[str]:
        """Name what this study does not have."""
        yield from super().faults(study)
        if plan := study.domains.get(self.domain):
            if self.N not in plan.train_sizes:
                yield f"N = {self.N}: no shard of {self.domain}. Its train_sizes are {list(plan.train_sizes)}."
            if self.region not in plan.regions:
                known = ", ".join(plan.regions) or "none"
                yield f"region = {self.region!r}: no region of {self.domain}. It has {known}."

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
        """Compare the two families seed by seed."""
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
        if all(ratio.high is not None and ratio.high < self.ratio for ratio in ratios.values()):
            return "supported", reason, numbers
        if any(ratio.low is not None and ratio.low >= 1 for ratio in ratios.values()):
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
    """The k-NN family."""
    crafted: Name
    """The network family with the right prior: frozen at its smallest size, and scaled as validation chooses."""
    ratio: Annotated[float, Field(gt=1)]
    """Supported: worst to best family below this at the largest shard, and the crossing inside the range."""

    def named_families(self) -> dict[str, Name]:
        """The two families."""
        return {"neighbours": self.neighbours, "crafted": self.crafted}

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
        top = _top(single, self.neighbours, self.crafted)
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
            "spread": fixed(spread, 2),
            "frozen-ratio": frozen[top].number(),
            "scaled-ratio": scaled[top].number(),
        }
        numbers |= {f"{name}-crossing": at.number() for name, at in crossings.items() if at is not None}
        reason = (
            r"at $N=$ <<top>> the worst family errs <<spread>> times as often as the best; $k$-NN to network: "
            r"<<frozen-ratio>> <<frozen-ratio|interval>> against the frozen one and <<scaled-ratio>> "
            r"<<scaled-ratio|interval>> against the scaled one"
        )
        for name in crossings:
            if crossings[name] is not None:
                reason += (
                    rf"; $k$-NN overtakes the {name} network at $N^*=$ <<{name}-crossing>> <<{name}-crossing|interval>>"
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


class RecurrenceKeepsUp(Comparison):
    """Recurrent nets that train in parallel do as well as attention, at equal data and at equal time."""

    id: ClassVar[str] = "D8"
    source: ClassVar[str] = "dzekman2024"
    statement: ClassVar[str] = (
        "Attention is no special prior: simple recurrent networks that train in parallel do as well at scale."
    )

    recurrent: Name
    """The recurrent family."""
    attention: Name
    """The family with attention, for the rest as like it as can be."""
    margin: Annotated[float, Field(gt=0)]
    """Supported: the upper bound of the difference in error, recurrent less attention, is below this."""

    def named_families(self) -> dict[str, Name]:
        """The two families."""
        return {"recurrent": self.recurrent, "attention": self.attention}

    def describe(self) -> str:
        """Give the test in words."""
        return (
            r"at the largest shard, seed by seed: supported if the upper bound of the difference in error, recurrent "
            r"less attention, is below \val{threshold.D8.margin} after equal training, and also if attention was "
            r"trained twice as long, in which time a recurrent network of at most twice its operations is done; "
            r"contradicted if a lower bound is above that even if the recurrent network was trained twice as long"
        )

    def thresholds(self) -> dict[str, Number]:
        """Give the margin."""
        return {"margin": plain(self.margin)}

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        """Compare the chosen sizes of both, each under the single and the doubled budget."""
        table = evidence.tables[self.domain]
        top = _top(table, self.recurrent, self.attention)

        def errors(family: str, budget_scale: int) -> pd.Series[float]:
            return chosen_runs(table, family, top, budget_scale).set_index("seed").error

        recurrent, attention = self.recurrent, self.attention
        equal = difference(errors(recurrent, 1), errors(attention, 1))
        generous = difference(errors(recurrent, 1), errors(attention, 2))
        helped = difference(errors(recurrent, 2), errors(attention, 1))
        flops = [float(chosen_runs(table, family, top).flops.mean()) for family in (recurrent, attention)]
        cost = flops[0] / flops[1]
        numbers = {
            "top": count(top),
            "seeds": count(equal.pairs),
            "equal": equal.number("error"),
            "generous": generous.number("error"),
            "helped": helped.number("error"),
            "cost": fixed(cost, 2),
        }
        reason = (
            r"at $N=$ <<top>>, over <<seeds>> paired seeds, the recurrent network errs <<equal>> <<equal|interval>> "
            r"more after equal training, <<generous>> <<generous|interval>> more if attention was trained twice as "
            r"long, and <<helped>> <<helped|interval>> more if itself was, at <<cost>> times the operations"
        )
        if all(found.high is not None and found.high < self.margin for found in (equal, generous)) and cost <= 2:
            return "supported", reason, numbers
        if all(found.low is not None and found.low > self.margin for found in (equal, helped)):
            return "contradicted", reason, numbers
        return "undecided", reason, numbers


def _top(table: pd.DataFrame, *families: str) -> int:
    """Find the largest shard that all of the families have."""
    return min(int(table[table.family == family].N.max()) for family in families)
