"""Specs → manifest: render, resolve, order, type-check, fingerprint.

Pure: the engine that checks types is handed in.
"""

from mlproj.compiler.compile import DoesNotCompile, Surroundings, compile_project
from mlproj.compiler.manifest import Manifest

__all__ = ["DoesNotCompile", "Manifest", "Surroundings", "compile_project"]
