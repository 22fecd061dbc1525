"""Records: what each run leaves. Apart from the training, so that who reads them needs none of what made them."""

from __future__ import annotations

from typing import Literal

from scaling.settings import Settings


class CurvePoint(Settings):
    """The state of a training at one look."""

    step: int
    training_loss: float | None
    """Mean loss of the batches since the last look; None if it is not finite."""
    validation_loss: float | None
    validation_error: float


class Choice(Settings):
    """Which state of the training became the model."""

    step: int
    rule: str


class Record(Settings):
    """What one run found: the same bytes every time, so no time, host or version is in it."""

    domain: str
    family: str
    model: str
    size: int | None
    parameters: int
    """All trained weights, embeddings among them."""
    N: int
    seed: int
    shares_pool: bool
    budget_scale: int
    steps: int
    batch_size: int
    outcome: Literal["trained", "diverged"]
    metric: str
    """Name of the domain's error; the entry of `test` that the curve shows."""
    test: dict[str, float] | None
    """Error on the test set under the metric's name, and on each region; None if the run diverged."""
    validation: float | None
    training: float | None
    """Error on (at most the first 2,000 examples of) the shard."""
    chosen: Choice
    curve: tuple[CurvePoint, ...]
    examples_seen: int
    flops: int
    """Floating-point operations of the training, by `flops_formula`."""
    flops_formula: str
