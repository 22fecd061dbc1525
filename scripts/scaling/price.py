"""Prices: what an error costs, in processor seconds of the runs that come to it.

The paper counts costs in operations, which are the same wherever it is built; seconds differ from build to build, and
stand in receipts alone. So they are set beside the errors here, outside of the paper. The seconds of a run are those of
its process: reading data, training, looking at validation and test sets.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from scaling.curves import read_table

if TYPE_CHECKING:
    import pandas as pd


class NoPrices(ValueError):
    """There are no runs whose costs are known; the message says what to do."""


class Price(BaseModel):
    """What the runs of a model at one N come to, and at what cost: medians over its seeds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    domain: str
    """A domain, or an arm of an experiment."""
    model: str
    N: int
    seeds: int
    error: float
    cpu_s: float
    flops: float | None
    """Operations of the training; None where they were not counted."""


def priced(results: Path) -> list[str]:
    """Name the domains and arms of a results folder that were trained there; raises NoPrices if there are none."""
    names = sorted(path.stem for path in results.glob("curves/*.csv") if (results / "runs" / path.stem).is_dir())
    if not names:
        raise NoPrices(f"{results} has no curves/*.csv of runs. Give the results folder of a study that was built.")
    return names


def prices(results: Path, domain: str) -> list[Price]:
    """Give what each model's runs cost and come to, by rising N; those that diverged are left out.

    Raises NoPrices for a domain that was not trained there or whose runs all diverged, or a run without a receipt.
    """
    if domain not in (known := priced(results)):
        raise NoPrices(f"{domain}: {results} has {', '.join(known)}.")
    table = read_table(results / "curves" / f"{domain}.csv")
    runs = table[(table.budget_scale == 1) & (table.outcome == "trained")]
    if runs.empty:
        raise NoPrices(f"{domain}: all its runs diverged, so there is no error to pay for. Name other domains.")
    return [
        _price(results, domain, model, N, runs[(runs.model == model) & (N == runs.N)])
        for model, N in dict.fromkeys(zip(runs.model.astype(str), map(int, runs.N), strict=True))
    ]


def _price(results: Path, domain: str, model: str, N: int, runs: pd.DataFrame) -> Price:
    return Price(
        domain=domain,
        model=model,
        N=N,
        seeds=len(runs),
        error=float(runs.error.median()),
        cpu_s=statistics.median(_cpu_s(results, domain, model, N, seed) for seed in runs.seed),
        flops=float(runs.flops.median()) if runs.flops.notna().any() else None,
    )


def _cpu_s(results: Path, domain: str, model: str, N: int, seed: int) -> float:
    """Read the processor seconds of a run from its receipt."""
    path = results / "runs" / domain / model / f"n{N}" / f"seed{seed}.receipt.json"
    try:
        made: dict[str, Any] = json.loads(path.read_text())["made"]
        return float(made["cpu_s"])
    except (OSError, ValueError, KeyError):
        raise NoPrices(
            f"{path} is missing or says no cpu_s: the runs are not those of the table. Build the study again."
        ) from None
