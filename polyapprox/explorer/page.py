# SPDX-License-Identifier: Apache-2.0
"""The page itself, for Streamlit: ``polyapprox explore``."""

from __future__ import annotations

from typing import Any

import streamlit as st

from polyapprox import plot
from polyapprox.approximation import Approximation
from polyapprox.cli.costs import costs_of
from polyapprox.cli.report import summary
from polyapprox.errors import PolyApproxError
from polyapprox.explorer.asked import FUNCTIONS, OBJECTIVES, OWN, Asked, exported
from polyapprox.export import FORMATS
from polyapprox.outward import lower, lower_places, upper
from polyapprox.recipes.pareto import pareto

OTHER = "another, written in x"


@st.cache_resource(max_entries=200, show_spinner="computing, and proving …")
def answer(asked: Asked) -> Approximation:
    """The approximation of a wish, kept: a slider that comes back costs nothing."""
    return asked.answer()


def ask() -> Asked:
    """The widgets, as one wish."""
    side = st.sidebar
    side.header("What do you need?")
    chosen = side.selectbox("function", [*FUNCTIONS, OTHER], key="function")
    function = side.text_input("expression in x", "log(1 + x**2)", key="own") if chosen == OTHER else chosen
    low, high = FUNCTIONS.get(chosen, (-1.0, 1.0))
    left, right = side.columns(2)
    low = left.number_input("from", value=low, key=f"low-{chosen}")
    high = right.number_input("to", value=high, key=f"high-{chosen}")
    by = side.radio("wanted", ["a precision", "a cost"], horizontal=True, key="by")
    relative = side.toggle("relative error", key="relative", disabled=chosen in OWN)
    if by == "a cost":
        count = side.slider("multiplications, at most", 1, 14, 5, key="multiplications")
        return Asked(function, low, high, None, count, relative=relative)
    power = side.slider("precision 2^-k: k", 3, 20, 9, key="power")
    objective = side.selectbox("least", OBJECTIVES, key="objective",
                               help="balanced: a level weighs as much as two multiplications")  # fmt: skip
    return Asked(function, low, high, power, None, objective, relative)


def show_facts(one: Approximation) -> None:
    """What was proven and what it costs, in numbers."""
    kind = "error" if one.weight == "1" else "weighted error"
    facts: dict[str, str | int] = {
        f"{kind}, at most (proven)": upper(one.error_bound, 5),
        "bits (proven)": lower_places(one.bits, 2),
        "multiplications": one.multiplications,
        "levels": one.levels,
        "levels, alone": one.counts("standalone").levels,
        "constant products": one.counts().constant_products,
    }
    row = st.container(horizontal=True, gap="medium")
    for name, value in facts.items():
        row.metric(name, value, width="content")


def show_costs(one: Approximation) -> None:
    """Levels in each framework, and seconds forecast."""
    from polyapprox.cost.latency import latency_model
    from polyapprox.recipes.wish import DEFAULT_BACKEND

    model = latency_model(DEFAULT_BACKEND)
    found = costs_of(one, model)
    rows = [{"evaluator": "the plan, everywhere", **found["plan_levels"]}]
    rows += [
        {"evaluator": f"{name}'s own, of components", **levels}
        for name, levels in (found["component_levels"] or {}).items()
    ]
    st.dataframe(rows, hide_index=True)
    st.caption(
        f"Levels by counting rule. Forecast (an estimate): {found['seconds']:.3f} s by {model.backend} "
        f"{model.version}, ring {model.ring_dimension}."
    )


def show_certificate(one: Approximation) -> None:
    """What was proven, how, and what nobody can better."""
    facts = summary(one)
    rows = {
        "structure": f"{one.structure}, degrees {list(one.degrees)}",
        "proven by": facts["method"] or "nothing: a sampled estimate",
        "sampled error (an estimate)": f"{one.error_estimate:.6g}",
        "largest constant": f"{one.largest_coefficient:.4g}",
        "plan": one.plan.digest,
    }
    if one.error_lower_bound is not None:
        rows["lower bound (proven)"] = f"{lower(one.error_lower_bound, 5)} for {facts['lower_bound_for']}"
    for name, text in rows.items():
        st.markdown(f"**{name}**: {text}")


def show_plan(one: Approximation) -> None:
    """The operations, drawn and written."""
    if one.multiplications <= 40:
        st.pyplot(plot.plan_graph(one.plan))
    st.code(str(one.plan), language="text")


def show_front(asked: Asked) -> None:
    """All ways to this precision, where they are known."""
    if asked.function not in OWN or asked.power is None:
        st.info("All ways side by side: for relu and abs, at a precision.")
        return
    front = pareto(
        asked.function, precision=2.0**-asked.power, interval=(asked.low, asked.high)
    )
    st.pyplot(front.plot())
    st.code(front.table(), language="text")


def show_exports(one: Approximation) -> None:
    """A file for each framework."""
    format = st.selectbox("format", ["table", *FORMATS], key="format")
    try:
        name, content = exported(one, format)
    except PolyApproxError as error:
        st.warning(str(error))
        return
    st.download_button(f"download {name}", content, name, key="download")
    st.code(content[:4000].decode("utf-8", "replace"), language="text")


def main() -> None:
    """The whole page."""
    st.set_page_config("polyapprox", layout="centered", initial_sidebar_state="auto")
    asked = ask()
    st.title(f"{asked.function} on [{asked.low:g}, {asked.high:g}]")
    try:
        one = answer(asked)
    except PolyApproxError as error:
        st.error(str(error))
        return
    st.code(asked.call, language="python", wrap_lines=True)
    show_facts(one)
    shown: dict[str, Any] = {"error": lambda: st.pyplot(one.plot())}
    if one.structure in ("composite", "composition"):
        shown["stages"] = lambda: st.pyplot(plot.stages(one))
    shown |= {
        "plan": lambda: show_plan(one), "front": lambda: show_front(asked),
        "cost": lambda: show_costs(one), "certificate": lambda: show_certificate(one),
        "export": lambda: show_exports(one),
    }  # fmt: skip
    chosen = st.segmented_control("view", list(shown), default="error", key="view", label_visibility="collapsed")
    shown[chosen or "error"]()


if __name__ == "__main__":
    main()
