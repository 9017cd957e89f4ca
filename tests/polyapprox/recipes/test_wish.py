"""One description of the options: signature, docstring, command line and provenance agree with it."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import pytest
from typer.testing import CliRunner

import polyapprox as pa
from polyapprox.approximation import Approximation
from polyapprox.cli.commands import application
from polyapprox.cli.groups import RECIPES
from polyapprox.cli.options import command_of, parameters
from polyapprox.errors import ArgumentError
from polyapprox.recipes.absolute import AbsoluteWish, made, relu
from polyapprox.recipes.sign import SignWish
from polyapprox.recipes.wish import Wish, asks

KIN: dict[Callable[..., Approximation], type[Wish]] = {
    pa.relu: AbsoluteWish, pa.abs: AbsoluteWish, pa.maximum: AbsoluteWish,
    pa.minimum: AbsoluteWish, pa.sign: SignWish, pa.step: SignWish,
}  # fmt: skip


@pytest.mark.parametrize(("function", "wish"), KIN.items())
def test_the_keywords_are_the_fields_of_the_wish(
    function: Callable[..., Approximation], wish: type[Wish]
) -> None:
    shown = inspect.signature(function)
    given = {one.name: one.default for one in fields(wish) if one.name != "function"}
    assert {name: one.default for name, one in shown.parameters.items()} == given
    assert shown.return_annotation is Approximation
    assert all(one.kind is inspect.Parameter.KEYWORD_ONLY for one in shown.parameters.values())


@pytest.mark.parametrize("name", RECIPES)
def test_every_option_is_told_and_taken_by_the_command(name: str) -> None:
    done = CliRunner().invoke(application, [name, "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    module, made_by, told_by, _ = RECIPES[name]
    recipes = __import__(f"polyapprox.{module}", fromlist=["*"])
    texts = parameters(getattr(recipes, told_by))
    synonyms = {"domain", "depth"}
    for parameter, one in inspect.signature(getattr(recipes, made_by)).parameters.items():
        assert texts.get(parameter, "").rstrip("."), parameter
        argument = one.default is one.empty and one.kind is not one.KEYWORD_ONLY
        assert (f"--{parameter.replace('_', '-')} " in done.output) != (
            parameter in synonyms or argument
        ), parameter


@dataclass(frozen=True, kw_only=True)
class _WithOneMore(AbsoluteWish):
    twice: bool = False


def test_an_option_is_added_in_one_place() -> None:
    @asks(_WithOneMore, "relu")
    def doubled(wish: _WithOneMore) -> Approximation:
        """ReLU, or something twice as precise.

        Parameters
        ----------
        twice : bool
            Whether it is twice as precise.
        """
        wanted = (wish.precision or 0.5) / (1 + wish.twice)
        return made(AbsoluteWish(wish.function, precision=wanted))

    found: list[Any] = []
    command = command_of("doubled", doubled, doubled, lambda result: found.append(result))
    command.main(["--precision", "2^-5", "--twice"], standalone_mode=False)
    assert found[0].error_bound <= 2**-6 and inspect.signature(doubled).parameters["twice"]
    assert _WithOneMore("relu", precision=0.5, twice=True).command.endswith("twice=True)")


def test_a_wish_holds_plain_values_and_writes_what_differs() -> None:
    wish = AbsoluteWish("relu", precision=2**-7, interval=["-2", 3], degrees=None, levels=9)
    assert wish.ends == (-2.0, 3.0)
    assert wish.command == "polyapprox.relu(precision=0.0078125, interval=(-2.0, 3.0), levels=9)"
    assert wish == AbsoluteWish("relu", precision=2**-7, interval=(-2, 3), levels=9)


@pytest.mark.parametrize(
    "more", [{"offset": False}, {"refine": True}, {"structure": "direct"}, {"threshold": 0.1}]
)
def test_limits_alone_refuse_what_a_circuit_cannot_have(more: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(more))):
        relu(multiplications=5, **more)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: pa.relu(precison=2**-9), r"^relu\(\) got .* 'precison': did you mean 'precision'\?$"),
        (lambda: pa.step(treshold=0.1, precision=2**-4), r"^step\(\) got .* 'treshold': did you mean 'threshold'\?$"),
        (lambda: pa.relu(2**-9), r"^relu\(\) takes keywords alone, such as relu\(precision=2\*\*-9\)$"),
        (lambda: pa.maximum(precision=2**-4, k=3), r"^maximum\(\) got .* 'k': there are precision, "),
    ],
)
def test_an_unknown_keyword_is_named_by_the_function_that_was_called(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        call()
