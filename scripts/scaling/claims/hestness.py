"""Claims of Hestness et al. (2017): that error falls as a power of the data, and how steeply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, model_validator

from scaling.claims.claim import Claim, Evidence, Share, Verdict, plural
from scaling.curves import Curve
from scaling.numbers import Number, count, percent, plain

if TYPE_CHECKING:
    pass


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
            rf"{plural(len(passing), 'passes', 'pass')} the test and <<failing>> "
            rf"{plural(len(failing), 'contradicts', 'contradict')} it"
        )
        if silent:
            reason += rf"; in <<silent>> {plural(len(silent), 'domain', 'domains')} no curve may speak"
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
            rf"of <<domains>> {plural(len(names), 'domain', 'domains')}, <<inside>> inside and <<outside>> outside "
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


def _prediction_error(curve: Curve, form: str) -> float | None:
    assert curve.law is not None
    return next((rival.rolling_error for rival in curve.law.rivals if rival.form == form), None)
