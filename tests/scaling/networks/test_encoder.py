"""The encoder: what it gives for an utterance depends on that utterance alone."""

import torch

from scaling.networks.encoder import Encoder, within


def test_strides_shorten_utterances_and_nothing_is_heard_behind_their_end():
    states, lengths = Encoder(bands=3, size=4)(torch.randn(3, 9, 3), torch.tensor([9, 4, 1]))
    assert lengths.tolist() == [3, 1, 1]
    assert states.shape == (3, 3, 8)
    assert (states.detach()[~within(lengths, 3)] == 0).all()


def test_an_utterance_is_heard_alike_among_longer_ones_and_alone():
    torch.manual_seed(0)
    encoder = Encoder(bands=3, size=4).eval()
    frames, lengths = torch.randn(4, 20, 3), torch.tensor([7, 20, 12, 1])
    frames[~within(lengths, 20)] = 0
    together, shorter = encoder(frames, lengths)
    for place, length in enumerate(lengths):
        alone, _ = encoder(frames[place : place + 1, :length], lengths[place : place + 1])
        assert torch.allclose(together[place, : shorter[place]], alone[0], atol=1e-6)
