"""What a folder that MLflow wrote says of the model in it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import yaml

from assay.build.first_line import first_line
from assay.errors import ModelError

__all__ = ["columns_read", "in_mlflow_folder", "unreadable", "zipped"]


def in_mlflow_folder(folder: Path) -> Path:
    """Return the model file that an MLflow folder's `MLmodel` names; ONNX before others.

    It is the folder itself where there is neither ONNX nor scikit-learn, but a Python function.
    """
    description = folder / "MLmodel"
    if not description.is_file():
        raise ModelError(
            f"{folder} is a folder without an MLmodel file, so no MLflow model. Give the model "
            "file itself, or the folder that MLflow wrote."
        )
    try:
        flavors = _mlmodel(folder)["flavors"]
        names = [
            flavors[flavor][key]
            for flavor, key in (("onnx", "data"), ("sklearn", "pickled_model"))
            if flavor in flavors
        ]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise unreadable(description, "MLmodel", error) from error
    if not names and "python_function" in flavors:
        return folder
    if not names:
        raise ModelError(
            f"The MLflow model {folder} has the flavors {', '.join(flavors)}; onnx, sklearn and "
            "python_function are taken in. Log it with one of them."
        )
    inside = (folder / str(names[0])).resolve()
    if not inside.is_relative_to(folder.resolve()):
        raise ModelError(f"{description} names a file outside of its folder: {names[0]}.")
    return inside / "model.onnx" if inside.is_dir() else inside


def columns_read(folder: Path) -> tuple[str, ...] | None:
    """Return the columns that an MLflow model says it takes; None where it does not say."""
    signature = _mlmodel(folder).get("signature") or {}
    try:
        given = json.loads(signature.get("inputs") or "[]")
        names = tuple(str(one["name"]) for one in given if "name" in one)
    except (AttributeError, TypeError, ValueError) as error:
        raise unreadable(folder / "MLmodel", "MLmodel", error) from error
    return names or None


def zipped(folder: Path) -> bytes:
    """Return a folder as a zip: the same files, the same bytes. Links are not followed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as written:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts:
                name = path.relative_to(folder).as_posix()
                written.writestr(zipfile.ZipInfo(name), path.read_bytes())
    return out.getvalue()


def _mlmodel(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
    return found


def unreadable(path: Path, what: str, error: Exception) -> ModelError:
    """Return the error that says that a file cannot be read as what it should be."""
    return ModelError(
        f"{path} cannot be read as a {what}: {type(error).__name__}: {first_line(error)}. "
        "Export the model again."
    )
