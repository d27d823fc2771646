"""The user's own `train` function, named in the charter and found beside it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType
from typing import Any

from numpy.typing import NDArray

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
    estimator has `predict_proba` or `predict`, takes such a frame, and can be
    converted to ONNX: a scikit-learn pipeline whose first step is a ColumnTransformer that names
    columns, or any estimator over columns that are all numbers.
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
    module_name, _, function_name = name.partition(":")
    source = root.joinpath(*module_name.split(".")).with_suffix(".py")
    if not source.is_file():
        raise ModelError(
            f"`build.train` names {name}, and there is no file {source}. Put the module beside the "
            "charter, or correct the name."
        )
    try:
        with _importable(root, module_name):
            module = import_module(module_name)
    except Exception as error:
        raise ModelError(
            f"The module of `build.train` {name} does not load: {type(error).__name__}: "
            f"{first_line(error)}. Mend {source}."
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ModelError(
            f"{source} has no function {function_name}, which `build.train` names. Define "
            f"`def {function_name}(frame, outcomes)` there and return a fitted estimator."
        )
    return OwnTrain(name, source, function)


@contextmanager
def _importable(root: Path, module_name: str) -> Iterator[None]:
    """Let the user's module, and what it imports from its folder, be found: first, and anew."""
    folder = root.resolve()
    top = module_name.partition(".")[0]
    hidden = {
        name: sys.modules.pop(name) for name in [*sys.modules] if name.partition(".")[0] == top
    }
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name not in before]:
            if _lies_in(folder, sys.modules[name]):
                del sys.modules[name]
        sys.modules.update(hidden)


def _lies_in(folder: Path, module: ModuleType) -> bool:
    """Whether a module is the user's own: in the folder, and in no environment inside of it."""
    file = Path(getattr(module, "__file__", None) or "/")
    return file.is_relative_to(folder) and "site-packages" not in file.parts
