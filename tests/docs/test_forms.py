"""Forms of other people's files: every bound encloses what mpmath finds, and the page says so."""

from __future__ import annotations

import formats_tables
import pytest


@pytest.mark.parametrize("form", formats_tables.FORMS, ids=lambda form: form.what)
def test_a_form_is_read_or_refused(form: formats_tables.Form) -> None:
    words, bound, sampled = formats_tables.outcome(form.what)
    assert words.startswith("refused" if form.value is None else "read")
    assert sampled <= bound <= 1.002 * sampled


def test_the_table_of_forms_is_that_of_the_code() -> None:
    text = formats_tables.PAGE.read_text(encoding="utf-8")
    assert formats_tables.forms() in text
