"""The commands that the README gives do what they say."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

WORKFLOW = Path(__file__).parents[2]
README = (WORKFLOW / "README.md").read_text()
FENCED = re.findall(r"^```bash\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMANDS = sorted(
    {shlex.join(shlex.split(line, comments=True)) for block in FENCED for line in block.splitlines()}
    | set(re.findall(r"`((?:make|snakemake) [^`…]+)`", README))
)
LAWS = re.findall(r"```bash\n(laws [^\n]*)\n```(?:(?!```).)*?```text\n(.*?)\n```", README, re.DOTALL)
"""Commands on measurements, and what the README says that they print."""
MEASURED = {
    "csv": "model,N,error\nlstm,1000,5.21\nlstm,4000,4.80\n",
    "yaml": re.search(r"^```yaml\n(domains:.*?)^```", README, re.MULTILINE | re.DOTALL)[1],
}
"""Some measurements, and the README's file about them."""


def test_the_readme_gives_commands():
    assert {"make paper", "make test", "make smoke", "snakemake --cores 8"} <= set(COMMANDS)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("make ")])
def test_make_knows_the_target(command):
    done = subprocess.run([*shlex.split(command), "--dry-run"], cwd=WORKFLOW, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("snakemake ")])
def test_snakemake_takes_the_command(command, workflow):
    (workflow.folder / "my-curves.csv").write_text(MEASURED["csv"])
    (workflow.folder / "measurements.yaml").write_text(MEASURED["yaml"])
    (workflow.folder / "mine.yaml").write_text("pathvars: {results: results-mine}\nseeds: [7]\n")
    code, said = workflow.snakemake("--dry-run", *shlex.split(command)[1:])
    assert code == 0, said


def lines(said: str) -> list[str]:
    """What is said, but for blank lines and what stands around the others."""
    return [line.strip() for line in said.splitlines() if line.strip()]


@pytest.mark.parametrize(("command", "printed"), LAWS, ids=[command.split()[1] for command, _ in LAWS])
def test_laws_print_what_the_readme_shows(command, printed, tmp_path):
    shutil.copy(WORKFLOW / "tests" / "scaling" / "laws" / "measurements.csv", tmp_path)
    program, *arguments = shlex.split(command)
    script = Path(sys.executable).with_name(program)
    done = subprocess.run([script, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert lines(done.stdout) == lines(printed)


@pytest.mark.parametrize("linked", re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
def test_the_readme_links_to_what_is_there(linked):
    assert (WORKFLOW / linked).exists()


def test_no_figure_is_left_to_fill_in():
    assert not re.findall(r"\b[A-Z]+_(?:WALL|CPU|JOBS)\b", README)
