"""The sweep finds every damage, names its file and kind, and finds nothing else."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance import memo, sweep
from provenance.findings import ACCEPTED, Finding, Unsound, read_placed
from provenance.memo import MEMO
from provenance.plan import PLAN
from provenance.receipts import Receipt, digest, file_hash, receipt_of
from provenance.sweep import Sweep, differences, look_again, tell_damage, tell_stale

CLASSES = [
    "data/a.npz",
    "runs/knn/seed0.json",
    "runs/knn/seed0.npz",
    "laws/mlp.json",
    "figures/maps.left.pdf",
    "figures/maps.right.pdf",
    "ledger.json",
    "paper/main.pdf",
]


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the memory of hashes work also for files as young as these."""
    monkeypatch.setattr(memo, "SETTLED_NS", -(10**18))


def found(small) -> Sweep:
    """Sweep twice, so that also what is remembered is looked at."""
    first, second = sweep.sweep(small.plan), sweep.sweep(small.plan)
    assert (first.found, first.accepted) == (second.found, second.accepted)
    return second


def kinds(findings: list[Finding]) -> set[tuple[str, str]]:
    return {(finding.kind, finding.file) for finding in findings}


def readers(small, *files: str) -> set[str]:
    """First outputs of the jobs that read any of these files: they are stale once one of them changes."""
    return {job.outputs[0] for job in small.plan.jobs if set(files) & {*job.inputs, *job.sources}}


def assert_found(small, damaged: set[tuple[str, str]], missing: set[str], stale: set[str]) -> Sweep:
    swept = found(small)
    assert kinds(swept.damaged) == damaged
    assert kinds(swept.missing) == {("missing", file) for file in missing}
    assert kinds(swept.stale) == {("stale", file) for file in stale}
    assert len(swept.found) == len(damaged) + len(missing) + len(stale)
    assert {receipt_of(file).as_posix() for file in stale} == set(swept.stale_receipts)
    return swept


def flip(path: Path, at: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def accept(small, *findings: Finding) -> None:
    keys = ("kind", "file", "found", "expected")
    (small.results / ACCEPTED).write_text(json.dumps([{key: getattr(item, key) for key in keys} for item in findings]))


def test_in_a_sound_study_it_finds_nothing(small):
    swept = assert_found(small, set(), set(), set())
    assert swept.accepted == []
    assert set(swept.receipts) == {job.receipt for job in small.plan.jobs}


def test_the_first_look_without_a_memory_finds_nothing_either(small):
    assert not (small.results / MEMO).exists()
    assert sweep.sweep(small.plan).found == sweep.sweep(small.plan, trusting=False).found == []
    assert (small.results / MEMO).exists()


@pytest.mark.parametrize("file", CLASSES)
def test_a_flipped_bit_is_damage(small, file: str):
    before = file_hash(small.results / file)
    sweep.sweep(small.plan)
    flip(small.results / file)
    swept = assert_found(small, {("damaged", file)}, set(), readers(small, file))
    (finding,) = swept.damaged
    assert (finding.found, finding.expected) == (file_hash(small.results / file), before)
    assert finding.job == small.job(file).name
    for stale in swept.stale:
        assert stale.why == f"input {file} changed"


@pytest.mark.parametrize("file", CLASSES)
@pytest.mark.parametrize("change", [lambda old: b"", lambda old: old[:-1], lambda old: old + b"\n"])
def test_a_cut_or_longer_file_is_damage(small, file: str, change: Callable[[bytes], bytes]):
    (small.results / file).write_bytes(change((small.results / file).read_bytes()))
    assert_found(small, {("damaged", file)}, set(), readers(small, file))


def test_damage_under_the_memory_is_found_without_trust(small):
    path = small.results / "laws/knn.json"
    right = file_hash(path)
    flip(path)
    sweep.sweep(small.plan)
    lying = (small.results / MEMO).read_text().replace(file_hash(path), right)
    (small.results / MEMO).write_text(lying)
    assert sweep.sweep(small.plan).found == []
    assert kinds(sweep.sweep(small.plan, trusting=False).damaged) == {("damaged", "laws/knn.json")}


@pytest.mark.parametrize("file", CLASSES)
def test_what_is_only_missing_is_no_damage(small, file: str):
    (small.results / file).unlink()
    assert_found(small, set(), {file}, readers(small, file))


@pytest.mark.parametrize("file", CLASSES)
def test_a_missing_receipt_is_no_damage(small, file: str):
    receipt = small.job(file).receipt
    (small.results / receipt).unlink()
    assert_found(small, set(), {receipt}, readers(small, receipt))


def test_in_an_empty_folder_everything_is_missing_and_nothing_else(small):
    for path in [path for path in small.results.rglob("*") if path.is_file()]:
        path.unlink()
    assert_found(small, set(), {job.receipt for job in small.plan.jobs}, set())


def test_without_a_results_folder_everything_is_missing(small):
    small.plan = replace(small.plan, results="nowhere")
    assert {finding.kind for finding in sweep.sweep(small.plan).found} == {"missing"}
    assert not Path("nowhere").exists()


def test_all_that_is_not_there_is_known_whatever_else_is_wrong(small):
    assert found(small).absent == set()
    lost = {"runs/knn/seed0.npz", "laws/mlp.receipt.json", "figures/maps.left.pdf", "figures/maps.right.pdf"}
    for file in lost:
        (small.results / file).unlink()
    assert found(small).absent == lost
    flip(small.results / "figures/maps.receipt.json")
    assert found(small).absent == lost, "also if no receipt tells that there was one"
    (small.results / "figures/maps.left.pdf").mkdir()
    assert found(small).absent == lost - {"figures/maps.left.pdf"}, "as Snakemake sees it"


def test_a_folder_in_the_place_of_a_file_is_not_that_file(small):
    (small.results / "laws/knn.json").unlink()
    (small.results / "laws/knn.json").mkdir()
    assert_found(small, set(), {"laws/knn.json"}, readers(small, "laws/knn.json"))


PAIRS = [
    ("runs/knn/seed0.json", "runs/knn/seed1.json"),
    ("runs/knn/seed0.json", "runs/knn/seed0.npz"),
    ("runs/knn/seed0.npz", "runs/mlp/seed0.npz"),
    ("laws/knn.json", "laws/mlp.json"),
    ("figures/maps.left.pdf", "figures/maps.right.pdf"),
    ("data/a.npz", "paper/main.pdf"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_files_that_changed_places_are_both_damaged(small, one: str, other: str):
    swap(small.results / one, small.results / other)
    assert_found(small, {("damaged", one), ("damaged", other)}, set(), readers(small, one, other))


@pytest.mark.parametrize(("one", "other"), [pair for pair in PAIRS if receipt_of(pair[0]) != receipt_of(pair[1])])
def test_two_receipts_that_changed_places_are_both_unsound(small, one: str, other: str):
    places = [small.job(file).receipt for file in (one, other)]
    swap(*(small.results / place for place in places))
    swept = assert_found(small, {("receipt", place) for place in places}, set(), readers(small, *places))
    assert all(finding.why.startswith("it belongs to ") for finding in swept.damaged)


@pytest.mark.parametrize("file", CLASSES)
def test_a_receipt_of_which_a_bit_is_flipped_is_unsound(small, file: str):
    receipt = small.job(file).receipt
    for at in (0, 100, -3):
        flip(small.results / receipt, at)
        assert_found(small, {("receipt", receipt)}, set(), readers(small, receipt))
        flip(small.results / receipt, at)
    assert_found(small, set(), set(), set())


@pytest.mark.parametrize("file", CLASSES)
def test_an_edited_receipt_is_unsound_whatever_is_edited(small, file: str):
    receipt = small.job(file).receipt
    content = json.loads((small.results / receipt).read_text())
    for key in content:
        forged = content | {key: content[key] + "x" if isinstance(content[key], str) else content[key] | {"x": "y"}}
        (small.results / receipt).write_text(json.dumps(forged, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        swept = assert_found(small, {("receipt", receipt)}, set(), readers(small, receipt))
        assert "changed" in swept.damaged[0].why


def test_an_edited_file_with_its_new_hash_in_the_receipt_is_unsound(small):
    path, receipt = (small.results / name for name in ("laws/knn.json", "laws/knn.receipt.json"))
    old = file_hash(path)
    flip(path)
    receipt.write_text(receipt.read_text().replace(old, file_hash(path)))
    swept = assert_found(
        small,
        {("receipt", "laws/knn.receipt.json")},
        set(),
        readers(small, "laws/knn.json", "laws/knn.receipt.json"),
    )
    assert swept.damaged[0].found == file_hash(receipt)


@pytest.mark.parametrize("file", [file for file in CLASSES if file != "paper/main.pdf"])
def test_a_whole_forged_result_makes_stale_what_was_made_from_the_true_one(small, file: str):
    flip(small.results / file)
    small.reseal(file, outputs={name: file_hash(small.results / name) for name in small.job(file).outputs})
    assert_found(small, set(), set(), readers(small, file, small.job(file).receipt))


def test_an_old_version_with_its_own_receipt_is_stale(small):
    files = [small.results / name for name in ("laws/knn.json", "laws/knn.receipt.json")]
    old = [path.read_bytes() for path in files]
    flip(small.results / "data/a.npz")
    small.reseal("data/a.npz", outputs={"data/a.npz": file_hash(small.results / "data/a.npz")})
    small.remake("train", "law", "maps", "ledger", "paper", content="later")
    assert_found(small, set(), set(), set())
    for path, content in zip(files, old, strict=True):
        path.write_bytes(content)
    swept = found(small)
    assert swept.damaged == swept.missing == []
    whys = {finding.file: finding.why for finding in swept.stale}
    assert whys["laws/knn.json"] == "input runs/knn/seed0.json, runs/knn/seed1.json changed"
    assert set(whys) == {"laws/knn.json", "ledger.json"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"rule": "guess"}, "it is of another job: guess"),
        ({"wildcards": {"model": "knn", "seed": "1"}}, "it is of another job: train model=knn seed=1"),
        ({"wildcards": {}}, "it is of another job"),
        ({"outputs": {}}, "it "),
        ({"outputs": {"runs/knn/seed1.json": "0" * 64}}, "it belongs to runs/knn/seed1.json"),
    ],
)
def test_a_sealed_receipt_of_another_job_is_unsound(small, changed: dict[str, Any], words: str):
    small.reseal("runs/knn/seed0.json", **changed)
    place = "runs/knn/seed0.receipt.json"
    swept = assert_found(small, {("receipt", place)}, set(), readers(small, place))
    assert swept.damaged[0].why.startswith(words)
    assert place not in swept.receipts


def test_another_order_of_the_same_inputs_is_stale(small):
    """In which order tables stand under each other shows in the result."""
    small.reseal("laws/knn.json", order="of other inputs")
    swept = found(small)
    assert swept.damaged == swept.missing == []
    whys = {finding.file: finding.why for finding in swept.stale}
    assert whys["laws/knn.json"] == "the order of its params or inputs changed"


def test_a_receipt_of_fewer_files_than_the_rule_has_today_is_stale(small):
    outputs = small.read("runs/knn/seed0.json").outputs
    kept = "runs/knn/seed0.json"
    small.reseal(kept, outputs={kept: outputs[kept]})
    swept = found(small)
    assert swept.damaged == swept.missing == []
    assert next(finding.why for finding in swept.stale if finding.file == kept).startswith("output")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"params": {"rule": "law", "run": {"N": 200}}}, "param run.N"),
        ({"params": {}}, "param rule"),
        ({"code": "other code"}, "code scripts/made.py changed"),
        ({"code": None}, "code scripts/made.py no longer read"),
        ({"environment": "newer"}, "environment: numpy 2.4.6 → 2.5.0"),
        ({"inputs": ("runs/knn/seed0.json",)}, "no longer read"),
        ({"inputs": ("data/a.npz", "runs/knn/seed0.json", "runs/knn/seed1.json")}, "input data/a.npz newly read"),
        ({"sources": ("raw.csv",)}, "source raw.csv newly read"),
    ],
)
def test_a_job_that_would_run_otherwise_today_is_stale(small, changed: dict[str, Any], words: str):
    small.replan("law", **changed)
    small.plan = replace(
        small.plan,
        code=dict(small.plan.code) | {"other code": {"scripts/made.py": "b" * 64}},
        environment=dict(small.plan.environment) | {"newer": {"python": "3.11.7", "numpy": "2.5.0"}},
    )
    swept = assert_found(small, set(), set(), {"laws/knn.json", "laws/mlp.json"})
    assert words in swept.stale[0].why
    for finding in swept.stale:
        assert finding.found == digest(small.read(finding.file).task)
        assert finding.found != finding.expected


def test_a_changed_source_makes_stale_all_that_read_it(small):
    Path("main.tex").write_text("other text")
    swept = assert_found(small, set(), set(), {"ledger.json", "paper/main.pdf"})
    assert {finding.why for finding in swept.stale} == {"source main.tex changed"}
    Path("main.tex").unlink()
    assert_found(small, set(), set(), {"ledger.json", "paper/main.pdf"})


def test_what_would_run_the_same_elsewhere_and_later_is_sound(small):
    small.remake(host="there", start="2027-01-01")
    assert_found(small, set(), set(), set())


@given(draw=st.data())
def test_it_finds_all_damage_at_once_and_no_other(fresh, tmp_path_factory: pytest.TempPathFactory, draw):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("study"))
        patch.setattr(memo, "SETTLED_NS", -(10**18))
        small = fresh()
        damaged = draw.draw(st.sets(st.sampled_from(CLASSES)))
        missing = draw.draw(st.sets(st.sampled_from(CLASSES))) - damaged
        if draw.draw(st.booleans()):
            sweep.sweep(small.plan)
        for file in damaged:
            flip(small.results / file)
        for file in missing:
            (small.results / file).unlink()
        # Of a job with a missing output it is known that it runs again.
        stale = readers(small, *damaged, *missing) - {small.job(file).outputs[0] for file in missing}
        assert_found(small, {("damaged", file) for file in damaged}, missing, stale)


def test_what_is_accepted_is_kept_apart_until_it_changes_again(small):
    flip(small.results / "laws/knn.json")
    accept(small, *found(small).damaged)
    swept = found(small)
    assert swept.damaged == []
    assert kinds(swept.accepted) == {("damaged", "laws/knn.json")}
    assert kinds(swept.stale) == {("stale", "ledger.json")}
    small.remake("ledger", "paper")
    assert found(small).found == []
    flip(small.results / "laws/knn.json", 0)
    assert kinds(found(small).damaged) == {("damaged", "laws/knn.json")}


def test_an_accepted_stale_result_is_used_until_it_is_stale_otherwise(small):
    small.replan("law", code="other code")
    accept(small, *found(small).stale)
    swept = found(small)
    assert swept.found == []
    assert swept.stale_receipts == {}
    assert {finding.file for finding in swept.accepted} == {"laws/knn.json", "laws/mlp.json"}
    small.replan("law", code="yet another")
    assert kinds(found(small).stale) == {("stale", "laws/knn.json"), ("stale", "laws/mlp.json")}


def test_accepting_damage_does_not_accept_that_it_is_stale(small):
    flip(small.results / "laws/knn.json")
    small.replan("law", code="other code")
    accept(small, *found(small).damaged)
    swept = found(small)
    assert swept.damaged == []
    assert "laws/knn.receipt.json" in swept.stale_receipts


def test_an_unsound_receipt_cannot_be_accepted(small):
    """Nothing else says what the files should be."""
    flip(small.results / "laws/knn.receipt.json", 100)
    (finding,) = found(small).damaged
    accept(small, finding)
    assert found(small).damaged == [finding]


def test_a_damaged_list_of_exceptions_is_an_error(small):
    (small.results / ACCEPTED).write_text("[")
    with pytest.raises(Unsound, match=r"accepted\.json cannot be read"):
        sweep.sweep(small.plan)


def worded(small, **changed: Any) -> list[str]:
    receipt = replace(small.read("laws/knn.json"), **changed)
    job = small.job("laws/knn.json")
    today = job.task(lambda file: file_hash(small.results / file), lambda file: file_hash(Path(file)))
    return list(differences(receipt, today, small.plan))


def test_differences_are_said_down_to_the_value(small):
    assert worded(small) == []
    (words,) = worded(small, params={"rule": "law", "run": {"N": 50}})
    assert words.startswith("param run.N")
    assert words.endswith("50 → 100")
    (words,) = worded(small, params={"rule": "law", "run": {"N": 100}, "gone": 1})
    assert words.startswith("param gone")
    (words,) = worded(small, environment={"digest": "old", "versions": {"python": "3.11.6", "numpy": "2.4.6"}})
    assert "python 3.11.6 → 3.11.7" in words
    assert "numpy" not in words
    many = {f"a{number}": "0" * 64 for number in range(5)}
    (words,) = worded(small, inputs=small.read("laws/knn.json").inputs | many)
    assert words == "input a0, a1, a2 and 2 more no longer read"


def test_several_differences_are_all_said(small):
    words = worded(small, params={}, inputs={}, code={"digest": "old", "files": {}}, environment={"digest": "old"})
    assert [word.split()[0].rstrip(":") for word in words] == ["code", "environment", "param", "param", "input"]


def test_a_build_that_cannot_go_on_says_what_where_and_the_ways_out(small):
    files = [job.outputs[0] for job in small.plan.jobs]
    for file in files:
        flip(small.results / file)
    told = tell_damage(found(small).damaged, small.plan)
    assert told.count("Remake it:") == told.count("or keep it:") == told.count("    found ") == sweep.MOST
    assert f"and {len(files) - sweep.MOST} more: audit verify lists them." in told
    first = told.splitlines()
    assert first[1].startswith("results/data/a.npz is not what its job wrote (made by prepare)")
    assert first[4].startswith("    needed by runs/knn/seed0.json, ")


def test_stale_results_are_told_by_rule_and_cause(small):
    small.replan("train", code="other code")
    small.replan("law", params={})
    told = tell_stale(found(small).stale, small.plan)
    assert "4 of rule train, such as results/runs/knn/seed0.json: code scripts/made.py no longer read" in told
    assert "2 of rule law, such as results/laws/knn.json: param" in told
    assert "--forcerun law train" in told


def test_the_ways_out_name_the_study_that_was_built(small):
    small.plan = replace(small.plan, options=("--configfile", "profiles/smoke/study.yaml", "my own.yaml"))
    study = "--configfile profiles/smoke/study.yaml 'my own.yaml'"
    flip(small.results / "laws/knn.json")
    told = tell_damage(found(small).damaged * (sweep.MOST + 1), small.plan)
    assert f'audit accept results/laws/knn.json {study} --reason "why"  and build again.' in told
    assert f"more: audit verify {study} lists them." in told
    flip(small.results / "laws/knn.json")
    small.replan("train", code="other code")
    told = tell_stale(found(small).stale, small.plan)
    assert f"snakemake --cores 8 {study} --forcerun train\n" in told
    assert f'audit accept results/runs/knn/seed0.json {study} --reason "why"  and build again.' in told


def test_the_last_look_marks_what_is_sound_and_refuses_the_rest(small):
    marker = small.results / ".sound"
    small.plan.write(small.results / PLAN)
    look_again(str(marker))
    assert marker.exists()
    marker.unlink()
    flip(small.results / "laws/knn.json")
    with pytest.raises(Unsound, match=r"laws/knn\.json is not what its job wrote"):
        look_again(str(marker))
    flip(small.results / "laws/knn.json")
    small.replan("law", params={})
    small.plan.write(small.results / PLAN)
    with pytest.raises(Unsound, match="2 of rule law"):
        look_again(str(marker))
    assert not marker.exists()


def receipts_read(small, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Sweep, and name the receipts that were read for it."""
    read: list[str] = []

    def _read(results: Path, path: str) -> Receipt:
        read.append(path)
        return read_placed(results, path)

    with monkeypatch.context() as patched:
        patched.setattr(sweep, "read_placed", _read)
        sweep.sweep(small.plan)
    return read


def test_a_receipt_is_read_once_and_then_no_more(small, monkeypatch: pytest.MonkeyPatch):
    everyone = {job.receipt for job in small.plan.jobs}
    first = receipts_read(small, monkeypatch)
    assert (set(first), len(first)) == (everyone, len(everyone))
    assert receipts_read(small, monkeypatch) == []


@pytest.mark.parametrize("file", [file for file in CLASSES if file != "ledger.json"])  # which says what receipts say
def test_whose_files_or_task_changed_has_its_receipt_read_again(small, monkeypatch: pytest.MonkeyPatch, file: str):
    job = small.job(file)
    sweep.sweep(small.plan)
    small.make(job, "otherwise")
    others = {other.receipt for other in small.plan.jobs if {file, *job.outputs, job.receipt} & set(other.inputs)}
    assert set(receipts_read(small, monkeypatch)) == {job.receipt, *others}
    small.remake()
    sweep.sweep(small.plan)
    small.replan(job.rule, params={"rule": job.rule, "run": {"N": 200}})
    assert set(receipts_read(small, monkeypatch)) == {one.receipt for one in small.plan.jobs if one.rule == job.rule}
