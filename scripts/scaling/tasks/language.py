"""Language modelling: the next token of a text from those before it. The error is the mean surprise, in nats.

A text is a row of documents, each begun and ended by the separator, token 0. What is predicted are the tokens of the
documents and the separator behind each; N counts them. Networks see windows of `context` tokens and nothing before.
Token 1 stands for all that the vocabulary lacks. Its surprise is that something unknown comes, not what; and where one
comes, the answer counts as wrong, whatever was thought likeliest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scaling.tasks import Task

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

SEPARATOR, UNKNOWN = 0, 1
EVALUATION_VALUES = 1_000_000
"""Networks are evaluated on so many windows at a time that their logits are about so many numbers."""


class Text(NamedTuple):
    """Documents in a row."""

    tokens: NDArray[np.int64]
    """Separator, first document, separator, second document, …, separator: shape (N + 1,)."""
    starts: NDArray[np.int64]
    """The place of the separator before each document: shape (documents,)."""


def text_of(documents: Sequence[NDArray[np.int64]], N: int | None = None) -> Text:
    """Put documents in a row, so many that `N` tokens are to be predicted (the last is cut short), or all of them.

    Raises ValueError if the documents hold fewer.
    """
    starts = np.cumsum([0, *(len(document) + 1 for document in documents)])
    tokens = np.zeros(starts[-1] + 1, dtype=np.int64)
    for start, document in zip(starts, documents, strict=False):
        tokens[start + 1 : start + 1 + len(document)] = document
    if N is None:
        return Text(tokens, starts[:-1])
    if len(tokens) <= N:
        raise ValueError(f"{len(documents)} documents hold {len(tokens) - 1} tokens, fewer than {N}")
    return Text(tokens[: N + 1], starts[:-1][starts[:-1] < N])


class Windows(NamedTuple):
    """Tokens and, for each, the one that follows: shape (windows, length) both."""

    inputs: Tensor
    targets: Tensor


class Surprise(NamedTuple):
    """What a model says to a text of N tokens to predict."""

    nats: NDArray[np.float64]
    """−log of the probability that it gave to each token: shape (N,)."""
    wrong: NDArray[np.bool_]
    """Was another token thought likelier? Shape (N,)."""


@dataclass(frozen=True)
class Language(Task):
    """Texts over a fixed vocabulary. A network gives, for each token it sees, a logit for each that may follow."""

    token: str
    """What a token is: character."""
    vocabulary: int
    """How many tokens there are, the separator and the unknown included."""
    context: int
    """How many tokens a network sees at most."""

    title: ClassVar[str] = "language modelling"
    in_percent: ClassVar[bool] = False

    @property
    def metric(self) -> str:
        """Name of the error."""
        return f"nats per {self.token}"

    @property
    def meaning(self) -> str:
        """What the error is."""
        return f"the mean negative logarithm of the probability given to the next {self.token} of a test text, in nats"

    @property
    def guess(self) -> float:
        """Surprise of a model for which all tokens are equally likely."""
        return log(self.vocabulary)

    def count(self, examples: Text) -> int:
        """Count the tokens to be predicted."""
        return len(examples.tokens) - 1

    def first(self, examples: Text, n: int) -> Text:
        """Give the text of the first `n` tokens."""
        return Text(examples.tokens[: n + 1], examples.starts[examples.starts < n])

    def hold(self, examples: Text, features: Callable[[Tensor], Tensor], device: torch.device) -> Tensor:
        """Move the tokens to the device."""
        import torch

        return features(torch.from_numpy(examples.tokens).to(device))

    def batches(
        self, order: np.random.Generator, N: int, size: int, steps: int, device: torch.device
    ) -> Iterator[Tensor]:
        """Give where the windows of each batch begin: anywhere in the text, as many as hold `size` tokens."""
        import torch

        length = min(N, self.context)
        for _ in range(steps):
            yield torch.from_numpy(order.integers(N - length + 1, size=max(1, size // length))).to(device)

    def take(self, held: Tensor, index: Tensor) -> Windows:
        """Cut out the windows that begin there."""
        import torch

        length = min(len(held) - 1, self.context)
        windows = held[index[:, None] + torch.arange(length + 1, device=held.device)]
        return Windows(windows[:, :-1], windows[:, 1:])

    def loss(self, network: nn.Module, batch: Windows) -> Tensor:
        """Give the mean surprise."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(network(batch.inputs).flatten(0, 1), batch.targets.flatten())

    def judge(self, network: nn.Module, held: Tensor) -> tuple[float, float]:
        """Give the mean surprise, which is error and loss."""
        nats = float(self.answer(network, held).nats.mean())
        return nats, nats

    def answer(self, network: nn.Module, held: Tensor) -> Surprise:
        """Let the network read the text window by window, one after the other, the last of which may be shorter."""
        import torch

        length = min(len(held) - 1, self.context)
        whole = (len(held) - 1) // length
        windows = held[: whole * length + 1].unfold(0, length + 1, length)
        batch = max(1, EVALUATION_VALUES // (length * self.vocabulary))
        parts = list(torch.split(windows, batch))
        if (len(held) - 1) % length:
            parts.append(held[None, whole * length :])
        network.eval()
        with torch.inference_mode():
            read = [self._read(network, part) for part in parts]
        network.train()
        nats, wrong = (torch.cat(column).cpu().numpy() for column in zip(*read, strict=True))
        return Surprise(nats.astype(np.float64), wrong)

    def _read(self, network: nn.Module, windows: Tensor) -> tuple[Tensor, Tensor]:
        from torch.nn.functional import cross_entropy

        logits, targets = network(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten()
        # The highest logit takes half the time of the place of the highest.
        wrong = logits.amax(dim=1) > logits.gather(1, targets[:, None]).squeeze(1)
        return cross_entropy(logits, targets, reduction="none"), wrong

    def score(self, answers: Surprise, examples: Text) -> dict[str, NDArray[np.generic]]:
        """Give each document's part in the mean: of the surprise in nats and in bits, and of the wrong answers."""
        nats = _parts(answers.nats, examples)
        wrong = _parts(answers.wrong | (examples.tokens[1:] == UNKNOWN), examples)
        return {self.metric: nats, f"bits per {self.token}": nats / log(2), "error": wrong}

    def weights(self, examples: Text) -> NDArray[np.float64]:
        """Give each document's share of the tokens."""
        return _parts(np.ones(self.count(examples)), examples)


def _parts(values: NDArray[np.generic], text: Text) -> NDArray[np.float64]:
    """Add up the tokens' values over each document, times the number of documents: their mean is that over tokens."""
    sums: NDArray[np.float64] = np.add.reduceat(values.astype(np.float64), text.starts)
    return sums * (len(text.starts) / len(values))
