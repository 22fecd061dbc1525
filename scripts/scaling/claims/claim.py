"""What every claim is: a statement with the thresholds of its test, judged on evidence, with an outcome."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from scaling.comparisons import NothingToCompare
from scaling.curves import Curve, read_curves, read_tables
from scaling.measurements import model_name
from scaling.numbers import Number
from scaling.settings import Name, Settings

if TYPE_CHECKING:
    import pandas as pd

    from scaling.plans import DomainPlan
    from scaling.study import Study

Verdict = Literal["supported", "contradicted", "undecided"]
Share = Annotated[float, Field(gt=0, le=1)]
Level = Annotated[float, Field(gt=0.5, lt=1)]


@dataclass(frozen=True)
class Evidence:
    """What a claim is tested on."""

    tables: Mapping[str, pd.DataFrame]
    """The tidy table of each domain."""
    curves: tuple[Curve, ...]
    neural: frozenset[tuple[str, str]]
    """The (domain, family) pairs that are neural networks."""
    guesses: Mapping[str, float] = field(default_factory=dict)
    """Error of the best guess in each domain where it is known."""
    hard: pd.DataFrame | None = None
    """What decision maps say of the places that are hard to learn, a row a run: `domain` (or domain and arm:
    spiral-focal), `model`, `N`, `seed`, `error`, the share of the hard cells that the run gets wrong, and
    `disagreement`, of every second run the share of the cells around them where it differs from the next seed. None
    without maps."""

    @classmethod
    def read(
        cls,
        tables: Iterable[str],
        laws: Iterable[str],
        neural: Iterable[Iterable[str]],
        guesses: Mapping[str, float],
        bias: str | Path | None = None,
    ) -> Evidence:
        """Read the evidence from the files that the jobs left; `bias` is what came of that experiment, if it is on."""
        pairs = frozenset((domain, family) for domain, family in neural)
        hard = None if bias is None else _read_hard(Path(bias))
        return cls(read_tables(tables), read_curves(laws), pairs, guesses, hard)

    def curve(self, domain: str, family: str) -> Curve:
        """Look up one curve."""
        return next(curve for curve in self.curves if (curve.domain, curve.family) == (domain, family))

    @property
    def speaking(self) -> tuple[Curve, ...]:
        """The curves that can support or contradict."""
        return tuple(curve for curve in self.curves if curve.objection is None)

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains that have curves."""
        return tuple(dict.fromkeys(curve.domain for curve in self.curves))


HARD = ("domain", "model", "N", "seed", "error", "disagreement")


def _read_hard(bias: Path) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(json.loads(bias.read_text())["hard"], columns=list(HARD))


class Outcome(BaseModel):
    """A claim, its verdict, the numbers behind it, and the reason as a sentence of LaTeX over these numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    source: str
    """Key in references.bib."""
    statement: str
    test: str
    verdict: Verdict
    reason: str
    numbers: dict[str, Number]


def read_outcomes(paths: Iterable[str]) -> tuple[Outcome, ...]:
    """Read the outcomes of tested claims."""
    return tuple(Outcome.model_validate_json(Path(path).read_text()) for path in paths)


class Claim(Settings):
    """A statement from the literature with the thresholds of its test."""

    id: ClassVar[str]
    source: ClassVar[str]
    statement: ClassVar[str]
    experiment: ClassVar[str | None] = None
    """The experiment without which there is nothing to test it on; a study without that is without the claim."""

    def faults(self, study: Study) -> Iterator[str]:
        """Name what this claim refers to and the study does not have."""
        return iter(())

    def describe(self) -> str:
        r"""Say in a sentence of LaTeX what supports and what contradicts the claim.

        Its thresholds it names, \val{threshold.<id>.<name>}, so that the ledger prints them.
        """
        raise NotImplementedError

    def thresholds(self) -> dict[str, Number]:
        """Give the thresholds by their names in the config, with hyphens."""
        raise NotImplementedError

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        r"""Give the verdict, its reason in LaTeX, and the numbers that it rests on.

        Raises NothingToCompare if the runs allow no comparison; the claim is undecided then. The reason names its
        numbers as <<name>>, their intervals as <<name|interval>>, and a learner of its domain as \learner{name}.
        A learner of any domain is \learner{domain.name}, the domain \domain{domain}, and what N counts there
        \unit{domain}: the paper puts in what they are called.
        """
        raise NotImplementedError

    def test(self, evidence: Evidence) -> Outcome:
        """Test the claim."""
        try:
            verdict, reason, numbers = self.judge(evidence)
        except NothingToCompare as error:
            verdict, reason, numbers = "undecided", str(error), {}
        return Outcome(
            id=self.id,
            source=self.source,
            statement=self.statement,
            test=self.describe(),
            verdict=verdict,
            reason=self._with_macros(reason),
            numbers=numbers,
        )

    def _with_macros(self, reason: str) -> str:
        r"""Turn <<name>> into \val{claim.<id>.name}, so that the ledger prints the number."""
        reason = re.sub(r"<<([A-Za-z0-9.-]+)\|interval>>", rf"\\interval{{claim.{self.id}.\1}}", reason)
        return re.sub(r"<<([A-Za-z0-9.-]+)>>", rf"\\val{{claim.{self.id}.\1}}", reason)


class Comparison(Claim):
    """A claim about learners of one domain: families, at the size that validation chose, or models of one size."""

    domain: Name

    def named_learners(self) -> dict[str, Name]:
        """The learners that the claim compares, by the key that names each."""
        raise NotImplementedError

    def faults(self, study: Study) -> Iterator[str]:
        """Name the domain or the learners that this study does not have."""
        plan = study.domains.get(self.domain)
        if plan is None:
            yield f"domain = {self.domain!r}: no such domain. The study has {', '.join(study.domains)}."
        else:
            yield from unknown_learners(self.domain, plan, self.named_learners())


def unknown_learners(place: str, plan: DomainPlan, learners: Mapping[str, Name]) -> Iterator[str]:
    """Name the learners, by their keys in the config, that a domain or an arm does not have."""
    known = _families_of_learners(plan)
    for key, learner in learners.items():
        if learner not in known:
            yield f"{key} = {learner!r}: no family or model of {place}. It has {', '.join(known)}."


def unknown_shard(place: str, plan: DomainPlan, key: str, N: int, *learners: Name) -> Iterator[str]:
    """Name those among the learners that a domain or an arm does not train on N examples."""
    families = _families_of_learners(plan)
    found = []
    for family in (families[learner] for learner in learners if learner in families):
        shards = plan.shards_of(family)
        whose = place if shards == plan.train_sizes else f"{family} on {place}"
        if N not in shards:
            found.append(f"{key} = {N}: no shard of {whose}. Its train_sizes are {list(shards)}.")
    yield from dict.fromkeys(found)


def unknown_region(place: str, plan: DomainPlan, region: Name) -> Iterator[str]:
    """Name a region that a domain does not have."""
    if region not in plan.regions:
        yield f"region = {region!r}: no region of {place}. It has {', '.join(plan.regions) or 'none'}."


def _families_of_learners(plan: DomainPlan) -> dict[Name, Name]:
    """Give the family of every learner that a claim may name: families first, then their models."""
    families = {name: name for name in plan.families}
    models = {model_name(name, size): name for name, family in plan.families.items() for size in family.model_sizes}
    return families | {model: family for model, family in models.items() if model not in families}


def plural(n: int, one: str, many: str) -> str:
    """Choose the form of a word that goes with a number."""
    return one if n == 1 else many


def holm(p_values: Sequence[float], alpha: float) -> bool:
    """Is one of several claims shown beyond doubt, the chance of a false one kept below `alpha`?

    Holm's procedure starts with the least p value, which must lie below alpha over their number; if it doesn't, nothing
    is shown.
    """
    return bool(p_values) and min(p_values) * len(p_values) <= alpha
