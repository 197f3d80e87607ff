"""What a change of a model means: versions.md rules 5 and 22 to 24."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlproj.compiler.transformations import output_types
from mlproj.compiler.type_changes import compare_types
from mlproj.planner.plan import Reason
from mlproj.planner.training_data import inputs_of
from mlproj.state import ModelNode, TargetState, Trained, ViewNode


def compare_models(old: ModelNode, new: ModelNode) -> list[Reason]:
    """Rules 22 and 24: what makes a model stale, and what only its evidence."""
    reasons: list[Reason] = []
    for name in ("feature_view", "estimator", "params", "seed"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            message = _changed(name, before, after)
            reasons.append(Reason(rule=f"{name}_changed", change="stale", span=new.span, message=message))
    if not same_library(old.library, new.library):
        message = f"trained with {old.library}, now {new.library}"
        reasons.append(Reason(rule="library_changed", change="stale", span=new.span, message=message))
    return [*reasons, *_metadata(old, new)]


def _changed(name: str, before: Any, after: Any) -> str:
    if name == "params":
        names = [p for p in sorted(before.keys() | after.keys()) if before.get(p) != after.get(p)]
        return "; ".join(f"{p} was {before.get(p, 'absent')} and is {after.get(p, 'absent')}" for p in names)
    plain = [str(value).removeprefix("feature_view:") for value in (before, after)]
    return f"{name} was {plain[0]} and is {plain[1]}"


def same_library(old: str, new: str) -> bool:
    """`scikit-learn 1.9` is the same as `scikit-learn 1.9.1`: a lock names versions more exactly."""
    (first, before), (second, after) = (text.partition(" ")[::2] for text in (old, new))
    parts = list(zip(before.split("."), after.split("."), strict=False))
    return first == second and all(a == b for a, b in parts)


def _metadata(old: ModelNode, new: ModelNode) -> Iterator[Reason]:
    if old.fingerprints.metadata == new.fingerprints.metadata:
        return
    names = [n for n in ("description", "owner", "tags", "metrics", "tests") if getattr(old, n) != getattr(new, n)]
    yield Reason(rule="metadata", change="metadata", span=new.span, message=f"changed: {', '.join(names)}")


def compare_signatures(model: ModelNode, view: ViewNode, state: TargetState) -> Iterator[Reason]:
    """Rules 5 and 23: what is deployed takes and gives what it was trained on; that others would not is no matter.

    Deployed is what an alias points to.
    """
    for alias, version_id in sorted(state.aliases.items()):
        deployed = next((t for t in state.trained if t.id == version_id and t.model == model.id), None)
        if deployed is None or not deployed.types:
            continue
        yield from _signature(f"{deployed.id}, which is {alias},", deployed, model, view, state)


def _signature(who: str, deployed: Trained, model: ModelNode, view: ViewNode, state: TargetState) -> Iterator[Reason]:
    types = {c.name: c.type for c in view.of_role("feature")}
    before, now = dict(zip(deployed.inputs, deployed.types, strict=True)), inputs_of(model, view, state)
    if deployed.inputs != tuple(now):
        message = f"{who} takes {_listed(deployed.inputs)}; a new run would take {_listed(now)}"
        yield Reason(rule="signature_changed", change="breaking", span=model.span, message=message)
    for name in [n for n in now if n in before and before[n] != types[n]]:
        wider = compare_types(before[name], types[name]) == "widened"
        message = f"{who} takes {name} as {before[name]}; a new run would take {types[name]}"
        rule = "type_widened" if wider else "signature_changed"
        yield Reason(rule=rule, feature=name, change="breaking", span=model.span, message=message)
    output = _output(model, view)
    if deployed.output and deployed.output != output:
        message = f"{who} predicts {deployed.output}; a new run would predict {output}"
        rule = "type_widened" if compare_types(deployed.output, output) == "widened" else "signature_changed"
        yield Reason(rule=rule, change="breaking", span=model.span, message=message)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _output(model: ModelNode, view: ViewNode) -> str:
    """The type of a prediction: the label's own, decoded where it is encoded."""
    if model.task == "regressor":
        return "DOUBLE"
    label = next((c for c in view.columns if c.role == "label"), None)
    chain = view.transformations.get(model.label, ())
    if label is None or (chain and chain[-1].name == "label_encoder"):
        return label.type if label else ""
    return output_types(label.type, chain)
