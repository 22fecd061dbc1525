"""Orders: what a build tells its jobs, so that none has to find it out anew.

The build follows the imports of every script once, and writes down the files and versions behind each digest that its
jobs get as params `code` and `environment`; and which results were stale when it began, so that no job uses
one before it is remade.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.execution import changed_files, undeclared, versions_now
from provenance.findings import Finding
from provenance.receipts import Receipt, write_whole

if TYPE_CHECKING:  # the build follows imports, its jobs do not
    from provenance.identity import Closure

ORDERS = ".orders.json"
CHECKOUT = Path(__file__).resolve().parents[2]
"""The folder of the Snakefile: this library is at scripts/provenance in it."""


class ChangedMeanwhile(RuntimeError):
    """Code or environment is not what the build was started with, or not all of it was declared."""


@dataclass(frozen=True)
class Orders:
    """What the jobs of one build must know."""

    code: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By code digest: script, kinds, files (their normalised digests) and raw (their hashes)."""
    environment: dict[str, dict[str, str]] = field(default_factory=dict)
    """By environment digest: versions by distribution."""
    stale: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By path of its receipt, what was stale when the build began: `seal` of the receipt, and the `finding`."""

    @classmethod
    def of(cls, closures: Iterable[Closure], stale: Mapping[str, tuple[Receipt, Finding]]) -> Orders:
        """Write down the identities of all jobs, and the receipts that are stale."""
        orders = cls()
        for closure in closures:
            parts = {"script": closure.script, "kinds": closure.kinds, "files": closure.files, "raw": closure.raw}
            orders.code[closure.code] = parts
            orders.environment[closure.environment] = closure.versions
        for path, (receipt, finding) in stale.items():
            orders.stale[path] = {"seal": receipt.seal, "finding": asdict(finding)}
        return orders

    def still_stale(self, path: str, receipt: Receipt) -> Finding | None:
        """Give what was stale about a receipt when the build began, if it is still the same receipt."""
        known = self.stale.get(path)
        return Finding(**known["finding"]) if known and known["seal"] == receipt.seal else None

    @classmethod
    def read(cls, results: Path) -> Orders:
        """Read the orders of the running build; there are none if a script is run by hand."""
        path = results / ORDERS
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

    def write(self, results: Path) -> None:
        """Write them, whole."""
        write_whole(results / ORDERS, json.dumps(asdict(self)))

    def identity(self, code: str | None, environment: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give what a receipt says of a job's code and environment, for the digests that the job got as params.

        Raises ChangedMeanwhile if another version of a distribution is installed here than where the build began.
        """
        if code is None or environment is None:
            return {}, {}
        if code not in self.code or environment not in self.environment:
            raise ChangedMeanwhile("the build that started this job did not say what its code is. Build again.")
        versions = self.environment[environment]
        here = versions_now(versions)
        differing = [f"{name} {here[name]} for {versions[name]}" for name in versions if versions[name] != here[name]]
        if differing:
            raise ChangedMeanwhile(f"the environment is not the build's: {', '.join(differing)}. Build again.")
        parts = {name: self.code[code][name] for name in ("script", "kinds", "files")}
        return {"digest": code, **parts}, {"digest": environment, "versions": versions}

    def check_code(self, code: str) -> None:
        """Raise ChangedMeanwhile if the code has changed since the build began, or ran a module that is not listed."""
        parts = self.code[code]
        if changed := changed_files(parts["raw"], parts["files"], CHECKOUT):
            raise ChangedMeanwhile(f"{', '.join(changed)} changed while the build ran. Build again.")
        if hidden := undeclared(parts["files"], CHECKOUT):
            raise ChangedMeanwhile(
                f"{parts['script']} ran {', '.join(hidden)}, which its imports, as they are written, do not name. "
                "Import it in a way that can be followed, or bind its kind in the rule's identity."
            )
