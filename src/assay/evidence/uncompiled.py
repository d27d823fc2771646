"""A model without a compiled form: what its file says of how it is to be run.

Such a model is a zip (a skops file, or an MLflow folder) with one member more, `assay.json`. Format
1. To change it: raise `FORMAT`, and teach `described` the step from the old one.
"""

from __future__ import annotations

import io
import zipfile
from typing import Literal

import msgspec

from assay.errors import ModelError

__all__ = ["AUDITED", "Uncompiled", "described", "with_description"]

FORMAT = 1

AUDITED = frozenset(
    {
        "collections.OrderedDict",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
        "numpy.dtype",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.tree._tree.Tree",
    }
)
"""Types beyond skops' own list that hold numbers and text only when read by skops."""

_MEMBER = "assay.json"
_ZIP = b"PK\x03\x04"
_MOST_DESCRIBED = 1 << 20
_MOST_BYTES = 2 << 30
_MOST_MEMBERS = 20_000
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


class Uncompiled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to run a model that was packaged as it is.

    `features` are the columns that it reads, in its order; `places` says where its probabilities
    hold the outcomes that are wanted. `feed` is the form that rows reach a scikit-learn model in:
    each step of its first ColumnTransformer its own part, or a frame. `trusted` are the types
    beyond skops' own list that its file holds, and `permitted` is the person in whose name it was
    packaged: a note for readers. Neither is a leave, since whoever wrote the file wrote them. `why`
    tells why there is no compiled form.

    >>> Uncompiled("skops", "regression", ("age",)).feed
    'frame'
    """

    kind: Literal["skops", "pyfunc"]
    task: Literal["classification", "regression"]
    features: tuple[str, ...]
    places: tuple[int, ...] = (1,)
    feed: Literal["parts", "frame"] = "frame"
    trusted: tuple[str, ...] = ()
    permitted: str | None = None
    why: str = ""
    format: int = FORMAT

    @property
    def file(self) -> str:
        """The name of the bundle's file that holds it."""
        return "model.skops" if self.kind == "skops" else "model.pyfunc.zip"

    @property
    def runs_code(self) -> bool:
        """Whether reading it may run code that nobody could audit."""
        return self.kind == "pyfunc" or not set(self.trusted) <= AUDITED

    def require_leave(self, *, code: bool) -> None:
        """Raise ModelError where it would run code, and whoever loads it did not allow `code`."""
        if self.runs_code and not code:
            strange = sorted(set(self.trusted) - AUDITED)
            held = "an MLflow function" if self.kind == "pyfunc" else ", ".join(strange)
            raise ModelError(
                f"The model holds {held}, which can run any code, and nobody allowed that here: "
                "what its own file says of it counts for nothing. Submit the model with "
                "--allow-pickle and the name of who trusts it, and release that version; a "
                'bundle\'s file is loaded by assay.load(..., allow_code="NAME").'
            )


def with_description(content: bytes, uncompiled: Uncompiled) -> bytes:
    """Return a zip's bytes with the description in it: the same members, the same bytes.

    A description that it held already is replaced.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as given:
        members = {name: given.read(name) for name in given.namelist() if not name.endswith("/")}
    members[_MEMBER] = msgspec.json.encode(uncompiled)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as written:
        for name in sorted(members):
            member = zipfile.ZipInfo(name, _LONG_AGO)
            member.compress_type = zipfile.ZIP_DEFLATED
            written.writestr(member, members[name])
    return out.getvalue()


def described(content: bytes) -> Uncompiled | None:
    """Return how a model is to be run; None where the bytes are no zip, as ONNX never is.

    Raises ModelError where a zip does not say so, or would grow beyond all bounds.
    """
    if not content.startswith(_ZIP):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as given:
            members = given.infolist()
            grown = sum(member.file_size for member in members)
            if len(members) > _MOST_MEMBERS or grown > _MOST_BYTES:
                raise ModelError(
                    f"The model's zip has {len(members):,} members of {grown:,} bytes in all; at "
                    f"most {_MOST_MEMBERS:,} and {_MOST_BYTES:,} are read. Package a smaller model."
                )
            if given.getinfo(_MEMBER).file_size > _MOST_DESCRIBED:
                raise ModelError("The model's description is no description: it is too long.")
            uncompiled = msgspec.json.decode(given.read(_MEMBER), type=Uncompiled)
    except (KeyError, zipfile.BadZipFile, msgspec.MsgspecError, EOFError) as error:
        raise ModelError(
            f"The model is a zip, and does not say how it is to be run: {error}. Build or submit "
            "the model again."
        ) from error
    if uncompiled.format != FORMAT:
        raise ModelError(
            f"The model's description has format {uncompiled.format}; this version of Assay reads "
            f"{FORMAT}. Build or submit the model again."
        )
    return uncompiled
