"""The manuscript: its templates, filled in from the study.

Templates are TeX with Jinja's tags in TeX's clothes: `<% if … %>`, `<< … >>`, `<# … #>`. They may ask what the study
contains and what came out of it; a number they only name, `\\val{key}`, and the ledger prints it.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, get_args

import jinja2

from scaling import domains, models
from scaling.claims import Comparison, Outcome, Verdict
from scaling.comparisons import Ratio, runner_up
from scaling.curves import Curve, ranked
from scaling.domains import KnownLaw
from scaling.experiments.bias_numbers import race_key, tip_key
from scaling.experiments.bias_pictures import pictured
from scaling.experiments.coverage import Campaign, Cell, Coverage, Quantity
from scaling.experiments.priors import Answer
from scaling.findings import check_of, foresees, near_chance
from scaling.latex import PaperError, escape
from scaling.laws import Law
from scaling.measurements import model_name
from scaling.metrics import Metric, other_metrics, told_apart
from scaling.models import Family, Network
from scaling.plans import DomainPlan, MeasuredFamily, MeasuredPlan, TrainedPlan, distinct
from scaling.study import Study

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class FamilyView:
    """What a template may know of a family in a domain; its numbers stand in the ledger under `key`."""

    name: str
    domain: str
    label: str
    settings: Family | MeasuredFamily
    curve: Curve
    known: KnownLaw | None = None
    """The law that its errors follow, if theory knows it."""
    check: Ratio | None = None
    """What twice the training does to its error at the largest shard; None if that was not tried, or failed."""
    metrics: tuple[Metric, ...] = ()
    """What its runs recorded beside the error."""

    @property
    def key(self) -> str:
        """What follows `law.` or `curve.` in the ledger's keys."""
        return f"{self.domain}.{self.name}"

    @property
    def law(self) -> Law | None:
        """The fitted law, if there is one."""
        return self.curve.law

    @property
    def trained(self) -> bool:
        """Is it fitted by gradient descent, under a budget, in this study?"""
        return isinstance(self.settings, Network)

    @property
    def sized(self) -> bool:
        """Does it have a size?"""
        return any(size is not None for size in self.settings.model_sizes)

    @property
    def several_sizes(self) -> bool:
        """Does one size among several stand for it?"""
        return len(self.settings.model_sizes) > 1

    @property
    def largest_chosen(self) -> bool:
        """Does the largest size on offer stand for it at the largest shard?"""
        largest = max(size for size in self.settings.model_sizes if size is not None)
        return bool(self.curve.shards) and self.curve.shards[-1].model == f"{self.name}-{largest}"

    @property
    def near_chance(self) -> bool:
        """Do its seeds scatter so much that its compute check may have come out by chance?"""
        return self.check is not None and near_chance(self.check)

    @property
    def growth(self) -> bool:
        """Do shards enough tell the best size for a law of it?"""
        return self.curve.size_law is not None

    @property
    def foretold(self) -> bool:
        """Has the curve shards enough to predict the largest?"""
        return foresees(self.curve) is not None

    @property
    def best_form(self) -> str | None:
        """The form that predicts the largest shards best; None if none was tried."""
        best = self.curve.rivals[0] if self.curve.rivals else None
        return best.form if best and best.rolling_error is not None else None

    @property
    def foreseen(self) -> bool:
        """Does a power law predict its largest shards better than forms without one?"""
        return bool(foresees(self.curve))


@dataclass(frozen=True)
class DomainView:
    """What a template may know of any domain; its numbers stand in the ledger under `domain.<name>`."""

    name: str
    title: str
    plan: DomainPlan
    families: tuple[FamilyView, ...]
    table: pd.DataFrame
    """Its runs."""

    @property
    def unit(self) -> str:
        """What N counts."""
        return escape(self.plan.unit)

    @property
    def shared(self) -> int:
        """How many shards are so large that their seeds share data."""
        return sum(self.plan.shares_pool(N) for N in self.plan.all_sizes)

    @property
    def top(self) -> int:
        """The domain's largest shard."""
        return self.plan.top

    def family(self, name: str) -> FamilyView:
        """Look up a family."""
        return next(family for family in self.families if family.name == name)

    def learner(self, name: str) -> str:
        """Say what a family, or a model of one that has several sizes, is called."""
        for family in self.families:
            if name == family.name:
                return family.label
            if size := next((s for s in family.settings.model_sizes if name == model_name(family.name, s)), None):
                return rf"{family.label} of size~{size}" if family.several_sizes else family.label
        raise LookupError(f"{self.name} has neither family nor model {name}")

    @cached_property
    def ranking(self) -> tuple[FamilyView, ...]:
        """The families that have an error at the domain's largest shard, from the best to the worst there."""
        curves = [family.curve for family in self.families]
        return tuple(self.family(curve.family) for curve in ranked(curves, self.top))

    @property
    def without_networks(self) -> bool:
        """Is none of its families a neural network?"""
        return not any(family.settings.neural for family in self.families)

    @property
    def unranked(self) -> tuple[FamilyView, ...]:
        """The families that have no error there, most of them because they end at smaller shards."""
        there = {family.name for family in self.ranking}
        return tuple(family for family in self.families if family.name not in there)

    @cached_property
    def runner_up(self) -> FamilyView | None:
        """The second of the ranking, if its errors, paired with those of the first, allow that it is no worse."""
        ratio = runner_up(self.table, [family.name for family in self.ranking], self.top)
        return self.ranking[1] if ratio and not ratio.above(1) else None

    @property
    def leader(self) -> FamilyView | None:
        """The best family at the largest shard among those whose curves may speak."""
        return next((family for family in self.ranking if family.curve.objection is None), None)

    @property
    def lawful(self) -> tuple[FamilyView, ...]:
        """The families whose curves have a law, from the steepest slope to the flattest."""
        found = [(family.law.slope.value, family) for family in self.families if family.law is not None]
        return tuple(family for _, family in sorted(found, key=lambda pair: pair[0]))


@dataclass(frozen=True)
class TrainedView(DomainView):
    """What a template may know of a domain whose models the study trains."""

    plan: TrainedPlan
    seeds: int
    """How many seeds it has, its own or the study's."""
    measured: ClassVar[bool] = False

    @property
    def thinned(self) -> tuple[int, ...]:
        """The bounds above which fewer seeds are run."""
        few = self.plan.seeds_above.items()
        return tuple(sorted(bound for bound, seeds in few if seeds < self.seeds and bound < self.top))

    @property
    def spared(self) -> list[tuple[FamilyView, int]]:
        """Families, each with a size that is trained with a few of the domain's seeds only."""
        return [
            (family, size)
            for family in self.families
            for size, seeds in getattr(family.settings, "seeds_of_size", {}).items()
            if size in family.settings.model_sizes and seeds < self.seeds
        ]

    @property
    def apart(self) -> tuple[FamilyView, ...]:
        """The families that have shards of their own."""
        return tuple(family for family in self.families if self.plan.families[family.name].train_sizes)

    @property
    def generous(self) -> bool:
        """Is the validation set larger than the smallest shard?"""
        return self.plan.data.validation_size > min(self.plan.all_sizes)


@dataclass(frozen=True)
class MeasuredView(DomainView):
    """What a template may know of a domain that somebody has measured."""

    plan: MeasuredPlan
    measured: ClassVar[bool] = True

    @property
    def metric(self) -> str:
        """What the error is."""
        return escape(self.plan.metric)

    @property
    def file(self) -> str:
        """The name of the file with the measurements."""
        return escape(Path(self.plan.measurements).name)


@dataclass(frozen=True)
class VerdictView:
    """A verdict and the claims that met with it."""

    name: str
    claims: tuple[str, ...]

    @property
    def be(self) -> str:
        """The verb that goes with their number."""
        return plural(len(self.claims), "is", "are")

    @property
    def ids(self) -> str:
        """The claims as in a sentence."""
        return listed(self.claims)


@dataclass(frozen=True)
class CampaignView:
    """What came of a design of the coverage experiment; its numbers stand in the ledger under `coverage.<key>`."""

    campaign: Campaign
    settings: Coverage

    @property
    def key(self) -> str:
        """The design's name in the config."""
        return self.campaign.design

    @property
    def name(self) -> str:
        """The same as words."""
        return self.key.replace("-", " ")

    @property
    def cells(self) -> dict[Quantity, Cell]:
        """What was scored, if anything was."""
        return self.campaign.cells

    @property
    def cut(self) -> bool:
        """Is the small-data region cut off by rule?"""
        return self.campaign.cut

    @property
    def lawless(self) -> bool:
        """Is there no power law in its shards?"""
        return self.settings.designs[self.key].lawless

    @property
    def missed(self) -> tuple[Quantity, ...]:
        """Quantities whose intervals hold the truth too rarely."""
        goal = self.settings.goal_of(self.key)
        return tuple(quantity for quantity, cell in self.cells.items() if cell.share < goal)

    @property
    def wide(self) -> tuple[Quantity, ...]:
        """Quantities whose intervals are wider than need be."""
        return tuple(quantity for quantity, cell in self.cells.items() if cell.share > self.settings.wide)


@dataclass(frozen=True)
class Manuscript:
    """The study, its curves and its verdicts, as the templates see them."""

    study: Study
    tables: Mapping[str, pd.DataFrame]
    curves: Sequence[Curve]
    outcomes: Sequence[Outcome]
    campaigns: Sequence[Campaign] = ()
    bias: Answer | None = None

    @cached_property
    def domains(self) -> dict[str, TrainedView | MeasuredView]:
        """The domains by name, in the order of the config."""
        titles = distinct({name: plan.title for name, plan in self.study.domains.items()})
        titles = {name: escape(title) for name, title in titles.items()}
        found: dict[str, TrainedView | MeasuredView] = {}
        for name, trained in self.study.trained.items():
            seeds = trained.seeds or self.study.seeds
            found[name] = TrainedView(
                name, titles[name], trained, self._families(name), self.tables[name], seeds=len(seeds)
            )
        for name, measured in self.study.measured.items():
            found[name] = MeasuredView(name, titles[name], measured, self._families(name), self.tables[name])
        return {name: found[name] for name in self.study.domains}

    def _families(self, domain: str) -> tuple[FamilyView, ...]:
        plan = self.study.domains[domain]
        curves = {curve.family: curve for curve in self.curves if curve.domain == domain}
        table, without = self.tables[domain], told_apart(self.study, domain)
        return tuple(
            FamilyView(
                name,
                domain,
                escape(plan.labels[name]),
                settings,
                curves[name],
                plan.known_of(name),
                check_of(curves[name], table),
                tuple(other_metrics(table, curves[name], plan, without)),
            )
            for name, settings in plan.families.items()
        )

    @property
    def verdicts(self) -> tuple[VerdictView, ...]:
        """The verdicts that occur, with their claims."""
        found = {
            verdict: tuple(outcome.id for outcome in self.outcomes if outcome.verdict == verdict)
            for verdict in get_args(Verdict)
        }
        return tuple(VerdictView(verdict, claims) for verdict, claims in found.items() if claims)

    @property
    def view(self) -> dict[str, Any]:
        """What every template sees."""
        families = [family for domain in self.domains.values() for family in domain.families]
        counted = [family for name in self.study.pictured for family in self.domains[name].families]
        ours = [self.domains[name] for name in self.study.trained]
        measured = [self.domains[name] for name in self.study.measured]
        learners = [learner for plan in self.study.trained.values() for learner in plan.families.values()]
        tests = self.study.claims.present()
        return {
            "paper": self.study.paper,
            "domains": self.domains,
            # Those that are findings, and those whose laws are known.
            "subjects": [self.domains[name] for name in self.study.subjects],
            "controls": [domain for name, domain in self.domains.items() if name not in self.study.subjects],
            # Domains whose models are trained here, and domains measured elsewhere.
            "ours": ours,
            "measured": measured,
            "families": families,
            # Those that tallies count: of controls only if there is nothing else.
            "counted": counted,
            "fitted": [family for family in families if family.law is not None],
            "sharing": [domain for domain in self.domains.values() if domain.shared],
            "trained": [family for family in families if family.trained],
            # Where validation chooses among sizes, and where only the test errors are there to choose by.
            "sized": [family for domain in ours for family in domain.families if family.several_sizes],
            "picked": [family for domain in measured for family in domain.families if family.several_sizes],
            "free": [family for family in counted if family.law is not None and not family.curve.compute_limited],
            "limited": [family for family in families if family.curve.compute_limited],
            # Every kind of learner that is trained here, once.
            "kinds": list({learner.kind: learner for learner in learners}.values()),
            # The domains and kinds of learner that are at hand, and that this study does without.
            "idle": {
                "domains": _idle_domains({plan.data.kind for plan in self.study.trained.values()}),
                "learners": _idle_learners({learner.kind for learner in learners}),
            },
            "claims": {outcome.id: outcome for outcome in self.outcomes},
            "verdicts": self.verdicts,
            "thresholds": tests,
            "compared": any(isinstance(claim, Comparison) for claim in tests.values()),
            "experiments": self.study.experiments.present(),
            "campaigns": self._campaigns,
            # What came of the experiment `bias`; None without it.
            "bias": self.bias,
            "pictures": pictured(bias, self.study).pictures if (bias := self.study.experiments.bias) else (),
            "arms": self.study.arms,
            "seeds": self.study.seeds,
            "shared_pool_seeds": self.study.shared_pool_seeds,
        }

    @property
    def _campaigns(self) -> list[CampaignView]:
        coverage = self.study.experiments.coverage
        return [CampaignView(campaign, coverage) for campaign in self.campaigns] if coverage else []

    def render(self, sources: Sequence[Path]) -> dict[str, str]:
        """Fill in the templates among `sources`; gives text by path relative to the folder of main.tex.

        Raises PaperError with template and line where Jinja can't read or fill one in.
        """
        folder = next(path.parent for path in sources if path.name == "main.tex")
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder),
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            block_start_string="<%",
            block_end_string="%>",
            variable_start_string="<<",
            variable_end_string=">>",
            comment_start_string="<#",
            comment_end_string="#>",
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.filters |= {
            "tex": escape,
            "each": each,
            "listed": listed,
            "plural": plural,
            "sentence": sentence,
            "key": race_key,
            "tip_key": tip_key,
            "learner": lambda name, domain: domain.learner(name),
            "placed": placed,
            "named": named,
        }
        view = self.view
        # An experiment's section has its name; one that is switched off has nothing to say.
        absent = {f"sections/{name}.tex" for name in type(self.study.experiments).model_fields} - {
            f"sections/{name}.tex" for name in view["experiments"]
        }
        names = [path.relative_to(folder).as_posix() for path in sources]
        return {
            name: _fill(environment, name, view) if name.endswith(".tex") else (folder / name).read_text("utf-8")
            for name in names
            if name not in absent
        }


def _fill(environment: jinja2.Environment, name: str, view: Mapping[str, Any]) -> str:
    try:
        return environment.get_template(name).render(view)
    except jinja2.TemplateSyntaxError as error:
        raise PaperError(f"{name}, line {error.lineno}: {error.message}") from None
    except Exception as error:  # whatever the template asked amiss, say where
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(name)]
        raise PaperError(f"{name}, line {lines[-1]}: {error}") from error


def each(items: Iterable[object], pattern: str) -> list[str]:
    """Say the same of every item: `@name` in `pattern` stands for its attribute, `@name:part` for a part of that."""

    def filled(item: object) -> str:
        return re.sub(r"@(\w+(?::\w+)*)", lambda found: str(attrgetter(found[1].replace(":", "."))(item)), pattern)

    return [filled(item) for item in items]


def named(text: str, domains: Mapping[str, DomainView], domain: str | None) -> str:
    r"""Call things in the reason of a claim what the paper calls them.

    They are \learner{name} if the claim is about one `domain`, else \learner{domain.name}; \domain{name}; and
    \unit{name}, which is what N counts there.
    """

    def called(found: re.Match[str]) -> str:
        what, place, name = found.groups()
        view = domains[place or (name if what != "learner" else str(domain))]
        return view.learner(name) if what == "learner" else view.title if what == "domain" else view.unit

    return re.sub(r"\\(learner|domain|unit)\{(?:([a-z0-9-]+)\.)?([a-z0-9-]+)\}", called, text)


def listed(items: Iterable[str], last: str = "and") -> str:
    """Join words as a sentence does: a, b and c."""
    *head, tail = items
    return f"{', '.join(head)} {last} {tail}" if head else tail


def placed(families: Iterable[FamilyView], domains: Mapping[str, DomainView]) -> str:
    """List domains, each with some of its families behind it."""
    labels: dict[str, list[str]] = {}
    for family in families:
        labels.setdefault(family.domain, []).append(family.label)
    # Labels may have commas.
    return listed(f"{domains[domain].title} ({'; '.join(names)})" for domain, names in labels.items())


def _idle_domains(used: Collection[str]) -> list[str]:
    """Call the kinds of domains that are not used what the paper would call them."""
    return [escape(domains.load(kind).title) for kind in domains.kinds() if kind not in used]


def _idle_learners(used: Collection[str]) -> list[str]:
    """The same of kinds of learners, with what they learn: two may have one name."""
    idle = [models.load(kind) for kind in models.kinds() if kind not in used]
    return [f"{escape(kind.title)} ({listed(task.title for task in kind.serves)})" for kind in idle]


def plural(number: int, one: str, many: str | None = None) -> str:
    """Choose the word that goes with a number; `many` is `one` with an s unless given."""
    return one if number == 1 else many or one + "s"


def sentence(text: str) -> str:
    """Write a clause as a sentence: a capital first and a full stop last."""
    return text[:1].upper() + text[1:].rstrip(".") + "."
