"""The command line: parse, call, render."""

from mlproj.cli.main import main

__all__ = ["main"]
