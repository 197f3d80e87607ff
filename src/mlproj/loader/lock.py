"""mlproj.lock, which is YAML that `mlproj lock` writes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from yaml.nodes import MappingNode

from mlproj.diagnostics import Collector
from mlproj.loader.discover import LOCK_FILE, Folder, read_text
from mlproj.loader.loaded import Loaded
from mlproj.loader.strings import Strings
from mlproj.loader.validate import Validator
from mlproj.loader.yaml_file import compose
from mlproj.loader.yaml_values import Values
from mlproj.specs import Lock

__all__ = ["LOCK_FILE", "read_lock"]


def read_lock(folder: Folder, environment: Mapping[str, str], collector: Collector) -> Loaded[Lock] | None:
    """The lock; None where there is none, or where it has errors."""
    if not (folder.root / LOCK_FILE).is_file():
        return None
    text = read_text(folder, LOCK_FILE, collector)
    file = None if text is None else compose(LOCK_FILE, text, collector)
    if file is None:
        return None
    if not isinstance(file.root, MappingNode):
        hint = "`mlproj lock` writes it anew"
        collector.error("E107", "expected a mapping at the top level, with libraries", file.start(), hint)
        return None
    values = Values(file, Strings(None, environment), collector)
    spec = Validator(file, values.reported, collector).validate(Lock, values.read(file.root), file.root, "")
    return None if spec is None else Loaded(spec, LOCK_FILE, file.text, partial(file.places.locate, ()))
