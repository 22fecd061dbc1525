"""What tests of claims share: evidence made of runs that nobody ran, and how a verdict is read."""

import functools
import re

import numpy as np
import pytest

from scaling import curves
from scaling.claims import Evidence
from scaling.laws.analysis import Analysis, analyse
from scaling.laws.regions import find_regions

SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000)


def make_power(slope, start=0.3):
    return lambda N: start * (N / 100) ** slope


def make_wavy(N):
    """A power law, but for misses of 8 % up and down that no form foretells."""
    return make_power(-0.3)(N) * (1.08 if SIZES.index(N) % 2 else 0.92)


@functools.cache
def only_the_law(shards):
    """What most claims read of an analysis, in a fraction of the time."""
    regions, law = find_regions(shards)
    return Analysis.model_construct(shards=shards, regions=regions, law=law, rivals=(), audit=None)


WHOLE = functools.cache(analyse)


def make_evidence(*records, neural=(), whole=False):
    """Evidence of the records' curves, analysed as a whole if need be."""
    domains = sorted({record.domain for record in records})
    tables = {domain: curves.gather(record for record in records if record.domain == domain) for domain in domains}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves, "analyse", WHOLE if whole else only_the_law)
        made = [curves.fit_curve(tables[d], family) for d in domains for family in dict.fromkeys(tables[d].family)]
    return Evidence(tables, tuple(made), frozenset(neural))


def read_verdict(claim, found):
    """Test a claim, and see that its reason names only numbers that exist and types none itself."""
    outcome = claim.test(found)
    macros = re.findall(r"\\(val|interval)\{claim\.([^.}]*)\.([^}]*)\}", outcome.reason)
    assert macros
    for macro, id, name in macros:
        assert id == claim.id
        assert outcome.numbers[name].printed if macro == "val" else outcome.numbers[name].printed_interval
    typed = re.sub(r"\\(val|interval)\{[^}]*\}", "", outcome.reason)
    assert not re.search(r"\d|<<|>>", typed)
    for number in outcome.numbers.values():
        assert np.isfinite(number.value)
    return outcome.verdict


def make_balanced(seeds, columns, spread):
    """Factors, of shape (seeds, columns), whose logs have mean zero and this standard deviation, exactly."""
    logs = np.random.default_rng(0).normal(size=(seeds, columns))
    logs -= logs.mean(axis=0)
    return np.exp(spread * logs / (logs.std(axis=0, ddof=1) if seeds > 1 else 1))


@pytest.fixture(scope="session")
def balanced():
    return make_balanced


@pytest.fixture(scope="session")
def sizes():
    return SIZES


@pytest.fixture(scope="session")
def power():
    return make_power


@pytest.fixture(scope="session")
def wavy():
    return make_wavy


@pytest.fixture(scope="session")
def evidence():
    return make_evidence


@pytest.fixture(scope="session")
def verdict():
    return read_verdict


@pytest.fixture(scope="session")
def value():
    return lambda claim, found, name: claim.test(found).numbers[name].value


@pytest.fixture(scope="session")
def curve(records):
    """Make the records of a network's curve, limited by compute or not."""

    def make(errors, family="cnn", domain="images", sizes=SIZES, limited=False, **fields):
        single = records(family, errors, sizes, domain=domain, size=8, **fields)
        gain = 0.9 if limited else 1.0
        doubled = lambda N: gain * errors(N)  # noqa: E731
        return single + records(family, doubled, sizes[-1:], domain=domain, size=8, budget_scale=2, **fields)

    return make
