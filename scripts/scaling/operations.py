"""Floating-point operations of a training step, counted while a batch passes through the network.

A multiply-add is two. A product costs them once forward, and once backward for each of its two factors that gets a
gradient. All else is not counted. torch's own FlopCounterMode counts the same, but imports torch's compiler for it,
which costs a second a process, and takes a recurrent layer for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear, scaled_dot_product_attention
from torch.overrides import TorchFunctionMode


class UncountedError(RuntimeError):
    """A network multiplies by weights in a way that is not counted."""


def count(network: nn.Module, forward: Callable[[], object]) -> int:
    """Count the operations of the steps whose losses `forward` computes; raises UncountedError if a matrix escaped."""
    counter = _Counter()
    with counter:
        forward()
    matrices = {id(weight): name for name, weight in network.named_parameters() if weight.dim() > 1}
    if escaped := [name for weight, name in matrices.items() if weight not in counter.met]:
        raise UncountedError(
            f"the operations with {', '.join(escaped)} are not counted. Say in scaling/operations.py what theirs cost."
        )
    return counter.operations


class _Counter(TorchFunctionMode):
    """Sees every call of a function of torch."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0
        self.met: set[int] = set()

    def __torch_function__(
        self, function: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if function in PRODUCTS:
            for multiplied, one, other in PRODUCTS[function](args, result):
                self.met |= {id(one), id(other)}
                self.operations += 2 * multiplied * (1 + one.requires_grad + other.requires_grad)
        return result


Products = Iterator[tuple[int, Tensor, Tensor]]
"""Multiply-adds of each product, and its factors."""


def _rows(args: Sequence[Any], result: Tensor) -> Products:
    """Linear layers and convolutions: for each number given, as many as one row of the weights holds."""
    x, weight = args[:2]
    yield result.numel() * prod(weight.shape[1:]), x, weight


def _matrices(args: Sequence[Any], result: Tensor) -> Products:
    """Products of matrices: for each number given, as many as the first factor has columns."""
    one, other = args[:2]
    yield result.numel() * one.shape[-1], one, other


def _attention(args: Sequence[Any], result: Tensor) -> Products:
    """Attention: every query with every key, and again with every value, masked or not."""
    query, key, value = args[:3]
    pairs = query.shape[:-1].numel() * key.shape[-2]
    yield pairs * query.shape[-1], query, key
    yield pairs * value.shape[-1], key, value


def _recurrence(args: Sequence[Any], result: Any) -> Products:
    """Recurrent layers: every weight of every layer and direction, at every step of every sequence."""
    x, output = args[0], result[0]
    place = next(place for place, arg in enumerate(args) if isinstance(arg, list))
    directions = 2 if args[place + 5] else 1
    matrices = [weight for weight in args[place] if weight.dim() > 1]  # of inputs and of states, by turns
    for index, weight in enumerate(matrices):
        # Inputs of the first layer may need no gradient; states do, and so do the inputs of further layers.
        first = index % 2 == 0 and index < 2 * directions
        yield weight.numel() * (x.numel() // x.shape[-1]), x if first else output, weight


def _cell(args: Sequence[Any], result: Any) -> Products:
    """One step of a recurrent layer."""
    x, state, of_input, of_state = args[:4]
    yield of_input.numel() * len(x), x, of_input
    yield of_state.numel() * len(x), state[0] if isinstance(state, tuple) else state, of_state


def _lookup(args: Sequence[Any], result: Tensor) -> Products:
    """Embeddings: nothing is multiplied."""
    yield 0, args[1], args[1]


PRODUCTS: dict[Any, Callable[[Sequence[Any], Any], Products]] = {
    **dict.fromkeys((linear, torch.conv1d, torch.conv2d), _rows),
    **dict.fromkeys((torch.matmul, torch.Tensor.matmul, torch.bmm), _matrices),
    scaled_dot_product_attention: _attention,
    **dict.fromkeys((torch.lstm, torch.gru), _recurrence),
    **dict.fromkeys((torch.lstm_cell, torch.gru_cell), _cell),
    embedding: _lookup,
}
"""The functions that multiply, and by what."""
