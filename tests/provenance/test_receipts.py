"""Receipts: read back as they were written, or not at all."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provenance.findings import misplaced
from provenance.receipts import SUFFIX, BadReceipt, Receipt, canonical, digest, file_hash, in_order, plain, receipt_of

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
data = st.recursive(
    st.none() | st.booleans() | numbers | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
hashes = st.dictionaries(text, st.binary(max_size=2).map(lambda seed: hashlib.sha256(seed).hexdigest()), max_size=3)
receipts = st.builds(
    Receipt,
    rule=text,
    wildcards=st.dictionaries(text, text, max_size=2),
    params=st.dictionaries(text, data, max_size=3),
    code=st.fixed_dictionaries({"digest": text, "files": hashes}),
    environment=st.fixed_dictionaries({"digest": text, "versions": st.dictionaries(text, text, max_size=2)}),
    inputs=hashes,
    sources=hashes,
    outputs=hashes,
    made=st.dictionaries(text, numbers | text, max_size=3),
)
FIELDS = ("rule", "wildcards", "params", "code", "environment", "inputs", "sources", "outputs", "made")
KNOWN = Receipt(
    rule="train",
    wildcards={"domain": "spiral", "N": "100"},
    params={"run": {"N": 100, "rate": 0.1, "β": None}},
    code={"digest": "c" * 64, "script": "scripts/train.py", "kinds": {}, "files": {"scripts/train.py": "d" * 64}},
    environment={"digest": "e" * 64, "versions": {"python": "3.11.7"}},
    inputs={"data/spiral.npz": "1" * 64},
    sources={"paper/main.tex": "2" * 64},
    outputs={"runs/n100.json": "3" * 64, "runs/n100.npz": "4" * 64},
    made={"start": "2026-11-24T09:00:00.123+00:00", "host": "here", "wall_s": 1.5},
)


@given(receipts)
def test_a_receipt_reads_back_as_it_was_written(receipt: Receipt):
    again = Receipt.parse(receipt.text().encode())
    assert again == receipt
    assert again.text() == receipt.text()
    assert (again.seal, again.statement, again.task) == (receipt.seal, receipt.statement, receipt.task)


@given(receipts, st.data())
def test_a_byte_that_is_changed_removed_or_added_anywhere_breaks_it(receipt: Receipt, draw: st.DataObject):
    content = receipt.text().encode()
    at = draw.draw(st.integers(0, len(content) - 1))
    byte = draw.draw(st.integers(0, 255).filter(lambda byte: byte != content[at]))
    for forged in (
        content[:at] + bytes([byte]) + content[at + 1 :],
        content[:at] + content[at + 1 :],
        content[:at] + bytes([byte]) + content[at:],
        content[:at],
        content + bytes([byte]),
    ):
        with pytest.raises(BadReceipt):
            Receipt.parse(forged)


def test_every_single_bit_of_a_receipt_counts():
    content = KNOWN.text().encode()
    for at in range(len(content)):
        for bit in range(8):
            forged = bytearray(content)
            forged[at] ^= 1 << bit
            with pytest.raises(BadReceipt):
                Receipt.parse(bytes(forged))


@given(receipts, st.sampled_from(FIELDS[1:]), text, data)
@example(KNOWN, "made", "host", "there")
@example(KNOWN, "params", "run", {"N": 200})
def test_content_that_is_changed_needs_another_seal(receipt: Receipt, field: str, key: str, value: Any):
    content = json.loads(receipt.text())
    assert Receipt.from_json(content) == receipt
    before = dict(content[field])
    content[field][key] = value
    if digest(content[field]) == digest(before):
        return
    with pytest.raises(BadReceipt, match="its seal is"):
        Receipt.from_json(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'"seal"',
        b"\xff",
        b"[" * 100_000,
        b'{"rule": "\\ud800", "seal": ""}',
        KNOWN.text().encode() * 2,
        KNOWN.text().replace('"rule"', '"rule": "train", "rule"').encode(),
        KNOWN.text().replace("1.5", "1.50").encode(),
        KNOWN.text().replace(" ", "").encode(),
        KNOWN.text().replace("β", "\\u03b2").encode(),
        KNOWN.text().encode() + b"\n",
        KNOWN.text().encode().replace(b"\n", b"\r\n"),
    ],
)
def test_what_is_no_receipt_or_is_spelled_otherwise_is_refused(content: bytes):
    with pytest.raises(BadReceipt):
        Receipt.parse(content)


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_must_be_there_and_no_other(field: str):
    content = json.loads(KNOWN.text())
    without = {key: value for key, value in content.items() if key != field and key != "seal"}
    for forged in (without, without | {field: None}, without | {field: []}, content | {"more": 1}):
        unsealed = {key: value for key, value in forged.items() if key != "seal"}
        with pytest.raises(BadReceipt, match="is not a receipt"):
            Receipt.from_json(unsealed | {"seal": digest(unsealed)})


def test_a_file_that_is_not_there_or_no_file_is_a_bad_receipt(tmp_path: Path):
    for path in (tmp_path / "a.receipt.json", tmp_path):
        with pytest.raises(BadReceipt, match="cannot be read"):
            Receipt.read(path)


@given(receipts, st.dictionaries(text, numbers | text, max_size=3))
def test_when_and_where_it_was_made_changes_the_seal_but_not_statement_and_task(receipt: Receipt, made: dict[str, Any]):
    other = replace(receipt, made=made)
    assert (other.statement, other.task) == (receipt.statement, receipt.task)
    assert (other.seal == receipt.seal) == (digest(made) == digest(receipt.made))


@given(receipts, st.sampled_from(FIELDS[:-1]), text)
def test_all_else_changes_the_statement(receipt: Receipt, field: str, added: str):
    value = getattr(receipt, field)
    other = replace(receipt, **{field: value + "x" if field == "rule" else {**value, added + "x" * 9: "1"}})
    assert other.statement != receipt.statement
    assert other.seal != receipt.seal


@pytest.mark.parametrize("field", FIELDS[:-1])
def test_the_task_is_all_that_decides_the_outputs(field: str):
    value = getattr(KNOWN, field)
    changed = replace(KNOWN, **{field: "other" if field == "rule" else {**value, "digest": "other"}})
    assert changed.task != KNOWN.task


def test_what_the_outputs_contain_is_no_part_of_the_task():
    assert replace(KNOWN, outputs=dict.fromkeys(KNOWN.outputs, "0" * 64)).task == KNOWN.task


def test_the_same_code_by_another_script_is_the_same_task():
    assert replace(KNOWN, code={"digest": "c" * 64}).task == KNOWN.task


def test_a_receipt_is_called_by_its_rule_and_wildcards():
    assert KNOWN.name == "train domain=spiral N=100"
    assert replace(KNOWN, wildcards={}).name == "train"


@pytest.mark.parametrize(
    ("output", "receipt"),
    [
        ("runs/spiral/knn-1/n100/seed0.json", "runs/spiral/knn-1/n100/seed0.receipt.json"),
        ("runs/seed0.npz", "runs/seed0.receipt.json"),
        ("figures/bias.manifold.pdf", "figures/bias.receipt.json"),
        ("ledger", "ledger.receipt.json"),
        ("v1.2/a.json", "v1.2/a.receipt.json"),
        ("/abs/a.tar.gz", "/abs/a.receipt.json"),
    ],
)
def test_known_receipts_of_outputs(output: str, receipt: str):
    assert receipt_of(output) == receipt_of(Path(output)) == Path(receipt)


names = st.text(st.sampled_from("ab-_1."), min_size=1, max_size=6).filter(lambda name: name.strip("."))


@given(st.lists(names, min_size=1, max_size=3).map("/".join))
def test_a_receipt_lies_beside_its_outputs_and_is_its_own(output: str):
    receipt = receipt_of(output)
    assert receipt.parent == Path(output).parent
    assert receipt.name.endswith(SUFFIX)
    assert receipt_of(receipt) == receipt
    assert receipt_of(output + ".more") == receipt


@given(st.lists(names.filter(lambda name: name[0] != "."), min_size=1, max_size=3, unique=True))
def test_a_receipt_is_placed_where_all_its_outputs_say_or_nowhere(outputs: list[str]):
    receipt = replace(KNOWN, outputs=dict.fromkeys(outputs, "0" * 64))
    places = {receipt_of(output).as_posix() for output in outputs}
    for place in places:
        objection = misplaced(receipt, place)
        assert (objection is None) == (len(places) == 1)
        assert objection is None or all(output in objection for output in outputs)
    assert misplaced(receipt, "elsewhere/a.receipt.json")


@given(data)
def test_plain_data_has_one_spelling_which_json_reads_back(content: Any):
    assert json.loads(canonical(content)) == content
    assert canonical(json.loads(canonical(content))) == canonical(content)
    assert digest(content) == hashlib.sha256(canonical(content)).hexdigest()


@given(st.dictionaries(text, data, max_size=4))
def test_the_order_of_keys_makes_no_difference(content: dict[str, Any]):
    assert canonical(dict(reversed(content.items()))) == canonical(content)


def test_the_canonical_spelling_is_what_the_format_says():
    assert canonical({"b": [1, 2.5, None], "a": "β"}) == '{"a":"β","b":[1,2.5,null]}'.encode()


@given(data)
def test_plain_data_stays_as_it_is(content: Any):
    assert plain(content) == content


def test_params_become_plain_data():
    rich = {"a": np.float32(0.5), "b": np.arange(2), "c": (1, 2), "d": {3, 1}, "e": MappingProxyType({"f": 1}), 1: 2}
    assert plain({key: value for key, value in rich.items() if isinstance(key, str)}) == {
        "a": 0.5,
        "b": [0, 1],
        "c": [1, 2],
        "d": [1, 3],
        "e": {"f": 1},
    }
    assert plain({10: 1, 2: 1}) == {"10": 1, "2": 1}
    with pytest.raises(TypeError, match="object is not plain data"):
        plain({"a": object()})


@given(st.binary(max_size=100))
def test_the_hash_of_a_file_is_the_sha256_of_its_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    path = tmp_path_factory.getbasetemp() / "hashed"
    path.write_bytes(content)
    assert file_hash(path) == hashlib.sha256(content).hexdigest()


@given(st.lists(st.tuples(st.text(max_size=3), st.integers()), unique_by=lambda item: item[0], min_size=2, max_size=4))
def test_the_order_of_params_and_of_files_counts(items: list[tuple[str, int]]):
    names = [name for name, _ in items]
    assert in_order(dict(items), names) == in_order(dict(items), list(names))
    assert in_order(dict(items), names) != in_order(dict(items[::-1]), names)
    assert in_order(dict(items), names) != in_order(dict(items), names[::-1])
