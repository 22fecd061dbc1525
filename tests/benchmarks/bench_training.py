"""What it costs to train and to predict, beside what a user would take: scikit-learn, or a plain PyTorch loop.

OMP_NUM_THREADS=1 python tests/benchmarks/bench_training.py [--data results-full/data] [--only mlp --only cnn]
    [--turns 5] [--device cpu] [--json]

Runs of the full study (profiles/full). All sides get the same shard, validation and test set and see as many examples
in batches of the same size; a case is to fit and to predict the test set once. Sides take turns, each time in a process
of its own after a warm-up, so imports are not counted; each turn is a seed. Seconds are CPU seconds, on a GPU wall
seconds. Ratios are the other side's seconds over ours, turn by turn: the median, and the range in brackets. The error
is that on the test set, a share or nats, the median and the range over the seeds.

ours                  as the study does it: looks at the validation set, the best weights kept, operations counted
plain PyTorch loop    the same network, AdamW (fused) and OneCycleLR, the same looks at the whole validation set at once
                      and a copy of the best weights; on text, batches are stacked of windows that begin anywhere, as
                      nanoGPT does; utterances and sentences come in any order from a DataLoader, which pads each
                      batch, and the test set is answered by the task's own code
MLPClassifier         Adam at a constant rate, as many passes over the shard; no validation
SGDClassifier         ten one-against-all logistic losses, as many passes; no validation
LogisticRegression    L-BFGS until it ends, no stochastic steps; no validation
KNeighborsClassifier  as it comes, `algorithm="auto"`

Of peak: the operations of the training over our seconds for everything, as a share of what a product of two matrices of
1024 × 1024 reaches in the same process.
"""

import json
import math
import multiprocessing
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.table import Table
from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

from scaling import domains, models
from scaling.domains import Draw
from scaling.models import Family, Network
from scaling.study import Study
from scaling.tasks import Task
from scaling.tasks.classification import Examples
from scaling.training import LOOKS, Run, fit, looks_at

ROOT = Path(__file__).parents[2]
OURS = "ours"
GEMM = 1024
WARM_UP = 100
EVALUATED = 64
"""Utterances or sentences that a plain loop looks at together."""


class Case(NamedTuple):
    """A run of the full study."""

    domain: str
    model: str
    N: int


CASES = (
    Case("spiral", "knn-5", 100_000),
    Case("images", "knn-5", 10_000),
    Case("images", "logistic", 10_000),
    Case("spiral", "mlp-raw-32", 1_000),
    Case("spiral", "mlp-raw-128", 100_000),
    Case("images", "cnn-8", 1_000),
    Case("images", "cnn-16", 10_000),
    Case("characters", "lstm-128", 30_000),
    Case("characters", "mingru-64", 30_000),
    Case("characters", "transformer-64", 30_000),
    Case("images", "resnet-8", 200),
    Case("speech", "tdnn-16", 1_000),
    Case("digits", "crnn-32", 200),
    Case("digits", "listener-32", 200),
    Case("translation", "seq2seq-64", 300),
    Case("translation", "translator-64", 300),
)


class Work(NamedTuple):
    """What a side is to do."""

    run: Run
    draw: Draw
    device: str

    @property
    def family(self) -> Family:
        """The family with its settings."""
        return models.load(self.run.learner["kind"]).model_validate(self.run.learner)

    @property
    def task(self) -> Task:
        """What is to be learned."""
        return domains.load(self.run.data["kind"]).model_validate(self.run.data).task

    @property
    def batch(self) -> int:
        """Examples in a batch."""
        return self.run.budget.batch(self.run.N)

    @property
    def steps(self) -> int:
        """Gradient steps."""
        return self.run.budget.steps(self.run.N)

    @property
    def passes(self) -> int:
        """Passes over the shard that see as many examples as the steps do."""
        return max(1, self.steps * self.batch // self.run.N)

    @property
    def test(self) -> Examples:
        """The test set."""
        return next(iter(self.draw.test.values()))


Side = Callable[[Work], tuple[float, int]]
"""Fits and gives the error on the test set, and the operations of the training where they are known."""


def ours(work: Work) -> tuple[float, int]:
    """As the study does it."""
    fitted = fit(work.family, work.task, work.run, work.draw.train, work.draw.validation)
    return float(work.task.score(fitted.predict(work.test), work.test)[work.task.metric].mean()), fitted.flops


def begin(work: Work) -> tuple[Any, Any, Any]:
    """Network, optimiser and schedule of a plain loop."""
    import torch

    family = work.family
    torch.manual_seed(work.run.seed)
    network = family.network(work.task, work.run.size).to(work.device)
    rate = family.learning_rate
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=family.weight_decay, fused=True)
    return network, optimiser, torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=work.steps)


class Best:
    """The weights with the least error on the validation set so far."""

    def __init__(self, network: Any):
        self.network, self.lowest, self.weights = network, math.inf, network.state_dict()

    def look(self, error: Callable[[], float]) -> None:
        """Keep the weights as they are if their error is less than all before."""
        import torch

        self.network.eval()
        with torch.no_grad():
            found = error()
        self.network.train()
        if found < self.lowest:
            self.lowest = found
            self.weights = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}

    def restore(self) -> None:
        """Give the network its best weights back."""
        self.network.load_state_dict(self.weights)


def plain_loop(work: Work) -> tuple[float, int]:
    """The loop of PyTorch's tutorials."""
    import torch
    from torch.nn.functional import cross_entropy
    from torch.utils.data import TensorDataset

    family = work.family
    network, optimiser, schedule = begin(work)
    train, validation, test = (
        family.features(torch.from_numpy(x).to(work.device))
        for x in (work.draw.train.x, work.draw.validation.x, work.test.x)
    )
    shard = TensorDataset(train, torch.from_numpy(work.draw.train.y).to(work.device))
    truth = torch.from_numpy(work.draw.validation.y).to(work.device)
    looks = looks_at(work.steps, work.batch, len(truth))
    best, step = Best(network), 0
    while step < work.steps:
        order = torch.randperm(work.run.N, device=work.device)
        for index in order[: work.run.N // work.batch * work.batch].split(work.batch):
            x, y = shard[index]
            optimiser.zero_grad()
            cross_entropy(network(x), y).backward()
            optimiser.step()
            schedule.step()
            step += 1
            if step in looks:
                best.look(lambda: float((network(validation).argmax(dim=1) != truth).float().mean()))
            if step == work.steps:
                break
    best.restore()
    network.eval()
    with torch.no_grad():
        classes = network(test).argmax(dim=1).cpu().numpy()
    return float((classes != work.test.y).mean()), 0


def plain_loop_on_text(work: Work) -> tuple[float, int]:
    """The loop of nanoGPT."""
    import torch
    from torch.nn.functional import cross_entropy

    network, optimiser, schedule = begin(work)
    train, validation, test = (
        torch.from_numpy(text.tokens).to(work.device) for text in (work.draw.train, work.draw.validation, work.test)
    )
    length = min(work.task.context, work.run.N)
    windows = max(1, work.batch // length)
    looks = looks_at(work.steps, work.batch, len(validation) - 1)
    best = Best(network)

    def surprise(tokens: Any) -> float:
        read = tokens.unfold(0, length + 1, length)
        return float(cross_entropy(network(read[:, :-1]).flatten(0, 1), read[:, 1:].flatten()))

    for step in range(1, work.steps + 1):
        starts = torch.randint(len(train) - length, (windows,))
        x, y = (torch.stack([train[i + shift : i + shift + length] for i in starts]) for shift in (0, 1))
        optimiser.zero_grad()
        cross_entropy(network(x).flatten(0, 1), y.flatten()).backward()
        optimiser.step()
        schedule.step()
        if step in looks:
            best.look(lambda: surprise(validation))
    best.restore()
    network.eval()
    with torch.no_grad():
        return surprise(test), 0


def plain_loop_on_utterances(work: Work) -> tuple[float, int]:
    """A DataLoader that pads, as torchaudio's examples have it."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    from scaling.tasks.transcription import NOTHING, Held, edits

    def padded(utterances: list[tuple[Any, Any]]) -> Held:
        frames, symbols = zip(*utterances, strict=True)
        lengths = torch.tensor([len(each) for each in frames], device=work.device)
        rows = pad_sequence(symbols, batch_first=True, padding_value=NOTHING)
        return Held(pad_sequence(frames, batch_first=True), lengths, rows)

    def listed(examples: Any) -> list[tuple[Any, Any]]:
        frames, lengths, symbols = (torch.from_numpy(array).to(work.device) for array in examples)
        kept = [
            (family.features(heard[:length]), said)
            for heard, length, said in zip(frames, lengths, symbols, strict=True)
        ]
        return [(heard, said[said != NOTHING]) for heard, said in kept]

    def errors(batches: Any) -> float:
        heard, said = [], []
        for batch in batches:
            found = network.transcribe(network(batch.frames, batch.lengths))
            heard.append(edits(found.cpu().numpy(), batch.symbols.cpu().numpy()).sum())
            said.append(int((batch.symbols != NOTHING).sum()))
        return float(sum(heard) / sum(said))

    family, parts = work.family, begin(work)
    network = parts[0]

    def loss(batch: Held) -> Any:
        return network.loss(network(batch.frames, batch.lengths), batch.symbols)

    return loop_over_batches(work, parts, listed, padded, loss, errors)


def plain_loop_on_sentences(work: Work) -> tuple[float, int]:
    """A DataLoader that pads, as PyTorch's tutorial on translation has it."""
    import torch
    from torch.nn.functional import cross_entropy
    from torch.nn.utils.rnn import pad_sequence

    from scaling.tasks.translation import BEGIN, END, PADDING

    def padded(pairs: list[tuple[Any, Any]]) -> tuple[Any, Any]:
        return tuple(pad_sequence(side, batch_first=True, padding_value=PADDING) for side in zip(*pairs, strict=True))

    def listed(examples: Any) -> list[tuple[Any, Any]]:
        begin, end = (torch.tensor([mark], device=work.device) for mark in (BEGIN, END))
        sides = [
            torch.from_numpy(side.tokens.astype("int64")).to(work.device).split(side.lengths.tolist())
            for side in (examples.source, examples.target)
        ]
        return [(source, torch.cat([begin, target, end])) for source, target in zip(*sides, strict=True)]

    def logits(batch: tuple[Any, Any]) -> tuple[Any, Any]:
        return network(batch[0], batch[1][:, :-1]).flatten(0, 1), batch[1][:, 1:].flatten()

    def errors(batches: Any) -> float:
        wrong, tokens = 0, 0
        for batch in batches:
            answers, truth = logits(batch)
            wrong += int(((answers.argmax(dim=1) != truth) & (truth != PADDING)).sum())
            tokens += int((truth != PADDING).sum())
        return wrong / tokens

    def loss(batch: tuple[Any, Any]) -> Any:
        return cross_entropy(*logits(batch), ignore_index=PADDING)

    parts = begin(work)
    network = parts[0]
    return loop_over_batches(work, parts, listed, padded, loss, errors)


def loop_over_batches(
    work: Work,
    parts: tuple[Any, Any, Any],
    listed: Callable[[Any], list[Any]],
    padded: Callable[[list[Any]], Any],
    loss: Callable[[Any], Any],
    errors: Callable[[Any], float],
) -> tuple[float, int]:
    """Train on a shard whose examples differ in length; `errors` are those of all batches together."""
    import torch
    from torch.utils.data import DataLoader

    network, optimiser, schedule = parts
    shard, validation = listed(work.draw.train), listed(work.draw.validation)
    looked_at = DataLoader(validation, EVALUATED, collate_fn=padded)
    looks = looks_at(work.steps, work.batch, len(validation))
    best, step = Best(network), 0
    while step < work.steps:
        for batch in DataLoader(shard, work.batch, shuffle=True, drop_last=True, collate_fn=padded):
            optimiser.zero_grad()
            loss(batch).backward()
            optimiser.step()
            schedule.step()
            step += 1
            if step in looks:
                best.look(lambda: errors(looked_at))
            if step == work.steps:
                break
    best.restore()
    answers = work.task.answer(network, work.task.hold(work.test, work.family.features, torch.device(work.device)))
    return float(work.task.score(answers, work.test)[work.task.metric].mean()), 0


def mlp_classifier(work: Work) -> tuple[float, int]:
    """scikit-learn's network."""
    from sklearn.neural_network import MLPClassifier

    family, size = work.family, work.run.size
    rival = MLPClassifier(
        hidden_layer_sizes=(size, size),
        alpha=0,
        batch_size=work.batch,
        learning_rate_init=family.learning_rate,
        max_iter=work.passes,
        n_iter_no_change=work.passes,
        random_state=work.run.seed,
    )
    return by_scikit_learn(rival, work)


def sgd_classifier(work: Work) -> tuple[float, int]:
    """scikit-learn's stochastic gradient descent."""
    from sklearn.linear_model import SGDClassifier

    return by_scikit_learn(SGDClassifier(loss="log_loss", max_iter=work.passes, tol=None, random_state=0), work)


def logistic_regression(work: Work) -> tuple[float, int]:
    """scikit-learn's logistic regression."""
    from sklearn.linear_model import LogisticRegression

    return by_scikit_learn(LogisticRegression(), work)


def k_neighbours_classifier(work: Work) -> tuple[float, int]:
    """scikit-learn's k nearest neighbours."""
    from sklearn.neighbors import KNeighborsClassifier

    return by_scikit_learn(KNeighborsClassifier(work.run.learner["k"]), work)


def by_scikit_learn(rival: Any, work: Work) -> tuple[float, int]:
    """Let a classifier of scikit-learn fit and predict."""
    import warnings

    warnings.simplefilter("ignore")  # that it has not converged is the budget
    x, y = work.draw.train
    rival.fit(x.reshape(len(x), -1), y)
    classes = rival.predict(work.test.x.reshape(len(work.test.x), -1))
    return float((classes != work.test.y).mean()), 0


RIVALS: dict[str, dict[str, Side]] = {
    "knn": {"KNeighborsClassifier": k_neighbours_classifier},
    "logistic": {
        "plain PyTorch loop": plain_loop,
        "SGDClassifier": sgd_classifier,
        "LogisticRegression": logistic_regression,
    },
    "mlp": {"plain PyTorch loop": plain_loop, "MLPClassifier": mlp_classifier},
    **{kind: {"plain PyTorch loop": plain_loop} for kind in ("cnn", "resnet", "tdnn")},
    **{kind: {"plain PyTorch loop": plain_loop_on_text} for kind in ("lstm", "mingru", "transformer")},
    **{kind: {"plain PyTorch loop": plain_loop_on_utterances} for kind in ("crnn", "listener")},
    **{kind: {"plain PyTorch loop": plain_loop_on_sentences} for kind in ("seq2seq", "translator")},
}
"""By the kind of a family."""


class Measured(NamedTuple):
    """What one turn of a side took."""

    seconds: float
    error: float
    of_peak: float


def design() -> Study:
    """The full study."""
    config = load_configfile(str(ROOT / "config.yaml"))
    update_config(config, load_configfile(str(ROOT / "profiles/full/study.yaml")))
    return Study.of(config)


def measure(case: Case, side: str, seed: int, data: Path | None, device: str) -> Measured:
    """One turn of a side, in a process of its own."""
    study = design()
    run = study.run(*case, seed=seed)
    if issubclass(models.load(run.learner["kind"]), Network):
        run = run.model_copy(update={"learner": run.learner | {"device": device}})
    domain = domains.load(run.data["kind"]).model_validate(run.data)
    act = ours if side == OURS else RIVALS[run.learner["kind"]][side]
    draw = domain.draw(run.domain, run.N, run.seed, data)
    brief = run.budget.model_copy(update={"epochs": 1, "min_steps": LOOKS, "max_steps": LOOKS})
    small = run.model_copy(update={"N": WARM_UP, "budget": brief})
    act(Work(small, domain.draw(run.domain, WARM_UP, run.seed, data), device))
    start = clock(device)
    error, operations = act(Work(run, draw, device))
    seconds = clock(device) - start
    return Measured(seconds, error, operations / seconds / peak(device) if operations else 0)


def clock(device: str) -> float:
    """CPU seconds; where a GPU works, seconds on the wall, once it has done all it was told."""
    if device == "cpu":
        return time.process_time()
    import torch

    torch.cuda.synchronize()
    return time.perf_counter()


def peak(device: str) -> float:
    """Operations a second that a product of two large matrices reaches: the best of ten."""
    import torch

    one, other = torch.rand(2, GEMM, GEMM, device=device)
    seconds = []
    for _ in range(10):
        start = clock(device)
        one @ other
        seconds.append(clock(device) - start)
    return 2 * GEMM**3 / min(seconds)


def compare(case: Case, turns: int, data: Path | None, device: str) -> dict[str, dict[str, Any]]:
    """Let all sides of a case take turns."""
    kind = design().run(*case, seed=0).learner["kind"]
    sides = (OURS, *RIVALS[kind])
    taken: dict[str, list[Measured]] = {side: [] for side in sides}
    # A fresh process each time: what one side leaves in memory or in torch's settings is nothing to the next.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        for turn in range(turns):
            for side in sides:
                taken[side].append(pool.submit(measure, case, side, turn, data, device).result())
    report = {}
    for side, found in taken.items():
        ratios = [theirs.seconds / own.seconds for theirs, own in zip(found, taken[OURS], strict=True)]
        report[side] = {
            "seconds": statistics.median(turn.seconds for turn in found),
            "ratio": statistics.median(ratios),
            "lowest ratio": min(ratios),
            "highest ratio": max(ratios),
            "error": statistics.median(turn.error for turn in found),
            "lowest error": min(turn.error for turn in found),
            "highest error": max(turn.error for turn in found),
            "of peak": statistics.median(turn.of_peak for turn in found) or None,
        }
    return report


def main(
    data: Annotated[Path, typer.Option(help="Folder of the prepared data.")] = ROOT / "results-full/data",
    only: Annotated[list[str] | None, typer.Option(help="A family's kind, a model or a domain.")] = None,
    turns: Annotated[int, typer.Option(min=1, help="How often each side is measured.")] = 5,
    device: Annotated[str, typer.Option(help="cpu or cuda: where networks are trained.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Measure and print."""
    wanted = [case for case in CASES if not only or {case.domain, case.model, case.model.split("-")[0]} & set(only)]
    prepared = {
        domain: data / f"{domain}.npz"
        for domain in dict.fromkeys(case.domain for case in wanted)
        if design().trained[domain].data.source
    }
    for domain, place in prepared.items():
        if not place.exists():
            raise SystemExit(
                f"{place} is not there: snakemake --cores 2 --profile profiles/full -- results-full/data/{domain}.npz "
                "makes it."
            )
    report = {}
    for case in wanted:
        report[f"{case.model} on {case.domain}, N = {case.N:,}"] = compare(
            case, turns, prepared.get(case.domain), device
        )
    if as_json:
        print(json.dumps({"device": device, "turns": turns, "cases": report}, indent=2, ensure_ascii=False))
        return
    table = Table("run", "side", "s", "ratio", "error", "of peak", title=f"{turns} turns, {device}")
    for name, sides in report.items():
        for side, row in sides.items():
            spread = f" [{row['lowest ratio']:.2f}, {row['highest ratio']:.2f}]" if side != OURS else ""
            share = f"{row['of peak']:.0%}" if row["of peak"] else ""
            table.add_row(
                name if side == OURS else "",
                side,
                f"{row['seconds']:.2f}",
                f"{row['ratio']:.2f}{spread}",
                f"{row['error']:.4f} [{row['lowest error']:.4f}, {row['highest error']:.4f}]",
                share,
            )
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
