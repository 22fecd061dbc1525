"""Raw data that are not there, or not what they should be, and the real ones from Debian's archive."""

import os
import shutil

import pandas as pd
import pytest

from provenance.plan import VARIABLE, Plan

FILES = [f"{part}-{kind}.gz" for part in ("train", "t10k") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]


def with_images(workflow, **families) -> None:
    """Let the study be of images beside the least of the spiral."""
    with workflow.study() as study:
        study.update(seeds=[0], experiments={}, claims={})
        spiral = study["domains"]["spiral"]
        del spiral["families"]["mlp"]
        study["domains"]["images"] = {
            "data": {"kind": "images", "validation_size": 100, "test_size": 100},
            "train_sizes": [10, 20, 40, 80, 160],
            "budget": spiral["budget"],
            "families": {"knn-1": {"kind": "knn", "k": 1}, **families},
        }


def point_to_a_copy(workflow, name: str) -> None:
    with workflow.study() as study:
        study["domains"]["images"]["source_copy"] = name


def test_a_source_without_the_files_fails_its_domain_and_leaves_the_other_alone(workflow):
    with_images(workflow)
    point_to_a_copy(workflow, "copy")
    (workflow.folder / "copy").mkdir()
    code, said = workflow.snakemake()
    assert code == 1
    summary = said.partition("1 job failed:\n")[2].splitlines()
    assert summary[0] == "  fetch domain=images"
    assert "copy: train-images-idx3-ubyte.gz is missing" in summary[1]
    assert summary[2] == "    log: results/logs/fetch/images.log"
    assert "skipped because they need it: " in summary[3]
    assert "stale" not in said, "there is no older PDF"
    made = workflow.files()
    assert made.keys() >= {
        *(f"runs/spiral/knn-1/n{N}/seed0.json" for N in (20, 40, 80, 160, 320)),
        *("curves/spiral.csv", "laws/spiral/knn-1.json", "figures/learning-curves-spiral.pdf"),
    }
    assert not [name for name in made if "images" in name]


def test_damaged_files_are_refused(workflow):
    with_images(workflow)
    point_to_a_copy(workflow, "copy")
    (workflow.folder / "copy").mkdir()
    for file in FILES:
        (workflow.folder / "copy" / file).write_bytes(b"damaged")
    code, said = workflow.snakemake("--", "results/raw/images.tar")
    assert code == 1
    assert "copy: train-images-idx3-ubyte.gz has sha256 " in said
    assert "It is damaged or another version: get a fresh copy." in said
    assert not workflow.files()


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="there is no dpkg-deb to take Debian's package apart with")
def test_a_damaged_package_is_refused(workflow):
    with_images(workflow)
    point_to_a_copy(workflow, "copy/package.deb")
    (workflow.folder / "copy").mkdir()
    (workflow.folder / "copy/package.deb").write_bytes(b"damaged")
    code, said = workflow.snakemake("--", "results/raw/images.tar")
    assert code == 1
    assert "could not get Debian package dataset-fashion-mnist: dpkg-deb failed: " in said
    assert "point `source_copy` of this domain at a folder with " in said
    assert "No such file" not in said, "dpkg-deb was given the path that the config means"
    assert not workflow.files()


def test_lost_raw_and_prepared_data_are_noticed_in_every_build(workflow, monkeypatch):
    with_images(workflow)
    monkeypatch.setenv(VARIABLE, str(workflow.folder / "plan.json"))
    code, said = workflow.snakemake("--dry-run")
    assert code == 0, said
    plan = Plan.read(workflow.folder / "plan.json")
    for file in ("raw/images.tar", "data/images.npz", "data/images.receipt.json"):
        assert file in plan.asked({file})


@pytest.mark.network
@pytest.mark.skipif(not shutil.which("apt-get"), reason="there is no apt-get to download Debian's package with")
def test_images_are_downloaded_checked_and_built_from(workflow):
    with_images(workflow, logistic={"kind": "logistic", "learning_rate": 0.003})
    with workflow.study() as study:
        del study["domains"]["spiral"]
        study["domains"]["images"]["train_sizes"] = [40, 160]  # too few for a law: the paper has to say so
    code, said = workflow.snakemake()
    assert code == 0, said
    errors = pd.read_csv(workflow.results / "curves/images.csv").query("N == 160").set_index("model").error
    assert errors.max() < 0.6, "better than chance by far"
    assert workflow.pdf.exists()
    for large in ("raw/images.tar", "data/images.npz"):
        os.utime(workflow.results / large)
    assert workflow.plan().jobs == {}, "large files are known by their contents, too"
