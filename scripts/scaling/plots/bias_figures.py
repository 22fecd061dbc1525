"""All figures of the experiment `bias`, from what its runs left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from scaling import domains
from scaling.experiments.bias import decision_maps
from scaling.experiments.bias_pictures import Pictured
from scaling.plots import bias, bias_curves

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Tables = Mapping[str, "pd.DataFrame"]


def figures(
    shown: Pictured, maps: Iterable[str], tables: Tables, outcome: Mapping[str, Any]
) -> Iterator[tuple[str, Figure]]:
    """Draw one figure after the other, each with its name.

    `maps` are the files with the decision maps of the panels, `tables` those of the domain and its arms, `outcome` is
    what the experiment counted.
    """
    domain = domains.load(shown.data["kind"]).model_validate(shown.data)
    sizes = {shown.N, *(panel.N for panel in shown.panels)}
    shards = {N: domain.draw(shown.domain, N, shown.seed, None).train for N in sorted(sizes)}
    pictures = map(decision_maps, maps)
    panels = [
        bias.Panel(panel.title, picture, closer, shards[panel.N])
        for panel, (picture, closer) in zip(shown.panels, pictures, strict=True)
    ]
    drawn: dict[str, Callable[[], Figure]] = {
        "manifold": bias.manifold,
        "density": bias.density,
        "sample": partial(bias.sample, shards[shown.N]),
        "maps": partial(bias.maps, panels),
        "zoom": partial(bias.zoom, panels),
        "regions": partial(bias_curves.regions, tables[shown.domain], shown.labels, shown.regions),
        "crossing": partial(_crossing, shown, tables),
        "neighbours": partial(_neighbours, shown, tables, outcome),
    }
    for picture in shown.pictures:
        yield picture, drawn[picture]()


def theory_of(outcome: Mapping[str, Any]) -> dict[int, float]:
    """Read what theory expects of error · √N, by k."""
    return {row["k"]: row["expected"] for row in outcome["theory"]}


def floors_of(outcome: Mapping[str, Any]) -> dict[float, dict[int, float]]:
    """Read the errors that wrong labels leave, however many the data: by the share of wrong labels, and by k."""
    return {arm["noise"]: {row["k"]: row["floor"] for row in arm["floors"]} for arm in outcome["noisy"]}


def _crossing(shown: Pictured, tables: Tables) -> Figure:
    assert shown.crafted is not None
    first, arms = next(iter(shown.neighbours)), [tables[name] for name in shown.budgets]
    return bias_curves.crossing(tables[shown.domain], first, shown.crafted, shown.labels, arms)


def _neighbours(shown: Pictured, tables: Tables, outcome: Mapping[str, Any]) -> Figure:
    noisy = {share: _by_k(shown, [tables[name]]) for name, share in shown.noisy.items()}
    clean = _by_k(shown, [tables[name] for name in shown.clean])
    return bias_curves.neighbours(clean, theory_of(outcome), noisy, floors_of(outcome))


def _by_k(shown: Pictured, tables: Iterable[pd.DataFrame]) -> dict[int, pd.DataFrame]:
    """Put together the runs of each k, wherever they were made; of a k that was not, there are none."""
    import pandas as pd

    runs = pd.concat(tables)
    found = {k: runs[runs.family == name] for name, k in shown.neighbours.items()}
    return {k: of_k for k, of_k in found.items() if len(of_k)}
