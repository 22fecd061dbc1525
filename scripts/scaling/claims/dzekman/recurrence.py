"""D8: do recurrent networks that train in parallel keep up with attention?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from scaling.claims.claim import Comparison, Evidence, Verdict, plural
from scaling.comparisons import difference, largest_shard, learner_errors, learner_runs
from scaling.numbers import Number, count, fixed, plain
from scaling.settings import Name

if TYPE_CHECKING:
    import pandas as pd


class RecurrenceKeepsUp(Comparison):
    """Recurrent nets that train in parallel do as well as attention, at equal data and at equal time."""

    id: ClassVar[str] = "D8"
    source: ClassVar[str] = "dzekman2024"
    statement: ClassVar[str] = (
        "Attention is no special prior: simple recurrent networks that train in parallel do as well at scale."
    )

    recurrent: Name
    """The recurrent learner."""
    attention: Name
    """The learner with attention, for the rest as like it as can be."""
    margin: Annotated[float, Field(gt=0)]
    """Supported: the upper bound of the difference in error, recurrent less attention, is below this."""

    def named_learners(self) -> dict[str, Name]:
        """The two learners."""
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
        """Compare both, each under the single and the doubled budget."""
        table = evidence.tables[self.domain]
        recurrent, attention = self.recurrent, self.attention
        top = largest_shard(table, recurrent, attention)

        def errors(learner: str, budget_scale: int) -> pd.Series[float]:
            return learner_errors(table, learner, top, budget_scale=budget_scale)

        equal = difference(errors(recurrent, 1), errors(attention, 1))
        generous = difference(errors(recurrent, 1), errors(attention, 2))
        helped = difference(errors(recurrent, 2), errors(attention, 1))

        def operations(learner: str, budget_scale: int) -> float:
            return float(learner_runs(table, learner, top, budget_scale).flops.mean())

        cost = operations(recurrent, 1) / operations(attention, 1)
        numbers = {
            "top": count(top),
            "seeds": count(equal.pairs),
            "equal": equal.number("error"),
            "generous": generous.number("error"),
            "helped": helped.number("error"),
            "cost": fixed(cost, 2),
            "cost-helped": fixed(operations(recurrent, 2) / operations(attention, 1), 2),
        }
        sizes = {f"{name}-size": size for name, size in self._sizes(table, top).items()}
        numbers |= {name: count(size) for name, size in sizes.items()}
        at = rf"at $N=$ <<top>> \unit{{{self.domain}}}"
        if len(sizes) > 1:
            alike = len(set(sizes.values())) == 1
            at += rf" and size <<recurrent-size>>{'' if alike else ' against <<attention-size>>'}"
        reason = (
            rf"{at}, over <<seeds>> paired {plural(equal.pairs, 'seed', 'seeds')}, the error of the recurrent network "
            r"less that of attention is <<equal>> <<equal|interval>> after equal training, for which it takes <<cost>> "
            r"times the operations; <<generous>> <<generous|interval>> if attention was trained twice as long; and "
            r"<<helped>> <<helped|interval>> if the recurrent network was, with <<cost-helped>> times the operations"
        )
        if better := self._better(table, top):
            named = " and ".join(rf"the \learner{{{name}}}" for name in better)
            reason += rf"; {named}, trained on as many and of whatever size, {plural(len(better), 'errs', 'err')} less"
        if all(found.high is not None and found.high < self.margin for found in (equal, generous)) and cost <= 2:
            return "supported", reason, numbers
        if all(found.low is not None and found.low > self.margin for found in (equal, helped)):
            return "contradicted", reason, numbers
        return "undecided", reason, numbers

    def _sizes(self, table: pd.DataFrame, top: int) -> dict[str, int]:
        """Give the sizes that either learner has at N, if it has one."""
        sizes = {key: learner_runs(table, learner, top)["size"].max() for key, learner in self.named_learners().items()}
        return {key: int(size) for key, size in sizes.items() if size == size}  # without NaN

    def _better(self, table: pd.DataFrame, top: int) -> list[str]:
        """Name the other families of the domain whose median error at N is below that of both, from the best on."""
        rivals = min(float(learner_errors(table, learner, top).median()) for learner in self.named_learners().values())
        families = dict.fromkeys(table.family)
        medians = {family: float(learner_errors(table, family, top).median()) for family in families}
        better = [name for name, median in medians.items() if median < rivals and not self._is_of(table, name)]
        return sorted(better, key=medians.__getitem__)

    def _is_of(self, table: pd.DataFrame, family: str) -> bool:
        """Is one of the two learners of this family?"""
        models = {family, *table[table.family == family].model}
        return not models.isdisjoint(self.named_learners().values())
