"""mlproj.lock: written, compared with what is installed, and held to on request."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from tests.end_to_end.command import ask, mlproj
from tests.end_to_end.small_project import MODEL, write


def test_a_lock_is_written_held_to_and_decides_when_to_train(tmp_path: Path) -> None:
    shop, installed = write(tmp_path / "shop", {"models.yml": MODEL}), version("scikit-learn")
    assert mlproj(shop, "plan", "--locked").code == 2
    assert ask(shop, "plan", "--locked").codes == ["E513"]
    assert mlproj(shop, "build").code == 0

    assert ask(shop, "lock").json["libraries"] == {"scikit-learn": installed}
    assert f'scikit-learn: "{installed}"' in (shop / "mlproj.lock").read_text(encoding="utf-8")
    locked = ask(shop, "plan", "--locked", "--exit-code")
    assert (locked.code, locked.json["changes"]) == (0, [])

    (shop / "mlproj.lock").write_text('libraries: {scikit-learn: "0.1.2"}\n', encoding="utf-8")
    plan = ask(shop, "plan")
    assert plan.code == 0
    assert [(c["node"], c["change"]) for c in plan.json["changes"]] == [("model:payer@1", "stale")]
    assert [r["rule"] for c in plan.json["changes"] for r in c["reasons"]] == ["library_changed"]
    assert [(d["code"], d["span"]["path"]) for d in plan.json["diagnostics"]] == [("W503", "mlproj.lock")]
    assert ask(shop, "build", "--locked").codes == ["E513"]
    assert ask(shop, "models").json["models"][-1]["model_version"] == "payer@1.1"

    assert mlproj(shop, "lock").code == 0
    assert ask(shop, "plan", "--locked", "--exit-code").code == 0


def test_a_broken_lock_is_pointed_out_and_written_anew(tmp_path: Path) -> None:
    shop = write(tmp_path / "shop", {"models.yml": MODEL, "mlproj.lock": "libraries: [\n"})
    assert ask(shop, "plan").codes == ["E102"]

    assert mlproj(shop, "lock").code == 0

    assert mlproj(shop, "plan", "--locked").code == 0
