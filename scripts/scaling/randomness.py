"""Independent random streams, one per purpose.

Every generator of the study is keyed by what it is for, such as ("spiral", "train", N, seed), so that no
two purposes share a stream and each can be drawn again on its own, in any order, in any process.
"""

import hashlib

import numpy as np


def stream_seed(*key: str | int) -> int:
    """Give the 64-bit seed of the stream named by `key`."""
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return int.from_bytes(digest[:8], "big")


def generator(*key: str | int) -> np.random.Generator:
    """Give the generator of the stream named by `key` (PCG64, seeded through SeedSequence)."""
    return np.random.default_rng(stream_seed(*key))
