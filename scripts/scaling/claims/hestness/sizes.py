"""H6: does the best model grow with the data, and more slowly than they?"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from scaling.claims.claim import Claim, Evidence, Verdict, holm, plural
from scaling.comparisons import LEVEL, NothingToCompare
from scaling.curves import Curve
from scaling.laws.sizes import MIN_OPTIMA, SizeLaw
from scaling.numbers import Number, count, fixed


class SublinearSize(Claim):
    """The best size is a power of N with an exponent between zero and one."""

    id: ClassVar[str] = "H6"
    source: ClassVar[str] = "hestness2017"
    statement: ClassVar[str] = (
        r"The model size that fits the data best grows predictably with them, and more slowly: as $N^{\beta_p}$ with "
        r"$\beta_p$ below one."
    )

    min_optima: Annotated[int, Field(ge=MIN_OPTIMA)]
    """A size law takes at least so many shards whose best size is not at the edge of the grid."""

    def describe(self) -> str:
        """Give the test in words."""
        return (
            r"from families with at least \val{threshold.H6.min-optima} shards whose best size lies inside the grid of "
            r"sizes on offer: supported if every interval of $\beta_p$ lies above zero and below one, in each domain "
            r"that offers sizes; contradicted if one lies wholly beyond, by Holm's procedure"
        )

    def thresholds(self) -> dict[str, Number]:
        """Give the number of optima."""
        return {"min-optima": count(self.min_optima)}

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        """Fit the size law of every family with sizes whose curve may speak."""
        sized = [curve for curve in evidence.curves if _sizes(evidence, curve) > 1]
        if not sized:
            raise NothingToCompare("no family is on offer at several sizes")
        asked = [curve for curve in sized if curve.objection is None]
        laws = [(curve, law) for curve in asked if (law := self._law(curve)) is not None]
        silent = {curve.domain for curve in sized} - {curve.domain for curve, _ in laws}
        numbers = {
            "families": count(len(sized)),
            "eligible": count(len(asked)),
            "laws": count(len(laws)),
            "silent": count(len(silent)),
        }
        parts = [
            rf"of <<families>> {plural(len(sized), 'family', 'families')} with several sizes, <<eligible>> may speak "
            rf"and <<laws>> {plural(len(laws), 'has', 'have')} optima enough inside the grid"
        ]
        for curve, law in laws:
            key = f"{curve.domain}.{curve.family}"
            interval = (law.exponent.low, law.exponent.high)
            how = f"t on interior optima, in {law.measure}"
            numbers[key] = fixed(law.exponent.value, 2, interval=interval, level=law.level, how=how)
            learner = rf"\learner{{{key}}} on \domain{{{curve.domain}}}"
            parts.append(rf"$\beta_p$ of the {learner} is <<{key}>> <<{key}|interval>>")
        if silent:
            parts.append(rf"in <<silent>> {plural(len(silent), 'domain', 'domains')} with sizes none has")
        reason = "; ".join(parts)
        if holm([_p_beyond(law) for _, law in laws], 1 - LEVEL):
            return "contradicted", reason, numbers
        inside = all(_inside(law) for _, law in laws)
        return ("supported" if inside and not silent else "undecided"), reason, numbers

    def _law(self, curve: Curve) -> SizeLaw | None:
        law = curve.size_law
        return law if law and len(law.interior) >= self.min_optima else None


def _sizes(evidence: Evidence, curve: Curve) -> int:
    table = evidence.tables[curve.domain]
    return int(table[table.family == curve.family]["size"].nunique())


def _inside(law: SizeLaw) -> bool:
    low, high = law.exponent.low, law.exponent.high
    return low is not None and high is not None and low > 0 and high < 1


def _p_beyond(law: SizeLaw) -> float:
    """Two-sided p value of an exponent at most 0 or at least 1."""
    return min(1.0, 2 * min(law.slope.p_above(1), law.slope.p_below(0)))
