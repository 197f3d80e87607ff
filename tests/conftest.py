"""Options of the whole test suite."""

from __future__ import annotations

import gc

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the expected texts of golden tests")


def pytest_configure() -> None:
    """As a command does: with all libraries in memory the collector would look at them again and again."""
    gc.set_threshold(100_000, 50, 50)
