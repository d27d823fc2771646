"""A model version before approval, and the one digest that people sign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from assay.charter.charter import SIGNED_SECTIONS, Charter
from assay.evidence.digest import digest_of

__all__ = ["Candidate"]


@dataclass(frozen=True)
class Candidate:
    """A bundle, the evidence about it, and the charter's sections it is judged under.

    `sections` holds the digest of each section of the charter, by name; those that no sign-off
    rests on may be there and do not count.

    >>> candidate = Candidate("bank", 3, "b" * 64, ("e" * 64,), {"value": "1", "title": "2"})
    >>> candidate.subject
    'model:bank/3'
    >>> retitled = Candidate("bank", 3, "b" * 64, ("e" * 64,), {"value": "1", "title": "9"})
    >>> revalued = Candidate("bank", 3, "b" * 64, ("e" * 64,), {"value": "9", "title": "2"})
    >>> retitled.digest == candidate.digest, revalued.digest == candidate.digest
    (True, False)
    """

    model: str
    version: int
    bundle: str
    evidence: tuple[str, ...]
    sections: Mapping[str, str]

    @property
    def subject(self) -> str:
        """The candidate's name in the ledger."""
        return f"model:{self.model}/{self.version}"

    @property
    def digest(self) -> str:
        """What people sign: it changes with the bundle, the evidence and each signed section."""
        return digest_of(
            {
                "format": 1,
                "model": self.model,
                "version": self.version,
                "bundle": self.bundle,
                "evidence": sorted(set(self.evidence)),
                "sections": {
                    name: digest
                    for name, digest in self.sections.items()
                    if name in SIGNED_SECTIONS
                },
            }
        )

    def under(self, charter: Charter) -> Candidate:
        """Return the candidate as it stands under a charter, which may have changed since."""
        return replace(self, sections=charter.digests())
