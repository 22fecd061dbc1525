"""Arms of the experiment on bias, as claims ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scaling.plans import TrainedPlan
    from scaling.study import Study


def faults_of_arm(study: Study, domain: str, arm: str) -> Iterator[str]:
    """Say that a domain of the study does not have an arm, and which it has."""
    bias = study.experiments.bias
    assert bias is not None, "a study without the experiment is without the claim"
    if any(bias.faults(study)):
        return  # what it would train, nobody knows
    elif bias.domain != domain:
        yield f"arm = {arm!r}: no arm of {domain}. Those of experiments.bias are of {bias.domain}."
    elif arm not in bias.arms:
        yield f"arm = {arm!r}: no arm of experiments.bias. It has {', '.join(bias.arms) or 'none'}."


def arm_plan(study: Study, domain: str, arm: str) -> TrainedPlan | None:
    """Give what is trained in an arm; None without such an arm, or if the experiment has faults of its own."""
    bias = study.experiments.bias
    if bias is None or any(bias.faults(study)) or any(faults_of_arm(study, domain, arm)):
        return None
    return study.arms[f"{domain}-{arm}"]
