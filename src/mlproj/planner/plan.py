"""The plan as a noun (spec.md §3)."""

from __future__ import annotations

from typing import Literal

from mlproj.diagnostics import Diagnostic, Span
from mlproj.state.noun import Noun
from mlproj.state.runs import Action

ChangeKind = Literal["new", "removed", "breaking", "additive", "metadata", "stale"]


class Reason(Noun):
    """One rule that applies (versions.md §2), to a feature or to the whole node; `change` is its verdict alone.

    `old` and `new` are what was and what is, as SQL; `of` is the published fingerprint, for `equivalent:`; `because`
    is the user's reason where such an acknowledgement took the edge off.
    """

    rule: str
    message: str
    change: ChangeKind
    feature: str | None = None
    old: str | None = None
    new: str | None = None
    of: str | None = None
    because: str | None = None
    span: Span | None = None


class Affected(Noun):
    """A dependant that uses some of the changed `features`; `columns` are its own that are made from them.

    `path` leads from the change to it. Of what the target holds: training datasets with these columns, model versions
    that were trained on them, and the aliases of those.
    """

    node: str
    features: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    training_datasets: tuple[str, ...] = ()
    model_versions: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


class Unaffected(Noun):
    node: str
    why: str


class Change(Noun):
    """What happened to one node; the worst of its reasons decides. `because` says why it was accepted.

    `elsewhere`: it breaks although its own files say what was published; a macro, a var or a transformation changed.
    """

    node: str
    change: ChangeKind
    reasons: tuple[Reason, ...] = ()
    needs_bump: bool = False
    bump_to: int | None = None  # the version to write: the highest of that name plus one
    elsewhere: bool = False
    accepted: bool = False
    because: str | None = None
    affected: tuple[Affected, ...] = ()
    unaffected: tuple[Unaffected, ...] = ()


class HeldNode(Noun):
    """A group that a build leaves as it was rolled back; `since` is the rollback's build id."""

    node: str
    reason: str
    since: str


class PlanStep(Noun):
    action: Action
    node: str
    reason: str


def moment_words(moment: str) -> str:
    """A time in UTC as a user would say it; midnight goes without saying."""
    return moment.removesuffix("T00:00:00").replace("T", " ")


class Scope(Noun):
    """What a backfill computes anew: from a time up to another, in UTC, or one partition, as column → value."""

    start: str = ""
    end: str = ""
    partition: dict[str, str] = {}

    @property
    def words(self) -> str:
        """As a user would say it."""
        if self.partition:
            return ", ".join(f"{name}={value}" for name, value in self.partition.items())
        return " to ".join(map(moment_words, (self.start, self.end)))


class Asked(Noun):
    """What the user asked of a plan, so that a saved one can be made again; nodes as the user wrote them.

    `accept_breaking` maps nodes to why their breaking changes are let through; `resume` are to be held no longer.
    """

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    full_refresh: bool = False
    as_of_date: str = ""
    accept_breaking: dict[str, str] = {}
    resume: tuple[str, ...] = ()
    backfill: Scope | None = None


class Plan(Noun):
    """`basis` says what the plan was made from; a saved plan is refused where that has moved on.

    `against` names what was compared with, where that is not what the target holds.
    """

    artifact: Literal["plan"] = "plan"
    version: Literal[1] = 1
    project: str
    target: str
    changes: tuple[Change, ...] = ()
    steps: tuple[PlanStep, ...] = ()
    held: tuple[HeldNode, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    summary: dict[str, int] = {}
    as_of_date: str = ""
    full_refresh: bool = False
    asked: Asked = Asked()
    basis: dict[str, str] = {}
    against: str | None = None

    @property
    def breaking(self) -> list[Change]:
        """Changes that stand in the way of a build."""
        return [change for change in self.changes if change.needs_bump]
