"""Models: the estimator's own signature decides which parameters there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlproj.compiler.about import about
from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.lock import library_of
from mlproj.compiler.resolve import Names
from mlproj.compiler.transformations import output_types
from mlproj.compiler.types import is_numeric
from mlproj.compiler.views import resolve_reference
from mlproj.diagnostics import Collector, did_you_mean
from mlproj.loader import Loaded
from mlproj.specs import Lock, Model
from mlproj.specs.model import CLASSIFIER_METRICS, REGRESSOR_METRICS, Metric
from mlproj.state import EstimatorInfo, Fingerprints, ModelNode, ViewNode

_LIBRARIES = ("scikit-learn", "xgboost")


def compile_model(
    model: Loaded[Model],
    names: Names,
    views: Mapping[str, ViewNode],
    estimators: Mapping[str, EstimatorInfo | LookupError],
    lock: Loaded[Lock] | None,
    collector: Collector,
) -> ModelNode | None:
    """The node, or None with diagnostics; None without one where its view has failed itself."""
    spec, node = model.spec, f"model:{model.spec.name}@{model.spec.version}"
    view_id = resolve_reference(
        spec.feature_view, "feature_view", model.locate(("feature_view",)), names, node, collector
    )
    info = estimators[spec.estimator]
    if isinstance(info, LookupError):
        collector.error(
            "E408",
            str(info.args[0]),
            model.locate(("estimator",)),
            info.args[1] if len(info.args) > 1 else "it is the import path of a class",
            node,
        )
    else:
        _check_params(model, info, node, collector)
        _check_metrics(model, info, node, collector)
    view = views.get(view_id or "")
    if view is None:
        collector.poisoned.add(node)
        return None
    if not isinstance(info, LookupError):
        _check_view(model, view, info, node, collector)
    if node in collector.poisoned or isinstance(info, LookupError) or view.label is None:
        return None
    return _node(model, node, view, info, lock)


def _node(model: Loaded[Model], node: str, view: ViewNode, info: EstimatorInfo, lock: Loaded[Lock] | None) -> ModelNode:
    spec = model.spec
    default: tuple[Metric, ...] = ("accuracy",) if info.task == "classifier" else ("rmse",)
    metrics = tuple(dict.fromkeys([*(spec.metrics or default), *(test.metric.name for test in spec.tests)]))
    library = library_of(info, lock)
    local = fingerprint("model", view.id, spec.estimator, spec.params, spec.seed)
    tests = tuple(test.metric for test in spec.tests)
    return ModelNode(
        id=node,
        **about(model),
        depends_on=(view.id,),
        fingerprints=Fingerprints(
            local=local,
            deep=fingerprint(local, view.fingerprints.deep),
            metadata=fingerprint(spec.description, spec.owner, spec.tags, metrics, tests),
        ),
        feature_view=view.id,
        estimator=spec.estimator,
        params=spec.params,
        seed=spec.seed,
        task=info.task,
        library=library,
        metrics=metrics,
        tests=tests,
        label=view.label or "",
        pii=view.pii,
    )


def _check_params(model: Loaded[Model], info: EstimatorInfo, node: str, collector: Collector) -> None:
    if info.open_params:
        return
    for name in model.spec.params:
        if name not in info.params:
            short = info.path.rpartition(".")[2]
            collector.error(
                "E409",
                f"{short} has no parameter '{name}'",
                model.locate(("params", name), key=True),
                did_you_mean(name, info.params) or f"it takes {', '.join(info.params)}",
                node,
            )


def _check_metrics(model: Loaded[Model], info: EstimatorInfo, node: str, collector: Collector) -> None:
    known = CLASSIFIER_METRICS if info.task == "classifier" else REGRESSOR_METRICS
    named: list[tuple[tuple[Any, ...], str]] = [(("metrics", i), m) for i, m in enumerate(model.spec.metrics)]
    named += [(("tests", i, "metric", "name"), t.metric.name) for i, t in enumerate(model.spec.tests)]
    for place, metric in named:
        if metric not in known:
            collector.error(
                "E422",
                f"{metric} does not measure a {info.task}",
                model.locate(place),
                f"there is {', '.join(sorted(known))}",
                node,
            )


def _check_view(model: Loaded[Model], view: ViewNode, info: EstimatorInfo, node: str, collector: Collector) -> None:
    place = model.locate(("feature_view",))
    if view.label is None:
        collector.error("E423", f"{view.relation} has no label to learn", place, "give the view a `label:`", node)
        return
    for index, test in enumerate(model.spec.tests):
        if not view.split.has(test.metric.split):
            collector.error(
                "E424",
                f"{view.relation} has no {test.metric.split} split to measure on",
                model.locate(("tests", index)),
                f"give the view's split a `{test.metric.split}_from:`"
                if view.split.test_from or view.split.validation_from
                else f"give the view `split: {{{test.metric.split}: 0.2}}`",
                node,
            )
    label = next(c for c in view.columns if c.role == "label")
    label_type = output_types(label.type, view.transformations.get(label.name, ()))
    if info.task == "regressor" and not is_numeric(label_type):
        collector.error(
            "E411",
            f"a regressor learns numbers, but the label '{label.name}' is {label_type}",
            place,
            f"cast '{label.name}' to a number in the group's SQL",
            node,
        )
    if info.library not in _LIBRARIES:
        return
    for column in view.of_role("feature"):
        type_name = output_types(column.type, view.transformations.get(column.name, ()))
        if not is_numeric(type_name) and type_name != "BOOLEAN":
            collector.error(
                "E411",
                f"{info.library} learns from numbers, but '{column.name}' of {view.relation} is {type_name}",
                place,
                f"transform it in the view: {column.name}: one_hot_encoder, or label_encoder",
                node,
            )
