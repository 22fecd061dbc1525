"""Coverage: how often the intervals of a law hold the truth, counted on simulated learning curves whose truth is known.

A design says how a study draws its runs: the true curve, its shards and seeds, and what keeps the runs from it (seeds,
a misfit of the law, a finite pool, a shared test set). A campaign draws the study again and again, fits each as if it
were measured, and counts how often the interval of every quantity holds its true value.
"""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from scaling.experiments import Experiment
from scaling.laws import Estimate, Shards, fit_shards, item_covariance, shards
from scaling.laws.forecasts import DataNeeded, Range
from scaling.laws.regions import find_regions
from scaling.laws.shards import SHARED
from scaling.numbers import TIMES, plain
from scaling.randomness import generator
from scaling.settings import Count, Name, Settings

if TYPE_CHECKING:
    from scaling.study import Study

FloatArray = NDArray[np.float64]

SMALLEST = 100
"""N of every design's smallest shard."""
FIRST_ERROR = 0.5
"""What the decaying part of a simulated law would be there, had it no plateau."""
LEVEL = 0.95
NEAR, FAR, TARGET = 3, 10, 5
"""How far beyond the largest shard errors are foretold; where the true curve meets the error whose N is asked for."""
SHARED_SEEDS = 2
"""Seeds of a shard above a fifth of the pool: their spread says nothing."""

Quantity = Literal["beta", "gamma", "alpha", "slope", "near", "far", "shard", "run", "data"]
"""Parameters, the effective slope, the curve near and far beyond the shards, a new shard's mean and a new single run
near them, and the data needed for an error."""
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)

Share = Annotated[float, Field(ge=0, lt=1)]
Spread = Annotated[float, Field(gt=0, lt=1)]


class Scored(NamedTuple):
    """What came of one interval."""

    hit: bool
    width: float
    """inf where an end is open."""


class Design(Settings):
    """How a study draws its runs, with a truth to hold its intervals against."""

    beta: Annotated[float, Field(lt=0, ge=-1)]
    """Exponent of the power law that the curve is, or becomes."""
    shards: Annotated[int, Field(ge=5)]
    decades: Annotated[float, Field(gt=0)]
    """From the smallest shard to the largest, in even steps of log N."""
    seeds: Annotated[int, Field(ge=2)]
    """Runs of a shard."""
    cut: bool = False
    """Is the small-data region cut off by rule before the fit? Else all shards are fitted."""
    lawless: bool = False
    """Is no power law within reach of the rule? Then it should find none, and there is no truth to score."""

    @property
    def N(self) -> FloatArray:
        """Sizes (shards,), whole numbers."""
        return np.round(SMALLEST * np.logspace(0, self.decades, self.shards))

    @property
    def rows(self) -> FloatArray:
        """N of every run (runs,), shard after shard."""
        return np.repeat(self.N, self.seeds)

    @property
    def floor(self) -> float:
        """The true γ."""
        return 0.0

    @property
    def description(self) -> str:
        """What the design is, in a few words."""
        parts = f"exponent {plain(self.beta).printed}", f"{self.shards} shards {TIMES} {self.seeds} seeds", *self.traits
        return ", ".join(parts)

    @property
    @abstractmethod
    def traits(self) -> tuple[str, ...]:
        """What sets the design apart, for `description`."""

    @abstractmethod
    def amplitude(self, N0: float) -> float:
        """Give the true α, the decaying part of the power law at N0."""

    @abstractmethod
    def curve(self, N: FloatArray) -> FloatArray:
        """Give the true mean error at N (…)."""

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Shards:
        """Draw the study once."""

    @abstractmethod
    def new_shard(self, N: float, rng: np.random.Generator) -> tuple[float, float]:
        """Draw a further shard: the mean of all its runs, and one of them."""


class Simulated(Design):
    """A power law with floor and plateau, γ + α·(N^b + N₁^b)^(β/b), a misfit of each shard, and seeds around that."""

    gamma: Annotated[float, Field(ge=0)] = 0.0
    plateau: Annotated[float, Field(ge=0)] = 0.0
    """N₁, at which the plateau of small data ends; 0 for none."""
    bend: Annotated[float, Field(gt=0)] = 2.0
    """b: how sharply."""
    misfit: Share = 0.0
    """Standard deviation of a shard's true log error around the law."""
    seed_sd: tuple[Spread, Spread] = (0.03, 0.03)
    """Standard deviation of a run's log error around its shard's, at the smallest shard and at the largest."""

    @property
    def floor(self) -> float:
        """The true γ."""
        return self.gamma

    @property
    def traits(self) -> tuple[str, ...]:
        """What sets the design apart."""
        ends = [f"{100 * sd:.2g}" for sd in dict.fromkeys(self.seed_sd)]
        traits = {
            f"floor {self.gamma:g}": self.gamma,
            f"plateau to {self.plateau:,.0f}": self.plateau,
            f"bend {self.bend:g}": self.plateau and self.bend != type(self).model_fields["bend"].default,
            f"misfit {100 * self.misfit:g} %": self.misfit,
        }
        return (*(words for words, there in traits.items() if there), f"seed SD {' to '.join(ends)} %")

    def amplitude(self, N0: float) -> float:
        """Give the true α."""
        return float(FIRST_ERROR * (N0 / SMALLEST) ** self.beta)

    def curve(self, N: FloatArray) -> FloatArray:
        """Give the true mean error at N (…)."""
        data = (N**self.bend + self.plateau**self.bend) ** (1 / self.bend)
        return np.asarray(self.gamma + FIRST_ERROR * (data / SMALLEST) ** self.beta)

    def new_shard(self, N: float, rng: np.random.Generator) -> tuple[float, float]:
        """Draw a further shard."""
        mean = float(self.curve(np.array(N)) * np.exp(self.misfit * rng.normal()))
        return mean, mean * float(self.noise(np.array([N]), rng)[0])

    def means(self, rng: np.random.Generator) -> FloatArray:
        """Draw the mean error of each run's shard (runs,)."""
        N, shard = np.unique(self.rows, return_inverse=True)
        return np.asarray((self.curve(N) * np.exp(self.misfit * rng.normal(size=len(N))))[shard])

    def sd(self, N: FloatArray) -> FloatArray:
        """SD of a run's log error around its shard's (…), linear in log N on the log scale, also beyond the shards."""
        first, last = self.seed_sd
        return np.asarray(first * (last / first) ** (np.log10(N / SMALLEST) / self.decades))

    def noise(self, N: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Draw the factor (runs,), of mean one, by which each run lies off its shard's mean."""
        sd = self.sd(N)
        return np.asarray(np.exp(sd * rng.normal(size=len(N)) - sd**2 / 2))


class Independent(Simulated):
    """Runs that share nothing but the law."""

    kind: Literal["independent"]

    def draw(self, rng: np.random.Generator) -> Shards:
        """Draw the study once."""
        return shards(self.rows, self.means(rng) * self.noise(self.rows, rng))


class Pool(Simulated):
    """Runs that draw their examples from one pool, the largest shard all of it.

    Each example has an effect on log error; a run's noise is the mean effect of its examples, scaled to the SD at its
    N.
    """

    kind: Literal["pool"]

    @property
    def traits(self) -> tuple[str, ...]:
        """What sets the design apart."""
        return (*super().traits, "one finite pool")

    @property
    def rows(self) -> FloatArray:
        """N of every run (runs,), fewer where they share more than a fifth of the pool."""
        shared = self.N / self.N[-1] * SHARED > 1
        return np.repeat(self.N, np.where(shared, SHARED_SEEDS, self.seeds))

    def draw(self, rng: np.random.Generator) -> Shards:
        """Draw the study once."""
        pool = self.N[-1]
        effects = rng.normal(size=int(pool))
        N, sd = self.rows, self.sd(self.rows)
        means = np.array([rng.choice(effects, int(n), replace=False, shuffle=False).mean() for n in N])
        return shards(N, self.means(rng) * np.exp(sd * np.sqrt(N) * means - sd**2 / 2), pool=pool)


class SharedTest(Simulated):
    """Runs that are all tested on the same items, and measured by them.

    A run of error e errs on an item of difficulty u, uniform in (0, 1), with probability u^(1/e − 1), whose mean is e:
    all runs find the same items hard.
    """

    kind: Literal["test-set"]
    items: Count

    @property
    def traits(self) -> tuple[str, ...]:
        """What sets the design apart."""
        return (*super().traits, f"one test set of {self.items:,} items")

    def draw(self, rng: np.random.Generator) -> Shards:
        """Draw the study once."""
        errors = self.means(rng) * self.noise(self.rows, rng)
        difficulty = rng.random(self.items)
        losses = rng.random((len(errors), self.items)) < difficulty ** (1 / errors[:, None] - 1)
        of_shards = losses.reshape(self.shards, self.seeds, self.items)
        return shards(self.rows, losses.mean(1), test=item_covariance(list(of_shards)))


class Quanta(Design):
    """Learning as the collecting of quanta (Hutter 2021, Michaud et al. 2023), nothing of it put in by hand.

    Example after example shows quantum k with probability p = k^−(1+a)/ζ(1+a); the error of a run is the probability
    that the next one is new to it. Its mean Σ p·(1−p)^N falls like N^β, β = −a/(1+a).
    """

    kind: Literal["quanta"]
    beta: Annotated[float, Field(lt=0, gt=-1)]
    """Exponent: −a/(1+a)."""

    @property
    def traits(self) -> tuple[str, ...]:
        """What sets the design apart."""
        return ("Zipf quanta",)

    def amplitude(self, N0: float) -> float:
        """Give the true α (`unseen_asymptote`)."""
        return unseen_asymptote(self.beta, N0)

    def curve(self, N: FloatArray) -> FloatArray:
        """Give the true mean error at N (…)."""
        return np.array([unseen(self.beta, float(n)) for n in N.ravel()]).reshape(N.shape)

    def draw(self, rng: np.random.Generator) -> Shards:
        """Draw the study once."""
        return shards(self.rows, [self.run(int(n), rng) for n in self.rows])

    def new_shard(self, N: float, rng: np.random.Generator) -> tuple[float, float]:
        """Draw a further shard, whose runs have the curve for their mean."""
        return float(self.curve(np.array(N))), self.run(int(N), rng)

    def run(self, N: int, rng: np.random.Generator) -> float:
        """Draw the examples of a run, and give the probability of all that none of them showed."""
        power = _zipf_power(self.beta)
        seen = np.unique(rng.zipf(power, N)).astype(np.float64)
        return float(1 - np.sum(seen**-power) / scipy.special.zeta(power))


def _zipf_power(beta: float) -> float:
    """1 + a, of which β = −a/(1+a)."""
    return 1 / (1 + beta)


def unseen_asymptote(beta: float, N: float) -> float:
    """What Σ p·(1−p)^N of Zipf quanta tends to: Γ(−β)·(1+β)·c^(1+β)·N^β, with c = 1/ζ(1+a)."""
    common = 1 / scipy.special.zeta(_zipf_power(beta))
    return float(scipy.special.gamma(-beta) * (1 + beta) * common ** (1 + beta) * N**beta)


@functools.cache
def unseen(beta: float, N: float) -> float:
    """Σ p·(1−p)^N of Zipf quanta: the first million terms, and the rest by its integral."""
    power = _zipf_power(beta)
    k = np.arange(1, 1_000_001, dtype=np.float64)
    p = k**-power / scipy.special.zeta(power)
    rarest = (k[-1] + 0.5) ** -power / scipy.special.zeta(power)
    rest = unseen_asymptote(beta, N) * scipy.special.gammainc(-beta, N * rarest)
    return float(np.sum(p * np.exp(N * np.log1p(-p))) + rest)


AnyDesign = Annotated[Independent | Pool | SharedTest | Quanta, Field(discriminator="kind")]


class Coverage(Experiment):
    """Settings of the experiment."""

    appendix: ClassVar[bool] = True
    repetitions: Count
    """How often each design is drawn."""
    goal: Share
    """Least coverage that counts as kept."""
    goal_cut: Share
    """The same where a region was cut off by rule."""
    wide: Share
    """Intervals that hold the truth more often than this are wider than need be; the paper lists how wide they are."""
    designs: Annotated[dict[Name, AnyDesign], Field(min_length=1)]

    def faults(self, study: Study) -> Iterator[str]:
        """Find nothing: a campaign needs no other part of the study."""
        return iter(())

    def goal_of(self, design: str) -> float:
        """Give the least coverage that counts as kept in a design."""
        return self.goal_cut if self.designs[design].cut else self.goal


class Cell(BaseModel):
    """How often the intervals of one quantity held the truth, and how wide they were."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    trials: int
    share: float
    """The coverage."""
    low: float
    high: float
    """Bounds of what the coverage may be with endless trials (Wilson 1927)."""
    width: float | None
    """Median, in the units of `score`; None where most intervals are open."""

    @classmethod
    def of(cls, scored: Iterable[Scored]) -> Cell:
        """Count."""
        hits, widths = zip(*scored, strict=True)
        bounds = scipy.stats.binomtest(sum(hits), len(hits)).proportion_ci(LEVEL, method="wilson")
        width = float(np.median(widths))
        return cls(
            trials=len(hits),
            share=sum(hits) / len(hits),
            low=float(bounds.low),
            high=float(bounds.high),
            width=width if np.isfinite(width) else None,
        )


class Campaign(BaseModel):
    """What came of one design."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    design: str
    cut: bool
    """Was the small-data region cut off by rule?"""
    repetitions: int
    refused: float
    """Share of the repetitions in which no power-law region was found; they are not scored."""
    cells: dict[Quantity, Cell]
    """Empty where there is no truth to score, or all were refused."""


def campaign(name: str, design: Design, repetitions: int) -> Campaign:
    """Draw a design so many times, each from a random stream of its own, and score the law of each."""
    trials = [score(design, generator("coverage", name, i)) for i in range(repetitions)]
    told = [trial for trial in trials if trial is not None]
    scored = [] if design.lawless else told
    cells = {quantity: Cell.of(trial[quantity] for trial in scored) for quantity in QUANTITIES if scored}
    refused = 1 - len(told) / repetitions
    return Campaign(design=name, cut=design.cut, repetitions=repetitions, refused=refused, cells=cells)


def score(design: Design, rng: np.random.Generator) -> dict[Quantity, Scored] | None:
    """Draw a design once and hold the intervals of its law against the truth; None if it has no power-law region.

    The true effective slope is that of the straight line through the noise-free curve at the shards fitted. Widths are:
    of β and the slope as they are, of γ a share of the error at the largest shard, of α and errors a share of the
    truth, of data needed in decades.
    """
    measured = design.draw(rng)
    regions, law = find_regions(measured, LEVEL) if design.cut else (None, fit_shards(measured, LEVEL))
    if regions is not None and not regions.identified:
        return None
    N, largest = np.array(law.N), law.N[-1]
    slope = float(np.polyfit(np.log(N), np.log(design.curve(N)), 1)[0])
    last, near, far, target = design.curve(largest * np.array([1.0, NEAR, FAR, TARGET])).tolist()
    alpha = design.amplitude(law.N0)
    mean, run = design.new_shard(NEAR * largest, rng)
    foretold = law.forecast(NEAR * largest)
    return {
        "beta": _scored(law.beta, design.beta),
        "gamma": _scored(law.gamma, design.floor, last),
        "alpha": _scored(law.alpha, alpha, alpha),
        "slope": _scored(law.slope, slope),
        "near": _scored(foretold.curve, near, near),
        "far": _scored(law.forecast(FAR * largest).curve, far, far),
        "shard": _scored(foretold.shard, mean, near),
        "run": _scored(foretold.run, run, near),
        "data": _scored_size(law.data_needed(target), TARGET * largest),
    }


def _scored(interval: Estimate | Range, truth: float, unit: float = 1.0) -> Scored:
    """Hold an interval against the truth, its width in a unit."""
    low = -np.inf if interval.low is None else interval.low
    high = np.inf if interval.high is None else interval.high
    return Scored(low <= truth <= high, (high - low) / unit)


def _scored_size(needed: DataNeeded, truth: float) -> Scored:
    """Hold the interval of N against the truth: a miss where it says that no N will do. Its width is in decades."""
    low, high = needed.interval.low, np.inf if needed.interval.high is None else needed.interval.high
    if low is None:
        return Scored(False, np.inf)
    return Scored(low <= truth <= high, float(np.log10(high / low)))


def read_design(settings: Mapping[str, Any]) -> Design:
    """Read a design as it stands in the config."""
    design: Design = TypeAdapter(AnyDesign).validate_python(settings)
    return design


def read_campaigns(paths: Iterable[str]) -> tuple[Campaign, ...]:
    """Read what came of campaigns."""
    return tuple(Campaign.model_validate_json(Path(path).read_text()) for path in paths)
