"""Whether a view can be split as it says, and the rule."""

from __future__ import annotations

from mlproj.compiler.text import written
from mlproj.compiler.types import is_category, is_moment, is_numeric, suits
from mlproj.compiler.view_draft import Draft
from mlproj.diagnostics import Collector, did_you_mean
from mlproj.specs.base import Scalar
from mlproj.specs.duration import microseconds
from mlproj.state import Downsampling, SplitRule

BALANCED = "balanced"


def check_split(draft: Draft, collector: Collector) -> None:
    """A split by time needs a time, one by groups columns of the base, a stratified one classes."""
    _check_time(draft, collector)
    _check_groups(draft, collector)
    _check_sampling(draft, collector)
    _check_weight(draft, collector)
    if draft.view.spec.split.stratify:
        check_classes(draft, "stratify: label", ("split", "stratify"), collector)
        if draft.base.event_time and draft.base.event_time not in draft.base.primary_key:
            collector.warn(
                "W305",
                f"rows of one {', '.join(draft.base.primary_key)} at several times may come to different splits",
                draft.view.locate(("split", "stratify")),
                "leave `stratify:` out where a model must not see in training whom it is tested on",
                draft.node,
            )


def check_classes(draft: Draft, what: str, place: tuple[str, ...], collector: Collector) -> bool:
    """Whether there is a label, of classes. What is wrong with a label that is named is said elsewhere."""
    label, span = draft.view.spec.label, draft.view.locate(place)
    if label is None:
        hint = "give the view a `label:`"
        collector.error("E315", f"`{what}` is about the label, and the view has none", span, hint, draft.node)
    elif label in draft.names and not is_category(draft.names[label].type):
        message = f"`{what}` is about classes, but the label '{label}' is {draft.names[label].type}"
        hint = f"leave it out, or give '{label}' classes in the group's SQL"
        collector.error("E315", message, span, hint, draft.node)
    else:
        return label in draft.names
    return False


def split_rule(draft: Draft) -> SplitRule:
    """The rule of a view that has no errors."""
    spec, base = draft.view.spec.split, draft.base
    absolute = spec.test_from is not None or spec.validation_from is not None
    ranked, weight = spec.stratify is not None, draft.view.spec.sample_weight
    sampling, label = draft.view.spec.downsample, draft.view.spec.label or ""
    return SplitRule(
        test=0.0 if absolute else spec.test,
        validation=0.0 if absolute else spec.validation,
        by=spec.by,
        seed=spec.seed,
        key=tuple(spec.group_by) or base.primary_key,
        rows=base.row_key if ranked or sampling else (),
        stratify=draft.view.spec.label if ranked else None,
        folds=spec.folds,
        time=base.event_time if spec.by == "time" else None,
        test_from=spec.test_from,
        validation_from=spec.validation_from,
        gap=microseconds(spec.gap) if spec.gap else 0,
        downsample=Downsampling(label=label, value=_text(sampling.of), keep=sampling.keep) if sampling else None,
        weight=weight,
    )


def _text(value: Scalar) -> str:
    """A value as the engine writes it as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_sampling(draft: Draft, collector: Collector) -> None:
    sampling, label = draft.view.spec.downsample, draft.view.spec.label
    if sampling is None:
        return
    place = draft.view.locate(("downsample", "class"))
    if check_classes(draft, "downsample", ("downsample",), collector) and label is not None:
        type_name = draft.names[label].type
        if not suits(sampling.of, type_name):
            message = f"{written(sampling.of)} is no class of the label '{label}', which is {type_name}"
            collector.error("E315", message, place, "write a value of the label", draft.node)


def _check_weight(draft: Draft, collector: Collector) -> None:
    name, place = draft.view.spec.sample_weight, draft.view.locate(("sample_weight",))
    if name == BALANCED:
        check_classes(draft, "sample_weight: balanced", ("sample_weight",), collector)
    elif name is not None and draft.wanted.get(name) != "passenger":
        passengers = [n for n, role in draft.wanted.items() if role == "passenger"]
        message = f"the rows are to weigh {written(name)}, which is no passenger of the view"
        hint = did_you_mean(name, [*passengers, BALANCED]) or f"add it: `passenger: [{name}]`; or `balanced`"
        collector.error("E315", message, place, hint, draft.node)
    elif name is not None and not is_numeric(draft.names[name].type):
        message = f"the rows are to weigh {written(name)}, which is {draft.names[name].type}"
        collector.error("E315", message, place, "a weight is a number", draft.node)


def _check_time(draft: Draft, collector: Collector) -> None:
    if draft.view.spec.split.by != "time":
        return
    base, span = draft.base, draft.view.locate(("split", "by"))
    if base.event_time is None:
        message = f"a split by time needs times, and {base.relation} has no event_time"
        collector.error("E315", message, span, "give the base an `event_time:`", draft.node)
        return
    type_name = next((f.type for f in base.features if f.name == base.event_time), "TIMESTAMP")
    if not is_moment(type_name):
        message = f"a split by time needs times, but '{base.event_time}' of {base.relation} is {type_name}"
        hint = f"cast '{base.event_time}' to TIMESTAMP in the group's SQL"
        collector.error("E315", message, span, hint, draft.node)


def _check_groups(draft: Draft, collector: Collector) -> None:
    """Only columns of the base decide the splits: what a join brings may be absent, and moves with its group."""
    for index, name in enumerate(draft.view.spec.split.group_by):
        place = draft.view.locate(("split", "group_by", index))
        own = f"{draft.base.relation}.{name}"
        if name in draft.wanted and name in draft.names and draft.names[name].origin == own:
            continue
        known = {f.name for f in draft.base.features}
        if name in known:
            message = f"the view does not have {written(name)}, by whose values its rows are to be kept together"
            hint = f"add it: `passenger: [{name}]` keeps it out of the features"
        else:
            message = f"{draft.base.relation} has no column {written(name)} to keep rows together by"
            hint = did_you_mean(name, known) or f"it has {', '.join(sorted(known))}"
        collector.error("E315", message, place, hint, draft.node)
