"""The recurrent translator: its size. What networks that translate have in common is in networks/test_writers.py."""

from scaling.models.seq2seq import Family
from scaling.tasks.translation import Translation


def test_its_weights_are_those_of_embeddings_three_recurrent_layers_and_three_linear_ones():
    family, h, source, target = Family(kind="seq2seq", sizes=(8,), learning_rate=0.01), 8, 20, 30
    network = family.network(Translation(source=source, target=target), h)
    embeddings, recurrent, linear = (source + target) * h, 3 * 3 * (2 * h * h + 2 * h), 3 * (2 * h * h + h)
    assert sum(weights.numel() for weights in network.parameters()) == embeddings + recurrent + linear + target
