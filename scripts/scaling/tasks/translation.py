"""Translation: a sentence of one language into another, sub-word by sub-word. The error is the share of wrong tokens.

A target token is wrong if the network, which has read the source and the target before it, thinks another likelier. The
end mark is a token too. Vocabularies spell in bytes what they lack, so no symbol is unknown, in any text.

A network maps source (batch, length) and target (batch, length), which starts with BEGIN, to logits (batch, length,
vocabulary) of the token behind each. It is a `Writer` too, which goes on token by token from what it has kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from scaling.tasks import Task

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

PADDING, BEGIN, END = 0, 1, 2
"""Tokens of both vocabularies that stand for no text."""
LONGEST = 100
"""A translation ends after so many tokens at the latest."""
ALIKE = 16
"""Batches are cut from so many at a time, sorted by length: then sentences are next to others of their length, and
little is spent on padding."""
EVALUATION_VALUES = 4_000_000
"""Networks are evaluated on so many sentences at a time that their logits are about so many numbers."""
TRANSLATED_BATCH = 64
"""So many sentences are translated at a time."""


class Sentences(NamedTuple):
    """Sentences in a row."""

    tokens: NDArray[np.uint16]
    """Those of all sentences, without marks: shape (tokens,)."""
    starts: NDArray[np.int64]
    """Where each sentence starts, and where the last one ends: shape (n + 1,)."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each sentence: shape (n,)."""
        return np.diff(self.starts)

    def take(self, index: NDArray[np.int64]) -> Sentences:
        """Give the sentences of these indices."""
        lengths = self.lengths[index]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths)
        return Sentences(self.tokens[np.repeat(self.starts[index], lengths) + within], starts)


class Pairs(NamedTuple):
    """Sentences and what they are in the other language."""

    source: Sentences
    target: Sentences
    spelling: tuple[bytes, ...]
    """The UTF-8 that each token of the target stands for, a blank before each word."""
    translated: int = 0
    """So many, from the first on, are to be translated, not only judged token by token."""

    def texts(self, n: int) -> list[str]:
        """Spell the first `n` targets out."""
        return [self.spell(self.target.tokens[start:end]) for start, end in islice(pairwise(self.target.starts), n)]

    def spell(self, tokens: NDArray[np.generic]) -> str:
        """Turn tokens of the target into text; bytes that make no character become a question mark in a lozenge."""
        return b"".join([self.spelling[token] for token in tokens]).decode(errors="replace").strip()


class Held(NamedTuple):
    """Pairs as tensors, sorted by length, that of the target first: whoever sorts indices has like beside like."""

    source: Tensor
    """Tokens, then padding: shape (n, longest)."""
    target: Tensor
    """BEGIN, tokens, END, then padding: shape (n, longest + 2)."""
    order: Tensor
    """Which example each of them is: shape (n,)."""
    translated: int


class Batch(NamedTuple):
    """As many columns of the held pairs as are needed."""

    source: Tensor
    target: Tensor


class Answer(NamedTuple):
    """What a network says to n pairs."""

    nats: NDArray[np.float64]
    """−log of the probability that it gave to each target, end mark included: shape (n,)."""
    wrong: NDArray[np.int64]
    """For how many of its tokens, end mark included, was another thought likelier? Shape (n,)."""
    translations: list[NDArray[np.int64]]
    """The tokens of its own translations of the first sources, as many as were asked for, without marks."""


class Writer(Protocol):
    """What a network offers beside its calls."""

    def encode(self, source: Tensor) -> tuple[Tensor, ...]:
        """Read the source (batch, length)."""

    def step(self, tokens: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Give the logits (batch, vocabulary) of what follows these tokens (batch,), and the next state."""


@dataclass(frozen=True)
class Translation(Task):
    """Pairs of sentences over two fixed vocabularies, given by their sizes."""

    source: int
    target: int

    title: ClassVar[str] = "translation"

    @property
    def metric(self) -> str:
        """Name of the error."""
        return "token error"

    @property
    def meaning(self) -> str:
        """What the error is."""
        return (
            "the share of a test set's target tokens, end marks included, that are not the likeliest to the model once "
            "it has read the source and the target before them"
        )

    @property
    def guess(self) -> float:
        """Error of always answering the same token, if all are equally frequent."""
        return 1 - 1 / self.target

    def count(self, examples: Pairs) -> int:
        """Count the pairs."""
        return len(examples.target.lengths)

    def first(self, examples: Pairs, n: int) -> Pairs:
        """Give the first `n`."""
        index = np.arange(min(n, self.count(examples)))
        return examples._replace(source=examples.source.take(index), target=examples.target.take(index))

    def hold(self, examples: Pairs, features: Callable[[Tensor], Tensor], device: torch.device) -> Held:
        """Sort by length, pad and move to the device, then map sources to features."""
        import torch

        order = np.lexsort((examples.source.lengths, examples.target.lengths))
        source = _padded(examples.source.take(order), marked=False)
        target = _padded(examples.target.take(order), marked=True)
        return Held(
            features(torch.from_numpy(source).to(device)),
            torch.from_numpy(target).to(device),
            torch.from_numpy(order).to(device),
            examples.translated,
        )

    def batches(
        self, order: np.random.Generator, N: int, size: int, steps: int, device: torch.device
    ) -> Iterator[Tensor]:
        """Give `steps` batches, each of pairs of like length; an epoch leaves out N mod `size` pairs."""
        import torch

        given = 0
        while given < steps:
            # Left out before they are sorted: else it would always be the longest.
            permutation = order.permutation(N)[: N - N % size]
            groups = np.split(permutation, range(ALIKE * size, len(permutation), ALIKE * size))
            batches = np.concatenate([np.sort(group) for group in groups]).reshape(-1, size)
            for batch in order.permutation(batches)[: steps - given]:
                given += 1
                yield torch.from_numpy(batch).to(device)

    def take(self, held: Held, index: Tensor) -> Batch:
        """Give the pairs of these indices, without the columns that are padding in all."""
        return Batch(_without_padding(held.source[index]), _without_padding(held.target[index]))

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Give the mean surprise of a target token in nats."""
        from torch.nn.functional import cross_entropy

        logits = network(batch.source, batch.target[:, :-1])
        return cross_entropy(logits.flatten(0, 1), batch.target[:, 1:].flatten(), ignore_index=PADDING)

    def judge(self, network: nn.Module, held: Held) -> tuple[float, float]:
        """Give the share of wrong tokens and the mean surprise of a token in nats."""
        nats, wrong = self._read(network, held)
        tokens = int((held.target > END).sum()) + len(held.target)
        return int(wrong.sum()) / tokens, float(nats.sum()) / tokens

    def answer(self, network: nn.Module, held: Held) -> Answer:
        """Let the network read all pairs, and translate those that are asked for."""
        import torch

        place = torch.argsort(held.order)
        nats, wrong = (values[place].cpu().numpy() for values in self._read(network, held))
        return Answer(nats, wrong, _translate(network, held.source[place[: held.translated]]))

    def score(self, answers: Answer, examples: Pairs) -> dict[str, NDArray[np.generic]]:
        """Give each pair's part in the mean: of the wrong tokens, and of the surprise by character of the target."""
        characters = np.array([len(text) for text in examples.texts(self.count(examples))])
        return {
            self.metric: answers.wrong * (len(answers.wrong) / _tokens(examples).sum()),
            "nats per character": answers.nats * (len(answers.nats) / characters.sum()),
        }

    def weights(self, examples: Pairs) -> NDArray[np.float64]:
        """Give each pair's share of the target tokens."""
        tokens = _tokens(examples)
        shares: NDArray[np.float64] = tokens / tokens.mean()
        return shares

    def overall(self, answers: Answer, examples: Pairs) -> dict[str, float]:
        """Compare the translations as a whole with the targets: chrF (Popović 2015) and BLEU (Papineni et al. 2002).

        Both go from 0 to 100, the more the better, as sacrebleu computes them unless told otherwise (Post 2018).
        """
        if not answers.translations:
            return {}
        from sacrebleu import corpus_bleu, corpus_chrf

        said = [examples.spell(tokens) for tokens in answers.translations]
        references = [examples.texts(len(said))]
        return {"chrF": corpus_chrf(said, references).score, "BLEU": corpus_bleu(said, references).score}

    def _read(self, network: nn.Module, held: Held) -> tuple[Tensor, Tensor]:
        """Give each held pair's surprise in nats and its wrong tokens, in inference mode, some pairs at a time."""
        import torch

        size = max(1, EVALUATION_VALUES // (held.target.shape[1] * self.target))
        network.eval()
        with torch.inference_mode():
            every = torch.arange(len(held.target), device=held.target.device)
            read = [_judged(network, self.take(held, part)) for part in torch.split(every, size)]
        network.train()
        nats, wrong = (torch.cat(column) for column in zip(*read, strict=True))
        return nats, wrong


def _judged(network: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    from torch.nn.functional import cross_entropy

    logits, target = network(batch.source, batch.target[:, :-1]), batch.target[:, 1:]
    nats = cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=PADDING, reduction="none")
    wrong = (logits.argmax(dim=2) != target) & (target != PADDING)
    return nats.view_as(target).double().sum(dim=1), wrong.sum(dim=1)


def _translate(network: nn.Module, source: Tensor) -> list[NDArray[np.int64]]:
    """Translate greedily, some sentences at a time: always the likeliest token, until it is END."""
    import torch

    network.eval()
    with torch.inference_mode():
        parts = [source[start : start + TRANSLATED_BATCH] for start in range(0, len(source), TRANSLATED_BATCH)]
        said = [row for part in parts for row in _greedily(cast(Writer, network), part)]
    network.train()
    return said


def _greedily(network: Writer, source: Tensor) -> Iterator[NDArray[np.int64]]:
    import torch

    state = network.encode(_without_padding(source))
    tokens = torch.full((len(source),), BEGIN, device=source.device)
    ended = torch.zeros_like(tokens, dtype=torch.bool)
    said: list[Tensor] = []
    while len(said) < LONGEST and not ended.all():
        logits, state = network.step(tokens, state)
        tokens = logits.argmax(dim=1)
        ended |= tokens == END
        said.append(tokens)
    for row in torch.stack(said, dim=1).cpu().numpy():
        yield row[: int(np.argmax(np.append(row, END) == END))]


def _tokens(examples: Pairs) -> NDArray[np.int64]:
    """Count the target tokens of each pair, end mark included."""
    return examples.target.lengths + 1


def _padded(sentences: Sentences, *, marked: bool) -> NDArray[np.int64]:
    """Put each sentence into a row, between marks or not, with padding behind."""
    lengths = sentences.lengths
    rows = np.full((len(lengths), lengths.max() + 2 * marked), PADDING, dtype=np.int64)
    column = np.arange(len(sentences.tokens)) - np.repeat(sentences.starts[:-1], lengths)
    rows[np.repeat(np.arange(len(lengths)), lengths), column + marked] = sentences.tokens
    if marked:
        rows[:, 0] = BEGIN
        rows[np.arange(len(lengths)), lengths + 1] = END
    return rows


def _without_padding(rows: Tensor) -> Tensor:
    """Leave out the columns at the end that are padding in every row."""
    return rows[:, : int((rows != PADDING).any(dim=0).sum())]
