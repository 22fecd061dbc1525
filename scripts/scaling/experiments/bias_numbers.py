"""The numbers of the experiment `bias` that the paper may print: key, number, and where it was read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from scaling.comparisons import LEVEL
from scaling.experiments.hardness import NEAR
from scaling.experiments.priors import AHEAD, Answer, At, Constant, Fall, Race, TipCost
from scaling.notation import error
from scaling.numbers import Number, count, fixed, percent, plain, significant, size_interval, word

if TYPE_CHECKING:
    from scaling.study import Study

FILE = "bias.json"


class Told(NamedTuple):
    """A number, its key, and where it was read."""

    key: str
    number: Number
    source: str
    pointer: str


def settings(study: Study) -> Iterator[Told]:
    """Give what was asked."""
    bias = study.experiments.bias
    if bias is None:
        return
    where = "/experiments/bias"
    yield Told("bias.n", count(bias.N), "config", f"{where}/N")
    if bias.more is not None:
        yield Told("bias.more", count(bias.more), "config", f"{where}/more")
    if bias.tip_error is not None:
        yield Told("bias.tip-error", percent(bias.tip_error, 0), "config", f"{where}/tip_error")
        yield Told("bias.tip.shards", count(AHEAD), "code", "scaling.experiments.priors.AHEAD")
    yield Told("bias.near", plain(NEAR), "code", "scaling.experiments.hardness.NEAR")


def numbers(study: Study, found: Answer) -> Iterator[Told]:
    """Give what came of it."""
    for key, number, pointer in (
        *_crossings(study, found),
        *_constants(found),
        *_seen(study, found),
        *_tip(study, found),
        *_noisy(study, found),
        *_hardness(found),
    ):
        yield Told(f"bias.{key}", number, FILE, pointer)


Entry = tuple[str, Number, str]
"""Key behind `bias.`, number, and JSON pointer."""


def race_key(race: Race) -> str:
    """Name a race: by budget and size, or as that of the network that may choose both."""
    if race.choices:
        return "scaled"
    return f"crossing.{race.table}" if race.size is None else f"crossing.{race.table}.{race.size}"


def tip_key(cost: TipCost) -> str:
    """Name what a learner's price is: by its budget and its name."""
    return f"tip.{cost.table}.{cost.name}"


def _crossings(study: Study, found: Answer) -> Iterator[Entry]:
    plan = study.trained[found.domain]
    races = [(f"/crossings/{index}", race) for index, race in enumerate(found.crossings)]
    for pointer, race in races + ([("/scaled", found.scaled)] if found.scaled else []):
        key = race_key(race)
        yield from _fall(key, race.fall, f"{pointer}/fall")
        yield f"{key}.error", error(race.error, plan), f"{pointer}/error"
        yield f"{key}.steps", count(race.steps), f"{pointer}/steps"
        yield f"{key}.flops", significant(race.flops, 2, "FLOP"), f"{pointer}/flops"
        if race.size is not None:
            yield f"{key}.size", count(race.size), f"{pointer}/size"


def _fall(key: str, fall: Fall, pointer: str) -> Iterator[Entry]:
    """Give where a ratio falls through one, and what it is at the ends."""
    if fall.N is not None:
        how = "paired t on log ratios, inverted"
        yield f"{key}.n", size_interval(fall.N, fall.low, fall.high, LEVEL, how), f"{pointer}/N"
    for end, bound in (("low", fall.low), ("high", fall.high)):
        if fall.N is None and bound is not None:
            yield f"{key}.n-{end}", significant(bound, 2), f"{pointer}/{end}"
    last = len(fall.ratios) - 1
    for end, index in (("first", 0), ("last", last)):
        at = fall.ratios[index]
        yield f"{key}.ratio-{end}", _ratio(at), f"{pointer}/ratios/{index}/value"
        yield f"{key}.n-{end}", count(at.N), f"{pointer}/ratios/{index}/N"


def _ratio(at: At) -> Number:
    how = f"paired t on {at.pairs} log ratios"
    return fixed(at.value, 2, interval=(at.low, at.high), level=LEVEL, how=how)


def _constants(found: Answer) -> Iterator[Entry]:
    yield "border", fixed(found.border, 2), "/border"
    for index, theory in enumerate(found.theory):
        key, pointer = f"constant.{theory.family}", f"/theory/{index}"
        yield f"{key}.k", count(theory.k), f"{pointer}/k"
        yield f"{key}.c", fixed(theory.constant, 3), f"{pointer}/constant"
        yield f"{key}.expected", fixed(theory.expected, 2), f"{pointer}/expected"
        last = max(place for place, row in enumerate(found.constants) if row.family == theory.family)
        row = found.constants[last]
        yield f"{key}.last", count(row.N), f"/constants/{last}/N"
        bounds = [None if bound is None else bound / theory.expected for bound in (row.low, row.high)]
        ratio = fixed(row.value / theory.expected, 2, interval=(bounds[0], bounds[1]), level=LEVEL, how=_of_mean(row))
        yield f"{key}.ratio", ratio, f"/constants/{last}/value"
    for index, row in enumerate(found.constants):
        number = fixed(row.value, 2, interval=(row.low, row.high), level=LEVEL, how=_of_mean(row))
        yield f"constant.{row.family}.n{row.N}", number, f"/constants/{index}/value"


def _of_mean(row: Constant) -> str:
    """Say how the interval of a constant was made."""
    return f"t on {row.runs} runs, cut at zero"


def _seen(study: Study, found: Answer) -> Iterator[Entry]:
    plan = study.trained[found.domain]
    for index, seen in enumerate(found.seen):
        for region, median in seen.errors.items():
            yield f"seen.{seen.family}.n{seen.N}.{region}", error(median, plan), f"/seen/{index}/errors/{region}"


def _tip(study: Study, found: Answer) -> Iterator[Entry]:
    plan, tip = study.trained[found.domain], found.tip
    yield "tip.within", percent(tip.within, 2), "/tip/within"
    yield "tip.around", percent(tip.around, 2), "/tip/around"
    yield "tip.expected", significant(tip.expected, 2), "/tip/expected"
    for index, cost in enumerate(tip.costs):
        key, pointer = tip_key(cost), f"/tip/costs/{index}"
        yield f"{key}.error", error(cost.error, plan), f"{pointer}/error"
        yield f"{key}.n-last", count(cost.N), f"{pointer}/N"
        if cost.fall and cost.fall.N is not None and cost.samples is not None:
            how = "t on log ratios to the goal, inverted"
            needed = size_interval(cost.fall.N, cost.fall.low, cost.fall.high, LEVEL, how)
            yield f"{key}.n", needed, f"{pointer}/fall/N"
            yield f"{key}.samples", significant(cost.samples, 2), f"{pointer}/samples"
        elif cost.fall and cost.fall.low is not None:
            yield f"{key}.n-low", significant(cost.fall.low, 2), f"{pointer}/fall/low"
        if cost.ahead is not None:
            yield f"{key}.ahead", significant(cost.ahead, 2), f"{pointer}/ahead"


def _noisy(study: Study, found: Answer) -> Iterator[Entry]:
    plan = study.trained[found.domain]
    for index, noisy in enumerate(found.noisy):
        key, pointer = f"noisy.{noisy.table}", f"/noisy/{index}"
        yield f"{key}.noise", percent(noisy.noise, 0), f"{pointer}/noise"
        for place, pair in enumerate(noisy.pairs):
            yield from _fall(f"{key}.{pair.other}", pair.fall, f"{pointer}/pairs/{place}/fall")
        for place, floor in enumerate(noisy.floors):
            at = f"{pointer}/floors/{place}"
            yield f"{key}.{floor.family}.floor", error(floor.floor, plan), f"{at}/floor"
            yield f"{key}.{floor.family}.error", error(floor.error, plan), f"{at}/error"
            yield f"{key}.{floor.family}.top", count(floor.N), f"{at}/N"


def _hardness(found: Answer) -> Iterator[Entry]:
    if found.hardness:
        yield "hard.judges", word(found.hardness.judges), "/hardness/judges"
        yield "hard.share", percent(found.hardness.share, 2), "/hardness/share"
        yield "hard.runs", count(found.hardness.runs), "/hardness/runs"
