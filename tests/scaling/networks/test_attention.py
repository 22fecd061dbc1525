"""Attention: that what it says depends on the past, and on how far away that is."""

import pytest
import torch

from scaling.networks.attention import Attention, turns


def layer(width=8, heads=2, context=16):
    torch.manual_seed(0)
    return Attention(width, heads, context)


def test_it_is_attention_by_the_book():
    attention, x = layer(heads=1), torch.randn(1, 5, 8)
    query, key, value = attention.project(x)[0].split(8, dim=1)
    turned = [
        torch.view_as_real(torch.view_as_complex(part.unflatten(1, (4, 2))) * attention.turns[:5]).flatten(1)
        for part in (query, key)
    ]
    products = (turned[0] @ turned[1].T / 8**0.5).masked_fill(torch.ones(5, 5).triu(1).bool(), -torch.inf)
    assert torch.allclose(attention(x)[0], attention.join(products.softmax(dim=1) @ value), atol=1e-6)


def test_products_of_turned_queries_and_keys_know_their_distance_alone():
    query, key = torch.randn(2, 4, dtype=torch.complex64)
    at = turns(16, 8)
    products = [((at[place + 3] * query) * (at[place] * key).conj()).sum().real.item() for place in range(12)]
    assert products == pytest.approx([products[0]] * 12, abs=1e-5)


def test_turns_have_length_one_and_begin_at_none():
    assert torch.allclose(turns(9, 6).abs(), torch.ones(9, 3))
    assert turns(9, 6)[0].tolist() == [1, 1, 1]
    assert turns(9, 6)[1, 0].angle().item() == pytest.approx(1)


def test_turns_are_no_weights():
    assert "turns" not in layer().state_dict()
