"""The user's own functions, found beside the charter by `module:function`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType
from typing import Any

from assay.build.first_line import first_line
from assay.errors import ModelError

__all__ = ["function_beside"]


def function_beside(
    root: Path, name: str, asked_by: str, signature: str, returns: str
) -> tuple[Path, Any]:
    """Return the source file and the function that `module:function` names, from a folder.

    `asked_by` is what names it, `signature` and `returns` say how it should look. Raises ModelError
    where the module or the function is not there or does not load.
    """
    module_name, _, function_name = name.partition(":")
    source = root.joinpath(*module_name.split(".")).with_suffix(".py")
    asked = asked_by[0].upper() + asked_by[1:]
    if not source.is_file():
        raise ModelError(
            f"{asked} names {name}, and there is no file {source}. Put the module beside the "
            "charter, or correct the name."
        )
    try:
        with _importable(root, module_name):
            module = import_module(module_name)
    except Exception as error:
        raise ModelError(
            f"The module of {asked_by} {name} does not load: {type(error).__name__}: "
            f"{first_line(error)}. Mend {source}."
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ModelError(
            f"{source} has no function {function_name}, which {asked_by} names. Define "
            f"`def {function_name}{signature}` there and return {returns}."
        )
    return source, function


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
