"""Faults of a config in plain words."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scaling.faults import explain
from scaling.study import Study, StudyError


class Leaf(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colour: str = Field(description="What the eye sees.")
    width: int = 1


class Tree(BaseModel):
    model_config = ConfigDict(extra="forbid")
    leaves: list[Leaf] = []
    best: Leaf | None = None


def told(config):
    with pytest.raises(ValidationError) as error:
        Tree.model_validate(config)
    return explain(error.value, config, Tree.model_json_schema())


def test_a_place_in_a_list_is_told_by_its_index():
    assert told({"leaves": [{"colour": "red"}, {"colour": "red", "width": "wide"}]}).startswith(
        "leaves[1].width = 'wide': "
    )


def test_an_unknown_key_tells_what_is_allowed_there_and_what_may_be_meant():
    message = told({"leaves": [{"colour": "red", "widht": 3}]})
    assert message == "leaves[0].widht = 3: unknown key. Allowed here: colour, width. Did you mean width?"


def test_nothing_is_suggested_that_is_not_close():
    assert told({"zebra": 1}) == "zebra = 1: unknown key. Allowed here: best, leaves."


def test_an_optional_part_is_described_too():
    assert told({"best": {}}) == "best.colour: missing. What the eye sees."


def test_what_is_no_config_at_all_is_told():
    assert told(3).startswith("config = 3: ")


def test_a_long_value_is_cut():
    assert len(told({"leaves": "x" * 1000})) < 150


def test_every_fault_has_its_line():
    assert len(told({"leaves": [{"widht": 3}], "zebra": 1}).splitlines()) == 3


def places(node, path=()):
    """Every place of a nested config."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), part, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_put_anywhere_the_study_is_valid_or_every_fault_is_told(smoke_config, data):
    config = copy.deepcopy(smoke_config)
    *parents, last = data.draw(st.sampled_from(list(places(config))))
    node = config
    for key in parents:
        node = node[key]
    node[last] = data.draw(JSON)
    message = None
    try:
        Study.of(config)
    except StudyError as error:
        message = str(error)
    assert message is None or all(line.strip() for line in message.split("\n"))
