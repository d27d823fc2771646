"""The user's own `train` function, named in the charter and found beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from assay.build.beside import function_beside
from assay.build.crossfit import UserTrain
from assay.build.first_line import first_line
from assay.errors import AssayError, ModelError

__all__ = ["OwnTrain", "load_train"]


@dataclass(frozen=True)
class OwnTrain:
    """A user's function `train(frame, outcomes) -> estimator`, its name and its source file.

    `frame` is a polars frame of the features (Float64 with NaN, String with "" where missing);
    `outcomes` is an array: codes in classification (1 the positive outcome of two; of more, 0 to
    K-1 in the order of the charter's payoff table, a positive one last), float64 in regression. The
    estimator has `predict_proba` or `predict` and takes such a frame. It is served fast where it
    can be converted to ONNX (a scikit-learn pipeline whose first step is a ColumnTransformer that
    names columns, or any estimator over columns that are all numbers); else as it is, which takes
    types that skops knows or that were audited.
    """

    name: str
    source: Path
    function: UserTrain

    def __call__(self, frame: Any, outcomes: NDArray[Any]) -> Any:
        """Train; whatever the user's function raises becomes a ModelError that says where."""
        try:
            estimator = self.function(frame, outcomes)
        except AssayError:
            raise
        except Exception as error:
            raise ModelError(
                f"`build.train` {self.name} failed on {len(outcomes):,} rows with "
                f"{type(error).__name__}: {first_line(error)}. Mend the function in {self.source} "
                "(--debug shows the traceback)."
            ) from error
        if not hasattr(estimator, "predict"):
            raise ModelError(
                f"`build.train` {self.name} returned {type(estimator).__name__}, which cannot "
                "predict. Return the fitted estimator."
            )
        return estimator


def load_train(root: Path, name: str) -> OwnTrain:
    """Return the function that `module:function` names, from the charter's folder.

    Raises ModelError where the module or the function is not there or does not load.
    """
    source, function = function_beside(
        root, name, "`build.train`", "(frame, outcomes)", "a fitted estimator"
    )
    return OwnTrain(name, source, function)
