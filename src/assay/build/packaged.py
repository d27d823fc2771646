"""A registered version read back, and whether its policy can be moved under a charter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay.build.built import Permitted
from assay.build.judged_rows import JudgedRows
from assay.charter.charter import Charter
from assay.errors import DataError, InputError, ModelError
from assay.evidence.bundle import Bundle, Signature
from assay.ports.engine import Floats
from assay.stats.forecaster import Forecaster, forecaster_from_document
from assay.value.valuation import Valuation, valuation_from_document

__all__ = ["Packaged"]

_NEAR = 1e-4
"""How far a score may lie from the one of then, relative to the scores' spread: rounding."""
_MEND = "Put the charter back, or run `assay build` for a version that is made under it"


@dataclass(frozen=True, eq=False)
class Packaged:
    """A version's bundle, what its files say, how it was found and the rows that judged it.

    `features` are the inputs that the model itself reads, `history` tells how it was found;
    `judged` is None where the rows were not kept, `permitted` is what people allowed for its model.
    Each check raises one error that says why the
    policy cannot be moved.
    """

    version: int
    bundle: Bundle
    signature: Signature
    valuation: Valuation
    forecaster: Forecaster
    features: tuple[str, ...]
    history: Mapping[str, Any]
    judged: JudgedRows | None
    permitted: tuple[Permitted, ...] = ()

    @classmethod
    def read(
        cls, version: int, bundle: Bundle, evaluation: Mapping[str, Any], judged: JudgedRows | None
    ) -> Packaged:
        """Read a bundle's files, and the content of its `evaluation` evidence (`{}` where lost).

        Raises ModelError where a file is missing or does not read.
        """
        try:
            signature = msgspec.json.decode(bundle.files["signature.json"], type=Signature)
            learned = forecaster_from_document(json.loads(bundle.files["calibration.json"]))
            valued = valuation_from_document(json.loads(bundle.files["policy.json"]))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"The bundle {bundle.digest[:12]} of {bundle.model} does not read: {error!r}. "
                "Build the model again with this version of Assay."
            ) from error
        features = tuple(evaluation.get("importance", [one.name for one in signature.inputs]))
        history = evaluation.get("search", {})
        return cls(version, bundle, signature, valued, learned, features, history, judged)

    @property
    def submitted(self) -> bool:
        """Whether the model was made elsewhere, so that half of the test rows calibrated it."""
        return "submitted" in self.history

    @property
    def data(self) -> str:
        """The digest of the table that the version was made from."""
        return str(self.bundle.origin["data"])

    def section(self, name: str) -> str:
        """Return the digest of a section of the charter that the version was made under."""
        return str(self.bundle.origin["sections"][name])

    def require_same_promise(self, charter: Charter, valued: Valuation) -> None:
        """Refuse a charter under which the model would have to be another one."""
        own = self.signature
        if valued.task != own.task:
            raise self._refused(f"it was made for {own.task}, and the charter is now {valued.task}")
        if valued.labels != own.labels:
            there, known = ", ".join(valued.labels), ", ".join(own.labels)
            same = sorted(valued.labels) == sorted(own.labels)
            raise self._refused(
                f"it forecasts the outcomes {known}, and the charter values "
                f"{'them in the order ' if same else ''}{there}"
            )
        now = charter.digests()
        for name, why in (("data", "what it learned from"), ("build", "how it was found")):
            if now[name] != self.section(name):
                raise self._refused(
                    f"the charter's section `{name}` has changed since, which says {why}"
                )
        unknown = sorted(valued.columns - {column.name for column in own.inputs})
        if unknown:
            raise self._refused(
                f"the value model now reads {', '.join(unknown)}, which callers of this version do "
                f"not send (it takes {', '.join(column.name for column in own.inputs)})"
            )

    def require_same_table(self, digest: str) -> None:
        """Refuse another table: its rows may have taught the model."""
        if digest != self.data:
            raise DataError(
                f"The policy of version {self.version} is judged anew on the rows that judged it, "
                f"and this table is not the one it was made from (digest {digest[:12]}, and "
                f"{self.data[:12]} is needed): its rows may have taught the model. Name that table "
                "with `--data`, or run `assay build` on this one."
            )

    def require_same_rows(
        self, raw: Floats, outcomes: NDArray[Any], second: NDArray[np.bool_]
    ) -> None:
        """Refuse rows other than those kept: all rows set aside, or the `second` half of them."""
        kept = self.judged
        if kept is None:
            raise self._refused(
                "the rows that judged it were not kept, so that nobody can tell which rows its "
                "model has not learned from",
                "Run `assay build`; versions built from now on can be moved",
            )
        whole = len(kept.outcomes) == len(outcomes)
        score, seen = (raw, outcomes) if whole else (raw[second], outcomes[second])
        near = _NEAR * (float(np.std(kept.score)) or 1.0)
        if kept.score.shape != score.shape or not (
            np.array_equal(kept.outcomes, seen) and np.abs(kept.score - score).max() <= near
        ):
            raise self._refused(
                "the rows set aside today, or what the model file answers on them, are not what "
                "judged it: another version of Assay made it",
                "Run `assay build`; the version made then can be moved",
            )

    def _refused(self, why: str, mend: str = _MEND) -> InputError:
        return InputError(f"The policy of version {self.version} cannot be moved: {why}. {mend}.")
