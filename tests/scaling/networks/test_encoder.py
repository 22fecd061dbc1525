"""The encoder: what it gives for an utterance depends on that utterance alone."""

import torch

from scaling.networks.encoder import Encoder, within


def test_strides_shorten_utterances_and_nothing_is_heard_behind_their_end():
    states, lengths = Encoder(bands=3, size=4)(torch.randn(3, 9, 3), torch.tensor([9, 4, 1]))
    assert lengths.tolist() == [3, 1, 1]
    assert states.shape == (3, 3, 8)
    assert (states.detach()[~within(lengths, 3)] == 0).all()


def test_what_is_learned_of_utterances_does_not_depend_on_the_void_behind_them():
    torch.manual_seed(0)
    encoder = Encoder(bands=3, size=4)
    frames, lengths = torch.randn(4, 20, 3), torch.tensor([7, 20, 12, 1])
    frames[~within(lengths, 20)] = 0
    states, _ = encoder(frames, lengths)
    longer, _ = encoder(torch.nn.functional.pad(frames, (0, 0, 0, 60)), lengths)
    assert torch.allclose(longer[:, : states.shape[1]], states, atol=1e-6)
    assert (longer[:, states.shape[1] :] == 0).all()


def test_an_utterance_is_heard_alike_among_longer_ones_and_alone():
    torch.manual_seed(0)
    encoder = Encoder(bands=3, size=4).eval()
    frames, lengths = torch.randn(4, 20, 3), torch.tensor([7, 20, 12, 1])
    frames[~within(lengths, 20)] = 0
    together, shorter = encoder(frames, lengths)
    for place, length in enumerate(lengths):
        alone, _ = encoder(frames[place : place + 1, :length], lengths[place : place + 1])
        assert torch.allclose(together[place, : shorter[place]], alone[0], atol=1e-6)
