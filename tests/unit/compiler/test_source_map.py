"""Positions of rendered SQL, back in the user's file."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproj.compiler.render import SqlRenderer
from mlproj.diagnostics import Collector, Span

VARIABLES = {"n": 3, "long": "a longer text", "empty": "", "names": ["age", "wage"]}


def renderer() -> SqlRenderer:
    jinja = SqlRenderer(
        VARIABLES, {"TOKEN": "a-secret"}, lambda name, _v: f"feature_group:{name}@1", lambda n: f"source:{n}"
    )
    jinja.add_macros({"macros/m.sql": "{% macro twice(x) %}2 * {{ x }}{% endmacro %}"}, Collector())
    return jinja


def located(text: str, word: str, occurrence: int = 0) -> Span:
    """Where `word` of the rendered text comes from."""
    jinja = renderer()
    rendered = jinja.render("a.sql", text, "feature_group:a@1", Collector())
    assert rendered is not None
    position = -1
    for _ in range(occurrence + 1):
        position = rendered.private_sql.index(word, position + 1)
    return jinja.locate("a.sql", text, position)


def place(text: str, word: str) -> Span:
    offset = text.index(word)
    return Span("a.sql", text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1)


@pytest.mark.parametrize(
    "text",
    [
        "select WORD", "select {{ var('n') }} WORD", "select {{ var('long') }}\n  {{ var('long') }} , WORD",
        "from {{ ref('income', version=1) }} as i WORD", "{{- var('long') }} WORD", "select {{- var('long') -}} WORD",
        "select   {{- var('long') }} {{- var('n') }} WORD", "{# a\ncomment #} select WORD", "{#- a -#}\n\nselect WORD",
        "{% set x = 'abc' %}\nselect {{ x }} WORD", "{%- if var('n') > 2 -%}\n select WORD {%- endif %}",
        "{% if var('n') > 9 %} a long text {% else %} WORD {% endif %}", "{% raw %}{{ no jinja }}{% endraw %} WORD",
        "'größer 漢字 🦆' {{ var('n') }} WORD", "{{ var('empty') }}WORD", "\n\n\t{{ twice('age') }},\n\tWORD",
        "'{{ env_var('TOKEN') }}' WORD", "{% filter upper %}some text{% endfilter %} WORD",
        "{{ '{{' }} WORD {{ '}}' }}",
        "{% for n in var('names') %}{{ n }},{% endfor %} WORD", "{{ var('long') | upper | trim }} WORD",
        "{% macro f(x) %}text of {{ x }}{% endmacro %}{{ f('a') }} WORD", "{% set x %}block{% endset %}{{ x }} WORD",
    ],
)  # fmt: skip
def test_plain_text_is_found_where_it_stands(text: str) -> None:
    assert located(text, "WORD") == place(text, "WORD")


@pytest.mark.parametrize(
    ("text", "word", "written"),
    [
        ("select 1, {{ var('long') }} as x", "longer", "{{ var('long') }}"),
        ("select 1, {{ twice('age') }} as x", "age", "{{ twice('age') }}"),
        ("select {{- var('long') }} as x", "longer", "{{- var('long') }}"),
        ("{{- var('long') }} as x", "longer", "{{- var('long') }}"),
        ("a {{ var('n') }} {{ ref('income') }}", "income", "{{ ref('income') }}"),
    ],
)
def test_what_jinja_gave_is_found_where_its_expression_starts(text: str, word: str, written: str) -> None:
    assert located(text, word) == place(text, written)


def test_every_round_of_a_loop_leads_to_the_same_place() -> None:
    text = "select 1\n{% for n in var('names') %}\n  , {{ n }} + WORD as {{ n }}_2\n{% endfor %}\nfrom t"

    assert located(text, "WORD", 0) == located(text, "WORD", 1) == place(text, "WORD")


def test_the_end_of_the_text() -> None:
    text = "select {{ var('long') }},\n  age +"
    jinja = renderer()
    rendered = jinja.render("a.sql", text, "feature_group:a@1", Collector())

    assert rendered is not None
    assert jinja.locate("a.sql", text, len(rendered.private_sql)) == Span("a.sql", 2, 8)


@pytest.mark.parametrize("text", ["", "\n", "{# nothing #}", "{{ var('empty') }}", "{{ var('n') }}"])
def test_a_file_without_text_of_its_own(text: str) -> None:
    assert renderer().locate("a.sql", text, 0).line == 1


PIECES = st.sampled_from([
    "{{ var('n') }}", "{{ var('long') }}", "{{- var('long') -}}", "{{- var('empty') }}", "{# note #}",
    "{#- note -#}", "\n", " ",
    "{% if true %}x{% endif %}", "{%- if false -%} no {%- endif -%}",
    "{% for n in var('names') %} {{ n }} {% endfor %}",
    "{%- for n in var('names') -%}\n {{- n -}} {% endfor -%}", "é漢🦆", "a + b", "{{ twice('x') }}",
    "'{{ env_var('TOKEN') }}'",
])  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.lists(PIECES, max_size=8), st.lists(PIECES, max_size=8))
def test_any_text_between_any_jinja(before: list[str], after: list[str]) -> None:
    text = "".join([*before, "WORD", *after])

    assert located(text, "WORD") == place(text, "WORD")
