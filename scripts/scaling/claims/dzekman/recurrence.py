"""D8: do recurrent networks that train in parallel keep up with attention?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from scaling.claims.claim import Comparison, Evidence, Verdict
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
        flops = [float(learner_runs(table, learner, top).flops.mean()) for learner in (recurrent, attention)]
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
