"""Reports: what the command `laws` prints, each number to the digits that its interval allows."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict
from rich import box
from rich.table import Table

from scaling.laws.answers import verdict
from scaling.laws.fitting import AGREE
from scaling.laws.measured import MeasuredCurve

if TYPE_CHECKING:
    from rich.console import Console

    from scaling.laws.analysis import Analysis, Audit
    from scaling.laws.answers import Comparison, Outlook, Target
    from scaling.laws.sizes import Optimum
    from scaling.price import Price

LAW_WIDTH, VERDICT_WIDTH = 32, 12
"""Where words are broken: rich would cut them short where a table is tight."""
WORDS = {
    "identified": "the exponent β is known to a factor of two",
    "slope only": "a floor may be part of the curve, so β is not known to a factor of two; the effective slope is",
    "unidentified": "neither β nor the effective slope is known to a factor of two",
    "does not fall": "the error rises with N, so there is no law to go by",
    "region not identified": "no power law is found over five of the larger shards and 1.5 decades; all are fitted",
}


class Report(BaseModel):
    """All that `laws fit` found, at full precision."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    measurements: str
    """The file they were read from."""
    level: float
    pool: float | None
    curves: tuple[MeasuredCurve, ...]


# The tables


def show_fits(report: Report, out: Console) -> None:
    """Print the laws, a row a curve, and what their words mean."""
    table = _table("curve", "region", f"law, {100 * report.level:g}% intervals", "best form", "audit", "verdict")
    table.leading = 1
    for column in (1, 2, 4, 5):
        table.columns[column].no_wrap = True
    table.columns[3].max_width = 12
    for curve in report.curves:
        if curve.analysis:
            table.add_row(_name(curve), *_law(curve.analysis))
        else:
            table.add_row(_name(curve), "", textwrap.fill(f"No law: {curve.refusal}", LAW_WIDTH))
    out.print(table)
    for curve in report.curves:
        for remark in _remarks(curve):
            out.print(f"{_title(curve)}: {remark}")
    analyses = [curve.analysis for curve in report.curves if curve.analysis]
    said = {word for analysis in analyses for word in _verdict(analysis)}
    for word, meaning in WORDS.items():
        if word in said:
            out.print(f"{word}: {meaning}.")
    if analyses:
        out.print(
            "Slope: that of a straight line, all shards alike. Best form: of seven, the one that best foretells each "
            "of the three largest shards from all smaller ones. Audit: the largest shard, foretold from those a third "
            "as large or less."
        )


def show_outlooks(outlooks: Sequence[Outlook], level: float, out: Console) -> None:
    """Print what each curve foretells, and beside it how well it foretold its own largest shard."""
    for curve in outlooks:
        out.print(f"\n{_title(curve)}", style="bold")
        if curve.refusal is not None or curve.largest is None:
            out.print(f"No law: {curve.refusal}")
            continue
        out.print("\n".join([*(f"{word}: {WORDS[word]}." for word in curve.verdict), _audit(curve.audit)]))
        if curve.forecasts:
            table = _table("N", "beyond", "error", f"curve, {100 * level:g}%", "mean of new runs", "single new run")
            for forecast in curve.forecasts:
                parts = (forecast.curve, forecast.shard, forecast.run)
                bounds = [(part.low, part.high) for part in parts]
                table.add_row(
                    size(forecast.N),
                    "below" if forecast.below else beyond(forecast.factor),
                    rounded(forecast.error, *bounds[0]),
                    *(span(low, high) for low, high in bounds),
                )
            out.print(table)
        if curve.targets:
            known, priced = f"{100 * level:g}% interval", any(target.cost for target in curve.targets)
            table = _table("error", "N needed", known, "beyond", "verdict", *["cost", known] * priced)
            for target in curve.targets:
                table.add_row(*_target(target))
            out.print(table)


def show_prices(prices: Sequence[Price], out: Console) -> None:
    """Print what errors cost, a row a model and N."""
    table = _table("domain", "model", "N", "seeds", "error", "CPU s a run", "operations")
    for column in range(2, 7):
        table.columns[column].justify = "right"
    for each in prices:
        flops = f"{each.flops:.1e}" if each.flops else ""
        table.add_row(
            each.domain, each.model, size(each.N), str(each.seeds), f"{each.error:.3g}", f"{each.cpu_s:.2f}", flops
        )
    out.print(table)


def show_comparisons(comparisons: Sequence[Comparison], margin: float, level: float, out: Console) -> None:
    """Print the differences of slopes, a row a pair of models."""
    table = _table("domain", "slopes", "shards", f"difference, {100 * level:g}%", "TOST p", "F-test p", "verdict")
    for column in (2, 3):
        table.columns[column].no_wrap = True
    for each in comparisons:
        row = [each.domain, f"{each.first} − {each.second}"]
        if each.difference is None:
            table.add_row(*row, "", "", "", "", each.refusal)
            continue
        difference = each.difference
        table.add_row(
            *row,
            f"{each.shards}, paired" if difference.paired else "unpaired",
            f"{rounded(difference.value, difference.low, difference.high)} {span(difference.low, difference.high)}",
            p_value(difference.p_equal),
            p_value(each.common.p) if each.common else "",
            difference.verdict,
        )
    out.print(table)
    out.print(
        f"Equal within the margin: two one-sided tests (TOST) show at 5% that the slopes differ by less than "
        f"{margin:g}. Different: by more, at 5%, each pair by itself. Open: neither. The F-test asks for one common "
        "slope; that it does not reject shows nothing."
    )


def _law(analysis: Analysis) -> tuple[str, str, str, str, str]:
    law, best = analysis.law, analysis.rivals[0]
    gamma = law.gamma
    floor = estimate(gamma.value, gamma.low, gamma.high) if gamma.identified else f"≤ {significant(gamma.high)}"
    region = (
        f"{law.shards}/{len(analysis.shards)} shards",
        f"{size(law.N[0])}–{size(law.N[-1])}",
        f"rms {percent(law.rms_residual, 1)}",
    )
    parameters = (
        f"slope {estimate(law.slope.value, law.slope.low, law.slope.high)}",
        f"β {estimate(law.beta.value, law.beta.low, law.beta.high)}",
        f"γ {floor}",
    )
    rolling = best.rolling_error
    form = "too few shards" if rolling is None else f"{best.form}\n{percent(rolling, 1)} off"
    audit = analysis.audit
    outcome = f"{_hit(audit)}\n{signed(audit.log_error)}" if audit else "none"
    words = "\n".join(textwrap.fill(word, VERDICT_WIDTH) for word in _verdict(analysis))
    return "\n".join(region), "\n".join(parameters), form, outcome, words


def _verdict(analysis: Analysis) -> list[str]:
    words = list(verdict(analysis))
    if analysis.regions.irreducible:
        words.append(f"floor leads from {size(analysis.regions.irreducible)}")
    return words


def _remarks(curve: MeasuredCurve) -> Iterator[str]:
    if curve.law and curve.law.agreement < AGREE:
        yield f"only {percent(curve.law.agreement)} of the starts reach the best optimum: look at the profile of β."
    if curve.sizes:
        yield f"the size of lowest median error at each N, chosen on that error itself: {_choices(curve.sizes)}."
    if curve.size_law:
        exponent = curve.size_law.exponent
        known = f"{estimate(exponent.value, exponent.low, exponent.high)}, from {len(curve.size_law.interior)} shards"
        yield f"best size ∝ N^β_p, β_p = {known}."
    if curve.size_refusal:
        yield f"no size law, {curve.size_refusal}."


def _choices(sizes: Sequence[Optimum]) -> str:
    """Name the best sizes in ascending N, each with the N from which on it is the best."""
    changes = [now for now, last in zip(sizes, [None, *sizes], strict=False) if last is None or now.best != last.best]
    return ", ".join(f"{now.best:g} from N = {size(now.N)}" for now in changes)


def _audit(audit: Audit | None) -> str:
    if audit is None:
        return "No audit: too few shards to foretell the largest from those a third as large or less."
    return (
        f"Audit: {audit.shards} shards foretold the one {beyond(audit.factor)} larger as "
        f"{estimate(audit.predicted, audit.low, audit.high)}; observed "
        f"{rounded(audit.observed, audit.low, audit.high)}, a {_hit(audit)} ({signed(audit.log_error)})."
        f"{'' if audit.identified else ' By themselves those shards show no power-law region.'}"
    )


def _target(target: Target) -> list[str]:
    needed, cost = target.needed, target.cost
    found = [
        f"{needed.error:g}",
        "none" if needed.N is None else size(needed.N),
        "" if needed.verdict == "unreachable" else f"[{_end(needed.interval.low)}, {_end(needed.interval.high)}]",
        "below" if needed.verdict == "below the shards" else beyond(needed.factor) if needed.factor else "",
        needed.verdict,
    ]
    if cost is None or needed.verdict == "unreachable":
        return found
    return [*found, _end(cost.value), f"[{_end(cost.low)}, {_end(cost.high)}]"]


def _hit(audit: Audit) -> str:
    return "hit" if audit.hit else "miss"


def _title(curve: MeasuredCurve | Outlook) -> str:
    return f"{curve.domain} · {curve.model}"


def _name(curve: MeasuredCurve) -> str:
    return f"{curve.domain}\n{curve.model}"


def _table(*headings: str) -> Table:
    return Table(*headings, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))


# Numbers


def estimate(value: float, low: float | None, high: float | None) -> str:
    """Give a value and its interval, both to two digits of the interval's width; … where it is open."""
    return f"{rounded(value, low, high)} {span(low, high, value)}"


def rounded(value: float, low: float | None, high: float | None) -> str:
    """Give a value to two digits of the width of its interval, to two digits of its own where that is open."""
    return _fixed(value, _decimals(value, low, high))


def span(low: float | None, high: float | None, value: float | None = None) -> str:
    """Give an interval to two digits of its width, or of its value's where it is open."""
    bounds = [bound for bound in (low, high, value) if bound is not None]
    decimals = _decimals(bounds[-1], low, high) if bounds else 0
    return "[" + ", ".join("…" if end is None else _fixed(end, decimals) for end in (low, high)) + "]"


def significant(value: float | None, digits: int = 2) -> str:
    """Give a value to so many digits; … where it is open."""
    return "…" if value is None else _fixed(value, digits - 1 - _power(value))


def size(N: float) -> str:
    """Give a number of examples, or a sum of money, to three digits: 46,400, or 4.64e7 from a million on."""
    if 100 <= N < 1e6:
        return f"{float(f'{N:.3g}'):,.0f}"
    if 0.001 <= N < 100:
        return f"{N:.3g}"
    mantissa, power = f"{N:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(power)}"


def beyond(factor: float) -> str:
    """Give how far an extrapolation reaches: N over the largest shard."""
    return "within" if factor <= 1 else f"{size(factor)}×"


def percent(share: float, digits: int = 0) -> str:
    """Give a share in percent."""
    return f"{100 * share:.{digits}f}%"


def signed(log_ratio: float) -> str:
    """Give the log of a ratio as a change in percent, with its sign."""
    return f"{100 * math.expm1(log_ratio):+.1f}%"


def p_value(p: float) -> str:
    """Give a p-value."""
    return "<.001" if p < 0.001 else f"{p:.3f}".lstrip("0") if p < 0.9995 else "1"


def _end(value: float | None) -> str:
    return "…" if value is None else size(value)


def _decimals(value: float, low: float | None, high: float | None) -> int:
    """Decimals that show two digits of an interval's width, and no more than four of the value."""
    width = abs(value) if low is None or high is None else high - low
    most = 3 - _power(value) if value else 99
    return min(1 - _power(width), most) if width else most


def _power(value: float) -> int:
    """Exponent of ten of a value's first digit."""
    return int(f"{abs(value):e}".split("e")[1])


def _fixed(value: float, decimals: int) -> str:
    """Give a value to so many decimals, fewer than none too; with a power of ten where it would be long."""
    if not value:
        return "0"
    shown = max(decimals + _power(value), 0)
    if _power(value) < -4 or _power(value) > 6:
        return f"{value:.{shown}e}"
    return f"{round(value, decimals) + 0.0:,.{max(decimals, 0)}f}"
