"""The ledger: every entry with its lineage, and a root that changes with all of it and with nothing else."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.findings import Unsound
from provenance.ledger import Ledger, LedgerError, Lineage, root
from provenance.receipts import Receipt, digest

NUMBER = {"value": -0.5, "printed": "−0.5", "unit": "", "printed_interval": ""}


def sha(content: object) -> str:
    return digest(content)


def made(rule: str, output: str, *inputs: Receipt, content: str = "", **wildcards: str) -> Receipt:
    """Make the receipt of a job of one output that read all outputs of other jobs."""
    read = {file: hashed for receipt in inputs for file, hashed in receipt.outputs.items()}
    code = {"digest": sha(rule), "files": {f"scripts/{rule}.py": sha(rule)}}
    environment = {"digest": sha("environment"), "versions": {"python": "3.11.7"}}
    about = {"start": "2026-01-01", "end": "2026-01-02", "host": "here", "wall_s": 1.0}
    return Receipt(rule, wildcards, {}, code, environment, read, {}, {output: sha((output, content))}, about)


DATA = made("prepare", "data/a.npz")
RUNS = [made("train", f"runs/{m}/seed{s}.json", DATA, model=m, seed=str(s)) for m in ("knn", "mlp") for s in (10, 2)]
LAWS = [made("law", f"laws/{m}.json", *RUNS[2 * i : 2 * i + 2], model=m) for i, m in enumerate(("knn", "mlp"))]
FIGURE = made("curves", "figures/a.pdf", *LAWS)
RECEIPTS = [DATA, *RUNS, *LAWS, FIGURE]
CONFIG = {"seeds": [2, 10], "sizes": {10: "ten", 2: "two"}}


def ledger(receipts: list[Receipt] = RECEIPTS, **changed: Any) -> Ledger:
    given = {"config": CONFIG, "tree": sha("tree"), "sources": {"main.tex": sha("main.tex")}} | changed
    return Ledger(receipts, **given)


def filled(receipts: list[Receipt] = RECEIPTS, **changed: Any) -> dict[str, Any]:
    """Give the content of a ledger with an entry of every sort."""
    book = ledger(receipts, **changed)
    book.add("law.knn.beta", NUMBER, source="laws/knn.json", pointer="/beta")
    book.add("laws.count", {"value": 2, "printed": "2"}, source="laws/*.json", pointer="")
    book.add("study.seeds", {"value": 2, "printed": "2"}, source="config", pointer="/seeds")
    book.add("method.looks", {"value": 30, "printed": "30"}, source="code", pointer="LOOKS")
    book.add_file("figure", "figure.a", "figures/a.pdf")
    return book.content()


def test_an_entry_keeps_the_number_and_says_all_of_its_origin():
    entry = filled()["entries"]["law.knn.beta"]
    assert entry == {
        "kind": "number",
        **NUMBER,
        "source": "laws/knn.json",
        "pointer": "/beta",
        "rule": "law",
        "seeds": [2, 10],
        "code": LAWS[0].code["digest"],
        "lineage": Lineage(RECEIPTS).of("laws/knn.json"),
    }


def test_a_figure_is_entered_by_its_hash():
    entry = filled()["entries"]["figure.a"]
    assert (entry["kind"], entry["value"], entry["printed"]) == ("figure", FIGURE.outputs["figures/a.pdf"], "")
    assert (entry["source"], entry["rule"], entry["seeds"]) == ("figures/a.pdf", "curves", [2, 10])


def test_what_the_config_or_the_code_says_has_no_job():
    entries = filled()["entries"]
    config, code = entries["study.seeds"], entries["method.looks"]
    assert (config["rule"], config["seeds"], config["code"]) == ("config", [], "")
    assert (code["rule"], code["seeds"], code["code"], code["lineage"]) == ("code", [], sha("tree"), sha("tree"))
    assert config["lineage"] != filled(config={"seeds": [1]})["entries"]["study.seeds"]["lineage"]


def test_a_pattern_stands_for_all_its_files_and_those_who_made_them():
    lineage = Lineage(RECEIPTS)
    assert lineage.matching("laws/*.json") == ["laws/knn.json", "laws/mlp.json"]
    assert lineage.matching("runs/*/seed2.json") == ["runs/knn/seed2.json", "runs/mlp/seed2.json"]
    entry = filled()["entries"]["laws.count"]
    assert (entry["rule"], entry["code"]) == ("law", LAWS[0].code["digest"])
    assert entry["lineage"] == digest([lineage.of("laws/knn.json"), lineage.of("laws/mlp.json")])
    book = ledger()
    book.add("all", NUMBER, source="[lr]*.json", pointer="")
    assert book.entries["all"]["rule"] == "law train"
    assert book.entries["all"]["code"] == digest(sorted(receipt.code["digest"] for receipt in (LAWS[0], RUNS[0])))
    assert book.entries["all"]["seeds"] == [2, 10]


@pytest.mark.parametrize("source", ["laws/cnn.json", "law/*.json", "LAWS/knn.json", "", "configs"])
def test_what_no_job_made_is_no_source(source: str):
    with pytest.raises(LedgerError, match="no job made"):
        ledger().add("a", NUMBER, source=source, pointer="")
    with pytest.raises(LedgerError, match="no job made"):
        ledger().add_file("figure", "a", source)
    with pytest.raises(LedgerError, match="no job made"):
        Lineage(RECEIPTS).maker(source)


@pytest.mark.parametrize("key", ["", "a b", "a_b", "a..b", ".a", "a-", "a{b}", "ä", "a\n"])
def test_a_key_that_tex_could_not_spell_is_refused(key: str):
    with pytest.raises(LedgerError, match="letters and digits, joined by single dots or hyphens"):
        ledger().add(key, NUMBER, source="config", pointer="/")


def test_a_key_is_entered_once_and_the_message_names_both_sources():
    book = ledger()
    book.add("a.b", NUMBER, source="laws/knn.json", pointer="/")
    with pytest.raises(LedgerError, match=r"'a\.b' is entered twice: laws/knn\.json and laws/mlp\.json"):
        book.add("a.b", NUMBER, source="laws/mlp.json", pointer="/")


def test_seeds_and_files_behind_a_file_are_all_that_it_rests_on():
    lineage = Lineage(RECEIPTS)
    assert lineage.upstream("laws/knn.json") == {
        "laws/knn.json",
        "runs/knn/seed2.json",
        "runs/knn/seed10.json",
        "data/a.npz",
    }
    assert lineage.upstream("figures/a.pdf") == {file for receipt in RECEIPTS for file in receipt.outputs}
    assert lineage.seeds("runs/knn/seed10.json") == [10]
    assert lineage.seeds("figures/a.pdf") == [2, 10]
    assert lineage.seeds("data/a.npz") == []


def test_the_lineage_is_what_the_format_says():
    lineage = Lineage(RECEIPTS)
    data = {"file": "data/a.npz", "sha256": sha(("data/a.npz", "")), "statement": DATA.statement, "inputs": {}}
    assert lineage.of("data/a.npz") == digest(data)
    run = {"file": "runs/knn/seed2.json", "sha256": RUNS[1].outputs["runs/knn/seed2.json"]}
    run |= {"statement": RUNS[1].statement, "inputs": {"data/a.npz": digest(data)}}
    assert lineage.of("runs/knn/seed2.json") == digest(run)
    assert lineage.all["runs/knn/seed2.json"] == {"sha256": run["sha256"], "lineage": digest(run)}


def rebuilt(change: Callable[[Receipt], Receipt]) -> list[Receipt]:
    """Make all jobs again, each changed, and each reading what the changed ones wrote."""
    again: dict[str, Receipt] = {}
    for receipt in RECEIPTS:
        changed = change(receipt)
        read = {file: again[file].outputs[file] for file in changed.inputs}
        again |= {file: replace(changed, inputs=read) for file in changed.outputs}
    return list(again.values())


CHANGES: dict[str, Callable[[Receipt], Receipt]] = {
    "content": lambda receipt: replace(receipt, outputs=dict.fromkeys(receipt.outputs, sha("other"))),
    "code": lambda receipt: replace(receipt, code={"digest": sha("other")}),
    "environment": lambda receipt: replace(receipt, environment={"digest": sha("other")}),
    "params": lambda receipt: replace(receipt, params={"N": 200}),
    "wildcards": lambda receipt: replace(receipt, wildcards=receipt.wildcards | {"more": "1"}),
    "sources": lambda receipt: replace(receipt, sources={"raw.csv": sha("raw")}),
    "rule": lambda receipt: replace(receipt, rule="other"),
}


@pytest.mark.parametrize("change", CHANGES)
@given(index=st.integers(0, len(RECEIPTS) - 1))
def test_a_lineage_changes_with_all_that_a_file_rests_on_and_with_nothing_else(change: str, index: int):
    (file,) = RECEIPTS[index].outputs
    changed = Lineage(rebuilt(lambda receipt: CHANGES[change](receipt) if file in receipt.outputs else receipt))
    before = Lineage(RECEIPTS)
    for other in before.all:
        rests = file in before.upstream(other)
        assert (before.of(other) != changed.of(other)) == rests
    assert (
        filled()["root"]
        != filled(rebuilt(lambda receipt: CHANGES[change](receipt) if file in receipt.outputs else receipt))["root"]
    )


def test_times_and_hosts_change_nothing():
    elsewhere = [replace(receipt, made={"start": "2027", "host": "there", "wall_s": 9.0}) for receipt in RECEIPTS]
    assert filled(elsewhere) == filled()
    assert "here" not in json.dumps(filled())
    assert "2026" not in json.dumps(filled())


@given(st.permutations(RECEIPTS))
def test_the_order_of_the_receipts_changes_nothing(receipts: list[Receipt]):
    assert filled(receipts) == filled()


@pytest.mark.parametrize(
    "changed",
    [
        {"config": {"seeds": [2, 11]}},
        {"tree": sha("other")},
        {"sources": {"main.tex": sha("other")}},
        {"sources": {}},
        {"exceptions": [{"kind": "stale", "file": "a.json", "found": sha("a"), "expected": "", "why": "so"}]},
    ],
)
def test_the_root_covers_config_code_sources_and_exceptions(changed: dict[str, Any]):
    assert filled(**changed)["root"] != filled()["root"]


def leaves(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Give the paths of all values of plain data."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else []
    below = [leaf for key, value in items for leaf in leaves(value, (*path, key))]
    return below or [path]


def test_the_root_changes_with_every_single_value_and_key():
    content = json.loads(json.dumps(filled()))
    assert content["root"] == root(content)
    for *path, last in leaves(content):
        if [*path, last] == ["root"]:
            continue
        for change in ("value", "gone"):
            changed = copy.deepcopy(content)
            node = changed
            for step in path:
                node = node[step]
            if change == "gone":
                del node[last]
            else:
                node[last] = "changed"
            assert root(changed) != content["root"], (path, last)


def test_a_ledger_read_back_has_its_root():
    content = filled()
    assert root(json.loads(json.dumps(content))) == content["root"]
    assert root(content | {"root": "forged"}) == content["root"]


@given(
    st.dictionaries(
        st.integers() | st.text(max_size=3),
        st.integers() | st.floats(allow_nan=False, allow_infinity=False),
        max_size=4,
    )
)
def test_whatever_the_config_the_root_is_that_of_the_ledger_as_it_is_read(config: dict[Any, Any]):
    config = {str(key): value for key, value in config.items()} if {str, int} == set(map(type, config)) else config
    content = ledger(config=config).content()
    assert root(json.loads(json.dumps(content))) == content["root"]


def test_the_basis_lists_all_code_and_versions():
    basis = filled()["basis"]
    assert set(basis["code"]) == {f"scripts/{receipt.rule}.py" for receipt in RECEIPTS}
    assert basis["environment"] == {"python": "3.11.7"}


@pytest.mark.parametrize("index", range(1, len(RECEIPTS)))
def test_a_job_that_read_another_content_than_was_made_breaks_the_chain(index: int):
    reader = RECEIPTS[index]
    for file in reader.inputs:
        broken = replace(reader, inputs=reader.inputs | {file: sha("other")})
        receipts = [broken if receipt is reader else receipt for receipt in RECEIPTS]
        with pytest.raises(Unsound) as caught:
            Lineage(receipts)
        words = str(caught.value)
        assert all(part in words for part in (reader.name, file, sha("other"), *reader.outputs))


def accepted(kind: str, file: str, found: str, expected: str) -> dict[str, str]:
    return {"kind": kind, "file": file, "found": found, "expected": expected, "who": "A", "when": "now", "why": "so"}


EDITED = sha("edited by hand")
KNN = accepted("damaged", "laws/knn.json", EDITED, LAWS[0].outputs["laws/knn.json"])


def test_an_accepted_damaged_file_counts_with_the_content_it_has():
    reader = replace(FIGURE, inputs=FIGURE.inputs | {"laws/knn.json": EDITED})
    receipts = [*RECEIPTS[:-1], reader]
    with pytest.raises(Unsound):
        Lineage(receipts)
    lineage = Lineage(receipts, [KNN])
    assert lineage.all["laws/knn.json"]["sha256"] == EDITED
    assert lineage.of("laws/knn.json") != Lineage(RECEIPTS).of("laws/knn.json")
    content = filled(receipts, exceptions=[KNN])
    assert content["exceptions"] == [KNN]
    assert content["root"] != filled()["root"]


def test_who_read_an_accepted_file_before_it_was_edited_must_read_it_again():
    with pytest.raises(Unsound, match=r"curves read laws/knn\.json"):
        Lineage(RECEIPTS, [KNN])


def test_only_what_was_accepted_as_damaged_counts_otherwise():
    for kind in ("receipt", "missing", "pdf"):
        assert Lineage(RECEIPTS, [KNN | {"kind": kind}]).all == Lineage(RECEIPTS).all


def test_an_accepted_stale_job_may_have_read_another_content_and_no_other_may():
    reader = replace(FIGURE, inputs=FIGURE.inputs | {"laws/knn.json": sha("older")})
    receipts = [*RECEIPTS[:-1], reader]
    stale = accepted("stale", "figures/a.pdf", digest(reader.task), sha("today"))
    lineage = Lineage(receipts, [stale])
    assert lineage.of("figures/a.pdf") != Lineage(RECEIPTS).of("figures/a.pdf")
    with pytest.raises(Unsound):
        Lineage(receipts, [stale | {"found": digest(FIGURE.task)}])
    with pytest.raises(Unsound):
        Lineage([*RECEIPTS[:-1], replace(reader, params={"N": 1})], [stale])
