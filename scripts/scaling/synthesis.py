"""Speech: utterances of many voices by eSpeak NG, an open synthesiser, and the log-mel spectra that networks hear.

The library is taken from the fetched archive and loaded by ctypes, never installed. It is repeatable to the bit, but
only if its random numbers are seeded once, when it begins, and the utterances then come in the same order: what it
says depends on all that it has said. So every call of `speak` begins with a library freshly loaded.
"""

from __future__ import annotations

import ctypes
import functools
import math
import platform
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from scaling.domains import Pooled, Published
from scaling.randomness import stream_seed
from scaling.settings import Count
from scaling.sources import PythonPackage, Source, SourceError, extract, names

LIBRARY = "libespeak-ng.so.1.52.0"
VOICES = "espeak-ng-data/voices/!v/"
ESPEAK = PythonPackage(
    package="espeakng-loader",
    version="0.2.4",
    platform="manylinux2014_x86_64",
    folder="espeakng_loader",
    licence="GPL-3.0-or-later",
    sha256={
        LIBRARY: "b15ce0803b26254e8a0d088c6b9281a2637b2b02613147cc320cfdefaf2c3ccf",
        "espeak-ng-data/en_dict": "1053f74a34af38abb6fbd64b7838dacbc655a687c48ce1bb663d364a127b05de",
        "espeak-ng-data/intonations": "031a105bf6bb2ebcd73a2c579ccfb42469b27266db0078af65ae298fd3588b21",
        "espeak-ng-data/phondata": "a0b643b155cb6b12628d9e7865b57d9fca0d35844614f2594a5e009c80c80bb4",
        "espeak-ng-data/phonindex": "384e5fa6f714ba5356c58008249b78699c31c1ad044b243068d263fb806b7d73",
        "espeak-ng-data/phontab": "1b40690667e1e9aa1ba5e5234773c799e7e72ea751426e5150423d53c3f24fa2",
        "espeak-ng-data/lang/gmw/": "de3584fd1dd6027f6d84b4a2a113f6b559c1385f0b1cd18c7acc3f87435ee6a2",
        VOICES: "051247e799f0f7d2dbc9a838d01dbc2b7fab40b336575b24a61784e541ada552",
    },
)
"""eSpeak NG 1.52: the library, English in its accents, and 104 voices."""
ACCENTS = (*("en", "en-029", "en-GB-scotland", "en-GB-x-gbclan", "en-GB-x-gbcwmd", "en-GB-x-rp", "en-US", "en-US-nyc"),)
HELD_OUT = (
    *("Alicia", "Lee", "Storm", "antonio", "belinda", "boris", "grandma", "grandpa", "linda", "pedro", "quincy"),
    *("shelby", "travis", "victor", "zac"),
)
"""Voices that no shard has. None shares more than half of its settings with any other voice, as some voices do."""
RATES = 120, 240
"""Words a minute: from the first up to, but not with, the last."""
PITCHES = 20, 80
"""Of 100, as eSpeak counts: from the first up to, but not with, the last."""
SAMPLE_RATE = 22_050
"""Samples a second, as eSpeak makes them."""
MELS = 32
WINDOW = 512
"""Samples that a spectrum is taken of: 23 ms."""
RANGE = 60.0
"""Spectra are kept down to so many decibels below an utterance's loudest spot, which white noise never reaches."""


class Spoken(Pooled):
    """A domain of utterances by known voices, and by some held out; a file of `scaling/domains` says what is said."""

    pool_size: Annotated[int, Field(gt=0, le=1_000_000)]
    """Utterances that shards are drawn from."""
    test_size: Count
    """Test utterances by the voices that shards have."""
    held_out_size: Annotated[int, Field(gt=0, le=100_000)]
    """Test utterances by the voices that no shard has."""

    regions: ClassVar[Mapping[str, str]] = {"held-out": "voices that no shard has"}
    unit: ClassVar[str] = "utterances"
    published: ClassVar[Published | None] = Published(
        task="speech recognition, character error", slope=-0.291, growth=0.54, source="hestness2019"
    )
    source: ClassVar[Source | None] = ESPEAK

    @property
    def pool(self) -> int:
        """Utterances to draw shards from."""
        return self.pool_size

    @property
    def known_size(self) -> int:
        """Utterances by known voices, in all."""
        return self.pool_size + self.validation_size + self.test_size

    def cut(self, arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Cut arrays of all utterances, those by known voices first, into the parts that shards and sets are."""
        names = ("pool", "validation", "test", "held-out")
        ends = np.cumsum([self.pool_size, self.validation_size, self.test_size])
        return {
            f"{part}_{name}": piece
            for name, array in arrays.items()
            for part, piece in zip(names, np.split(array, ends), strict=True)
        }


class Utterance(NamedTuple):
    """What is said, and how."""

    text: str
    accent: str
    voice: str
    rate: int
    pitch: int


def voices(raw: Path) -> list[str]:
    """Name the voices of an archive, in order."""
    return sorted(name.removeprefix(VOICES) for name in names(raw) if name.startswith(VOICES))


def known_voices(raw: Path) -> list[str]:
    """Name those that are not held out."""
    return [voice for voice in voices(raw) if voice not in HELD_OUT]


def utterances(rng: np.random.Generator, texts: Sequence[str], voices: Sequence[str]) -> list[Utterance]:
    """Have each text said by one of these voices, in an accent, at a rate and a pitch; no two texts share all four."""
    choices = (ACCENTS, voices, range(*RATES), range(*PITCHES))
    counts = tuple(map(len, choices))
    drawn = rng.choice(math.prod(counts), size=len(texts), replace=False)
    return [
        Utterance(text, *(values[place] for values, place in zip(choices, places, strict=True)))
        for text, *places in zip(texts, *np.unravel_index(drawn, counts), strict=True)
    ]


def speak(raw: Path, utterances: Sequence[Utterance]) -> Iterator[tuple[int, NDArray[np.int16]]]:
    """Give the place of each utterance and its sound, at SAMPLE_RATE: by voices, as changing these takes long.

    Raises SourceError if the library of the archive `raw` can't be loaded here.
    """
    with tempfile.TemporaryDirectory() as folder:
        extract(raw, Path(folder))
        espeak = _Espeak(Path(folder))
        try:
            for place in sorted(range(len(utterances)), key=lambda place: utterances[place][1:3]):
                yield place, espeak.say(utterances[place])
        finally:
            espeak.unload()


class _Espeak:
    """The library's synchronous interface, as speak_lib.h and espeak_ng.h describe it."""

    SYNCHRONOUS, DONT_EXIT, CHARACTER, UTF8 = 2, 0x8000, 1, 1
    RATE, PITCH = 1, 3

    def __init__(self, folder: Path) -> None:
        try:
            self._library = ctypes.CDLL(str(folder / LIBRARY))
        except OSError as error:
            raise SourceError(
                f"eSpeak NG's library of the {ESPEAK.name} is for Linux on x86-64 and can't be loaded on "
                f"{platform.system()} on {platform.machine()} ({error}). Prepare this domain on such a machine, or "
                "leave it out of the study."
            ) from error
        self._process = ctypes.CDLL(None)
        self._library.espeak_Synth.argtypes = (
            *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint),
            *(ctypes.c_void_p, ctypes.c_void_p),
        )
        self._library.espeak_ng_SetRandSeed.argtypes = (ctypes.c_long,)
        rate = self._library.espeak_Initialize(self.SYNCHRONOUS, 0, bytes(folder), self.DONT_EXIT)
        if rate != SAMPLE_RATE:
            raise SourceError(f"eSpeak NG of the {ESPEAK.name} did not start (its sample rate is {rate})")
        self._voice, self._heard = b"", list[bytes]()
        # Held by us, because the library keeps no more than its address.
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        self._listener = kind(self._hear)
        self._library.espeak_SetSynthCallback(self._listener)
        self._library.espeak_ng_SetRandSeed(stream_seed("espeak") >> 33)
        self._process.srand(stream_seed("espeak", "libc") >> 33)  # some voices draw from C's own generator

    def _hear(self, sound: int | None, samples: int, _: int | None) -> int:
        if sound is not None:
            self._heard.append(ctypes.string_at(sound, 2 * samples))
        return 0

    def say(self, utterance: Utterance) -> NDArray[np.int16]:
        text, voice = utterance.text.encode(), f"{utterance.accent}+{utterance.voice}".encode()
        self._heard.clear()
        failed = (
            (voice != self._voice and self._library.espeak_SetVoiceByName(voice))
            or self._library.espeak_SetParameter(self.RATE, utterance.rate, 0)
            or self._library.espeak_SetParameter(self.PITCH, utterance.pitch, 0)
            or self._library.espeak_Synth(text, len(text) + 1, 0, self.CHARACTER, 0, self.UTF8, None, None)
        )
        self._voice = voice
        if failed or not self._heard:
            raise SourceError(f"eSpeak NG of the {ESPEAK.name} can't say {utterance} (its error is {failed})")
        return np.frombuffer(b"".join(self._heard), dtype=np.int16)

    def unload(self) -> None:
        # Or the loader would give the next copy, should it lie at the same inode, as this one in its present state.
        self._library.espeak_Terminate()
        self._process.dlclose(ctypes.c_void_p(self._library._handle))


def in_noise(
    sound: NDArray[np.int16], samples: int, rng: np.random.Generator, ratios: tuple[float, float]
) -> NDArray[np.float32]:
    """Put a sound, cut off if it is too long, amid so many samples of white noise.

    How much stronger the sound is, while it lasts, than the noise is drawn between two `ratios` in decibels.
    """
    sound = sound[:samples]
    noisy = rng.standard_normal(samples, dtype=np.float32)
    strength = np.sqrt(np.square(sound, dtype=np.float32).mean()) * 10 ** (-rng.uniform(*ratios) / 20)
    noisy *= strength
    start = (samples - len(sound)) // 2
    noisy[start : start + len(sound)] += sound
    return noisy


def log_mels(sound: NDArray[np.float32], hop: int) -> NDArray[np.uint8]:
    """Take the spectrum of a window every `hop` samples, on the mel scale: shape (frames, MELS).

    What is given is the decibels above a floor of RANGE below the loudest spot, as bytes: 255 is the loudest.
    """
    from scipy.fft import rfft

    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::hop]
    spectra = rfft(frames * _window(), axis=1)
    power = np.square(spectra.real) + np.square(spectra.imag)
    mels = power @ _filters()
    decibels = 10 * np.log10(mels / mels.max() + np.float32(10 ** (-RANGE / 10)))
    return np.asarray(np.clip(np.rint(255 * (1 + decibels / RANGE)), 0, 255), dtype=np.uint8)


@functools.cache
def _window() -> NDArray[np.float32]:
    return np.hanning(WINDOW + 1)[:-1].astype(np.float32)


@functools.cache
def _filters() -> NDArray[np.float32]:
    """Triangles, evenly spaced on the mel scale (O'Shaughnessy) from 60 Hz to 8 kHz: shape (WINDOW / 2 + 1, MELS)."""
    ends = 2595 * np.log10(1 + np.array([60, 8_000]) / 700)
    corners = 700 * (10 ** (np.linspace(ends[0], ends[1], MELS + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)[:, None]
    rising = (frequencies - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - frequencies) / (corners[2:] - corners[1:-1])
    return np.asarray(np.maximum(0, np.minimum(rising, falling)), dtype=np.float32)
