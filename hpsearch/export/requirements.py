"""What code imports, and which installed packages provide it."""

from __future__ import annotations

import importlib.metadata
import sysconfig
from collections.abc import Iterable, Mapping
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path


def local_modules(modules: Iterable[str]) -> list[str]:
    """Those modules that can be imported here, but that no installed package provides."""
    others = sorted(set(modules) - {"keras", "numpy"})
    if not others:  # listing what is installed takes a quarter of a second
        return []
    installed = importlib.metadata.packages_distributions()
    return [name for name in others if (spec := PathFinder.find_spec(name))
            and (name not in installed or _hides_an_installed_one(name, spec))]  # fmt: skip


def _hides_an_installed_one(name: str, spec: ModuleSpec) -> bool:
    """Whether a module of the user's has the name of an installed one, such as `tests`."""
    folders = {Path(sysconfig.get_path(scheme)) for scheme in ("purelib", "platlib")}
    found = [Path(place) for place in spec.submodule_search_locations or [spec.origin or ""]]
    return any((folder / name).exists() for folder in folders) and not any(
        place.is_relative_to(folder) for place in found for folder in folders
    )


def requirements(modules: Iterable[str], versions: Mapping[str, str]) -> list[str]:
    """The lines of a `requirements.txt`.

    Args:
        modules: What is imported, beside Keras and its backend.
        versions: What the network was trained with: the version of Python and of packages,
            and the name of Keras's backend.

    Returns:
        Each package at the version that the network was trained with; where that was not
        recorded, at the installed one.
    """
    pinned = {name: versions[name] for name in ("keras", versions["backend"], "numpy")}
    if others := sorted(set(modules) - set(pinned)):
        distributions = importlib.metadata.packages_distributions()
        for module in others:
            for name in distributions.get(module, [])[:1]:
                pinned[name] = importlib.metadata.version(name)
    lines = [f"{name}=={version}" for name, version in pinned.items()]
    return [f"# Python {versions['python']}", *lines]
