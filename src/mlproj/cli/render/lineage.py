"""Lineage as a tree or as Mermaid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlproj.planner.columns import label


def lineage_lines(document: Mapping[str, Any], *, mermaid: bool, fenced: bool = False) -> list[str]:
    """Upstream above the node, downstream below it."""
    if mermaid:
        graph = _mermaid(document)
        return ["```mermaid", *graph, "```"] if fenced else graph
    places = {c["id"]: c for c in document.get("columns", ())}
    names = {id_: _name(place) for id_, place in places.items()}
    start = (document.get("start") or [document["node"]])[0]
    up, down = _directed(start, document["edges"], places)
    above, below = ("is made from", "goes into") if places else ("depends on", "is used by")
    lines, seen = [names.get(start, start)], {start}
    columns, rows = _apart(start, up, places)
    if start in columns:
        lines += [f"  {above}", *_tree(start, columns, names, "    ", seen)]
    if rows:
        lines += ["  and its rows from", *_tree("", columns | {"": rows}, names, "    ", seen)]
    if start in down:
        lines += [f"  {below}", *_tree(start, down, names, "    ", {start})]
    if len(lines) == 1 and document["direction"] != "both":
        lines.append(f"  {above if document['direction'] == 'upstream' else below} nothing")
    return lines


Edges = dict[str, list[str]]


def _directed(
    start: str, edges: Sequence[Sequence[str]], places: Mapping[str, Mapping[str, Any]]
) -> tuple[Edges, Edges]:
    """What each place is made from, and what it goes into, as a person wants to read it.

    Rows come last; where all rows of a node follow, only those of its columns are told that are computed from the
    start itself; a training dataset is told with the versions that were trained on it.
    """
    up: Edges = {}
    down: Edges = {}
    for parent, child in edges:
        up.setdefault(child, []).append(parent)
        down.setdefault(parent, []).append(child)
    below = _reach(start, down)
    computed = _computed(start, down, places)
    whole = {places[p]["node"]: p for p in below if places and places[p]["kind"] == "rows"}
    told = {f"training_dataset:{places[p].get('training_dataset')}" for p in below if places and p in places}

    def shown(place: str) -> str:
        own = place in computed or not places or places[place]["kind"] not in ("column", "rows")
        return place if own else whole.get(places[place]["node"], place)

    merged: Edges = {}
    for parent in [p for p in down if p in below]:
        for child in down[parent]:
            pair = (shown(parent), shown(child))
            if pair[0] == pair[1] or child in told or (pair[1] in computed and pair[0] not in computed):
                continue
            if pair[1] not in merged.setdefault(pair[0], []):
                merged[pair[0]].append(pair[1])

    def rows_last(edges: Edges) -> Edges:
        return {
            p: sorted(ends, key=lambda e: bool(places) and places[e]["kind"] == "rows") for p, ends in edges.items()
        }

    return rows_last(up), rows_last(merged)


def _computed(start: str, down: Edges, places: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """The start, and what is made from it without following through the rows of a node."""
    if not places:
        return {start}
    straight = {p: [c for c in ends if places[c]["kind"] != "rows"] for p, ends in down.items()}
    return {start} if places[start]["kind"] == "rows" else set(_reach(start, straight))


def _apart(start: str, up: Edges, places: Mapping[str, Mapping[str, Any]]) -> tuple[Edges, list[str]]:
    """Upstream in two parts: columns without the rows that they follow, and the rows to be told once, after them."""
    if not places:
        return up, []

    def is_rows(place: str) -> bool:
        return bool(places[place]["kind"] == "rows")

    apart = {c: parents if is_rows(c) else [p for p in parents if not is_rows(p)] for c, parents in up.items()}
    columns = {child: parents for child, parents in apart.items() if parents}
    told = _reach(start, columns)
    followed = dict.fromkeys(p for c in told if not is_rows(c) for p in up.get(c, ()) if is_rows(p))
    below = {p for root in followed for p in _reach(root, columns)[1:]}
    return columns, [root for root in followed if root not in below]


def _reach(start: str, edges: Edges) -> list[str]:
    found, queue = {start: None}, [start]
    while queue:
        for other in edges.get(queue.pop(0), ()):
            if other not in found:
                found[other] = None
                queue.append(other)
    return list(found)


def _tree(
    node: str, edges: Mapping[str, Sequence[str]], names: Mapping[str, str], indent: str, seen: set[str]
) -> Iterator[str]:
    following = edges.get(node, [])
    for index, other in enumerate(following):
        last = index == len(following) - 1
        again = other in seen
        said = f"{names.get(other, other)}{' (above)' if again and edges.get(other) else ''}"
        yield f"{indent}{'└─' if last else '├─'} {said}"
        if not again:
            seen.add(other)
            yield from _tree(other, edges, names, indent + ("   " if last else "│  "), seen)


def _name(place: Mapping[str, Any]) -> str:
    """As people write it; a model version with what it was trained on and is called."""
    match place["kind"]:
        case "rows":
            return f"{label(place['node'])} (rows)"
        case "model":
            return f"{label(place['node'])} (model)"
        case "training_dataset":
            return f"{place['id'].partition(':')[2]} (training dataset)"
        case "model_version":
            said = ", ".join([f"on {place['training_dataset']}", *place["aliases"]])
            return f"{place['id'].partition(':')[2]} (model version, {said})"
        case _:
            return f"{label(place['node'])}.{place['column']}"


def _mermaid(document: Mapping[str, Any]) -> list[str]:
    """Columns stand in a box of their node."""
    places = {c["id"]: c for c in document.get("columns", ())}
    if not places:
        ids = {node: f"n{i}" for i, node in enumerate(document["nodes"])}
        boxes = [f'  {i}["{_quoted(node)}"]' for node, i in ids.items()]
        return ["graph LR", *boxes, *(f"  {ids[a]} --> {ids[b]}" for a, b in document["edges"])]
    start = document["start"][0]
    up, down = _directed(start, document["edges"], places)
    pairs = [(p, c) for c in _reach(start, up) for p in up.get(c, ())]
    pairs += [(p, c) for p in _reach(start, down) for c in down.get(p, ())]
    kept = dict.fromkeys([start, *(end for pair in pairs for end in pair)])
    ids = {id_: f"n{i}" for i, id_ in enumerate(id_ for id_ in places if id_ in kept)}
    lines = [*_boxes([places[id_] for id_ in ids], ids), *(f"  {ids[a]} --> {ids[b]}" for a, b in dict.fromkeys(pairs))]
    return ["graph LR", *lines]


def _boxes(places: Sequence[Mapping[str, Any]], ids: Mapping[str, str]) -> Iterator[str]:
    boxes: dict[str, list[Mapping[str, Any]]] = {}
    for place in places:
        boxes.setdefault(place["node"] if place["kind"] in ("column", "rows") else "", []).append(place)
    for place in boxes.pop("", ()):
        yield f'  {ids[place["id"]]}["{_quoted(_name(place))}"]'
    for number, (node, held) in enumerate(boxes.items()):
        yield f'  subgraph s{number}["{_quoted(label(node))}"]'
        for place in held:
            yield f'    {ids[place["id"]]}["{_quoted(place["column"] or "(rows)")}"]'
        yield "  end"


def _quoted(text: str) -> str:
    return text.replace("#", "#35;").replace('"', "#quot;")
