"""The attention model: what it is taught, how it spells, and that it learns."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from scaling.models.listener import Family
from scaling.operations import count
from scaling.tasks.classification import Classification
from scaling.tasks.transcription import NOTHING, Held, Transcription

FAMILY = Family(kind="listener", sizes=(6,), learning_rate=0.01)
TASK = Transcription(symbol="letter", symbols=3, bands=2, most=3)
END = 3


def network():
    torch.manual_seed(0)
    return FAMILY.network(TASK, 6)


def batch():
    frames = torch.zeros(3, 12, 2)
    frames[1, :, 0], frames[2, :5, 1] = 1, 1
    said = torch.tensor([[0, NOTHING, NOTHING], [1, 2, NOTHING], [2, 0, 1]])
    return Held(frames, torch.tensor([12, 12, 5]), said)


def test_the_loss_is_the_mean_surprise_at_each_symbol_and_at_the_end():
    model, heard = network().eval(), batch()
    wanted = [[0, END], [1, 2, END], [2, 0, 1, END]]
    logits = []
    for place, row in enumerate(wanted):
        alone = (heard.frames[place : place + 1], heard.lengths[place : place + 1])
        logits.append(model.spell(model(*alone), torch.tensor([row]))[0])
    expected = cross_entropy(torch.cat(logits), torch.tensor([symbol for row in wanted for symbol in row]))
    assert TASK.loss(model, heard).item() == pytest.approx(expected.item(), rel=1e-5)


def test_it_learns_by_deterministic_steps_to_spell():
    model, heard = network(), batch()
    torch.set_deterministic_debug_mode("error")
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(100):
        optimiser.zero_grad()
        TASK.loss(model, heard).backward()
        optimiser.step()
    assert TASK.answer(model, heard).tolist() == heard.symbols.tolist()


def test_an_utterance_is_spelt_alike_among_longer_ones_and_alone():
    model, heard = network().eval(), batch()
    together = model.spell(model(heard.frames, heard.lengths), None)[2]
    alone = model.spell(model(heard.frames[2:, :5], heard.lengths[2:]), None)[0]
    assert torch.allclose(together, alone, atol=1e-6)


def test_all_of_its_operations_are_counted():
    model, heard = network(), batch()
    assert count(model, lambda: TASK.loss(model, heard)) > 0


def test_it_is_for_transcription_alone():
    assert FAMILY.complaint(TASK) is None
    assert "classification" in FAMILY.complaint(Classification(shape=(1, 8, 2), classes=2))
