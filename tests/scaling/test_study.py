"""The config as a study: what is valid, what is wrong and how it is said, and which runs follow."""

import copy
import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import jsonschema
import pytest

from scaling import domains, models
from scaling.plans import distinct
from scaling.study import Study, StudyError, json_schema

ROOT = Path(__file__).parents[2]
GONE = object()


def change(config, path, value):
    *parents, last = path.split(".")
    for key in parents:
        config = config[key]
    if value is GONE:
        del config[last]
    else:
        config[last] = value


def complaint(config):
    with pytest.raises(StudyError) as error:
        Study.of(config)
    return str(error.value)


def all_runs(study):
    """Every run's settings, by where its record goes."""
    return {
        (domain, *run): study.run(domain, *run).model_dump_json()
        for domain in study.trained
        for run in study.runs(domain)
    }


def test_the_default_config_is_a_study(config):
    assert set(Study.of(config).domains) == set(config["domains"])


def test_the_smoke_overlay_is_a_study_of_its_own(config, smoke_config):
    smoke = Study.of(smoke_config)
    assert smoke.pathvars.results != Study.of(config).pathvars.results
    assert len(all_runs(smoke)) < len(all_runs(Study.of(config)))


def test_the_full_overlay_is_a_study_of_every_kind_and_the_docs_list_them(full_config):
    plans = Study.of(full_config).trained.values()
    assert {plan.data.kind for plan in plans} == set(domains.kinds())
    assert {family.kind for plan in plans for family in plan.families.values()} == set(models.kinds())
    told = (ROOT / "docs/domains.md").read_text()
    assert [kind for kind in (*domains.kinds(), *models.kinds()) if f"`{kind}`" not in told] == []


def test_the_schema_for_editors_is_that_of_the_code():
    written = (ROOT / "config.schema.json").read_text()
    assert written == json.dumps(json_schema(), indent=2) + "\n", "config.schema.json is stale: run `make schema`"


def test_the_default_config_meets_the_schema_for_editors(config, smoke_config):
    for valid in (config, smoke_config):
        jsonschema.validate(valid, json_schema())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("sedes", [0]),
        ("seeds", []),
        ("seeds", [-1]),
        ("domains.spiral.data.kind", "spirale"),
        ("domains.spiral.families.knn-1.k", "1"),
    ],
)
def test_the_schema_for_editors_knows_what_is_wrong(config, path, value):
    change(config, path, value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(config, json_schema())


@pytest.mark.parametrize("package", [domains, models])
def test_every_file_of_a_package_is_a_choice_of_its_name(package):
    assert package.kinds()
    for kind in package.kinds():
        assert package.load(kind).model_fields["kind"].annotation.__args__ == (kind,)


# path, value, and what else the message must say: what is allowed, or what to do
WRONG = [
    ("sedes", [0], "unknown key", "Did you mean seeds?"),
    ("domains.spiral.families.knn-1.neighbours", 3, "unknown key", "Allowed here: k, kind, train_sizes."),
    ("domains.spiral.families.mlp-raw.learning_rte", 1, "Did you mean learning_rate?"),
    ("claims.H99", {}, "unknown key", "Allowed here:", "H1"),
    ("experiments.biass", {}, "Did you mean bias?"),
    ("domains.spiral.train_sizes", 100, "array"),
    ("domains.spiral.train_sizes[1]", "1e6", "integer"),
    ("domains.spiral.train_sizes[1]", 0, "greater than 0"),
    ("domains.spiral.train_sizes[1]", 100.5, "integer"),
    ("domains.spiral.train_sizes[1]", True, "integer"),
    ("domains.spiral.budget", 3, "object"),
    ("domains.spiral.budget.epochs", "many", "integer"),
    ("domains.spiral.budget.min_steps", 1, "greater than or equal to 30"),
    ("domains.spiral.data.kind", "spirale", "'images'"),
    ("domains.spiral.families.knn-1.kind", "nearest", "'knn'"),
    ("domains.spiral.families.mlp-raw.inputs", "round", "'raw' or 'polar'"),
    ("domains.spiral.families.mlp-raw.learning_rate", -0.1, "greater than 0"),
    ("domains.images.data.test_size", 10_001, "less than or equal to 10000"),
    ("domains.spiral.train_sizes", [], "at least one"),
    ("domains.spiral.families", {}, "at least one"),
    ("domains.spiral.families.mlp-raw.sizes", [], "at least one"),
    ("domains", {}, "at least one"),
    ("seeds", [], "at least one"),
    ("shared_pool_seeds", [], "at least one"),
    ("seeds[1]", -1, "greater than or equal to 0"),
    ("seeds[1]", "one", "integer"),
    ("pathvars.results", "../results", "pattern"),
    ("pathvars.results", "results/../../elsewhere", "pattern"),
    ("pathvars.results", "/tmp/results", "pattern"),
    ("pathvars.results", "", "pattern"),
    ("domains.images.source_copy", "no/such/folder", "no such file or folder", "null"),
    ("domains.spiral.source_copy", ".", "synthetic", "Remove"),
    ("domains.spiral.seeds_above.1000", 0, "greater than 0"),
    ("domains.spiral.families.knn-1.train_sizes", [], "at least one"),
    ("claims.H1.max_residual", 0, "greater than 0"),
    ("claims.H2.flattest", 0.1, "less than 0"),
    ("claims.D2.domain", "spirals", "spiral, images"),
    ("claims.D2.informed", "mlp", "spiral", "mlp-polar"),
    ("claims.D5.neighbours", "knn-7", "spiral", "knn-1"),
    ("claims.D2.N", 999, "1000"),
    ("claims.D2.region", "head", "tail, tip"),
    ("experiments.bias.domain", "spirals", "spiral, images"),
    ("experiments.bias.domain", "images", "spiral"),
    ("experiments.bias.N", 999, "1000"),
    ("paper.engine", "word", "'tinytex' or 'system'"),
]


@pytest.mark.parametrize(("path", "value", "words"), [(path, value, words) for path, value, *words in WRONG])
def test_a_fault_is_told_by_path_value_and_what_is_allowed(config, path, value, words):
    if path.endswith("[1]"):
        listed = path.removesuffix("[1]")
        first = {"seeds": 7}.get(listed, 50)
        change(config, listed, [first, value])
    else:
        change(config, path, value)
    message = complaint(config)
    assert message.startswith(f"{path} ")
    for word in (repr(value), *words):
        assert word in message
    assert message.count("\n") == 0


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("seeds", ["Seeds of every shard size"]),
        ("paper", []),
        ("domains.spiral.budget.epochs", ["Epochs"]),
        ("domains.spiral.data.region_size", ["Test points per seed and region"]),
        ("domains.spiral.families.mlp-raw.sizes", ["Sizes to train"]),
        ("domains.spiral.families.mlp-raw.kind", [", ".join(models.kinds())]),
    ],
)
def test_a_missing_key_is_told_by_its_path_and_meaning(config, path, words):
    change(config, path, GONE)
    message = complaint(config)
    assert message.startswith(f"{path}: missing.")
    for word in words:
        assert word in message


@pytest.mark.parametrize("path", ["seeds", "shared_pool_seeds", "domains.spiral.train_sizes"])
def test_a_repeated_value_is_told(config, path):
    change(config, path, [1_000, 100, 300, 100])
    assert f"{path}: 100 stands there twice" in complaint(config)


def test_two_models_of_one_name_are_told(config):
    config["domains"]["spiral"]["families"]["mlp-raw-32"] = {"kind": "knn", "k": 1}
    assert "domains.spiral.families" in complaint(config)
    assert "mlp-raw-32 stands there twice" in complaint(config)


@pytest.mark.parametrize("name", ["Spiral", "a_b", "a/b", "..", "", "a b", "-a", "a--b", "é", 5])
@pytest.mark.parametrize("folder", ["domains", "domains.spiral.families"])
def test_a_name_that_is_not_safe_in_paths_is_told(config, folder, name):
    family = {"kind": "knn", "k": 1}
    node = config["domains"] if folder == "domains" else config["domains"]["spiral"]["families"]
    node[name] = config["domains"]["images"] if folder == "domains" else family
    message = complaint(config)
    assert message.startswith(f"{folder}.{name}: '{name}' won't do")
    assert "lower-case words and digits, joined by hyphens" in message


def test_more_examples_than_the_pool_has_is_told_with_both_ways_out(config):
    config["domains"]["images"]["train_sizes"] = [100, 60_000]
    assert complaint(config) == (
        "domains.images.train_sizes[1] = 60000, but images has 55000 training images.\n"
        "Give sizes up to 55000, or make domains.images.data.validation_size smaller (now 5000)."
    )


def test_the_whole_pool_may_be_used(config):
    config["domains"]["images"]["train_sizes"] = [100, 55_000]
    Study.of(config)


@pytest.mark.parametrize(
    ("domain", "family", "settings"),
    [
        ("images", "mlp-polar", {"kind": "mlp", "inputs": "polar", "sizes": [8], "learning_rate": 0.1}),
        ("spiral", "cnn", {"kind": "cnn", "sizes": [8], "learning_rate": 0.1}),
    ],
)
def test_a_family_that_cannot_serve_its_domain_is_told(config, domain, family, settings):
    config["domains"][domain]["families"][family] = settings
    message = complaint(config)
    assert message.startswith(f"domains.{domain}.families.{family}: ")
    assert "shape" in message


@pytest.mark.parametrize(("low", "high"), [("min_steps", "max_steps"), ("batch_size", "max_batch_size")])
def test_bounds_in_the_wrong_order_are_told(config, low, high):
    config["domains"]["spiral"]["budget"] |= {low: 200, high: 100}
    message = complaint(config)
    assert message.startswith("domains.spiral.budget")
    assert f"{low} = 200" in message
    assert f"{high} = 100" in message


def test_networks_need_a_budget_and_nothing_else_does(config):
    for domain in ("spiral", "images"):
        del config["domains"][domain]["budget"]
    told = complaint(config)
    assert "domains.spiral.budget: missing. How long networks are trained" in told
    assert "domains.images.budget: missing." in told
    assert "coin" not in told


def test_all_faults_are_told_at_once(config):
    config["domains"]["images"]["train_sizes"] = [60_000, 70_000]
    config["claims"]["D2"]["N"] = 999
    config["seeds"] = [1, 1]
    message = complaint(config)
    for fault in ("train_sizes[0]", "train_sizes[1]", "claims.D2.N", "seeds: 1 stands there twice"):
        assert fault in message
    config["sedes"] = config["paper"]["tittle"] = 1
    assert [line.split(" ")[0] for line in complaint(config).splitlines()] == ["paper.tittle", "sedes"]


def test_a_region_in_a_domain_without_any_is_told(config):
    config["claims"]["D2"] |= {"domain": "images", "informed": "cnn", "plain": "logistic"}
    assert complaint(config) == "claims.D2.region = 'tip': no region of images. It has none."


def test_a_claim_or_experiment_that_is_null_or_left_out_is_gone(config):
    config["claims"]["H1"] = None
    for id in ("D2", "D7", "D9"):  # the last two ask for arms of an experiment
        del config["claims"][id]
    config["experiments"] = {}
    study = Study.of(config)
    assert set(study.claims.present()) == set(config["claims"]) - {"H1"}
    assert study.experiments.bias is None


def test_a_domain_or_family_that_is_null_is_gone(config):
    config["domains"]["images"]["families"]["knn-5"] = None
    assert "knn-5" not in Study.of(config).domains["images"].families
    config["domains"]["spiral"] = None
    assert "spiral" not in Study.of(config).domains
    config["domains"] = dict.fromkeys(config["domains"])
    assert "domains = {}: empty. Give at least one." in complaint(config)


def test_what_is_said_of_a_domain_that_is_null_goes_with_it(config):
    for name in config["domains"]:
        without = copy.deepcopy(config)
        without["domains"][name] = None
        assert name not in Study.of(without).domains, "no claim and no experiment asks for it"
    config["domains"]["spiral"] = None
    claims = Study.of(config).claims.present()
    of_spiral = {id for id, claim in config["claims"].items() if claim.get("domain") == "spiral"}
    assert of_spiral
    assert claims.keys() == config["claims"].keys() - of_spiral
    assert Study.of(config).experiments.bias is None
    assert "spiral" not in {pair[0] for pair in claims["H3"].pairs}
    assert claims["H8"].domains == ("images", "mnist", "speech")
    config["domains"] |= dict.fromkeys(["images", "mnist"])
    claims = Study.of(config).claims.present()
    assert "H8" not in claims, "one domain is not different from itself"
    assert "H4" not in claims
    assert {pair[0] for pair in claims["H3"].pairs} == {"characters", "speech"}


def test_pairs_with_a_family_that_is_null_go_with_it(config):
    config["domains"]["images"]["families"]["cnn"] = None
    compared = Study.of(config).claims.present()["H3"].pairs
    assert all(pair[:1] != ("images",) for pair in compared)
    assert len(compared) == len(config["claims"]["H3"]["pairs"]) - 1


def test_what_names_a_domain_that_never_was_is_a_fault(config):
    del config["domains"]["spiral"]
    assert "claims.D2.domain = 'spiral': no such domain. The study has images, mnist" in complaint(config)


def test_an_arm_is_its_domain_with_something_changed_on_the_same_random_draws(study):
    spiral, bias = study.domains["spiral"], study.experiments.bias
    assert set(study.arms) == {f"spiral-{name}" for name in bias.arms}
    assert set(study.plans) == {*study.trained, *study.arms}
    noisy, brief = study.arms["spiral-noisy"], study.arms["spiral-brief"]
    assert noisy.data == spiral.data.model_copy(update={"stream": "spiral", "label_noise": 0.1})
    assert noisy.budget == spiral.budget
    assert list(noisy.families) == ["knn-1", "knn-5", "knn-15"]
    assert noisy.families["knn-1"] == spiral.families["knn-1"]
    assert brief.budget == spiral.budget.model_copy(update={"min_steps": 500, "max_steps": 500})
    assert brief.families["mlp-polar"] == spiral.families["mlp-polar"]
    assert brief.train_sizes == bias.arms["brief"].train_sizes


def test_the_runs_of_an_arm_have_its_settings_and_no_check_of_the_budget(study):
    runs = study.runs("spiral-noisy")
    assert {model for model, _, _ in runs} == {"knn-1", "knn-5", "knn-15"}
    assert {seed for _, _, seed in runs} == set(study.arms["spiral-noisy"].seeds)
    assert {seed for _, N, seed in study.runs("spiral-neighbours") if N > 10_000} == {0, 1, 2}
    run = study.run("spiral-noisy", "knn-15", 1_000, 3)
    assert (run.domain, run.data["label_noise"], run.data["stream"]) == ("spiral-noisy", 0.1, "spiral")
    assert study.doubled_runs("spiral-brief") == []
    assert study.doubled_runs("spiral")


def test_an_arm_that_is_null_is_gone_and_so_are_all_without_the_experiment(config):
    config["experiments"]["bias"]["arms"]["long"] = None
    assert "spiral-long" not in Study.of(config).arms
    config["claims"] = {"H1": config["claims"]["H1"]}
    config["experiments"]["bias"] = None
    assert Study.of(config).arms == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": {"noise": 0.1}}, ["arms.noisy", "data", "noise", "0.1"]),
        ({"data": {"label_noise": 0.7}}, ["arms.noisy", "label_noise", "0.7", "less than 0.5"]),
        ({"budget": {"max_steps": "many"}}, ["arms.noisy", "budget", "many", "integer"]),
        ({"families": {"knn-9": {}}}, ["arms.noisy", "families.knn-9", "kind"]),
        ({"train_sizes": [100, 100]}, ["arms.noisy.train_sizes", "100 stands there twice"]),
    ],
)
def test_what_is_wrong_with_an_arm_is_told_by_key_and_value(config, change, words):
    config["experiments"]["bias"]["arms"]["noisy"] |= change
    message = complaint(config)
    for word in ["experiments.bias", *words]:
        assert word in message


def test_an_arm_can_not_take_the_place_of_a_domain(config):
    config["domains"]["spiral-noisy"] = config["domains"]["spiral"]
    assert "experiments.bias.arms.noisy: its results would go where those of the domain spiral-noisy" in complaint(
        config
    )


def test_a_domain_can_have_seeds_of_its_own(config):
    config["domains"]["images"]["seeds"] = [7, 8, 9]
    study = Study.of(config)
    assert study.seeds_at("images", 1_000) == (7, 8, 9)
    assert study.seeds_at("images", 55_000) == tuple(config["shared_pool_seeds"])
    assert study.seeds_at("mnist", 20) == tuple(config["seeds"])


def test_claims_are_about_all_domains_but_controls(study, brought):
    assert set(study.domains).difference(study.subjects) == {"coin", "quanta", "linear", "torus"}
    assert study.guesses == {name: study.domains[name].data.guess for name in study.subjects}
    assert ["images", "cnn"] in study.neural
    assert ["images", "knn-1"] not in study.neural
    study = Study.of(brought)
    assert "web" in study.subjects
    assert "web" not in study.guesses, "nobody knows"


def test_a_curve_has_every_model_at_every_size_with_every_seed_and_fewer_seeds_above_a_fifth_of_the_pool(config):
    study, images = Study.of(config), config["domains"]["images"]
    names = [
        "knn-1",
        "knn-5",
        "logistic",
        "logistic-decay",
        "logistic-sgd",
        "logistic-squared",
        *(f"cnn-{size}" for size in images["families"]["cnn"]["sizes"]),
    ]
    fifth = (60_000 - images["data"]["validation_size"]) / 5
    expected = {
        (model, N, seed)
        for model, N in product(names, images["train_sizes"])
        for seed in (config["shared_pool_seeds"] if fifth < N else config["seeds"])
    }
    assert set(study.runs("images")) == expected
    assert len(study.runs("images")) == len(expected)
    assert any(fifth < N for N in images["train_sizes"])
    for model, N, seed in expected:
        assert study.run("images", model, N, seed).shares_pool == (fifth < N)


def test_a_fifth_of_the_pool_is_not_above_it(config):
    config["domains"]["images"]["train_sizes"] = [11_000, 11_001]
    plan = Study.of(config).domains["images"]
    assert [plan.shares_pool(N) for N in plan.train_sizes] == [False, True]


def test_a_domain_without_end_shares_no_pool(config):
    spiral = config["domains"]["spiral"]
    del spiral["seeds_above"], spiral["families"]["mlp-polar"]["seeds_of_size"]
    study = Study.of(config)
    plan = study.trained["spiral"]
    runs = sum(len(plan.shards_of(model.family)) for model in plan.models.values()) * len(spiral["seeds"])
    assert len(set(study.runs("spiral"))) == len(study.runs("spiral")) == runs


def test_a_size_has_no_more_seeds_than_it_is_given_and_all_others_have_all(config):
    config["domains"]["spiral"]["families"]["mlp-polar"] |= {"sizes": [16, 32], "seeds_of_size": {16: 2, 64: 1}}
    runs = Study.of(config).runs("spiral")
    seeds = {size: [seed for model, N, seed in runs if (model, N) == (f"mlp-polar-{size}", 100)] for size in (16, 32)}
    assert seeds == {16: [0, 1], 32: config["domains"]["spiral"]["seeds"]}


def test_the_seeds_of_a_size_are_nothing_to_its_runs(config):
    run = Study.of(config).run("spiral", "mlp-polar-16", 100, 0)
    del config["domains"]["spiral"]["families"]["mlp-polar"]["seeds_of_size"]
    assert Study.of(config).run("spiral", "mlp-polar-16", 100, 0) == run


def test_only_trained_families_are_trained_again_and_only_at_the_largest_size(study):
    for domain, largest, trained in (("spiral", 1_000_000, "mlp"), ("images", 55_000, ("cnn", "logistic"))):
        doubled = study.doubled_runs(domain)
        assert doubled == [run for run in study.runs(domain) if run[1] == largest and run[0].startswith(trained)]
        assert doubled


def test_a_family_may_have_shards_of_its_own(config):
    plan = config["domains"]["spiral"]
    plan["families"]["knn-1"]["train_sizes"] = [100, 7_000]
    plan["families"]["mlp-raw"]["train_sizes"] = [100, 1_000]
    study = Study.of(config)
    shards = {model: sorted({N for name, N, _ in study.runs("spiral") if name == model}) for model in plan["families"]}
    assert shards["knn-1"] == [100, 7_000]
    assert shards["knn-5"] == plan["train_sizes"]
    largest = {(name, N) for name, N, _ in study.doubled_runs("spiral")}
    assert {("mlp-raw-32", 1_000), ("mlp-polar-32", 1_000_000)} < largest, "each at its own largest"
    assert study.domains["spiral"].top == 1_000_000, "families are ranked where the domain ends"
    assert study.domains["spiral"].all_sizes == tuple(sorted({*plan["train_sizes"], 7_000}))


def test_above_a_bound_the_first_so_many_seeds_are_run(config):
    config["seeds"] = [4, 0, 1, 2, 3]
    config["domains"]["spiral"] |= {"seeds": None, "seeds_above": {100_000: 1, 1_000: 3}}
    study = Study.of(config)
    seeds = {N: study.seeds_at("spiral", N) for N in (100, 1_000, 1_001, 100_000, 100_001)}
    assert seeds == {100: (4, 0, 1, 2, 3), 1_000: (4, 0, 1, 2, 3), 1_001: (4, 0, 1), 100_000: (4, 0, 1), 100_001: (4,)}
    config["domains"]["spiral"]["seeds_above"] = {100: 9}
    assert len(Study.of(config).seeds_at("spiral", 1_000)) == 5, "no more than there are"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            "domains.spiral.seeds_above",
            {-1: 2},
            "domains.spiral.seeds_above: the key '-1' won't do. Input should be gre",
        ),
        ("domains.spiral.seeds_above", {"many": 2}, "the key 'many' won't do. Input should be a valid integer"),
        (
            "domains.images.families.cnn.train_sizes",
            [56_000],
            "images.families.cnn.train_sizes[0] = 56000, but images has",
        ),
        (
            "domains.images.families.cnn.train_sizes",
            [100, 100],
            "images.families.cnn.train_sizes: 100 stands there twice",
        ),
    ],
)
def test_faults_of_own_shards_and_fewer_seeds_are_told(config, path, value, said):
    change(config, path, value)
    assert said in complaint(config)


def test_seeds_that_share_a_pool_are_as_few_as_ever(config):
    config["domains"]["images"]["seeds_above"] = {1_000: 3}
    study = Study.of(config)
    assert [len(study.seeds_at("images", N)) for N in (1_000, 1_001, 11_000, 11_001)] == [5, 3, 3, 2]


def test_twice_the_budget_changes_nothing_else(study):
    once, twice = (study.run("spiral", "mlp-raw-32", 100, 0, scale).model_dump() for scale in (1, 2))
    assert {key for key in once if once[key] != twice[key]} == {"budget_scale"}


@pytest.mark.parametrize(
    ("path", "value", "new"),
    [
        ("domains.spiral.families.mlp-raw.sizes", [64, 32, 128], {("spiral", "mlp-raw-64")}),
        ("domains.images.families.mlp", {"kind": "mlp", "sizes": [9], "learning_rate": 0.1}, {("images", "mlp-9")}),
        ("seeds", [0, 1, 2, 3, 4, 5], {5}),
        ("domains.images.train_sizes", [55_000, 100, 200, 500, 1_000, 2_000, 5_000, 7_000, 10_000, 20_000], {7_000}),
        (
            "domains.spiral.families.knn-1.train_sizes",
            [100, 300, 1_000, 3_000, 7_000, 10_000, 30_000, 100_000, 300_000, 1_000_000],
            {7_000},
        ),
        ("experiments.coverage", GONE, set()),
        ("claims", {}, set()),
        ("paper.title", "Another", set()),
    ],
)
def test_what_is_added_changes_no_other_run(config, path, value, new):
    before = all_runs(Study.of(config))
    change(config, path, value)
    after = all_runs(Study.of(config))
    assert before.items() <= after.items()
    added = {place for run in after.keys() - before.keys() for place in (run[:2], run[2], run[3])}
    assert new <= added
    assert bool(added) == bool(new)


def test_a_changed_setting_changes_the_runs_of_its_family_alone(config):
    before = all_runs(Study.of(config))
    config["domains"]["spiral"]["families"]["mlp-raw"]["learning_rate"] = 0.1
    after = all_runs(Study.of(config))
    changed = {run[:2] for run in before if before[run] != after[run]}
    assert changed == {("spiral", "mlp-raw-32")}


def test_reading_the_study_loads_no_heavy_package():
    modules = ["scaling.study", *(f"scaling.models.{kind}" for kind in models.kinds())]
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"torch", "sklearn", "matplotlib", "pandas", "scipy.stats", "scipy.optimize"}
    assert not heavy & set(done.stdout.split())


def test_words_that_are_shared_are_told_apart():
    words = {"images": "Images", "images-b": "Images", "spiral": "Spiral"}
    assert distinct(words) == {"images": "Images (images)", "images-b": "Images (images-b)", "spiral": "Spiral"}


@pytest.fixture
def brought(config, tmp_path, monkeypatch):
    """The default config with a further domain, of measurements."""
    monkeypatch.chdir(tmp_path)
    rows = [f"web,{model},{N},0,{N**-0.3}" for model in ("small", "large") for N in (100, 200, 400)]
    rows += ["code,gru,5,0,1", "code,gru,6,0,1"]
    (tmp_path / "curves.csv").write_text("\n".join(["domain,model,N,seed,error", *rows]))
    config["domains"]["web"] = {
        "measurements": "curves.csv",
        "title": "Web text",
        "unit": "tokens",
        "metric": "nats per token",
    }
    return config


def test_a_domain_may_be_of_measurements(brought):
    study = Study.of(brought)
    assert (set(study.trained), set(study.measured)) == (set(brought["domains"]) - {"web"}, {"web"})
    assert list(study.domains) == list(brought["domains"])
    web = study.domains["web"]
    assert list(web.families) == ["small", "large"], "the models of its own rows, in the order of the file"
    assert web.labels == {"small": "small", "large": "large"}
    assert web.train_sizes == (100, 200, 400)
    assert (web.title, web.unit, web.metric, web.pool, web.regions) == (
        "Web text",
        "tokens",
        "nats per token",
        None,
        {},
    )
    assert not any(web.shares_pool(N) for N in web.train_sizes)
    jsonschema.validate(brought, json_schema())


def test_measurements_change_no_run(brought):
    after = all_runs(Study.of(brought))
    del brought["domains"]["web"]
    assert after == all_runs(Study.of(brought))


def test_measured_models_count_as_neural_unless_the_config_says_otherwise(brought):
    assert all(family.neural for family in Study.of(brought).domains["web"].families.values())
    brought["domains"]["web"]["neural"] = False
    assert not any(family.neural for family in Study.of(brought).domains["web"].families.values())


def test_sizes_and_costs_of_measured_models_are_known_where_all_rows_give_them(brought, tmp_path):
    rows = ["web,a,8,10,1,7", "web,a,4,20,1,7", "web,b,,10,1,7", "web,b,,20,1,"]
    (tmp_path / "curves.csv").write_text("\n".join(["domain,model,size,N,error,compute", *rows]))
    families = Study.of(brought).domains["web"].families
    assert families["a"].model_sizes == (4, 8)
    assert families["b"].model_sizes == (None,)
    assert (families["a"].costed, families["b"].costed) == (True, False)


def test_a_study_may_be_of_measurements_alone(brought):
    brought["domains"] = {"web": brought["domains"]["web"]}
    brought |= {"experiments": {}, "claims": {"H1": brought["claims"]["H1"], "H2": brought["claims"]["H2"]}}
    del brought["seeds"], brought["shared_pool_seeds"]
    study = Study.of(brought)
    assert not study.trained
    assert study.seeds == ()


def test_the_profile_of_measurements_leaves_nothing_of_the_default_study_but_claims_about_any_curve(
    brought, measurements_profile
):
    study = Study.of(measurements_profile(brought))
    assert set(study.domains) == set(study.measured) == {"web"}
    assert not study.arms
    assert not study.experiments.present()
    assert set(study.claims.present()) == {"H1", "H2", "H6", "H7", "H9"}


def test_a_measured_domain_with_the_name_of_a_trained_one_is_asked_for_another(brought):
    brought["domains"]["images"] |= brought["domains"]["web"]
    (line,) = complaint(brought).splitlines()
    assert line.startswith("domains.images = {")
    assert "of a trained domain" in line
    assert line.endswith("Give yours another name, here and in its file.")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("measurements", "gone.csv", ["domains.web.measurements = 'gone.csv'", "gone.csv: cannot be read"]),
        ("measurements", "/tmp/curves.csv", ["inside the working directory"]),
        ("measurements", "../curves.csv", ["inside the working directory"]),
        ("measurements", "a b.csv", ["letters, digits"]),
        ("measurements", "results/curves.csv", ["folder of results", "elsewhere"]),
        ("measurements", 5, ["domains.web.measurements = 5", "string"]),
        ("title", GONE, ["domains.web.title: missing. The domain's name"]),
        ("metric", GONE, ["domains.web.metric: missing. What the error is"]),
        ("unit", "", ["domains.web.unit = ''"]),
        ("neural", "yes", ["domains.web.neural = 'yes'", "boolean"]),
        ("metrik", "x", ["domains.web.metrik = 'x': unknown key", "Did you mean metric?"]),
        ("budget", {}, ["domains.web.budget = {}: unknown key. Allowed here: measurements, metric"]),
    ],
)
def test_a_fault_of_a_measured_domain_is_told_by_path_and_value(brought, key, value, words):
    change(brought, f"domains.web.{key}", value)
    message = complaint(brought)
    for word in words:
        assert word in message


def test_faults_of_measurements_are_told_by_line_beside_those_of_the_config_once_for_a_file(brought, tmp_path):
    brought["domains"]["code"] = brought["domains"]["web"]
    brought["seeds"] = [1, 1]
    with (tmp_path / "curves.csv").open("a") as file:
        file.write("\nweb,small,100,0,-1\nweb,small,many,0,1\n")
    beginnings = [
        "seeds: 1 stands there twice.",
        "domains.web.measurements = 'curves.csv' can't be used as it is:",
        "curves.csv, line 10: error = '-1' is out of range.",
        "curves.csv, line 10: measures the same as line 2: domain web, model small, N 100, seed 0.",
        "curves.csv, line 11: N = 'many' is no number.",
        "domains.code.measurements = 'curves.csv' can't be used as it is:",
    ]
    for line, beginning in zip(complaint(brought).splitlines(), beginnings, strict=True):
        assert line.startswith(beginning)


def test_a_domain_without_rows_is_told_what_the_file_has(brought):
    brought["domains"]["images-too"] = brought["domains"].pop("web")
    assert "curves.csv: no row of domain 'images-too'. It has web, code." in complaint(brought)


def test_two_measured_models_of_one_name_are_told(brought, tmp_path):
    rows = ["web,a,8,10,1", "web,a,8,20,1", "web,a-8,,10,1", "web,a-8,,20,1"]
    (tmp_path / "curves.csv").write_text("\n".join(["domain,model,size,N,error", *rows]))
    assert "domains.web.measurements: model name: a-8 stands there twice" in complaint(brought)


def test_claims_and_experiments_ask_of_a_measured_domain_no_more_than_it_has(brought):
    brought["claims"]["D5"] = {"domain": "web", "neighbours": "small", "crafted": "huge", "ratio": 1.5}
    brought["claims"]["D2"] |= {"domain": "web", "informed": "small", "plain": "large", "N": 300}
    brought["experiments"]["bias"] = {"domain": "web", "N": 100}
    message = complaint(brought)
    for words in (
        "claims.D5.crafted = 'huge': no family of web. It has small, large.",
        "claims.D2.N = 300: no shard of web. Its train_sizes are [100, 200, 400].",
        "claims.D2.region = 'tip': no region of web. It has none.",
        "experiments.bias.domain = 'web' is of measurements.",
    ):
        assert words in message
