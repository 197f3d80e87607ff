"""Manifest × state → plan: what changed, whether it breaks anyone, and the steps. Pure."""

from mlproj.planner.acceptance import accept
from mlproj.planner.backfills import scope_of
from mlproj.planner.diff import diff
from mlproj.planner.plan import Affected, Asked, Change, Plan, PlanStep, Reason, Unaffected
from mlproj.planner.steps import Options, make_plan, review_plan

__all__ = [
    "Affected", "Asked", "Change", "Options", "Plan", "PlanStep", "Reason", "Unaffected", "accept", "diff", "make_plan",
    "review_plan", "scope_of",
]  # fmt: skip
