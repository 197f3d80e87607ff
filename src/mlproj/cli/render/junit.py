"""Results of tests as JUnit XML, which CI servers read: a suite per node, a case per test.

Of a build there is also a case for each step that failed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from mlproj.executor import RunResults
    from mlproj.state import StepResult, TestRun

# What XML 1.0 has no way to write.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: Path, results: RunResults) -> None:
    """Write the file, whole or not at all."""
    tree = ET.ElementTree(_suites(results))
    ET.indent(tree)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.tmp")
    tree.write(beside, encoding="utf-8", xml_declaration=True)
    beside.replace(path)


def _suites(results: RunResults) -> ET.Element:
    suites = [_suite(step) for step in results.results if step.action == "test" or step.status == "failed"]
    root = ET.Element("testsuites", {"name": "mlproj", **_totals(suites)})
    root.extend(suites)
    return root


def _totals(suites: Sequence[ET.Element]) -> dict[str, str]:
    names = ("tests", "failures", "errors", "skipped")
    counts = {name: str(sum(int(suite.get(name, "0")) for suite in suites)) for name in names}
    return {**counts, "time": f"{sum(float(suite.get('time', '0')) for suite in suites):.3f}"}


def _suite(step: StepResult) -> ET.Element:
    name = step.node.partition(":")[2]
    cases = [_case(name, run, step.seconds / len(step.tests)) for run in step.tests]
    if not cases:  # the keys alone were looked at, or it could not even begin
        cases = [_whole(name, step)]
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
    }
    suite = ET.Element("testsuite", {"name": _clean(name), **counts, "time": f"{step.seconds:.3f}"})
    suite.extend(cases)
    return suite


def _case(node: str, run: TestRun, seconds: float) -> ET.Element:
    case = _element(node, run.id.removeprefix(f"{node}."), seconds)
    if run.span:
        case.set("file", run.span.path)
        case.set("line", str(run.span.line))
    place = f"{run.span}: " if run.span else ""
    match run.status:
        case "failed":
            _said(case, "failure", run.message, f"{place}{run.id}: {run.message}")
        case "error":
            _said(case, "error", run.message, f"{place}{run.id}: {run.message}")
        case "warned":
            ET.SubElement(case, "system-out").text = _clean(f"warning: {run.message}")
        case "passed":
            pass
    return case


def _whole(node: str, step: StepResult) -> ET.Element:
    case = _element(node, "keys" if step.action == "test" else step.action, step.seconds)
    if step.status == "failed":
        _said(case, "error", step.message, step.message)
    elif step.status == "skipped":
        ET.SubElement(case, "skipped")
    return case


def _element(node: str, name: str, seconds: float) -> ET.Element:
    return ET.Element("testcase", {"classname": _clean(node), "name": _clean(name), "time": f"{seconds:.3f}"})


def _said(case: ET.Element, kind: str, message: str, text: str) -> None:
    ET.SubElement(case, kind, {"message": _clean(message)}).text = _clean(text)


def _clean(text: str) -> str:
    return _UNWRITABLE.sub("�", text)
