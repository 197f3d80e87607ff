"""What training rows weigh, and classes of which a share is kept, in whole builds."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from tests.lake_project import LakeProject, Row, new_folder
from tests.unit.planner.small_project import SmallProject, group, model, view

ROWS = [
    (i, 20 + i % 50, float(i % 4), "abc"[i % 3], f"2026-01-{1 + i % 28:02} 00:00:00", None if i == 7 else i % 5 == 0)
    for i in range(200)
]
SAMPLED = view("sampled", downsample={"class": False, "keep": 0.3}, split={"test": 0.3, "folds": 2})
BALANCED = view(sample_weight="balanced")
WEIGHED = view("weighed", features=["age"], passenger=["pay"], sample_weight="pay")
PROJECT = SmallProject(
    [group()],
    [BALANCED, SAMPLED, WEIGHED],
    [model(), model("weighed_model", feature_view="weighed@1")],
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, no_training: None) -> LakeProject:
    found = new_folder(tmp_path_factory.mktemp("weights") / "project")
    found.data(ROWS)
    found.put(PROJECT)
    found.built()
    return found


def frozen(folder: LakeProject, name: str, columns: str) -> list[Row]:
    dataset = folder.dataset(name)
    table = f'lake.mlproj_data."{dataset.table}" at (version => {dataset.commit})'
    return folder.rows(f"select {columns} from {table} order by id")


def test_balanced_weights_are_those_of_scikit_learn(built: LakeProject) -> None:
    rows = frozen(built, "income@1", "id, split, rich, sample_weight")
    labels = [rich for _id, split, rich, _w in rows if split == "training" and rich is not None]
    classes = np.array([False, True])
    expected = dict(zip([False, True], compute_class_weight("balanced", classes=classes, y=labels), strict=True))

    for _id, split, rich, weight in rows:
        wanted = expected[rich] if split == "training" and rich is not None else None
        assert weight == (None if wanted is None else pytest.approx(wanted, rel=1e-12))
    dataset = built.dataset("income@1")
    assert dataset.weight == "balanced"
    assert dataset.class_weights == pytest.approx({"false": expected[False], "true": expected[True]})


def test_models_are_trained_on_the_weights(built: LakeProject) -> None:
    versions = {v.name: v.manifest for v in built.models()}
    shares = {name: record.golden[0]["probabilities"] for name, record in versions.items()}
    rows = frozen(built, "weighed@1", "id, split, rich, pay, sample_weight")
    training = [(rich, pay) for _id, split, rich, pay, _w in rows if split == "training" and rich is not None]

    # The fake estimator gives every row the shares of the classes in what it was trained on.
    assert shares["income_model"] == pytest.approx([0.5, 0.5])
    total = sum(pay for _rich, pay in training)
    rich_share = sum(pay for rich, pay in training if rich) / total
    assert shares["weighed_model"] == pytest.approx([1 - rich_share, rich_share])
    assert [w for _id, split, rich, _pay, w in rows if split != "training" or rich is None if w is not None] == []


def test_a_class_is_sampled_in_training_alone_by_a_hash_of_its_own(built: LakeProject) -> None:
    def unit(seed: str, key: int) -> float:
        return int(hashlib.md5(f'{seed}["{key}"]'.encode(), usedforsecurity=False).hexdigest()[:13], 16) / 2**52

    expected, dropped, of_class = {}, 0, 0
    for row in ROWS:
        split = "test" if unit("42", row[0]) < 0.3 else "training"
        sampled = split == "training" and row[5] is False
        of_class += sampled
        if sampled and unit("downsample 42", row[0]) >= 0.3:
            dropped += 1
        else:
            expected[row[0]] = split
    dataset = built.dataset("sampled@1")

    assert dict(frozen(built, "sampled@1", "id, split")) == expected
    assert dataset.left_out == {"down-sampled": dropped}
    assert dataset.sampled is not None
    assert (dataset.sampled.rows, dataset.sampled.kept) == (of_class, of_class - dropped)
    assert dataset.sampled.factor == (of_class - dropped) / of_class


def test_the_plan_says_what_of_it_changed_and_a_build_trains_anew(built: LakeProject) -> None:
    without = [view(), view("sampled", split=SAMPLED["split"]), WEIGHED]
    built.put(replace(PROJECT, views=without))
    plan = built.plan()

    reasons = {c.node: c.reasons[0].message for c in plan.changes if c.node.startswith("feature_view:")}
    assert reasons == {
        "feature_view:income@1": "the sample weights changed",
        "feature_view:sampled@1": "the down-sampling changed",
    }
    assert "train model:income_model@1" in [f"{s.action} {s.node}" for s in plan.steps]
    assert "train model:weighed_model@1" not in [f"{s.action} {s.node}" for s in plan.steps]


@pytest.mark.parametrize(("weight", "message"), [
    ("case when id = 0 then null else 1.0 end", "null in 1 rows"),
    ("-1.0", "negative in"),
    ("'inf'::double", "not finite in"),
    ("0.0", "nowhere above 0"),
])  # fmt: skip
def test_weights_that_are_none(built: LakeProject, weight: str, message: str) -> None:
    sql = {"odd@1": f"select id, age, rich, {weight} as w from {{{{ source('people') }}}}"}
    odd = view("odd", base="odd@1", features=["age"], passenger=["w"], sample_weight="w", split={"test": 0})
    built.put(SmallProject([*PROJECT.groups, group("odd")], [*PROJECT.views, odd], PROJECT.models, sql))

    assert built.build(select=["odd@1", "feature_view:odd@1"]).status == "failed"
    assert [d.code for d in built.failures] == ["E622"]
    assert message in built.failures[0].message


def test_a_class_that_is_not_there(built: LakeProject) -> None:
    wrong = view("wrong", label="city", features=["age"], downsample={"class": "z", "keep": 0.5})
    built.put(replace(PROJECT, views=[*PROJECT.views, wrong]))

    assert built.build().status == "failed"
    assert [d.code for d in built.failures] == ["E622"]
