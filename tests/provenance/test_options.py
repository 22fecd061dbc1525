"""A study is named by options that both Snakemake and the audit take."""

from pathlib import Path

import pytest

from provenance.options import left_out, naming


def test_a_study_is_named_by_its_configfiles_as_they_are_seen_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = [tmp_path / "profiles/smoke/study.yaml", Path("/elsewhere/more.yaml")]
    assert naming(files) == ("--configfile", "profiles/smoke/study.yaml", "/elsewhere/more.yaml")
    assert naming([]) == ()


@pytest.fixture
def profiles(tmp_path, monkeypatch):
    """Two profiles that name a study, and one that names none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)
    for name, content in (
        ("smoke", "configfile: [profiles/smoke/study.yaml]\n"),
        ("gpu", "__use_yte__: true\nconfigfile: [profiles/gpu/study.yaml]\nresources:\n  - ?f'gpu_slots={2 + 2}'\n"),
        ("slurm", "executor: local\n"),
    ):
        folder = tmp_path / "profiles" / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(content)


SMOKE, GPU = "profiles/smoke/study.yaml", "profiles/gpu/study.yaml"


@pytest.mark.parametrize(
    ("arguments", "in_force"),
    [
        ("--cores 2", []),
        ("--cores 2 --configfile x.yaml", ["x.yaml"]),
        ("--profile profiles/slurm --configfile x.yaml", ["x.yaml"]),
        ("--profile profiles/smoke", [SMOKE]),
        ("--profile profiles/smoke --profile profiles/slurm", [SMOKE]),
        ("--profile profiles/smoke/config.yaml", [SMOKE]),
        (f"--profile profiles/smoke --configfile {SMOKE} x.yaml", [SMOKE, "x.yaml"]),
        (f"--profile profiles/smoke --profile=profiles/gpu --configfile {SMOKE} {GPU}", [SMOKE, GPU]),
        ("--workflow-profile smoke", [SMOKE]),
        ("--profile none --configfile x.yaml", ["x.yaml"]),
        ("--configfile x.yaml -- --profile profiles/smoke", ["x.yaml"]),
        ("-n 2 --maxfail=1 tests", []),
    ],
)
def test_a_study_that_counts_is_not_complained_of(profiles, arguments, in_force):
    assert left_out(arguments.split(), [Path(file).absolute() for file in in_force]) == ""


@pytest.mark.parametrize(
    ("arguments", "in_force", "profile", "file"),
    [
        ("--profile profiles/smoke --configfile x.yaml", ["x.yaml"], "profiles/smoke", SMOKE),
        ("--configfile=x.yaml --profile=profiles/gpu/", ["x.yaml"], "profiles/gpu/", GPU),
        ("--profile profiles/smoke --profile profiles/gpu", [GPU], "profiles/smoke", SMOKE),
        ("--workflow-profile smoke --configfile x.yaml", ["x.yaml"], "profiles/smoke", SMOKE),
    ],
)
def test_a_profiles_study_that_something_replaces_is_told_with_what_names_both(
    profiles, arguments, in_force, profile, file
):
    said = left_out(arguments.split(), [Path(name).absolute() for name in in_force])
    assert said.startswith(f"{profile} names the study {file}, which would not count")
    assert f"--configfile {file} {in_force[0]}" in said


def test_a_profile_of_the_environment_counts_unless_another_is_given(profiles, monkeypatch):
    monkeypatch.setenv("SNAKEMAKE_PROFILE", "profiles/smoke")
    in_force = [Path("x.yaml").absolute()]
    assert left_out(["--configfile", "x.yaml"], in_force)
    assert not left_out(["--configfile", "x.yaml", "--profile", "profiles/slurm"], in_force)
