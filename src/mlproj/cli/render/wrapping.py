"""Long lines, broken between words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click


def wrapped(lines: Iterable[str], width: int, *, hang: int = 2) -> Iterator[str]:
    """Lines of at most `width` columns, styles not counted; what follows is indented `hang` deeper than its beginning.

    A word that is longer than a line stays whole.
    """
    for line in lines:
        plain = click.unstyle(line)
        if len(plain) <= width:
            yield line
            continue
        indent = " " * (len(plain) - len(plain.lstrip()) + hang)
        current, *words = line.split(" ")
        for word in words:
            longer = f"{current} {word}"
            if len(click.unstyle(longer)) > width and click.unstyle(current).strip():
                yield current.rstrip()
                current = indent + word
            else:
                current = longer
        yield current
