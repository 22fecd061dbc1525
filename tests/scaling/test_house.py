"""What a file of a domain or a family lacks is told by its name, before anything is trained."""

from typing import Literal

import pytest

from scaling import domains, models
from scaling.house import HouseError, checked
from scaling.models import Family
from scaling.models.knn import Family as Neighbours


@pytest.mark.parametrize(("package", "base"), [(models, models.Family), (domains, domains.Domain)])
def test_all_that_are_here_are_whole(package, base):
    assert all(issubclass(checked(package.load, kind, base), base) for kind in package.kinds())


def absent(kind):
    raise AttributeError(name="Family", obj=models)


class Bare(Family):
    kind: Literal["bare"]


class Misnamed(Neighbours):
    kind: Literal["other"]


class Unescaped(Neighbours):
    kind: Literal["unescaped"]
    description = r"A rule with 100\% of what 50% have."


@pytest.mark.parametrize(
    ("load", "kind", "said"),
    [
        (absent, "mine", r"^scripts/scaling/models/mine.py has no class Family"),
        (lambda kind: Bare, "bare", r"models/bare.py, class Family: it lacks description, serves, title, which"),
        (lambda kind: Misnamed, "mine", r'write kind: Literal\["mine"\]'),
        (lambda kind: Unescaped, "unescaped", r"in which % is written \\%"),
        (lambda kind: domains.Domain, "mine", r"it is no scaling.models.Family"),
    ],
)
def test_what_is_amiss_is_told_with_the_file(load, kind, said):
    with pytest.raises(HouseError, match=said):
        checked(load, kind, Family)


def test_an_error_in_the_file_itself_is_no_fault_of_the_house():
    def broken(kind):
        raise AttributeError(name="array", obj=models)

    with pytest.raises(AttributeError):
        checked(broken, "mine", Family)
