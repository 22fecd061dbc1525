"""Measurements from a file: what is read, each fault with its line, and the same table that runs give."""

import contextlib
import random
import re
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling.curves import fit_curve, gather
from scaling.measurements import (
    COLUMNS,
    MOST,
    MeasurementsError,
    read_domain,
    read_measurements,
    tabulate,
    tell_ignored,
)

GOOD = """\
domain,model,N,seed,error
web,lstm,100,0,0.5
web,lstm,1e3,0,0.25
"""
KEY = ["domain", "model", "size", "N", "seed"]


@pytest.fixture
def read(tmp_path):
    """Read a text or bytes as a file of measurements."""

    def of(content, domain=None):
        path = tmp_path / "curves.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_measurements(path, domain)

    return of


@pytest.fixture
def complaint(read, tmp_path):
    """Give the message on a file, with the path that every line of it begins with left out."""

    def of(content, domain=None):
        with pytest.raises(MeasurementsError) as error:
            read(content, domain)
        return str(error.value).replace(f"{tmp_path}/curves.csv", "FILE")

    return of


NAMES = st.sampled_from(["web", "code-7b", "a", "x1-y2"])
CURVES = st.dictionaries(
    st.tuples(NAMES, NAMES),
    st.tuples(
        st.sampled_from([(None,), (1,), (64, 128)]),
        st.lists(st.integers(1, 2**63 - 1), min_size=2, max_size=4, unique=True),
        st.lists(st.integers(0, 2**31), min_size=1, max_size=3, unique=True),
    ),
    min_size=1,
    max_size=4,
)
ERRORS = st.floats(min_value=5e-324, max_value=1e300, allow_nan=False)


@st.composite
def measured(draw):
    """Rows of some curves."""
    return [
        (domain, model, size, N, seed, draw(ERRORS), draw(st.none() | st.floats(0, 1e30)))
        for (domain, model), (sizes, shards, seeds) in draw(CURVES).items()
        for size in sizes
        for N in shards
        for seed in seeds
    ]


@settings(max_examples=60, deadline=None)
@given(rows=measured(), separator=st.sampled_from(",;\t"), end=st.sampled_from(["\n", "\r\n"]), chance=st.randoms())
def test_what_was_written_is_read_in_any_order_of_rows_and_columns_with_any_separator(rows, separator, end, chance):
    chance.shuffle(rows)
    columns = chance.sample(COLUMNS, len(COLUMNS))
    lines = [columns, *([row[COLUMNS.index(column)] for column in columns] for row in rows)]
    text = end.join(separator.join("" if cell is None else str(cell) for cell in line) + end for line in lines)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "curves.csv")
        path.write_bytes(text.encode("utf-8-sig"))  # as spreadsheets write it
        found = read_measurements(path)
    expected = pd.DataFrame(rows, columns=list(COLUMNS))
    expected = expected.astype({"size": "Int64", "N": "int64", "compute": "float64"})
    pd.testing.assert_frame_equal(found, expected)


def test_numbers_may_be_written_with_a_power_of_ten_and_seeds_be_left_out(read):
    found = read("model;N;error\nlstm;1e2;5e-1\nlstm;1000.0;.25\n", domain="web")
    assert found[KEY].to_numpy().tolist() == [["web", "lstm", pd.NA, 100, 0], ["web", "lstm", pd.NA, 1000, 0]]
    assert found.error.tolist() == [0.5, 0.25]


def test_a_column_of_domains_is_heeded_also_if_the_caller_names_one(read):
    assert set(read(GOOD, domain="other").domain) == {"web"}


def test_cells_may_be_quoted_and_empty_lines_stand_anywhere(read):
    found = read('\n"domain", model,N,error\n\nweb, "lstm","10",1\n,,,\nweb,lstm,20,1\n\n')
    assert found.N.tolist() == [10, 20]


@pytest.mark.parametrize("rows", ["", "web,gru,100,0,0.1\n", "code,gru,7,0,0.1\ncode,gru,7,1,0.1\n"])
def test_few_shards_are_no_fault(read, rows):
    assert len(read(GOOD + rows)) == 2 + rows.count("\n")


def test_columns_of_other_names_are_ignored_and_told(read, tmp_path):
    extra = "domain,note,model,N,seed,error,speed of it\nweb,a b,lstm,100,0,0.5,\nweb,,lstm,200,0,0.4,1;2\n"
    plain = "domain,model,N,seed,error\nweb,lstm,100,0,0.5\nweb,lstm,200,0,0.4\n"
    found = read(extra)
    told = tell_ignored(tmp_path / "curves.csv")
    assert told == f"{tmp_path}/curves.csv: ignored the columns 'note' and 'speed of it'."
    pd.testing.assert_frame_equal(found, read(plain))
    assert tell_ignored(tmp_path / "curves.csv") is None


@pytest.mark.parametrize(
    ("name", "column"), [("sede", "seed"), ("trial", "seed"), ("FLOPs", "compute"), ("params", "size")]
)
def test_of_an_ignored_column_is_told_what_it_may_mean(read, tmp_path, name, column):
    read(f"model,N,error,{name}\nlstm,100,0.5,1\n", domain="web")
    assert tell_ignored(tmp_path / "curves.csv").endswith(
        f" ignored the column '{name}'. If '{name}' is {column}, rename it."
    )


def test_where_rows_are_at_fault_too_it_is_told_which_columns_are_ignored(complaint):
    first, second, *_ = complaint(GOOD.replace("seed", "sede") + "web,lstm,100,1,0.5\n").splitlines()
    assert first == "FILE: ignored the column 'sede'. If 'sede' is seed, rename it."
    assert second.startswith("FILE, line 4: measures the same as line 2")


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (
            "name,n,seed,loss",
            "columns model, N and error are missing. If 'name' is model, 'n' is N and 'loss' is error",
        ),
        ("Model,Tokens,Test_Loss", "columns model, N and error are missing. If 'Model' is model, 'Tokens' is N and"),
        ("learner,train_size,errr", "If 'learner' is model, 'train_size' is N and 'errr' is error, rename them."),
        ("model,N,test_loss,loss", "column error is missing. If 'test_loss' or 'loss' is error, rename it."),
        ("name,amount,loss", "If 'name' is model and 'loss' is error, rename them. Give at least model, N, error"),
    ],
)
def test_what_a_missing_column_may_be_called_is_told_once(complaint, header, told):
    row = ",".join(["lstm", "10", "2", "1"][: len(header.split(","))])
    message = complaint(f"{header}\n{row}\n", domain="web")
    assert told in message
    assert len(message.splitlines()) == 1


# What is wrong with a row after the good ones, its line, what the message must say
ROWS = [
    ("web,lstm,200,0,", 4, "error = '' is empty", "failed"),
    ("web,lstm,200,0,nan", 4, "error = 'nan' is no number", "leave out"),
    ("web,lstm,200,0,NaN", 4, "error = 'NaN' is no number"),
    ("web,lstm,200,0,inf", 4, "error = 'inf' is no number"),
    ("web,lstm,200,0,0", 4, "error = '0' is out of range", "above 0"),
    ("web,lstm,200,0,-0.1", 4, "error = '-0.1' is out of range"),
    ("web,lstm,200,0,1e-999", 4, "error = '1e-999' is out of range"),
    ("web,lstm,200,0,1e999", 4, "error = '1e999' is out of range"),
    ("web,lstm,200,0,12 %", 4, "error = '12 %' is no number", "0.25"),
    ("web,lstm,200,0,1_0", 4, "error = '1_0' is no number"),
    ("web,lstm,200,0,\N{ARABIC-INDIC DIGIT FIVE}", 4, "is no number"),
    ('web,lstm,200,0,"0,5"', 4, "error = '0,5' is no number", "point"),
    ("web,lstm,0,0,0.1", 4, "N = '0' is out of range", "from 1"),
    ("web,lstm,-5,0,0.1", 4, "N = '-5' is out of range"),
    ("web,lstm,2.5,0,0.1", 4, "N = '2.5' is not whole"),
    ("web,lstm,many,0,0.1", 4, "N = 'many' is no number"),
    ("web,lstm,1e999999999,0,0.1", 4, "N = '1e999999999' is out of range"),
    ("web,lstm,9223372036854775808,0,0.1", 4, "N = '9223372036854775808' is out of range"),
    ("web,lstm,200,-1,0.1", 4, "seed = '-1' is out of range", "from 0"),
    ("web,lstm,200,,0.1", 4, "seed = '' is empty"),
    ("web,lstm,200,0.5,0.1", 4, "seed = '0.5' is not whole"),
    (",lstm,200,0,0.1", 4, "domain = '' is empty"),
    ("web,GPT 2,200,0,0.1", 4, "model = 'GPT 2' won't do as a name", "such as gpt-2."),
    ("../web,lstm,200,0,0.1", 4, "domain = '../web' won't do as a name"),
    ("web,lstm,200,0", 4, "has 4 fields, the header 5"),
    ("web,lstm,200,0,0.1,7", 4, "has 6 fields, the header 5"),
    ("web,lstm,100,0,0.1", 4, "measures the same as line 2", "web", "lstm", "N 100", "seed 0", "Keep one"),
    ("web,lstm,1000,0,0.1", 4, "measures the same as line 3"),
]


@pytest.mark.parametrize(("row", "line", "words"), [(row, line, words) for row, line, *words in ROWS])
def test_a_bad_row_is_told_with_file_line_value_and_reason(complaint, row, line, words):
    message = complaint(GOOD + row + "\n")
    assert message.startswith(f"FILE, line {line}: ")
    for word in words:
        assert word in message
    assert len(message.splitlines()) == 1


# A whole file, and what the message must say
FILES = [
    ("", "FILE: the file is empty", "domain,model"),
    ("\n\n", "FILE: the file is empty"),
    ("web,lstm,100,0,0.5\n", "FILE, line 1: no column is known", "'lstm'", "first line names the columns"),
    (GOOD.replace(",", "|"), "FILE, line 1: no column is known", "commas, semicolons or tabs"),
    ("domain,model,N,seed,error\n", "FILE, line 1: no row below the header"),
    (GOOD.replace("N,", "n,"), "FILE, line 1: column N is missing. If 'n' is N, rename it."),
    (GOOD.replace("N,", "amount,"), "FILE, line 1: column N is missing. Give at least domain, model, N, error"),
    (GOOD.replace("error", "accuracy"), "column error is missing", "Give at least"),
    (GOOD.replace("seed", "N"), "column N stands there 2 times"),
    (GOOD.replace("domain", "compute").replace("web", "1"), "FILE, line 1: column domain is missing"),
    (GOOD.replace("0.25", '"0.25'), "FILE, line 3: is not CSV"),
    ((GOOD + "web,é,1,0,1\n").encode("latin-1"), "FILE, line 4: is not UTF-8", "Save"),
    (GOOD.encode("utf-16"), "is not UTF-8"),
    (
        "domain,model,size,N,error\nweb,lstm,,100,1\nweb,lstm,64,200,1\n",
        "FILE, line 2: size = '' is empty, but model lstm has a size in line 3",
    ),
    ("domain,model,size,N,error\nweb,lstm,6.5,100,1\nweb,lstm,6,200,1\n", "line 2: size = '6.5' is not whole"),
    ("domain,model,N,error,compute\nweb,lstm,10,1,-1\nweb,lstm,20,1,\n", "line 2: compute = '-1' is out of range"),
]


@pytest.mark.parametrize(("content", "words"), [(content, words) for content, *words in FILES])
def test_a_bad_file_is_told_with_what_to_do(complaint, content, words):
    message = complaint(content)
    for word in words:
        assert word in message


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(MeasurementsError, match=r"gone\.csv: cannot be read: No such file"):
        read_measurements(tmp_path / "gone.csv")


def test_all_faults_are_told_at_once_in_the_order_of_the_lines(complaint):
    message = complaint(GOOD.replace("seed", "sead") + "web,lstm,many,0,-1\nweb,lstm,100,0,2\nweb,Lstm,5,0\n")
    places = [line.partition(": ")[0].removeprefix("FILE, line ") for line in message.splitlines()]
    assert places == ["FILE", "4", "4", "5", "6"]


def test_of_very_many_faults_the_rest_is_counted(complaint, read):
    bad = GOOD + "".join(f"web,lstm,{N},0,-1\n" for N in range(2_000, 2_100))
    lines = complaint(bad).splitlines()
    assert len(lines) == MOST + 1
    assert lines[-1] == f"… and {100 - MOST} more"
    with pytest.raises(MeasurementsError) as error:
        read(bad)
    assert len(error.value.faults) == 100, "the error has them all"


def test_the_rows_of_one_domain_are_had_alone_and_others_named_if_it_has_none(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text(GOOD + "code,lstm,10,0,1\ncode,lstm,20,0,1\n")
    assert read_domain(path, "code").N.tolist() == [10, 20]
    with pytest.raises(MeasurementsError, match=r"no row of domain 'images'\. It has web, code\."):
        read_domain(path, "images")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("web,gru,100,0,0.1\n", "line 4: model gru of domain web has a single shard, N = 100 (line 4)"),
        (
            "web,gru,100,0,0.1\ncode,a,1,0,1\nweb,gru,100,1,0.1\n",
            "line 4: model gru of domain web has a single shard, N = 100 (lines 4, 6)",
        ),
    ],
)
def test_a_curve_of_one_shard_is_told_to_who_asks_for_its_domain_alone(tmp_path, rows, told):
    path = tmp_path / "curves.csv"
    path.write_text(GOOD + rows + "images,cnn,10,0,1\nimages,cnn,20,0,1\n")
    with pytest.raises(MeasurementsError, match=re.escape(told)):
        read_domain(path, "web")
    assert len(read_domain(path, "images")) == 2


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80) | st.text(alphabet='domainelN,seru;"\n\r\t0123456789.-\0é', max_size=200).map(str.encode))
def test_whatever_a_file_holds_it_is_read_or_told(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "curves.csv")
        path.write_bytes(content)
        with contextlib.suppress(MeasurementsError):
            read_measurements(path)


def as_measurements(records):
    """Write records of runs as somebody would who measured them elsewhere."""
    rows = [(r.domain, r.family, r.size, r.N, r.seed, r.test["error"], r.flops) for r in records]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"size": "Int64", "compute": "float64"})


def test_measurements_give_the_table_that_runs_give_but_for_what_was_not_measured(records):
    runs = [*records("knn", lambda N: N**-0.5, [10, 100]), *records("mlp", lambda N: N**-0.4, [10, 100], size=32)]
    made, expected = tabulate(as_measurements(runs)), gather(runs)
    assert list(made) == list(expected)
    unknown = ["parameters", "validation", "training", "steps", "batch_size", "examples_seen"]
    assert made[unknown].isna().all(axis=None)
    pd.testing.assert_frame_equal(made.drop(columns=unknown), expected.drop(columns=unknown), check_dtype=False)


def test_the_size_with_the_lowest_median_error_is_chosen_at_every_shard_and_a_tie_goes_to_the_smaller(record):
    errors = {64: {10: [0.3, 0.3, 0.3], 100: [0.2, 0.2, 0.2]}, 8: {10: [0.1, 0.9, 0.3], 100: [0.01, 0.3, 0.3]}}
    runs = [
        record("mlp", N, seed, error, size=size)
        for size, shards in errors.items()
        for N, of_shard in shards.items()
        for seed, error in enumerate(of_shard)
    ]
    random.Random(0).shuffle(runs)
    table = tabulate(as_measurements(runs))
    chosen = table[table.chosen].groupby("N")["size"].unique()
    assert chosen[10].tolist() == [8], "both medians are 0.3"
    assert chosen[100].tolist() == [64], "not by the best single error"


@settings(max_examples=40, deadline=None)
@given(rows=measured())
def test_one_size_is_chosen_at_every_shard_of_a_model_and_none_errs_less(rows):
    found = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"size": "Int64", "N": "int64", "compute": "float64"})
    for domain in set(found.domain):
        table = tabulate(found[found.domain == domain])
        for _, shard in table.groupby(["family", "N"]):
            assert shard[shard.chosen].model.nunique() == 1
            assert shard[shard.chosen].error.median() == shard.groupby("model").error.median().min()


def test_a_law_comes_out_of_a_file_as_it_went_in(tmp_path):
    sizes = [100, 300, 1_000, 3_000, 10_000, 30_000, 100_000]
    lines = [f"web,lstm,{N},{seed},{2 * N**-0.3:.17g}" for N in sizes for seed in range(2)]
    (tmp_path / "curves.csv").write_text("\n".join(["domain,model,N,seed,error", *lines]))
    curve = fit_curve(tabulate(read_domain(tmp_path / "curves.csv", "web")), "lstm")
    assert curve.law is not None
    assert np.isclose(curve.law.slope.value, -0.3, atol=1e-6)
    assert curve.budget_gain is None, "nobody trained it again"
