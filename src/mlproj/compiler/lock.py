"""What mlproj.lock says of a model's library, and whether that is what is installed."""

from __future__ import annotations

from mlproj.diagnostics import Collector
from mlproj.loader import Loaded, LoadedProject
from mlproj.specs import Lock
from mlproj.state import EstimatorInfo


def library_of(info: EstimatorInfo, lock: Loaded[Lock] | None) -> str:
    """`scikit-learn 1.9.1` as locked; without a lock `scikit-learn 1.9`: another patch release trains nobody anew."""
    locked = lock.spec.libraries.get(info.library) if lock else None
    return f"{info.library} {locked or '.'.join(info.library_version.split('.')[:2])}"


def check_lock(loaded: LoadedProject, estimators: list[EstimatorInfo], collector: Collector) -> None:
    """W503 for every library of a model that is installed in another version than the lock says, or not in it."""
    lock = loaded.lock
    if lock is None:
        return
    for library, installed in sorted({i.library: i.library_version for i in estimators if is_release(i)}.items()):
        locked = lock.spec.libraries.get(library)
        if locked is None:
            message, place = f"{library}, which a model is trained with, is not locked", lock.locate(())
        elif locked != installed:
            message = f"{library} {installed} is installed, and {locked} is locked"
            place = lock.locate(("libraries", library))
        else:
            continue
        hint = f"pip install '{library}=={locked}', or `mlproj lock`" if locked else "`mlproj lock` writes it down"
        collector.warn("W503", message, place, hint)


def is_release(info: EstimatorInfo) -> bool:
    """Whether the library has versions; of a project's own code every edit would be another."""
    return info.library_version[:1].isdigit()
