"""Claims: statements from the literature, each with a test over numbers and a verdict.

Thresholds are settings, so they stand in config.yaml, with their reasons, before any run. A curve that is limited by
compute, or too short, can neither support nor contradict; whatever a test does not settle is undecided.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from scaling.comparisons import NothingToCompare, crossing, paired_ratio, ratios_by_size
from scaling.curves import Curve, read_curves, read_tables
from scaling.numbers import Number, count, fixed, percent, plain
from scaling.settings import Count, Name, Settings

if TYPE_CHECKING:
    import pandas as pd

    from scaling.study import Study

Verdict = Literal["supported", "contradicted", "undecided"]
Share = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True)
class Evidence:
    """What a claim is tested on."""

    tables: Mapping[str, pd.DataFrame]
    """The tidy table of each domain."""
    curves: tuple[Curve, ...]
    neural: frozenset[tuple[str, str]]
    """The (domain, family) pairs that are neural networks."""

    @classmethod
    def read(cls, tables: Iterable[str], laws: Iterable[str], neural: Iterable[Iterable[str]]) -> Evidence:
        """Read the evidence from the files that the jobs left."""
        pairs = frozenset((domain, family) for domain, family in neural)
        return cls(read_tables(tables), read_curves(laws), pairs)

    def curve(self, domain: str, family: str) -> Curve:
        """Look up one curve."""
        return next(curve for curve in self.curves if (curve.domain, curve.family) == (domain, family))


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
        """Give the verdict, its reason in LaTeX, and the numbers that it rests on.

        Raises NothingToCompare if the runs allow no comparison; the claim is undecided then. The reason names its
        numbers as <<name>>, and their intervals as <<name|interval>>.
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
        reason = re.sub(r"<<([a-z0-9-]+)\|interval>>", rf"\\interval{{claim.{self.id}.\1}}", reason)
        return re.sub(r"<<([A-Za-z0-9-]+)>>", rf"\\val{{claim.{self.id}.\1}}", reason)


class PowerLaws(Claim):
    """Power laws everywhere: small residuals, and no rival form predicts the largest shards better."""

    id: ClassVar[str] = "H1"
    source: ClassVar[str] = "hestness2017"
    statement: ClassVar[str] = "Learning curves follow a power law in every domain tested."

    max_residual: Share
    """Supported: root mean square of the log residuals at most this, for every curve."""
    max_prediction: Share
    """Supported: mean error of the log prediction of each of the three largest shards from the smaller ones."""
    bad_residual: Share
    """Contradicted: a residual above this in a curve where a rival form halves the prediction error."""

    def describe(self) -> str:
        """Give the test in words."""
        return (
            r"supported if every curve that may speak leaves at most \val{threshold.H1.max-residual} residual and "
            r"predicts its three largest shards to \val{threshold.H1.max-prediction}; contradicted if somewhere an "
            r"exponential or logarithmic form halves that error and the residual exceeds "
            r"\val{threshold.H1.bad-residual}"
        )

    def thresholds(self) -> dict[str, Number]:
        """Give residuals and prediction error in percent."""
        return {
            "max-residual": percent(self.max_residual, 0),
            "max-prediction": percent(self.max_prediction, 0),
            "bad-residual": percent(self.bad_residual, 0),
        }

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        """Judge every curve that may speak."""
        fit = [curve for curve in evidence.curves if curve.objection is None]
        passing = [curve for curve in fit if self._passes(curve)]
        failing = [curve for curve in fit if self._fails(curve)]
        silent = {curve.domain for curve in evidence.curves} - {curve.domain for curve in fit}
        numbers = {
            "curves": count(len(evidence.curves)),
            "eligible": count(len(fit)),
            "passing": count(len(passing)),
            "failing": count(len(failing)),
            "silent": count(len(silent)),
        }
        reason = (
            r"of <<curves>> curves, <<eligible>> may speak (long enough, not limited by compute); <<passing>> "
            rf"{_plural(len(passing), 'passes', 'pass')} the test and <<failing>> "
            rf"{_plural(len(failing), 'contradicts', 'contradict')} it"
        )
        if silent:
            reason += rf"; in <<silent>> {_plural(len(silent), 'domain', 'domains')} no curve may speak"
        if failing:
            return "contradicted", reason, numbers
        return ("supported" if fit and passing == fit and not silent else "undecided"), reason, numbers

    def _passes(self, curve: Curve) -> bool:
        prediction = _prediction_error(curve, "power law with floor")
        assert curve.law is not None
        return (
            curve.law.rms_residual <= self.max_residual and prediction is not None and prediction <= self.max_prediction
        )

    def _fails(self, curve: Curve) -> bool:
        own = _prediction_error(curve, "power law with floor")
        rivals = [_prediction_error(curve, form) for form in ("exponential", "logarithmic")]
        assert curve.law is not None
        return (
            curve.law.rms_residual > self.bad_residual
            and own is not None
            and any(rival is not None and rival <= own / 2 for rival in rivals)
        )


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
        names = sorted({curve.domain for curve in evidence.curves})
        sides = [self._side(evidence, domain) for domain in names]
        inside, outside = sides.count("inside"), sides.count("outside")
        numbers = {
            "domains": count(len(names)),
            "inside": count(inside),
            "outside": count(outside),
            "silent": count(sides.count("silent")),
        }
        reason = (
            rf"of <<domains>> {_plural(len(names), 'domain', 'domains')}, <<inside>> inside and <<outside>> outside "
            r"the range; in <<silent>> no neural curve may speak"
        )
        if inside >= self.share * len(names):
            return "supported", reason, numbers
        return ("contradicted" if outside >= self.share * len(names) else "undecided"), reason, numbers

    def _side(self, evidence: Evidence, domain: str) -> str:
        slopes = [
            curve.law.slope
            for curve in evidence.curves
            if curve.domain == domain
            and (domain, curve.family) in evidence.neural
            and curve.objection is None
            and curve.law is not None
        ]
        if not slopes:
            return "silent"
        bounds = [(slope.low, slope.high) for slope in slopes if slope.low is not None and slope.high is not None]
        if len(bounds) < len(slopes):
            return "astride"
        if all(self.steepest <= low and high <= self.flattest for low, high in bounds):
            return "inside"
        return "outside" if all(high < self.steepest or low > self.flattest for low, high in bounds) else "astride"


class Comparison(Claim):
    """A claim about families of one domain."""

    domain: Name

    def named_families(self) -> dict[str, Name]:
        """The families that the claim compares, by the key that names each."""
        raise NotImplementedError

    def faults(self, study: Study) -> Iterator[str]:
        """Name the domain or the families that this study does not have."""
        plan = study.domains.get(self.domain)
        if plan is None:
            yield f"domain = {self.domain!r}: no such domain. The study has {', '.join(study.domains)}."
            return
        for key, family in self.named_families().items():
            if family not in plan.families:
                yield f"{key} = {family!r}: no family of {self.domain}. It has {', '.join(plan.families)}."


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
            if self.region not in plan.data.regions:
                known = ", ".join(plan.data.regions) or "none"
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
        top = int(single.N.max())
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
            few = _plural(len(silent), "curve that it compares is", "curves that it compares are")
            return "undecided", rf"{reason}; but <<silent>> {few} too short or limited by compute", numbers
        if all(ratios[top].low is not None and ratios[top].low > 1 for ratios in (frozen, scaled)):  # type: ignore[operator]
            return "contradicted", reason, numbers
        if spread < self.ratio and all(at is not None and at.bracketed for at in crossings.values()):
            return "supported", reason, numbers
        return "undecided", reason, numbers


class Claims(Settings):
    """The claims that the study tests; one that is left out or null vanishes from the paper."""

    H1: PowerLaws | None = None
    H2: UsualExponent | None = None
    D2: InformedPrior | None = None
    D5: DataBeatsPrior | None = None

    def present(self) -> dict[str, Claim]:
        """Give the claims under test by id, in the order of the paper."""
        claims = {id: getattr(self, id) for id in type(self).model_fields}
        return {id: claim for id, claim in claims.items() if claim is not None}


def _prediction_error(curve: Curve, form: str) -> float | None:
    assert curve.law is not None
    return next((rival.rolling_error for rival in curve.law.rivals if rival.form == form), None)


def _plural(n: int, one: str, many: str) -> str:
    return one if n == 1 else many
