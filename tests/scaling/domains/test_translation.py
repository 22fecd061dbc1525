"""The verses: how they are cleaned, split and drawn, shown on a small bible whose words tell where they stand."""

import hashlib
import sqlite3

import numpy as np
import pytest

from scaling.domains import translation
from scaling.domains.translation import Domain, Verse, clean, learn, read, runs, spelling, split
from scaling.sources import PythonPackage, SourceError
from scaling.training import Budget, Run, train

DOMAIN = Domain(kind="translation", validation_size=12, test_size=24, translated=5)
CHAPTERS, VERSES = 30, 10
NAMES = ["adam", "noe", "lot", "job", "ruth", "saul", "omri", "elah", "agag", "joab"]


def words(chapter, verse):
    """Say where a verse stands, so that no two verses share a run of four words."""
    return [f"{NAMES[chapter // 10]}{NAMES[chapter % 10]}{NAMES[verse]}{place}" for place in "abcdefg"]


def small_bible():
    """Give the rows (edition, book, chapter, verse, text) of a bible of three editions."""
    for chapter in range(CHAPTERS):
        for verse in range(VERSES):
            english, spanish = words(chapter, verse), words(chapter, verse)[::-1]
            for edition, text in (("4", english), ("v", spanish), ("s", ["otra"])):
                yield edition, 1 + chapter // 10, 1 + chapter % 10, 1 + verse, " ".join(text)


def archive(folder, rows):
    """Write the raw archive of a database with these rows."""
    with sqlite3.connect(folder / "bible.db") as database:
        database.execute("CREATE TABLE bible (bbName TEXT, bNumber INT, cNumber INT, vNumber INT, vText TEXT)")
        database.executemany("INSERT INTO bible VALUES (?, ?, ?, ?, ?)", rows)
    database.close()
    content = (folder / "bible.db").read_bytes()
    hashes = {"bible.db": hashlib.sha256(content).hexdigest()}
    source = PythonPackage(package="none", version="1", folder="", licence="none", sha256=hashes)
    (folder / "raw.tar").write_bytes(source.fetch(folder))
    return folder / "raw.tar"


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return archive(tmp_path_factory.mktemp("translation"), small_bible())


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Make the house's sizes those of the small bible."""
    for name, value in {"CHAPTERS": (5, 4, 3), "POOL": 150, "VOCABULARY": 400, "COMMONEST": 0.127}.items():
        monkeypatch.setattr(translation, name, value)


@pytest.fixture
def data(raw):
    path = raw.with_name("translation.npz")
    if not path.exists():
        np.savez(path, allow_pickle=False, **DOMAIN.prepare(raw))
    return path


def draw(data, N=40, seed=0):
    return DOMAIN.draw("translation", N, seed, data)


def texts(examples):
    return examples.texts(len(examples.target.lengths))


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("He shall offer [even] a  first-[fruits]", "He shall offer even a first-fruits"),
        (
            "Salvation belongs to Yahweh. Selah. Psalm 4 For the Chief Musician; by David.",
            "Salvation belongs to Yahweh. Selah.",
        ),
        ("being old and full of days. BOOK I Psalm 1", "being old and full of days."),
        ("\u00adCUAN amables\tson", "CUAN amables son"),
        ("God`s Spirit", "God's Spirit"),
        ("e\u0301l", "él"),
    ],
)
def test_texts_are_cleaned(text, cleaned):
    assert clean(text) == cleaned


def test_pairs_that_say_different_things_or_nothing_new_are_left_out(tmp_path):
    pairs = [
        ("In the beginning", "EN el principio"),
        ("In the beginning", "Otra vez"),
        ("Once more", "EN el principio"),
        ("Much is said here of little", "Poco"),
        ("", ""),
        ("Amen and amen", "Amén y amén"),
    ]
    rows = [(edition, 1, 1, n, text) for n, pair in enumerate(pairs) for edition, text in zip("4v", pair, strict=True)]
    verses = read(archive(tmp_path, rows))
    assert verses == [Verse((1, 1), *pairs[0]), Verse((1, 1), *pairs[5])]


def test_the_parts_are_whole_chapters_disjoint_and_the_same_each_time(raw):
    verses = read(raw)
    assert len(verses) == CHAPTERS * VERSES
    parts = split(verses)
    assert parts == split(verses)
    assert [len(part) for part in parts] == [50, 40, 30, 180]
    homes = [{verse.chapter for verse in part} for part in parts]
    assert len(set.union(*homes)) == sum(map(len, homes)) == CHAPTERS
    assert {book for book, _ in list(dict.fromkeys(verse.chapter for verse in parts[3]))[:6]} == {1, 2, 3}


def test_a_test_verse_has_no_twin_in_another_chapter(raw):
    verses = read(raw)
    _, test, validation, pool = split(verses)
    told = test[0].english.split()
    twin = Verse(pool[0].chapter, " ".join([*told[:6], "amen"]), "amen")
    cousin = Verse(pool[0].chapter, " ".join([*told[:5], "a", "men"]), "amen")
    neighbour = Verse(test[0].chapter, " ".join([*told[:6], "amen"]), "amen")
    assert split([*verses, twin])[1] == test[1:]
    assert split([*verses, cousin])[1] == test
    assert test[0] in split([*verses, neighbour])[1]
    other = Verse(test[0].chapter, " ".join([*validation[0].english.split()[:6], "amen"]), "amen")
    assert validation[0] not in split([*verses, other])[2]


def test_runs_are_of_four_words():
    assert runs("The Lord said, the LORD said.") == {
        ("the", "lord", "said", "the"),
        ("lord", "said", "the", "lord"),
        ("said", "the", "lord", "said"),
    }
    assert runs("Amen, amen") == set()


def test_sub_words_spell_any_text_and_are_the_same_each_time():
    seen = [" ".join(words(0, verse)) for verse in range(VERSES)]
    first, again = learn(seen), learn(seen)
    assert first.serialized_model_proto() == again.serialized_model_proto()
    for text in (seen[0], "ñandú 漢字 ■"):
        tokens = first.encode(text)
        assert translation.UNKNOWN not in tokens
        assert b"".join(spelling(first, token) for token in tokens).decode() == f" {text}"


def test_sets_are_disjoint_and_hold_what_was_asked_for(data):
    drawn = draw(data, 150)
    (test,) = drawn.test.values()
    sets = [set(texts(examples)) for examples in (drawn.train, drawn.validation, test)]
    assert [len(texts_) for texts_ in sets] == [150, 12, 24]
    assert not sets[0] & sets[1] | sets[1] & sets[2] | sets[0] & sets[2]
    assert (drawn.train.translated, drawn.validation.translated, test.translated) == (0, 0, 5)


def test_targets_stay_with_their_sources(data, raw):
    told = {verse.spanish: verse.english for verse in read(raw)}
    english = learn([verse.english for verse in split(read(raw))[0]])
    drawn = draw(data)
    for examples in (drawn.train, drawn.validation, *drawn.test.values()):
        starts = examples.source.starts
        sources = [english.decode(part.tolist()) for part in np.split(examples.source.tokens, starts[1:-1])]
        assert sources == [told[text] for text in texts(examples)]


def test_a_shard_is_the_same_each_time_and_no_part_of_another(data):
    first = texts(draw(data).train)
    assert len(set(first)) == 40
    assert first == texts(draw(data).train)
    for other in (draw(data, 40, 1), draw(data, 80)):
        assert 0 < len(set(first) & set(texts(other.train))) < 40


def test_validation_and_test_are_the_same_for_all_runs(data):
    one, other = draw(data), draw(data, 80, 3)
    assert texts(one.validation) == texts(other.validation)
    assert texts(one.test["token error"]) == texts(other.test["token error"])


def test_too_few_verses_are_an_error(tmp_path):
    rows = [row for row in small_bible() if row[1] < 3]
    with pytest.raises(SourceError, match="80 pairs are left for pool, expected 150"):
        DOMAIN.prepare(archive(tmp_path, rows))


def test_long_verses_are_in_no_part(raw, monkeypatch):
    monkeypatch.setattr(translation, "LONGEST", min(len(verse.english) for verse in read(raw)) - 1)
    with pytest.raises(SourceError, match="0 pairs are left for test, expected 24"):
        DOMAIN.prepare(raw)


def test_another_share_of_the_commonest_token_than_best_guess_rests_on_is_told(raw, monkeypatch):
    assert DOMAIN.guess == pytest.approx(1 - 0.127)
    monkeypatch.setattr(translation, "COMMONEST", 0.2)
    with pytest.raises(SourceError, match=r"0\.127 of the pool's target tokens are one, expected 0\.2"):
        DOMAIN.prepare(raw)


def test_without_prepared_data_there_is_nothing_to_draw():
    with pytest.raises(TypeError, match="pairs of kind translation are drawn from prepared data"):
        DOMAIN.draw("translation", 10, 0, None)


def test_a_run_is_the_same_each_time_and_tells_of_its_translations(data):
    run = Run(
        domain="translation",
        data=DOMAIN.model_dump(),
        family="seq2seq",
        learner={"kind": "seq2seq", "sizes": [8], "learning_rate": 0.01},
        model="seq2seq-8",
        size=8,
        N=40,
        seed=0,
        budget=Budget(batch_size=8, max_batch_size=8, batches_per_epoch=5, epochs=1, min_steps=30, max_steps=30),
        shares_pool=False,
    )
    record, outcomes, _ = train(run, data)
    again, outcomes_again, _ = train(run, data)
    assert record == again
    assert outcomes.keys() == {"token error", "nats per character", "weights"}
    assert all((outcomes[name] == outcomes_again[name]).all() for name in outcomes)
    assert record.test.keys() == {"token error", "nats per character", "chrF", "BLEU"}
    assert 0 < record.test["token error"] < 1
