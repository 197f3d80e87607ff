"""Rows that data tests failed for, as a document and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlproj.cli.render.tables import table
from mlproj.diagnostics import did_you_mean, fail

if TYPE_CHECKING:
    from mlproj.cli.context import Context
    from mlproj.project.project import Project

Document = dict[str, Any]


def failures_document(project: Project, test: str | None, limit: int) -> Document:
    """All tests that failed, or warned, when they last ran; with the rows of the one that is named. Raises E508."""
    found = project.session.failed_rows.all()
    if test is not None and test not in {f.test for f in found}:
        near = did_you_mean(test, [f.test for f in found])
        hint = near or "`mlproj failures` lists the tests that have some"
        raise fail("E508", f"no rows are kept that '{test}' failed for", hint=hint)
    tests = [f.model_dump(mode="json") for f in found if test in (None, f.test)]
    if test is None:
        tests = [{name: t[name] for name in ("test", "description", "failures")} for t in tests]
    else:
        tests = [{**t, "rows": t["rows"][:limit]} for t in tests]
    return {"artifact": "failures", "version": 1, "tests": tests}


def failures_lines(document: Document, context: Context) -> list[str]:
    tests = document["tests"]
    if not tests:
        return ["no test has failed for rows that could be shown"]
    if "rows" not in tests[0]:
        rows = [[t["test"], t["failures"], t["description"]] for t in tests]
        return table(["test", "rows", "what it says"], rows, context)
    (found,) = tests
    count = len(found["rows"])
    lines = [f"{found['test']}: {found['description']}", f"{count} of {found['failures']} rows that fail:", ""]
    return lines + table(found["columns"], found["rows"], context)
