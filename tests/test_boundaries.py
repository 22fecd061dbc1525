"""Who may write: no pickle, no archive out of its folder, no program from TeX, no name out of the results folder."""

import ast
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from scaling.latex import PaperError, compile_pdf
from scaling.study import Study, StudyError

ROOT = Path(__file__).parents[1]
CODE = sorted((ROOT / "scripts").rglob("*.py"))
EXECUTES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
"""Modules whose files run code when they are loaded."""


def dangers(tree: ast.Module) -> Iterator[str]:
    """Find what could run code that a data file brings along, or write where an archive says."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] in EXECUTES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in EXECUTES:
            yield str(node.module)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
            options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if (owner, node.func.attr) == ("np", "load") and options.get("allow_pickle") != "False":
                yield "np.load without allow_pickle=False"
            if (owner, node.func.attr) in {("torch", "load"), ("torch", "save"), ("pd", "read_pickle")}:
                yield f"{owner}.{node.func.attr}"
            if node.func.attr in ("extractall", "unpack_archive"):
                yield node.func.attr
            if options.get("shell") == "True":
                yield "shell=True"


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_that_is_read_can_run_code_or_choose_where_it_is_written(path: Path):
    assert not list(dangers(ast.parse(path.read_text())))


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "torch.load(path)",
        "tar.extractall(folder)",
        "subprocess.run(text, shell=True)",
    ],
)
def test_the_check_can_fail(code: str):
    assert list(dangers(ast.parse(code)))


@pytest.mark.parametrize("name", ["../elsewhere", "/tmp", "a/../../b", ".hidden", "a b", "a/", "~"])
def test_a_name_in_the_config_cannot_leave_the_results_folder(name: str):
    config = yaml.safe_load((ROOT / "tests/workflow/study.yaml").read_text())
    Study.of(config)
    with pytest.raises(StudyError, match="results"):
        Study.of(config | {"pathvars": {"results": name}})
    for place in ("domains", "families"):
        changed = yaml.safe_load((ROOT / "tests/workflow/study.yaml").read_text()) | {"claims": {}, "experiments": {}}
        named = changed["domains"] if place == "domains" else changed["domains"]["spiral"]["families"]
        named[name] = named.pop(next(iter(named)))
        with pytest.raises(StudyError):
            Study.of(changed)


def test_tex_runs_no_program(tmp_path: Path):
    text = r"\documentclass{article}\begin{document}\immediate\write18{touch ran}x\end{document}"
    with contextlib.suppress(PaperError):
        compile_pdf({"main.tex": text}, [], "tinytex", tmp_path / "main.pdf")
    assert not list(tmp_path.rglob("ran"))
