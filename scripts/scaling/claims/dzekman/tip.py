"""D7: is the sparse tip missed, and do data elsewhere help there?"""

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
    holm,
    unknown_learners,
    unknown_region,
    unknown_shard,
)
from scaling.claims.dzekman.arms import arm_plan, faults_of_arm
from scaling.comparisons import Mean, Ratio, learner_errors, log_ratio, mean
from scaling.numbers import Number, count, percent, plain
from scaling.settings import Count, Name

if TYPE_CHECKING:
    from scaling.study import Study


class DataElsewhere(Comparison):
    """What is rarely seen is missed, and more data elsewhere change nothing about it."""

    id: ClassVar[str] = "D7"
    source: ClassVar[str] = "dzekman2024"
    experiment: ClassVar[str | None] = "bias"
    statement: ClassVar[str] = (
        r"The sparse tip is missed by the crafted network and by $k$-NN alike; data elsewhere do not help there."
    )

    arm: Name
    """The arm in which a larger shard has no more samples around the region."""
    learners: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Those that are said to miss it, in the domain and in the arm."""
    N: Count
    """The shard of the domain."""
    more: Count
    """The shard of the arm."""
    region: Name
    """The region where samples are rare."""
    missed: Share
    """A learner misses the region if it errs more than this there."""
    margin: Annotated[float, Field(gt=0, lt=1)]
    """A ratio nearer to one than this is no help."""
    level: Level
    """Level of the interval that must lie within the margin: 1 − 2α, with α the size of every test."""

    def named_learners(self) -> dict[str, Name]:
        """The learners, by their places in the list."""
        return {f"learners[{index}]": learner for index, learner in enumerate(self.learners)}

    def faults(self, study: Study) -> Iterator[str]:
        """Name what this study does not have."""
        yield from super().faults(study)
        if len(set(self.learners)) < len(self.learners):
            yield f"learners = {list(self.learners)}: a learner is repeated. Give each once."
        plan = study.domains.get(self.domain)
        if plan is None:
            return
        yield from unknown_shard(self.domain, plan, "N", self.N, *self.learners)
        yield from unknown_region(self.domain, plan, self.region)
        yield from faults_of_arm(study, self.domain, self.arm)
        if trained := arm_plan(study, self.domain, self.arm):
            place = f"{self.domain}-{self.arm}"
            yield from unknown_learners(place, trained, self.named_learners())
            yield from unknown_shard(place, trained, "more", self.more, *self.learners)

    def describe(self) -> str:
        """Give the test in words."""
        return (
            rf"supported if every learner's error in the {self.region} has its lower bound above "
            r"\val{threshold.D7.missed}, and the \val{threshold.D7.level} interval of its ratio, with more data "
            r"elsewhere to without, lies within $1\pm\val{threshold.D7.margin}$; contradicted if a ratio is below that "
            r"beyond doubt, by Holm's procedure over the learners"
        )

    def thresholds(self) -> dict[str, Number]:
        """Give what is missed, margin and level."""
        return {"missed": percent(self.missed, 0), "margin": plain(self.margin), "level": percent(self.level, 0)}

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        """Look at every learner's error in the region, without and with more data elsewhere."""
        found = {learner: self._look(evidence, learner) for learner in self.learners}
        numbers = {"N": count(self.N), "more": count(self.more)}
        parts = []
        for learner, (error, change) in found.items():
            numbers |= {f"{learner}.error": error.share(), f"{learner}.change": change.number()}
            parts.append(
                rf"the \learner{{{learner}}} errs on <<{learner}.error>> <<{learner}.error|interval>> there, and "
                rf"<<{learner}.change>> <<{learner}.change|interval>> times as often with more data elsewhere"
            )
        reason = rf"in the {self.region} at $N=$ <<N>>, then at $N=$ <<more>>: {'; '.join(parts)}"
        errors, changes = zip(*found.values(), strict=True)
        # One learner that is helped contradicts, so each further one would be a further chance to err.
        if holm([change.p_below(1 - self.margin) for change in changes], (1 - self.level) / 2):
            return "contradicted", reason, numbers
        missed = all(error.low is not None and error.low > self.missed for error in errors)
        unchanged = all(change.within(1 - self.margin, 1 + self.margin) for change in changes)
        return ("supported" if missed and unchanged else "undecided"), reason, numbers

    def _look(self, evidence: Evidence, learner: str) -> tuple[Mean, Ratio]:
        """Give a learner's error in the region, and the ratio of that in the arm to it, in pairs of seeds."""
        column = f"error_{self.region}"
        before = learner_errors(evidence.tables[self.domain], learner, self.N, column)
        after = learner_errors(evidence.tables[f"{self.domain}-{self.arm}"], learner, self.more, column)
        return mean(before, most=1), log_ratio(after, before, self.level)
