"""H5: do learning curves begin at a best guess, fall as a power law, and end at a floor?"""

from __future__ import annotations

from typing import ClassVar

from scaling.claims.claim import Claim, Evidence, Share, Verdict, plural
from scaling.curves import Curve
from scaling.numbers import Number, count, percent, plain


class ThreeRegions(Claim):
    """Both ends of the power law are seen: the best guess before it and the floor after it."""

    id: ClassVar[str] = "H5"
    source: ClassVar[str] = "hestness2017"
    statement: ClassVar[str] = (
        "A learning curve begins at the best guess, falls as a power law, and ends at an irreducible error."
    )

    near: Share
    """A curve starts at the best guess if its first shard lies within this share of it."""
    bend: Share
    """A curve bends at its small end if the p value of its straightness is below this."""

    def describe(self) -> str:
        """Give the test in words."""
        return (
            r"supported if every domain whose best guess is known has a curve with both ends: its first shard within "
            r"\val{threshold.H5.near} of the guess, with a bend ($p<\val{threshold.H5.bend}$), and the interval of its "
            r"floor above zero; contradicted if in all of these domains curves may speak and all of them start at the "
            r"best guess without a bend"
        )

    def thresholds(self) -> dict[str, Number]:
        """Give how near the guess is near, and the p value of a bend."""
        return {"near": percent(self.near, 0), "bend": plain(self.bend)}

    def judge(self, evidence: Evidence) -> tuple[Verdict, str, dict[str, Number]]:
        """Look at both ends of every curve that may speak and whose best guess is known."""
        curves = [curve for curve in evidence.speaking if curve.domain in evidence.guesses]
        unknown = len(evidence.speaking) - len(curves)
        if unknown and not curves:
            reason = (
                rf"of <<unknown>> {plural(unknown, 'curve', 'curves')} that may speak, none is of a domain whose best "
                r"guess is known"
            )
            return "undecided", reason, {"unknown": count(unknown)}
        domains = [domain for domain in evidence.domains if domain in evidence.guesses]
        guessing = [curve for curve in curves if self._starts_at(curve, evidence.guesses[curve.domain])]
        bending = [curve for curve in guessing if self._bends(curve)]
        ending = [curve for curve in curves if _has_floor(curve)]
        whole = [curve for curve in bending if _has_floor(curve)]
        seen = {curve.domain for curve in whole}
        numbers = {
            "eligible": count(len(curves)),
            "guessing": count(len(guessing)),
            "bending": count(len(bending)),
            "ending": count(len(ending)),
            "whole": count(len(whole)),
            "seen": count(len(seen)),
            "domains": count(len(domains)),
        }
        reason = (
            rf"of <<eligible>> {plural(len(curves), 'curve', 'curves')} that may speak, <<guessing>> "
            rf"{plural(len(guessing), 'starts', 'start')} at the best guess, of which <<bending>> "
            rf"{plural(len(bending), 'bends', 'bend')}; <<ending>> {plural(len(ending), 'has', 'have')} a floor. "
            rf"Both ends are seen on <<whole>>, in <<seen>> of <<domains>> {plural(len(domains), 'domain', 'domains')}"
        )
        if unknown:
            numbers["unknown"] = count(unknown)
            reason += rf". The best guess is unknown of <<unknown>> further {plural(unknown, 'curve', 'curves')}"
        if seen and seen == set(domains):
            return "supported", reason, numbers
        straight = [curve for curve in guessing if self._bends(curve) is False]
        none_bends = (
            bool(curves) and len(straight) == len(curves) and {curve.domain for curve in straight} == set(domains)
        )
        return ("contradicted" if none_bends else "undecided"), reason, numbers

    def _starts_at(self, curve: Curve, guess: float) -> bool:
        return abs(curve.shards[0].mean / guess - 1) <= self.near

    def _bends(self, curve: Curve) -> bool | None:
        """Does it bend at its small end? None if that was not tested."""
        return None if curve.analysis is None else curve.analysis.bend_p < self.bend


def _has_floor(curve: Curve) -> bool:
    return curve.law is not None and curve.law.gamma.identified
