"""Claims: statements from the literature, each with a test over numbers and a verdict. One file or folder per source.

Thresholds are settings, so they stand in config.yaml, with their reasons, before any run. A curve that is limited by
compute, or too short, can neither support nor contradict; whatever a test does not settle is undecided.
"""

from __future__ import annotations

from collections.abc import Collection

from scaling.claims.claim import Claim, Comparison, Evidence, Outcome, Verdict, read_outcomes
from scaling.claims.dzekman.neighbours import DataBeatsPrior, DataComeClose, OneNeighbour
from scaling.claims.dzekman.priors import (
    FocalLossTradesVariance,
    InformedPrior,
    NothingOnTop,
    RegularisersLackPrior,
)
from scaling.claims.dzekman.recurrence import RecurrenceKeepsUp
from scaling.claims.dzekman.tip import DataElsewhere
from scaling.claims.hestness.exponents import (
    ArchitectureMovesOffset,
    DomainSetsSlope,
    KnobMovesOffset,
    UsualExponent,
)
from scaling.claims.hestness.forecasts import Foretelling
from scaling.claims.hestness.forms import ExponentialGains, PowerLaws
from scaling.claims.hestness.regions import ThreeRegions
from scaling.claims.hestness.sizes import SublinearSize
from scaling.settings import Settings

__all__ = ["Claims", "Comparison", "Evidence", "Outcome", "Verdict", "read_outcomes"]


class Claims(Settings):
    """The claims that the study tests; one that is left out or null vanishes from the paper."""

    H1: PowerLaws | None = None
    H2: UsualExponent | None = None
    H3: ArchitectureMovesOffset | None = None
    H4: KnobMovesOffset | None = None
    H5: ThreeRegions | None = None
    H6: SublinearSize | None = None
    H7: Foretelling | None = None
    H8: DomainSetsSlope | None = None
    H9: ExponentialGains | None = None
    D1: RegularisersLackPrior | None = None
    D2: InformedPrior | None = None
    D3: NothingOnTop | None = None
    D4: DataComeClose | None = None
    D5: DataBeatsPrior | None = None
    D6: OneNeighbour | None = None
    D7: DataElsewhere | None = None
    D8: RecurrenceKeepsUp | None = None
    D9: FocalLossTradesVariance | None = None

    def possible(self, experiments: Collection[str]) -> Claims:
        """Leave out the claims whose experiment is none of these."""
        idle = [id for id, claim in self.present().items() if claim.experiment not in (None, *experiments)]
        return self.model_copy(update=dict.fromkeys(idle))

    def present(self) -> dict[str, Claim]:
        """Give the claims under test by id, in the order of the paper."""
        claims = {id: getattr(self, id) for id in type(self).model_fields}
        return {id: claim for id, claim in claims.items() if claim is not None}
