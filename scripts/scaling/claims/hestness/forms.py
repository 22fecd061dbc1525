"""H1 and H9: are learning curves power laws, or does an exponential foretell them better?"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from scaling.claims.claim import Claim, Evidence, Share, Verdict, plural
from scaling.comparisons import NothingToCompare
from scaling.curves import Curve
from scaling.laws.rivals import POWER_LAWS, FormName
from scaling.numbers import Number, count, percent, plain


class PowerLaws(Claim):
    """Power laws everywhere: small residuals, and no rival form predicts the largest shards better."""

    id: ClassVar[str] = "H1"
    source: ClassVar[str] = "hestness2017"
    statement: ClassVar[str] = "Learning curves follow a power law in every domain tested."

    max_residual: Share
    """Supported: root mean square of the fitted law's log residuals at most this, for every curve."""
    max_prediction: Share
    """Supported: mean error of the best power form's log prediction of each of the three largest shards."""
    bad_residual: Share
    """Contradicted: a residual above this in a curve where a rival form halves the prediction error."""

    def describe(self) -> str:
        """Give the test in words."""
        return (
            r"supported if every curve that may speak leaves at most \val{threshold.H1.max-residual} residual and "
            r"some power law predicts its three largest shards to \val{threshold.H1.max-prediction}; contradicted if "
            r"somewhere an exponential or logarithmic form halves that error and the residual exceeds "
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
        fit = evidence.speaking
        passing = [curve for curve in fit if self._passes(curve)]
        failing = [curve for curve in fit if self._fails(curve)]
        unforetold = [curve for curve in fit if prediction_error(curve, POWER_LAWS) is None]
        silent = set(evidence.domains) - {curve.domain for curve in fit}
        numbers = {
            "curves": count(len(evidence.curves)),
            "eligible": count(len(fit)),
            "passing": count(len(passing)),
            "failing": count(len(failing)),
            "unforetold": count(len(unforetold)),
            "silent": count(len(silent)),
        }
        reason = (
            r"of <<curves>> curves, <<eligible>> may speak (long enough, not limited by compute); <<passing>> "
            rf"{plural(len(passing), 'passes', 'pass')} the test and <<failing>> "
            rf"{plural(len(failing), 'contradicts', 'contradict')} it"
        )
        if unforetold:
            reason += (
                rf"; <<unforetold>> of those that may speak {plural(len(unforetold), 'has', 'have')} too few shards to "
                "predict the largest, which passing asks for"
            )
        if silent:
            reason += rf"; in <<silent>> {plural(len(silent), 'domain', 'domains')} no curve may speak"
        if failing:
            return "contradicted", reason, numbers
        return ("supported" if fit and len(passing) == len(fit) and not silent else "undecided"), reason, numbers

    def _passes(self, curve: Curve) -> bool:
        prediction = prediction_error(curve, POWER_LAWS)
        return (
            curve.law is not None
            and curve.law.rms_residual <= self.max_residual
            and prediction is not None
            and prediction <= self.max_prediction
        )

    def _fails(self, curve: Curve) -> bool:
        own, rival = prediction_error(curve, POWER_LAWS), prediction_error(curve, ("exponential", "logarithmic"))
        return (
            curve.law is not None
            and curve.law.rms_residual > self.bad_residual
            and own is not None
            and rival is not None
            and rival <= own / 2
        )


class ExponentialGains(Claim):
    """Improvement that is exponential in the data, taken at its word, against a power of the data."""

    id: ClassVar[str] = "H9"
    source: ClassVar[str] = "synced2024"
    statement: ClassVar[str] = "Performance improves exponentially with more data."

    ratio: Annotated[float, Field(gt=0, lt=1)]
    """A form wins on a curve if it predicts the largest shards with less than this share of the other's error."""

    def describe(self) -> str:
        """Give the test in words."""
        return (
            r"supported if on every curve that may speak an exponential with a floor predicts each of the largest "
            r"shards from the smaller with less than \val{threshold.H9.ratio} times the error of the best power form; "
            r"contradicted if on every one the best power form does so against the exponential"
        )

    def thresholds(self) -> dict[str, Number]:
        """Give the ratio."""
        return {"ratio": plain(self.ratio)}

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        """Count the curves that either form foretells far better than the other."""
        errors = [
            (power, exponential)
            for curve in evidence.speaking
            if (power := prediction_error(curve, POWER_LAWS)) is not None
            and (exponential := prediction_error(curve, ("exponential",))) is not None
        ]
        if not errors:
            raise NothingToCompare("no curve may speak and has shards enough to foretell its largest")
        power_wins = sum(power < self.ratio * exponential for power, exponential in errors)
        exponential_wins = sum(exponential < self.ratio * power for power, exponential in errors)
        numbers = {
            "foretold": count(len(errors)),
            "power": count(power_wins),
            "exponential": count(exponential_wins),
        }
        reason = (
            rf"of <<foretold>> {plural(len(errors), 'curve', 'curves')} that may speak and have shards enough, the "
            r"power form wins on <<power>> and the exponential on <<exponential>>"
        )
        if power_wins == len(errors):
            return "contradicted", reason, numbers
        return ("supported" if exponential_wins == len(errors) else "undecided"), reason, numbers


def prediction_error(curve: Curve, forms: tuple[FormName, ...]) -> float | None:
    """Give the mean log error with which the best of some forms foretells the largest shards; None if none can."""
    errors = [rival.rolling_error for rival in curve.rivals if rival.form in forms and rival.rolling_error is not None]
    return min(errors, default=None)
