"""A project of a few rows, without models: a build of it takes a second."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FILES = {
    "mlproj.yml": "name: shop\n",
    "sources.yml": """\
sources:
  - name: orders
    path: data/orders.csv
    format: csv
    columns: {order_id: BIGINT, customer_id: BIGINT, amount: DOUBLE, paid: BIGINT}
""",
    "feature_groups/orders.yml": """\
feature_groups:
  - name: orders
    version: 1
    primary_key: [order_id]
    features:
      - {name: order_id, type: BIGINT, tests: [not_null, unique]}
      - {name: customer_id, type: BIGINT}
      - {name: amount, type: DOUBLE, tests: [{between: {min: 0}}]}
      - {name: paid, type: BIGINT}
""",
    "feature_groups/orders.v1.sql": """\
select order_id, customer_id, amount, paid
from {{ source('orders') }}
""",
    "feature_views/orders.yml": """\
feature_views:
  - name: orders
    version: 1
    base: orders@1
    features: [amount]
    label: paid
    split: {test: 0.3, seed: 1}
""",
    "data/orders.csv": "order_id,customer_id,amount,paid\n"
    + "".join(f"{i},{i % 7},{i * 1.5},{i % 2}\n" for i in range(1, 61)),
}

MODEL = """\
models:
  - name: payer
    version: 1
    feature_view: orders@1
    estimator: sklearn.linear_model.LogisticRegression
    metrics: [accuracy]
"""


def write(folder: Path, changes: Mapping[str, str | bytes | None] | None = None) -> Path:
    """The project in `folder`, with some files other than usual; None leaves one out."""
    for name, content in {**FILES, **(changes or {})}.items():
        if content is None:
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that stands in the file exactly once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path.name} holds {text.count(old)} of {old!r}"
    path.write_text(text.replace(old, new), encoding="utf-8")
