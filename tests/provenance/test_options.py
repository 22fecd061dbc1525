"""A study is named by options that both Snakemake and the audit take."""

from pathlib import Path

from provenance.options import naming


def test_a_study_is_named_by_its_configfiles_as_they_are_seen_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = [tmp_path / "profiles/smoke/study.yaml", Path("/elsewhere/more.yaml")]
    assert naming(files) == ("--configfile", "profiles/smoke/study.yaml", "/elsewhere/more.yaml")
    assert naming([]) == ()
