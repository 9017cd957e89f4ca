"""Calls from threads: the same results, bit for bit, as one after the other."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import arb

import polyapprox as pa
from polyapprox import precision
from polyapprox.export import export
from polyapprox.noise import forecast, quantise
from polyapprox.precision import current_precision, one_at_a_time, working_precision
from polyapprox.targets import as_target

Call = Callable[[], Any]


def together(calls: list[Call]) -> list[Any]:
    """Results of all calls, sixteen at a time."""
    with ThreadPoolExecutor(16) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYAPPROX_CACHE", "off")


def test_minimax_in_48_threads() -> None:
    functions = ("exp", "gelu", "sigmoid", "1/(1+25*x**2)")
    calls = [partial(pa.minimax, name, 2 * d) for name in functions for d in range(1, 13)]
    assert len(calls) == 48
    serial = [call() for call in calls]
    assert together(calls) == serial


def of_every_kind(folder: Path) -> list[Call]:
    """One call of each public function that computes."""
    made = pa.relu(precision=2**-5)
    best = pa.minimax("exp", 6)
    table = best.save(folder / "exp.json")
    odd = pa.Polynomial.from_floats([0, 1.2, 0, -0.3], parity="odd")
    return [
        partial(pa.relu, precision=2**-6),
        partial(pa.relu, degrees=[3, 5], interval=(-4, 4)),
        partial(pa.abs, precision=2**-5, structure="direct"),
        partial(pa.maximum, precision=2**-4),
        partial(pa.minimum, precision=2**-4, interval=(-2, 3)),
        partial(pa.sign, precision=2**-4, threshold=0.1),
        partial(pa.step, degrees=[5, 5], threshold=0.1),
        partial(pa.circuit, "relu", multiplications=4),
        partial(pa.weighted_relu, multiplications=3, samples=np.linspace(-0.5, 0.6, 101)),
        partial(pa.limits, "relu", precision=2**-5),
        partial(pa.from_components, "sign", [odd, odd], [(-1, -0.5), (0.5, 1)]),
        partial(pa.minimax, "1/x", 5, domain=(1, 3), relative=True),
        partial(pa.minimax, lambda x: np.exp(x), 4),
        partial(pa.minimax, lambda x: x.exp(), 4),
        partial(pa.audit, made),
        lambda: pa.verify(table).bound,
        partial(pa.load, table),
        lambda: pa.load(best.save(folder / "again.json")),
        partial(made.safe_radius, 2.0),
        partial(quantise, made, 30),
        partial(forecast, made.plan, half_width=1.0, scale_bits=40, ring_dimension=2**14),
        lambda: str(made(arb(0.3))),
        lambda: str(odd(arb(0.3))),
        lambda: export(best, "python", folder / "exp.py").read_bytes(),
    ]


def test_calls_of_every_kind_twice_in_threads(tmp_path: Path) -> None:
    calls = of_every_kind(tmp_path)
    assert len(calls) == 24
    serial = [call() for call in calls]
    assert together(calls + calls[::-1]) == serial + serial[::-1]


def test_blocks_of_different_precision_do_not_mix() -> None:
    def third(bits: int) -> str:
        with working_precision(bits):
            return (arb(1) / 3).str(1000, more=True)

    calls = [partial(third, 50 + 13 * k) for k in range(48)]
    assert together(calls) == [call() for call in calls]


@pytest.mark.parametrize("bits", [20, 300])
def test_results_do_not_depend_on_the_callers_contexts(bits: int) -> None:
    call = partial(pa.relu, precision=2**-6, interval=(-3, 5.3))
    usual = call()
    with working_precision(bits), mpmath.workprec(bits):
        assert call() == usual
        assert pa.minimax("gelu", 8, domain=(-3, 5.3)) == _gelu()
        assert current_precision() == bits


def _gelu() -> pa.Approximation:
    with mpmath.workprec(53):
        return pa.minimax("gelu", 8, domain=(-3, 5.3))


def test_a_public_call_may_call_another() -> None:
    @one_at_a_time
    def outer(degree: int) -> tuple[int, pa.Approximation]:
        inner = pa.minimax("exp", degree)
        return current_precision(), inner

    results = together([partial(outer, 4)] * 8)
    assert {bits for bits, _ in results} == {precision.STANDARD}
    assert all(inner == results[0][1] for _, inner in results)


def test_an_error_frees_the_lock() -> None:
    def refused() -> str:
        with pytest.raises(pa.errors.ArgumentError) as caught:
            as_target("exp(")
        return str(caught.value)

    assert len(set(together([refused] * 16))) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_does_not_wait_for_a_thread_it_has_not() -> None:
    import threading

    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with working_precision(100):
            inside.set()
            leave.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(60)
    child = os.fork()
    if child == 0:  # a deadlock is ended by the alarm, with another status
        import signal

        signal.alarm(20)
        with working_precision(80):
            os._exit(0 if current_precision() == 80 else 1)
    _, status = os.waitpid(child, 0)
    leave.set()
    holder.join()
    assert status == 0
