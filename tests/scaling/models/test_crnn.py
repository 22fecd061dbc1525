"""The CTC network: how symbols are read off, what its loss is, and that it learns."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scaling.models.crnn import Family
from scaling.networks.crnn import collapsed
from scaling.operations import count
from scaling.tasks.classification import Classification
from scaling.tasks.transcription import NOTHING, Held, Transcription

FAMILY = Family(kind="crnn", sizes=(6,), learning_rate=0.01)
TASK = Transcription(symbol="letter", symbols=3, bands=2, most=3)
BLANK = 3


def network():
    torch.manual_seed(0)
    return FAMILY.network(TASK, 6)


@given(st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1, max_size=4))
def test_runs_are_taken_for_one_symbol_and_blanks_for_none(rows):
    expected = []
    for row in rows:
        before = [BLANK, *row]
        expected.append([s for s, b in zip(row, before[:-1], strict=True) if s not in (b, BLANK)])
    found = [[s for s in row if s != NOTHING] for row in collapsed(torch.tensor(rows), BLANK).tolist()]
    assert found == expected
    assert collapsed(torch.tensor(rows), BLANK).shape[1] == max(map(len, expected))


def test_the_loss_is_that_of_all_ways_to_spell_the_truth():
    """Two places spell one symbol in three ways: twice, before a blank, and behind one."""
    model = network().eval()
    frames, lengths = torch.randn(1, 8, 2), torch.tensor([8])
    logs, shorter = model(frames, lengths)
    assert shorter.tolist() == [2]
    p, q = logs[0].exp()
    expected = -torch.log(p[1] * q[1] + p[1] * q[BLANK] + p[BLANK] * q[1])
    said = torch.tensor([[1, NOTHING, NOTHING]])
    assert TASK.loss(model, Held(frames, lengths, said)).item() == pytest.approx(expected.item(), rel=1e-5)


def test_what_an_utterance_is_too_short_to_hold_teaches_nothing():
    batch = Held(torch.randn(1, 2, 2), torch.tensor([2]), torch.tensor([[1, 1, 1]]))
    assert TASK.loss(network().eval(), batch) == 0


def test_it_learns_by_deterministic_steps_to_tell_symbols_apart():
    model = network()
    torch.set_deterministic_debug_mode("error")
    frames = torch.zeros(3, 10, 2)
    frames[1, :, 0], frames[2, :5, 1] = 1, 1
    batch = Held(frames, torch.tensor([10, 10, 5]), torch.tensor([[0, NOTHING], [1, NOTHING], [2, NOTHING]]))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        optimiser.zero_grad()
        TASK.loss(model, batch).backward()
        optimiser.step()
    assert TASK.answer(model, batch).tolist() == [[0], [1], [2]]


def test_its_weights_are_those_of_the_encoder_and_of_one_layer():
    c, bands, gates = 6, 2, 4
    convolutions = (7 * bands + 1) * c + (5 * c + 1) * c + 4 * c
    recurrent = 2 * gates * c * (c + c + 2)
    assert sum(weights.numel() for weights in network().parameters()) == convolutions + recurrent + (2 * c + 1) * 4


def test_all_of_its_operations_are_counted():
    model, heard = network(), Held(torch.randn(2, 8, 2), torch.tensor([8, 5]), torch.tensor([[1, 2], [0, NOTHING]]))
    assert count(model, lambda: TASK.loss(model, heard)) > 0


def test_it_is_for_transcription_alone():
    assert FAMILY.complaint(TASK) is None
    assert "classification" in FAMILY.complaint(Classification(shape=(1, 8, 2), classes=2))
