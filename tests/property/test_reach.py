"""A change of meaning reaches all descendants that use the feature, and no others: random groups, views and models."""

from __future__ import annotations

from random import Random

import pytest

from tests.unit.planner.small_project import GROUP, SQL, SmallProject, changes, group, model, view

FEATURES = ("f0", "f1", "f2")


@pytest.mark.parametrize("seed", range(12))
def test_a_change_reaches_whoever_uses_the_feature_and_nobody_else(seed: int) -> None:
    rng = Random(seed)
    # Of each group, which features of income@1 each of its own is made from.
    made = {"income": {"age": {"age"}, "pay": {"pay"}}}
    sql: dict[str, str] = {}
    for number in range(4):
        parent = rng.choice(list(made))
        names = [rng.choice(list(made[parent])) for _ in FEATURES]
        shown = ", ".join(f"length({n}::VARCHAR) as {f}" for f, n in zip(FEATURES, names, strict=True))
        sql[f"g{number}"] = f"select id, {shown}, true as rich from {{{{ ref('{parent}', version=1) }}}}"
        made[f"g{number}"] = {f: made[parent][n] for f, n in zip(FEATURES, names, strict=True)}
    views, models, uses = [], [], {}
    for number, base in enumerate(made):
        used = rng.choice(list(made[base]))
        views.append(view(f"v{number}", base=f"{base}@1", features=[used]))
        models.append(model(f"m{number}", feature_view=f"v{number}@1"))
        uses[f"feature_view:v{number}@1"] = uses[f"model:m{number}@1"] = made[base][used]
    uses |= {f"feature_group:{name}@1": set().union(*made[name].values()) for name in sql}
    edited = rng.choice(("age", "pay"))
    new = SQL.replace(edited, {"age": "age + 1 as age", "pay": "pay * 2 as pay"}[edited], 1)
    groups, above = [group(), *(group(name) for name in sql)], {f"{name}@1": text for name, text in sql.items()}

    before, after = (SmallProject(groups, views, models, {"income@1": text, **above}) for text in (SQL, new))
    found = changes(before, after)[GROUP]

    assert {a.node for a in found.affected} == {node for node, features in uses.items() if edited in features}
    assert {u.node for u in found.unaffected} == {node for node, features in uses.items() if edited not in features}
