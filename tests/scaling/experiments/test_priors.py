"""What came of the spiral's experiment, where the truth is put into the tables."""

import copy
import json

import numpy as np
import pytest

from scaling.curves import gather
from scaling.experiments.neighbours import constant, tip_shares
from scaling.experiments.priors import Fall, answer, read_answer
from scaling.study import Study

SIZES = [100, 1_000, 10_000, 100_000]
CONFIG = {
    "pathvars": {"results": "results"},
    "seeds": [0, 1, 2],
    "shared_pool_seeds": [0],
    "paper": {"title": "A", "author": "B"},
    "domains": {
        "spiral": {
            "data": {"kind": "spiral", "validation_size": 9, "test_size": 9, "region_size": 9, "map_size": 9}
            | {"map_seeds": {1_000: 3}},
            "train_sizes": SIZES,
            "budget": {"batch_size": 8, "max_batch_size": 8, "batches_per_epoch": 1, "epochs": 9}
            | {"min_steps": 30, "max_steps": 90},
            "families": {
                "knn-1": {"kind": "knn", "k": 1},
                "knn-5": {"kind": "knn", "k": 5},
                "net": {"kind": "mlp", "inputs": "polar", "sizes": [4, 8], "learning_rate": 0.01},
            },
        }
    },
    "experiments": {
        "bias": {
            **{"domain": "spiral", "N": 1_000, "crafted": "net", "neighbours": ["knn-1", "knn-3", "knn-5"]},
            **{"tip_error": 0.05, "judges": "knn-5"},
            "arms": {
                "long": {
                    "budget": {"max_steps": 900},
                    "train_sizes": SIZES[1:],
                    "seeds": [1, 2, 3],
                    "families": {"net": {}},
                },
                "noisy": {
                    "data": {"label_noise": 0.1},
                    "train_sizes": SIZES,
                    "families": {"knn-1": {}, "knn-5": {}, "net": {"sizes": [4]}},
                },
                "focal": {
                    "train_sizes": [1_000],
                    "families": {
                        "net-focal": {"kind": "mlp", "inputs": "polar", "sizes": [4], "loss": "focal"}
                        | {"learning_rate": 0.01}
                    },
                },
                "other": {
                    "data": {"tip_from": 100},
                    "train_sizes": SIZES,
                    "families": {"knn-3": {"kind": "knn", "k": 3}},
                },
                "neighbours": {"train_sizes": SIZES[1:], "families": {"knn-3": {"kind": "knn", "k": 3}}},
            },
        }
    },
}


def errors(table, model, N):
    """True errors: 1-NN meets the networks of 4 and 8 units where 0.05 and 0.01 meet its curve, longer ones later."""
    if table == "spiral-noisy":
        return {"knn-1": 0.1 + N**-0.5, "knn-5": 0.01 + 3 * N**-0.5, "net-4": 0.02}[model]
    if model.startswith("net"):
        return (0.05 if model != "net-8" else 0.01) / (2 if table == "spiral-long" else 1)
    return {"knn-1": 1.0, "knn-3": 1.5, "knn-5": 2.0}[model] * N**-0.5


@pytest.fixture
def study():
    return Study.of(copy.deepcopy(CONFIG))


@pytest.fixture
def tables(study, record):
    """Seeds that differ by a factor that all families share, so that paired ratios are exact."""
    found = {}
    for table, plan in study.plans.items():
        found[table] = gather(
            record(
                plan.models[model].family,
                N,
                seed,
                errors(table, model, N) * (1 + 0.1 * seed),
                domain=table,
                size=plan.models[model].size,
                tip=20 * errors(table, model, N) * (1 + 0.1 * seed),
            )
            for model, N, seed in study.runs(table)
        )
    return found


@pytest.fixture
def found(study, tables):
    return answer(study.experiments.bias.question(study), tables, {})


def test_neighbours_overtake_where_their_curve_meets_the_networks(found):
    races = {(race.table, race.size): race for race in found.crossings}
    assert set(races) == {("spiral", 4), ("spiral", 8), ("spiral-long", 4), ("spiral-long", 8)}
    for key, N in (
        (("spiral", 4), 400),
        (("spiral", 8), 10_000),
        (("spiral-long", 4), 1_600),
        (("spiral-long", 8), 40_000),
    ):
        fall = races[key].fall
        assert (fall.status, fall.N, fall.low, fall.high) == ("crossed", *[pytest.approx(N)] * 3)
    assert [at.N for at in races["spiral-long", 4].fall.ratios] == SIZES[1:]
    assert {at.pairs for at in races["spiral-long", 4].fall.ratios} == {2}, "seeds 1 and 2 are in both"
    assert {at.pairs for at in races["spiral", 4].fall.ratios} == {3}
    assert races["spiral", 8].error == pytest.approx(0.011)
    assert races["spiral", 8].steps == 30
    assert races["spiral", 8].flops == 1_000 * 100_000


def test_the_scaled_network_is_what_validation_prefers(found):
    chosen = {choice.N: (choice.table, choice.model) for choice in found.scaled.choices}
    assert chosen == {100: ("spiral", "net-8")} | dict.fromkeys(SIZES[1:], ("spiral-long", "net-8"))
    assert pytest.approx(40_000) == found.scaled.fall.N


def test_a_race_without_a_crossing_says_who_is_ahead(study, tables):
    question = study.experiments.bias.question(study)
    for factor, status in ((1_000, "never"), (0.001, "always")):
        table = tables["spiral"].copy()
        table.loc[table.family == "knn-1", "error"] *= factor
        races = answer(question, tables | {"spiral": table}, {}).crossings
        assert {(race.fall.status, race.fall.N) for race in races} == {(status, None)}
    assert Fall.of({}) is None


def test_constants_are_those_of_the_runs_on_the_domains_own_draws(found):
    rows = {(row.family, row.N): row for row in found.constants}
    assert set(rows) == {
        *(("knn-1", N) for N in SIZES),
        *(("knn-5", N) for N in SIZES),
        *(("knn-3", N) for N in SIZES[1:]),  # not those of the arm with another tip
    }
    row = rows["knn-3", 1_000]
    assert (row.value, row.runs) == (pytest.approx(1.5 * 1.1), 3)
    half = 4.302653 * 0.15 / np.sqrt(3)
    assert (row.low, row.high) == pytest.approx((1.65 - half, 1.65 + half))
    assert [(row.family, row.k, row.constant) for row in found.theory] == [
        (f"knn-{k}", k, constant(k)) for k in (1, 3, 5)
    ]
    assert all(row.expected == row.constant * found.border for row in found.theory)


def test_the_tip_costs_what_its_curve_says(found):
    costs = {(cost.table, cost.name): cost for cost in found.tip.costs}
    networks = [(table, model) for table in ("spiral", "spiral-long") for model in ("net-4", "net-8")]
    assert list(costs) == [("spiral", "knn-1"), ("spiral", "knn-5"), *networks]
    # 20 N^(-1/2), times the seeds' geometric mean, is 0.05.
    seeds = np.prod([1, 1.1, 1.2]) ** (1 / 3)
    N = (20 * seeds / 0.05) ** 2
    one = costs["spiral", "knn-1"]
    assert one.fall.status == "never"
    assert SIZES[-1] < N
    assert one.ahead == pytest.approx(N), "the law goes on"
    assert one.error == pytest.approx(20 * seeds / np.sqrt(100_000))
    assert costs["spiral", "net-8"].fall.status == "never"
    assert costs["spiral", "net-8"].ahead is None, "nothing says that a network goes on so"
    assert (found.tip.within, found.tip.around) == tip_shares()
    assert found.tip.expected == found.tip.around * 1_000


def test_a_goal_within_reach_is_met_between_shards(study, tables):
    question = study.experiments.bias.question(study).model_copy(update={"tip_error": 0.5})
    tip = answer(question, tables, {}).tip
    costs = {cost.name: cost for cost in tip.costs if cost.table == "spiral"}
    assert {cost.ahead for cost in tip.costs} == {None}
    N = (20 * np.prod([1, 1.1, 1.2]) ** (1 / 3) / 0.5) ** 2
    assert pytest.approx(N) == costs["knn-1"].fall.N
    assert costs["knn-1"].samples == pytest.approx(N * tip.around)
    assert costs["knn-1"].fall.low < N < costs["knn-1"].fall.high
    assert costs["net-8"].fall.status == "always"
    table = tables["spiral"].copy()
    table.loc[(table.family == "knn-1") & (table.N > 1_000), "error_tip"] = 0.0
    zero = {cost.name: cost for cost in answer(question, tables | {"spiral": table}, {}).tip.costs}
    assert 1_000 < zero["knn-1"].fall.N < 10_000


def test_noise_is_voted_away(found):
    (noisy,) = found.noisy
    assert (noisy.table, noisy.noise) == ("spiral-noisy", 0.1)
    pairs = {pair.other: pair for pair in noisy.pairs}
    assert {pair.one for pair in noisy.pairs} == {"knn-1"}
    assert set(pairs) == {"knn-5", "net"}
    # 0.01 + 3/√N < 0.1 + 1/√N beyond (2/0.09)² = 494.
    assert 100 < pairs["knn-5"].fall.N < 1_000
    assert pairs["net"].fall.status == "always"
    floors = {row.family: row for row in noisy.floors}
    assert {family: row.floor for family, row in floors.items()} == {
        "knn-1": pytest.approx(0.1),
        "knn-5": pytest.approx(0.00856),
    }
    assert floors["knn-1"].error == pytest.approx(1.1 * (0.1 + 100_000**-0.5))


def test_without_arms_and_questions_there_is_little_to_answer(record, tmp_path):
    config = copy.deepcopy(CONFIG)
    config["experiments"]["bias"] = {"domain": "spiral", "N": 1_000}
    study = Study.of(config)
    table = gather(record("knn-1", N, seed, 0.1, tip=0.2) for N in SIZES for seed in (0, 1))
    found = answer(study.experiments.bias.question(study), {"spiral": table}, {})
    assert (found.crossings, found.scaled, found.constants, found.theory, found.noisy, found.hard) == (
        *((), None, (), ()),
        *((), ()),
    )
    assert found.hardness is None
    (cost,) = found.tip.costs
    assert (cost.error, cost.fall, cost.ahead) == (pytest.approx(0.2), None, None)
    (tmp_path / "bias.json").write_text(found.model_dump_json())
    assert read_answer([str(tmp_path / "bias.json")]) == found
    assert read_answer([]) is None


def test_maps_that_are_compared_are_those_of_enough_seeds():
    config = copy.deepcopy(CONFIG) | {"seeds": [0, 1, 2, 3]}
    config["domains"]["spiral"]["data"]["map_seeds"] = {1_000: 4}
    study = Study.of(config)
    bias = study.experiments.bias
    judged = bias.judged(study)
    assert {run[:2] for run in judged} == {
        *(("spiral", model) for model in ("knn-1", "knn-5", "net-4", "net-8")),
        *(("spiral-noisy", model) for model in ("knn-1", "knn-5", "net-4")),
        *(("spiral-focal", "net-focal-4"), ("spiral-other", "knn-3"), ("spiral-neighbours", "knn-3")),
    }, "of the longer trainings three seeds have maps"
    assert {run[2:] for run in judged} == {(1_000, seed) for seed in range(4)}
    assert bias.model_copy(update={"judges": None}).judged(study) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"more": 7}, ["more = 7: no shard of spiral", "100000"]),
        ({"crafted": "web"}, ["crafted = 'web': no family of spiral", "knn-1, knn-5, net"]),
        ({"neighbours": []}, ["crafted = 'net': nothing to hold it against", "neighbours"]),
        ({"neighbours": ["knn-1", "net"]}, ["neighbours[1] = 'net': no k-NN family", "knn-1, knn-5, knn-3"]),
        ({"neighbours": ["knn-3"]}, ["neighbours[0] = 'knn-3': only an arm has it", "knn-1, knn-5"]),
        ({"neighbours": ["knn-1", "knn-1"]}, ["neighbours: knn-1 stands there twice"]),
        ({"judges": "net"}, ["judges = 'net': no model of spiral", "net-4, net-8"]),
    ],
)
def test_a_question_about_what_is_not_there_is_told(study, changes, words):
    config = study.experiments.bias.model_dump(mode="json") | changes
    (fault,) = type(study.experiments.bias).model_validate_json(json.dumps(config)).faults(study)
    for word in words:
        assert word in fault
