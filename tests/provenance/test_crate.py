"""Crates: RO-Crate's own validator takes them, offline, and what it never looks at, the hashes, is looked at here."""

import hashlib
import json
import shutil
import socket
import stat
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.crate import About, Author, CrateError, Elsewhere, unpack_crate, verify_crate, write_crate
from provenance.crate_description import CONTEXT
from provenance.execution import executed, normalised
from provenance.findings import Unsound
from provenance.receipts import Receipt, digest, file_hash, receipt_of

ABOUT = About(
    title="Results of a study",
    description="Every result of a study, with what made it",
    author=Author("The Authors", "https://example.org/"),
    license="MIT",
    version="1.0.0",
    engine="9.27.1",
)
SCRIPTS = ("fetch", "prepare", "train", "gather", "law", "claim", "figure", "ledger", "paper")
CANNOT_BE_MET = {
    "The SoftwareApplication id SHOULD be an absolute URI": "the workflow and its tools are files of the crate, which "
    "the specification wants to be named by their relative path; distributions have package URLs, which are absolute "
    "but no addresses, and the validator only knows addresses",
}
# rdflib's own business
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")


# A small study, as a build leaves it


class Sample:
    """A checkout whose jobs have run: fetch, prepare, four trainings, gather, law, claim, figure, ledger, paper."""

    def __init__(self, checkout, seeds=(0, 1, 2, 3)):
        self.checkout, self.results = checkout, checkout / "results"
        self._clock = 0
        self._sources()
        self.job("fetch", {"raw/images.tar": b"raw" * 999}, domain="images")
        self.job("prepare", {"data/images.npz": b"data" * 999}, ["raw/images.tar"], domain="images")
        for seed in seeds:
            run = f"runs/images/knn-1/n100/seed{seed}"
            record = json.dumps({"seed": seed, "error": 0.1 + seed / 1000}).encode()
            params = {"run": {"model": {"k": 1}, "N": 100, "seed": seed}, "note": None}
            files = {f"{run}.json": record, f"{run}.npz": bytes([seed % 256]) * 99}
            self.job("train", files, ["data/images.npz"], params, domain="images", seed=str(seed))
        runs = [f"runs/images/knn-1/n100/seed{seed}.json" for seed in seeds]
        self.job("gather", {"curves/images.csv": b"N,error\n100,0.1\n"}, runs, domain="images")
        self.job("law", {"laws/images/knn-1.json": b'{"law": {"beta": {"value": -0.5}}}'}, ["curves/images.csv"])
        self.job("claim", {"claims/H1.json": b'{"verdict": "supported"}'}, ["laws/images/knn-1.json"])
        self.job("figure", {"figures/curves.pdf": b"%PDF-1.5 figure"}, ["curves/images.csv"])
        ledger = json.dumps({"root": digest("all"), "code": digest("code"), "entries": entries()})
        read = ["laws/images/knn-1.json", "claims/H1.json", "claims/H1.receipt.json"]
        self.job("ledger", {"ledger.json": ledger.encode()}, read)
        self.job("paper", {"paper/main.pdf": b"%PDF-1.5 paper"}, ["ledger.json"], sources=["paper/main.tex"])
        self._by_products()

    def job(self, rule, outputs, inputs=(), params=None, sources=(), scripted=True, **wildcards):
        for path, content in outputs.items():
            write(self.results / path, content)
        self._clock += 60
        script, minute = f"scripts/{rule}.py", f"{self._clock // 3600:02}:{self._clock // 60 % 60:02}"
        made = {"start": f"2026-11-24T{minute}:00Z", "end": f"2026-11-24T{minute}:30.5Z", "host": "a-host"}
        files = {script: normalised(executed(f"{rule} = 1\n".encode(), script))}
        code = {"digest": digest(rule), "script": script, "kinds": {}, "files": files}
        environment = {"digest": digest("here"), "versions": {"python": "3.11.7", "numpy": "2.4.6"}}
        receipt = Receipt(
            rule=rule,
            wildcards=wildcards,
            params=params or {},
            code=code if scripted else {},
            environment=environment if scripted else {},
            inputs={path: file_hash(self.results / path) for path in inputs},
            sources={path: file_hash(self.checkout / path) for path in sources},
            outputs={path: file_hash(self.results / path) for path in outputs},
            made=made | {"wall_s": 30.5, "cpu_s": 30.0, "memory_mb": 99.5},
        )
        write(self.results / receipt_of(next(iter(outputs))), receipt.text().encode())

    def _sources(self):
        for name in SCRIPTS:
            write(self.checkout / "scripts" / f"{name}.py", f"{name} = 1\n".encode())
        for name in ("Snakefile", "config.yaml", "rules/all.smk", "README.md", "LICENSE", "paper/main.tex"):
            write(self.checkout / name, f"This is {name}\n".encode())

    def _by_products(self):
        """Leave what no job has made, and so is no part of a crate."""
        for name in ("results/logs/train.log", "results/.build", "scripts/__pycache__/a.pyc", "scripts/a.egg-info/b"):
            write(self.checkout / name, b"/a/path/of/this/machine")


def entries():
    number = {"kind": "number", "value": -0.5, "printed": "−0.50", "unit": "", "low": -0.6, "high": -0.4}
    interval = {"level": 0.95, "how": "bootstrap"}
    plain = {"kind": "number", "value": 100, "printed": "100", "unit": "examples", "low": None, "high": None}
    return {
        "law.images.knn-1.beta": {
            **number,
            **interval,
            "source": "laws/images/knn-1.json",
            "pointer": "/law/beta/value",
        },
        "law.count": {**plain, "source": "laws/*/*.json", "pointer": ""},
        "bias.n": {**plain, "source": "config", "pointer": "/N"},
        "verdict": {"kind": "number", "value": "supported", "printed": "supported", "source": "claims/H1.json"},
        "figure.curves": {"kind": "figure", "value": digest("f"), "printed": "", "source": "figures/curves.pdf"},
    }


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return Sample(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def pristine(sample, tmp_path_factory):
    crate = tmp_path_factory.mktemp("crates") / "crate"
    write_crate(sample.results, crate, sample.checkout, ABOUT)
    return crate


@pytest.fixture
def crate(pristine, tmp_path):
    return Path(shutil.copytree(pristine, tmp_path / "crate"))


def graph(crate):
    return {entity["@id"]: entity for entity in json.loads((crate / "ro-crate-metadata.json").read_bytes())["@graph"]}


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def found(crate):
    return {(finding.kind, finding.file) for finding in verify_crate(crate)}


# What a crate holds


def test_a_crate_holds_results_receipts_and_source_and_nothing_that_no_job_has_made(crate):
    names = set(files(crate))
    assert {"Snakefile", "rules/all.smk", "scripts/train.py", "paper/main.tex", "results/ledger.json"} <= names
    assert {"results/paper/main.pdf", "results/paper/main.receipt.json", "results/data/images.receipt.json"} <= names
    assert not any("logs" in name or "__pycache__" in name or ".egg-info" in name for name in names)
    assert "results/.build" not in names


def test_a_crate_names_no_path_of_the_machine_that_wrote_it(crate, sample, tmp_path):
    text = (crate / "ro-crate-metadata.json").read_text()
    assert str(sample.checkout) not in text
    assert str(tmp_path) not in text


def test_data_are_left_out_but_described(crate, sample):
    assert not (crate / "results/raw/images.tar").exists()
    raw = graph(crate)["#elsewhere/results/raw/images.tar"]
    assert raw["sha256"] == file_hash(sample.results / "raw/images.tar")
    assert raw["contentSize"] == str((sample.results / "raw/images.tar").stat().st_size)


def test_what_is_left_out_is_the_callers_choice_and_comes_with_licence_and_origin(sample, tmp_path):
    runs = Elsewhere("runs/*.npz", license="MIT", origin="on request")
    write_crate(sample.results, tmp_path / "crate", sample.checkout, ABOUT, without=[runs])
    assert (tmp_path / "crate/results/raw/images.tar").exists()
    assert not list((tmp_path / "crate").rglob("runs/**/*.npz"))
    described = graph(tmp_path / "crate")["#elsewhere/results/runs/images/knn-1/n100/seed0.npz"]
    assert described["license"] == "MIT"
    assert described["description"].endswith("on request")
    assert verify_crate(tmp_path / "crate") == []


def test_every_job_is_an_action_with_its_tool_its_files_its_parameters_and_its_receipt(crate):
    entities = graph(crate)
    action = entities["#job/runs/images/knn-1/n100/seed2"]
    assert action["instrument"] == {"@id": "scripts/train.py"}
    assert action["startTime"] == "2026-11-24T00:05:00.000+00:00"
    assert action["endTime"] == "2026-11-24T00:05:30.500+00:00"
    assert action["subjectOf"] == {"@id": "results/runs/images/knn-1/n100/seed2.receipt.json"}
    names = ("results/runs/images/knn-1/n100/seed2.json", "results/runs/images/knn-1/n100/seed2.npz")
    assert action["result"] == [{"@id": name} for name in names]
    read = {reference["@id"]: entities[reference["@id"]] for reference in action["object"]}
    assert "#elsewhere/results/data/images.npz" in read
    values = {entity["name"]: entity["value"] for entity in read.values() if entity["@type"] == "PropertyValue"}
    run = '{"N":100,"model":{"k":1},"seed":2}'
    assert values == {"domain": "images", "seed": "2", "run": run, "note": "null"}
    actions = [entity for entity in entities.values() if entity["@type"] == "CreateAction"]
    assert len(actions) == 1 + 12  # the run and its jobs


def test_steps_stand_in_the_order_of_the_run(crate):
    steps = [entity for entity in graph(crate).values() if entity["@type"] == "HowToStep"]
    order = {step["name"]: int(step["position"]) for step in steps}
    assert sorted(order.values()) == list(range(1, 10))
    for earlier, later in (("fetch", "prepare"), ("train", "gather"), ("gather", "law"), ("law", "claim")):
        assert order[earlier] < order[later]


def test_every_number_has_its_value_its_interval_and_its_file(crate):
    entities = graph(crate)
    beta = entities["#number/law.images.knn-1.beta"]
    assert (beta["value"], beta["minValue"], beta["maxValue"]) == (-0.5, -0.6, -0.4)
    assert beta["alternateName"] == "−0.50"
    assert beta["subjectOf"] == {"@id": "results/laws/images/knn-1.json"}
    assert beta["description"] == "Read in laws/images/knn-1.json at /law/beta/value, with its 95% interval"
    assert entities["#number/law.count"]["subjectOf"] == {"@id": "results/laws/images/knn-1.json"}
    assert "subjectOf" not in entities["#number/bias.n"]
    assert len(entities["./"]["variableMeasured"]) == len(entries())


def test_a_receipt_that_another_job_reads_is_an_output_of_its_own(crate):
    entities = graph(crate)
    receipt = {"@id": "results/claims/H1.receipt.json"}
    assert receipt in entities["#job/claims/H1"]["result"]
    assert receipt in entities["#job/ledger"]["object"]
    assert entities["#run"]["object"] == {"@id": "paper/main.tex"}
    assert verify_crate(crate) == []


def test_the_context_spells_out_the_terms_that_are_used_and_no_others(crate):
    used = set()
    for entity in graph(crate).values():
        types = entity["@type"]
        used |= {key for key in entity if not key.startswith("@")} | set([types] if isinstance(types, str) else types)
    assert used | {"Person", "affiliation"} == set(CONTEXT)  # these two for an author who is a person


def test_equal_results_give_equal_bytes_wherever_they_lie(sample, tmp_path):
    elsewhere = Path(shutil.copytree(sample.checkout, tmp_path / "another/place"))
    (elsewhere / "results").rename(elsewhere / "results-smoke")
    write_crate(sample.results, tmp_path / "a.zip", sample.checkout, ABOUT)
    write_crate(elsewhere / "results-smoke", tmp_path / "b.zip", elsewhere, ABOUT)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_zip_and_folder_hold_the_same(sample, pristine, tmp_path):
    write_crate(sample.results, tmp_path / "crate.zip", sample.checkout, ABOUT)
    assert verify_crate(tmp_path / "crate.zip") == []
    unpack_crate(tmp_path / "crate.zip", tmp_path / "unpacked")
    assert files(tmp_path / "unpacked") == files(pristine)


def test_sha256sum_takes_the_manifest(crate):
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "manifest-sha256.txt"], cwd=crate, capture_output=True
    )
    assert checked.returncode == 0, checked.stdout
    assert len(checked.stdout.splitlines()) == len(files(crate)) - 1


# What is no crate to be


def test_an_older_crate_is_replaced_and_nothing_else(sample, crate, tmp_path):
    (crate / "left-over").write_text("")
    write_crate(sample.results, crate, sample.checkout, ABOUT)
    assert verify_crate(crate) == []
    write(tmp_path / "precious/file", b"")
    with pytest.raises(CrateError, match="where it would count as results"):
        write_crate(sample.results, sample.results / "crate", sample.checkout, ABOUT)
    with pytest.raises(CrateError, match="precious exists and is not a crate"):
        write_crate(sample.results, tmp_path / "precious", sample.checkout, ABOUT)
    assert {path.name for path in tmp_path.iterdir()} == {"crate", "precious"}


def test_results_that_are_not_what_was_made_become_no_crate(tmp_path):
    study = Sample(tmp_path / "checkout")
    law = study.results / "laws/images/knn-1.json"
    expected, law_text = file_hash(law), law.read_bytes()
    law.write_bytes(b"{}")
    with pytest.raises(Unsound, match=r"laws/images/knn-1\.json is not what its job wrote") as error:
        write_crate(study.results, tmp_path / "crate", study.checkout, ABOUT)
    assert expected in str(error.value)
    assert hashlib.sha256(b"{}").hexdigest() in str(error.value)
    assert not (tmp_path / "crate").exists()

    law.write_bytes(law_text)
    (study.checkout / "paper/main.tex").write_text("other words")
    with pytest.raises(Unsound, match=r"paper/main\.pdf is stale .*made from another paper/main\.tex"):
        write_crate(study.results, tmp_path / "crate", study.checkout, ABOUT)


def test_an_accepted_exception_goes_into_the_crate_with_its_record(tmp_path):
    study = Sample(tmp_path / "checkout")
    pdf = study.results / "paper/main.pdf"
    record = {"kind": "damaged", "file": "paper/main.pdf", "found": digest(""), "expected": file_hash(pdf), "why": "…"}
    pdf.write_bytes(b"retouched")
    record["found"] = file_hash(pdf)
    write(study.results / "accepted.json", json.dumps([record]).encode())
    write_crate(study.results, tmp_path / "crate", study.checkout, ABOUT)
    assert verify_crate(tmp_path / "crate") == []
    (tmp_path / "crate/results/paper/main.pdf").write_bytes(b"again")
    assert found(tmp_path / "crate") == {("damaged", "results/paper/main.pdf")}


def test_no_receipts_no_workflow_no_script(tmp_path):
    study = Sample(tmp_path / "checkout")
    with pytest.raises(CrateError, match="holds no receipts"):
        write_crate(study.results, tmp_path / "crate", study.checkout, ABOUT, jobs=[])
    with pytest.raises(CrateError, match="without its workflow"):
        write_crate(study.results, tmp_path / "crate", study.checkout, ABOUT, workflow="Nothing")
    (study.checkout / "scripts/law.py").unlink()
    with pytest.raises(Unsound, match=r"scripts/law\.py is missing"):
        write_crate(study.results, tmp_path / "crate", study.checkout, ABOUT)


# The validator of RO-Crates


@pytest.fixture
def no_network(monkeypatch):
    """Refuse every connection, and every question where some host is."""

    def refuse(*arguments, **_):
        pytest.fail(f"the network was asked for {arguments[1:]}")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **_: refuse(None, *arguments))


def validate(crate, severity, cache):
    from rocrate_validator.models import Severity
    from rocrate_validator.services import validate

    result = validate(
        {
            "rocrate_uri": str(crate),
            "profile_identifier": "provenance-run-crate",
            "requirement_severity": Severity[severity],
            "offline": True,
            "cache_path": cache,
        }
    )
    return [(issue.message, str(issue.violatingPropertyValue)) for issue in result.get_issues()]


def test_the_validator_finds_no_requirement_unmet(pristine, tmp_path, no_network):
    assert validate(pristine, "REQUIRED", tmp_path) == []


def test_the_validator_finds_no_recommendation_unmet_that_could_be_met(pristine, tmp_path, no_network):
    issues = validate(pristine, "RECOMMENDED", tmp_path)
    assert {message for message, _ in issues} == set(CANNOT_BE_MET)
    tools = {str(pristine / "Snakefile"), *(str(pristine / f"scripts/{name}.py") for name in SCRIPTS)}
    distributions = {"pkg:pypi/numpy@2.4.6", "pkg:generic/python@3.11.7", "pkg:pypi/snakemake@9.27.1"}
    assert {value.removeprefix("file://") for _, value in issues} == tools | distributions


@pytest.mark.parametrize(
    ("author", "unmet"),
    [
        (Author("A. Person", "https://example.org/", "A University"), set()),
        (Author("A group without an address"), {"The organization SHOULD have a URL."}),
    ],
)
def test_other_authors_are_described_as_far_as_they_can_be(sample, author, unmet, tmp_path, no_network):
    write_crate(sample.results, tmp_path / "crate", sample.checkout, replace(ABOUT, author=author))
    messages = {message for message, _ in validate(tmp_path / "crate", "RECOMMENDED", tmp_path / "cache")}
    assert messages - set(CANNOT_BE_MET) == unmet


def test_a_job_without_a_script_is_the_work_of_the_workflow(tmp_path, no_network):
    study = Sample(tmp_path / "checkout", seeds=(0,))
    study.job("touch", {"flag.txt": b""}, ["ledger.json"], scripted=False)
    write_crate(study.results, tmp_path / "crate", study.checkout, ABOUT)
    assert graph(tmp_path / "crate")["#job/flag"]["instrument"] == {"@id": "Snakefile"}
    assert validate(tmp_path / "crate", "REQUIRED", tmp_path / "cache") == []
    assert verify_crate(tmp_path / "crate") == []


def test_the_validator_does_validate(crate, tmp_path, no_network):
    text = (crate / "ro-crate-metadata.json").read_text()
    (crate / "ro-crate-metadata.json").write_text(text.replace("https://w3id.org/ro/wfrun/provenance/", "urn:other:"))
    assert validate(crate, "REQUIRED", tmp_path) != []


# What only hashes show


def flip(path, place=0, bits=1):
    content = bytearray(path.read_bytes())
    content[place] ^= bits
    path.write_bytes(content)


def test_a_whole_crate_has_no_findings(crate):
    assert verify_crate(crate) == []


def test_a_flipped_byte_is_found_and_the_validator_never_knows(crate, tmp_path, no_network):
    path = crate / "results/runs/images/knn-1/n100/seed1.npz"
    expected = file_hash(path)
    flip(path)
    (finding,) = verify_crate(crate)
    assert (finding.kind, finding.file) == ("damaged", "results/runs/images/knn-1/n100/seed1.npz")
    assert (finding.found, finding.expected) == (file_hash(path), expected)
    assert validate(crate, "REQUIRED", tmp_path) == []


def test_a_flipped_byte_is_found_in_every_file(crate):
    for name in files(crate):
        flip(crate / name)
        assert name in {file for _, file in found(crate)}
        flip(crate / name)
    assert verify_crate(crate) == []


def test_an_edited_hash_of_the_metadata_names_the_manifest_too(crate):
    path, text = crate / "manifest-sha256.txt", (crate / "manifest-sha256.txt").read_text()
    before = file_hash(crate / "ro-crate-metadata.json")
    path.write_text(text.replace(before, digest("another")))
    assert found(crate) == {("damaged", "ro-crate-metadata.json"), ("damaged", "manifest-sha256.txt")}


@settings(max_examples=60)
@given(st.sampled_from(["ro-crate-metadata.json", "manifest-sha256.txt"]), st.integers(0), st.integers(0, 7))
def test_a_flipped_bit_is_found_anywhere_in_the_description(pristine, tmp_path_factory, name, place, bit):
    crate = tmp_path_factory.mktemp("flipped") / "crate"
    shutil.copytree(pristine, crate)
    content = (crate / name).read_bytes()
    flip(crate / name, place % len(content), 1 << bit)
    assert name in {file for _, file in found(crate)}


def test_a_flipped_byte_in_an_archive_is_found(sample, tmp_path):
    archive = tmp_path / "crate.zip"
    write_crate(sample.results, archive, sample.checkout, ABOUT)
    flip(archive, archive.read_bytes().index(b"%PDF-1.5 paper"))
    with pytest.raises(CrateError, match=r"results/paper/main\.pdf"):
        verify_crate(archive)


def test_files_in_each_others_place_are_found(crate):
    one, other = (crate / f"results/runs/images/knn-1/n100/seed{seed}.npz" for seed in (0, 1))
    swapped = one.read_bytes(), other.read_bytes()
    other.write_bytes(swapped[0])
    one.write_bytes(swapped[1])
    assert found(crate) == {("damaged", path.relative_to(crate).as_posix()) for path in (one, other)}


def test_a_deleted_file_is_found(crate):
    for name in files(crate):
        content = (crate / name).read_bytes()
        (crate / name).unlink()
        assert ("missing", name) in found(crate)
        (crate / name).write_bytes(content)


def test_code_that_no_job_has_run_is_found_though_every_stated_hash_fits(tmp_path):
    sample = Sample(tmp_path / "checkout", seeds=(0,))
    write(sample.checkout / "scripts/law.py", b"law = 2\n")
    write_crate(sample.results, tmp_path / "crate", sample.checkout, ABOUT)
    (finding,) = verify_crate(tmp_path / "crate")
    assert (finding.kind, finding.file) == ("stale", "scripts/law.py")
    write(sample.checkout / "scripts/law.py", b"law = 1  # as it was\n")
    write_crate(sample.results, tmp_path / "crate", sample.checkout, ABOUT)
    assert verify_crate(tmp_path / "crate") == []


def test_an_added_file_is_found(crate):
    write(crate / "results/runs/images/knn-1/n100/seed9.json", b"{}")
    (crate / "link").symlink_to("Snakefile")
    assert found(crate) == {("foreign", "results/runs/images/knn-1/n100/seed9.json"), ("foreign", "link")}


def rewritten(crate, change):
    """Change the metadata and cover it up in the manifest."""
    path, manifest = crate / "ro-crate-metadata.json", crate / "manifest-sha256.txt"
    before, content = file_hash(path), json.loads(path.read_bytes())
    change({entity["@id"]: entity for entity in content["@graph"]})
    path.write_text(json.dumps(content))
    manifest.write_text(manifest.read_text().replace(before, file_hash(path)))


def test_a_hash_in_the_metadata_that_no_receipt_has_is_found(crate):
    name = "results/runs/images/knn-1/n100/seed0.json"
    write(crate / name, b"{}")
    before = graph(crate)[name]["sha256"]
    rewritten(crate, lambda entities: entities[name].update(sha256=hashlib.sha256(b"{}").hexdigest(), contentSize="2"))
    manifest = crate / "manifest-sha256.txt"
    manifest.write_text(manifest.read_text().replace(before, hashlib.sha256(b"{}").hexdigest()))
    assert ("damaged", name) in found(crate)
    rewritten(crate, lambda entities: entities["#elsewhere/results/raw/images.tar"].update(sha256=digest("")))
    assert ("damaged", "results/raw/images.tar") in found(crate)


def test_a_number_in_the_metadata_that_the_ledger_does_not_have_is_found(crate):
    rewritten(crate, lambda entities: entities["#number/law.images.knn-1.beta"].update(value=-0.7))
    (finding,) = verify_crate(crate)
    assert (finding.found, finding.expected) == ("-0.7", "-0.5")


def test_a_changed_receipt_is_found(crate):
    path = crate / "results/laws/images/knn-1.receipt.json"
    path.write_text(path.read_text().replace("a-host", "b-host"))
    assert {
        ("damaged", "results/laws/images/knn-1.receipt.json"),
        ("receipt", "results/laws/images/knn-1.receipt.json"),
    } <= found(crate)


def test_what_is_no_crate_is_said_to_be_none(tmp_path):
    (finding,) = verify_crate(tmp_path)
    assert (finding.kind, finding.file) == ("missing", "ro-crate-metadata.json")
    with pytest.raises(CrateError, match="is not a crate that can be read"):
        verify_crate(tmp_path / "nothing.zip")


# Archives that would write elsewhere


def pack(path, members):
    with zipfile.ZipFile(path, "w") as packed:
        for name, mode in members:
            member = zipfile.ZipInfo("placeholder")
            member.filename = name
            member.external_attr = mode << 16
            packed.writestr(member, b"content")
    return path


@pytest.mark.parametrize("name", ["../out", "a/../../out", "/out", "a\\..\\..\\out", "C:/out", "C:out", "."])
def test_an_archive_with_a_path_that_leaves_the_crate_is_refused_whole(tmp_path, name):
    archive = pack(tmp_path / "crate.zip", [("good", 0), (name, 0)])
    with pytest.raises(CrateError, match="expected a path inside the crate"):
        unpack_crate(archive, tmp_path / "place/crate")
    assert {path.name for path in tmp_path.iterdir()} == {"crate.zip"}


def test_an_archive_with_a_link_or_with_a_file_twice_is_refused(tmp_path):
    with pytest.raises(CrateError, match="expected a file, not a link"):
        unpack_crate(pack(tmp_path / "a.zip", [("link", stat.S_IFLNK | 0o777)]), tmp_path / "crate")
    with pytest.warns(UserWarning, match="Duplicate"):
        archive = pack(tmp_path / "b.zip", [("a", 0), ("a", 0)])
    with pytest.raises(CrateError, match="expected every file once"):
        unpack_crate(archive, tmp_path / "crate")
    assert not (tmp_path / "crate").exists()


@given(st.lists(st.sampled_from(["..", "a", "b", "", ".", "/", "\\"]), min_size=1, max_size=5).map("/".join))
def test_whatever_an_archive_calls_its_files_they_land_inside_or_nowhere(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("archive")
    archive = pack(folder / "crate.zip", [(name, 0)])
    try:
        unpack_crate(archive, folder / "one/two/crate")
    except CrateError:
        assert not (folder / "one").exists()
    assert {path.name for path in folder.iterdir()} <= {"crate.zip", "one"}
    assert {path.name for path in folder.glob("one/*")} <= {"two"}
    assert {path.name for path in folder.glob("one/two/*")} <= {"crate"}


@settings(max_examples=20)
@given(st.lists(st.text("ab %#?&ä[]+'\"", min_size=1, max_size=6), min_size=1, max_size=3, unique=True))
def test_names_of_all_kinds_survive(tmp_path_factory, names):
    study = Sample(tmp_path_factory.mktemp("checkout"), seeds=(0,))
    for name in names:
        study.job("extra", {f"odd {name}/{name}.json": name.encode()}, value=name)
    write(study.checkout / "scripts/extra.py", b"extra = 1\n")
    write_crate(study.results, study.checkout / "crate.zip", study.checkout, ABOUT)
    assert verify_crate(study.checkout / "crate.zip") == []
