"""The translating transformer: its widths. What networks that translate share is in networks/test_writers.py."""

from scaling.models.translator import Family
from scaling.tasks.translation import Translation


def test_a_width_that_heads_do_not_fill_is_refused():
    complaint = Family(kind="translator", sizes=(16, 24), learning_rate=0.01).complaint(Translation(20, 20))
    assert complaint == "sizes = 24 can't be cut into heads of 16 numbers; give multiples of 16"
