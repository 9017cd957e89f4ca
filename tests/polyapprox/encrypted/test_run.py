"""Encrypted runs with a framework that is not there: parameters, refusals, the protocol."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from paths import MADE

import polyapprox as pa
from polyapprox import encrypted
from polyapprox.cli import main
from polyapprox.encrypted import (
    Availability,
    Backend,
    BackendError,
    Measured,
    Parameters,
    Session,
    backend,
    choose_parameters,
    run,
)
from polyapprox.encrypted.backend import LARGEST_MODULUS, check_secure, read_arguments, read_levels
from polyapprox.encrypted.frameworks.interpreter import VARIABLE, find
from polyapprox.encrypted.frameworks.process import Worker
from polyapprox.encrypted.series import chebyshev_series
from polyapprox.errors import ArgumentError

RELU = pa.circuit("relu", multiplications=5)
WORKER = Path(encrypted.__file__).with_name("frameworks") / "openfhe_worker.py"


class ClearSession(Session):
    """Evaluates in the clear, with an error that it is told."""

    def __init__(self, parameters, error):
        self.parameters, self.error, self.closed = parameters, error, 0

    def on_plan(self, plan, arrays, repeats):
        values = plan.run(*arrays) + self.error
        stages = (("context and keys", 0.1), ("encrypt", 0.1), ("evaluate", 0.2), ("decrypt", 0.1))
        return Measured(values, 0.2, stages, 5)

    def on_series(self, made, array, repeats):
        raise BackendError("it runs plans only")

    def on_levels(self, levels, repeats):
        return {}

    def close(self):
        self.closed += 1


class ClearBackend(Backend):
    name, title, executes = "openfhe", "Clear", frozenset({"plan"})

    def __init__(self, error=0.0, found=True):
        self.error = error
        self.availability = Availability(found, "9.9", "looked everywhere", "pip install it")

    def find(self):
        return self.availability

    def opened(self, parameters):
        return ClearSession(parameters, self.error)


def test_every_back_end_is_complete_by_its_base():
    """A back end states what differs from the defaults; nothing is looked for by its name."""
    with pytest.raises(TypeError, match="abstract"):
        type("Half", (Backend,), {"name": "half"})()
    chosen = ClearBackend()
    assert (chosen.largest_input(4096), chosen.special_bits(40, 9)) == (2048, 60)
    assert chosen.counted_levels(RELU) == (5, "published")
    assert backend("openfhe").special_bits(40, 9) > 60
    with chosen.session(Parameters(4096, 40, 5)) as session:
        assert not session.closed
    assert session.closed == 1
    with pytest.raises(BackendError, match=r"Clear was not found \(looked everywhere\); get it"):
        ClearBackend(found=False).session(Parameters(4096, 40, 5))


@pytest.fixture
def clear(monkeypatch):
    def use(**options):
        monkeypatch.setattr(encrypted, "backend", lambda name: ClearBackend(**options))

    use()
    return use


def test_a_run_compares_with_the_function_itself(clear):
    ended = run(RELU, [-1.0, 0.0, 0.5, 1.0])
    expected = RELU(np.array([-1.0, 0.0, 0.5, 1.0])) - np.array([0, 0, 0.5, 1.0])
    np.testing.assert_allclose(ended.error, expected, atol=1e-15)
    assert ended.noise == 0 and ended.within and ended.bound == RELU.error_bound
    assert (ended.levels, ended.counted, ended.rule) == (5, 5, "published")


def test_a_result_outside_bound_and_noise_is_called_so(clear):
    clear(error=0.01)
    ended = run(RELU)
    assert ended.within is False and ended.noise == pytest.approx(0.01)


def test_inputs_cover_the_interval_and_the_neighbourhood_of_zero(clear):
    (x,) = run(RELU).x
    assert x.size == 2048 and (x.min(), x.max()) == (-1, 1)
    assert np.sum(np.abs(x) < 1e-3) > 100 and np.max(np.diff(np.sort(x))) < 0.01


@pytest.mark.parametrize("bad", [[1.5], [0.5, -3.0, 2.0]])
def test_inputs_outside_are_counted_before_encryption(clear, bad):
    outside = sum(abs(v) > 1 for v in bad)
    with pytest.raises(ArgumentError, match=f"^inputs outside the domain.*: {outside} of {len(bad)};"):
        run(RELU, bad)
    assert run(RELU, bad, allow_outside=True).outside == outside


def test_errors_outside_do_not_count(clear):
    assert run(RELU, [0.5, 40.0], allow_outside=True).within


def test_errors_of_no_value_inside_are_no_errors_of_zero(clear):
    ended = run(RELU, [40.0, 51.0], allow_outside=True)
    assert np.isnan(ended.largest_error) and np.isnan(ended.noise) and ended.within is None
    assert ended.facts()["largest_error"] is None and ended.outside == 2


@pytest.mark.parametrize("x", [[1j, 0.5], ["0.5"], [[0.5], [0.25, 0.1]], {"a": 1}])
def test_inputs_that_are_no_real_numbers_are_refused(clear, x):
    with pytest.raises(ArgumentError, match="x must be real numbers"):
        run(RELU, x)


def test_a_result_outside_ends_the_command_with_3(clear, tmp_path, capsys):
    table = RELU.save(tmp_path / "relu.json")
    assert main(["encrypt-check", str(table)]) == 0
    clear(error=0.01)
    assert main(["encrypt-check", str(table)]) == 3  # 1 is for a claim that is false
    assert "OUTSIDE" in capsys.readouterr().out


@pytest.mark.parametrize("x", [[1j, 0.5], ["0.5"], "half", {"a": 1}, [[0.5], [0.1, 0.2]]])
def test_sessions_refuse_what_is_no_real_number(x):
    with pytest.raises(ArgumentError, match="an argument must be real numbers"):
        read_arguments(1, [x], Parameters(4096, 50, 5))


@pytest.mark.parametrize("repeats", [0, "2", 1.5])
def test_sessions_refuse_repeats_that_are_no_number_of_times(repeats):
    with pytest.raises(ArgumentError, match="repeats must be a whole number from 1 on"):
        read_arguments(1, [[0.5]], Parameters(4096, 50, 5), repeats)
    with pytest.raises(ArgumentError, match="repeats"):
        read_levels([1], repeats, Parameters(4096, 50, 5))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"real": "2^-20"}, "real must be"),
        ({"imaginary": -1}, "imaginary must be a positive number; got -1"),
        ({"real": np.nan}, "real must be"),
        ({"seed": "a"}, "seed must be"),
        ({"parameters": 4096}, "parameters must be Parameters"),
    ],
)
def test_arguments_of_a_run_are_checked(clear, given, said):
    with pytest.raises(ArgumentError, match=f"^{said}"):
        run(RELU, [0.5], **given)
    with pytest.raises(ArgumentError, match="approximation must be an Approximation; got 5"):
        run(5, [0.5])


@pytest.mark.parametrize(
    ("x", "said"),
    [([], "empty"), ([np.nan], "not finite"), (np.zeros(1 << 17), "one ciphertext holds")],
)
def test_unusable_inputs_are_refused(clear, x, said):
    with pytest.raises(ArgumentError, match=said):
        run(RELU, x)


def test_too_few_levels_are_refused(clear):
    with pytest.raises(ArgumentError, match=r"levels=4, 5 are needed"):
        run(RELU, parameters=Parameters(4096, 50, 4))


def test_too_few_bits_are_refused(clear):
    wide = pa.circuit("relu", multiplications=5, interval=(-2000, 2000))
    with pytest.raises(ArgumentError, match=r"does not fit into first_bits=60 at scale_bits=55"):
        run(wide, parameters=Parameters(4096, 55, 5))


def test_a_missing_backend_says_how_to_get_it(clear):
    clear(found=False)
    with pytest.raises(BackendError, match=r"not found \(looked everywhere\).*pip install it"):
        run(RELU)


def test_an_unknown_backend_is_refused():
    with pytest.raises(ArgumentError, match="choose from openfhe"):
        backend("seal")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((1000, 50, 3), "power of two"),
        ((4096, 70, 3), "20 … 59"),
        ((4096, 50, 3, 40), "first_bits=40"),
        ((4096, 50, -1), "levels=-1"),
        ((4096, 50, 2.5), "levels must be a whole number; got 2.5"),
        (("4096", 50, 2), "ring_dimension must be a whole number"),
        ((4096, None, 2), "scale_bits must be a whole number"),
    ],
)
def test_parameters_are_checked(given, said):
    with pytest.raises(ArgumentError, match=said):
        Parameters(*given)


def test_the_scale_grows_with_the_precision():
    framework = backend("openfhe")
    rough = choose_parameters(RELU, framework)
    exact = choose_parameters(pa.minimax("exp(x)", 12), framework)
    assert rough.scale_bits < exact.scale_bits <= 59
    assert not rough.secure and rough.security == "not secure, for tests"


def test_the_ring_grows_with_the_number_of_values():
    framework = backend("openfhe")
    assert choose_parameters(RELU, framework, values=5000).ring_dimension == 1 << 14


@pytest.mark.parametrize("m", [1, 3, 8, 13])
def test_secure_rings_keep_within_the_table_of_the_standard(m):
    framework = backend("openfhe")
    chosen = choose_parameters(pa.circuit("relu", multiplications=m), framework, secure=True)
    bits = chosen.modulus_bits + framework.special_bits(chosen.scale_bits, chosen.levels)
    assert bits <= LARGEST_MODULUS[chosen.ring_dimension] and chosen.secure
    half = LARGEST_MODULUS[chosen.ring_dimension // 2]
    assert bits > half or chosen.ring_dimension == 1 << 12


@pytest.mark.parametrize(
    ("bits", "ring", "largest", "said"),
    [
        (500, 1 << 14, 1 << 16, "500 bits .* than the 438 .* use ring_dimension=32768, fewer levels"),
        (1720, 1 << 15, 1 << 15, "1720 bits .* than the 881 .*; use fewer levels .* at most 881 bits"),
        (720, 1 << 16, 1 << 15, "offered up to ring_dimension=32768.* use ring_dimension=32768"),
    ],
)
def test_a_modulus_too_large_for_128_bit_is_told_what_to_do(bits, ring, largest, said):
    with pytest.raises(BackendError, match=said):
        check_secure(bits, ring, largest)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"levels": 40, "secure": True}, "881 at 2\\^15, the largest ring of TenSEAL: use fewer levels"),
        ({"values": "3"}, "values must be"),
        ({"levels": 2.5}, "levels must be"),
    ],
)
def test_what_cannot_be_chosen_is_refused(given, said):
    with pytest.raises(ArgumentError, match=said):
        choose_parameters(RELU, backend("tenseal"), **given)
    with pytest.raises(ArgumentError, match="backend='tenseal' must be what"):
        choose_parameters(RELU, "tenseal")


def test_a_wide_interval_that_fits_no_scale_is_refused():
    wide = pa.circuit("relu", multiplications=5, interval=(-1e7, 1e7))
    with pytest.raises(ArgumentError, match="smaller interval"):
        choose_parameters(wide, backend("openfhe"))


def test_series_are_what_the_approximation_computes():
    r = pa.relu(precision=2.0**-7, structure="composite", interval=(-8, 8))
    made = chebyshev_series(r)
    x = np.linspace(-8, 8, 999)
    u = value = made.unit(x)
    for coefficients in made.series:
        assert np.max(np.abs(value)) <= 1 + 1e-9
        value = np.polynomial.chebyshev.chebval(value, coefficients)
    result = made.factor * value * (u if made.final_product else 1) + made.offset
    np.testing.assert_allclose(result, r(x), atol=1e-12)


def worker(tmp_path, body):
    """A worker that answers as `body` says."""
    script = tmp_path / "worker.py"
    script.write_text(
        "import importlib.util, os, sys\n"
        f"spec = importlib.util.spec_from_file_location('w', {str(WORKER)!r})\n"
        "w = importlib.util.module_from_spec(spec); spec.loader.exec_module(w)\n"
        "source, sink = sys.stdin.buffer, sys.stdout.buffer\n"
        "w.write_message(sink, {'ready': '1'})\n"
        "while (message := w.read_message(source)) is not None:\n"
        f"    content, arrays = message\n    {body}\n"
    )
    return Worker(Path(sys.executable), script, "Fake")


def test_arrays_pass_the_pipe_bit_by_bit(tmp_path):
    one = worker(tmp_path, "w.write_message(sink, {'got': content['a']}, arrays)")
    sent = np.array([0.1, -0.0, 5e-324, np.inf, -1.7976931348623157e308])
    answer, (back, empty) = one.ask({"a": [1.5, "x"]}, [sent, np.array([])])
    one.close()
    assert answer["got"] == [1.5, "x"] and empty.size == 0
    assert back.tobytes() == sent.tobytes()


def test_a_refusal_of_the_worker_is_one_sentence(tmp_path):
    one = worker(tmp_path, "w.write_message(sink, {'error': 'too deep'})")
    with pytest.raises(BackendError, match=r"^Fake refused: too deep$"):
        one.ask({})
    one.close()


@pytest.mark.parametrize("how", ["os._exit(3)", "sink.write(bytes(3)), sink.flush(), os._exit(3)"])
def test_a_worker_that_dies_is_told_in_one_sentence(tmp_path, how):
    one = worker(tmp_path, how)
    with pytest.raises(BackendError, match="Fake died with exit code 3 in mid-run") as caught:
        one.ask({}, [np.zeros(1000)])
    assert "\n" not in str(caught.value) and not one.alive


def test_a_worker_that_does_not_listen_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("polyapprox.encrypted.frameworks.process._PATIENCE", 0.1)
    one = worker(tmp_path, "import time; time.sleep(60)")
    one._process.stdin.write(b"\0" * 7 + b"\x02{}")
    one._process.stdin.flush()
    one.close()
    assert not one.alive
    with pytest.raises(BackendError, match="closed"):
        one.ask({})


def test_an_interpreter_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv(VARIABLE, "/nowhere/python")
    found, availability = find()
    assert found is None and "/nowhere/python" in availability.reason
    assert "pip install openfhe==" in availability.remedy


@pytest.mark.parametrize(
    ("version", "usable"), [("1.6.1.0", True), ("1.7", True), ("1.2.3", False), ("2.0", False)]
)
def test_the_version_is_checked(monkeypatch, tmp_path, version, usable):
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\necho version {version}\n")
    fake.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(fake))
    found, availability = find()
    assert (found is not None) is usable is availability.found
    assert version in (availability.version if usable else availability.reason)


def test_importing_the_package_loads_no_encrypted_run():
    code = "import polyapprox, sys; sys.exit('polyapprox.encrypted' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_backends_lists_all_with_their_remedies(capsys, monkeypatch):
    monkeypatch.setenv(VARIABLE, "/nowhere/python")
    assert main(["backends"]) == 0
    page = capsys.readouterr().out
    assert "openfhe    not found" in page and VARIABLE in page
    assert all(name in page for name in ("lattigo", "tenseal", "desilofhe"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["encrypt-check", "missing.json"], "missing.json"),
        (["encrypt-check", "TABLE", "--backend", "seal"], "seal"),
        (["encrypt-check", "TABLE", "--ring", "1000"], "--ring 1000 must be a power of two"),
        (["encrypt-check", "TABLE", "--plot", "error.bmp"], ".png"),
        (["bench", "encrypted", "--backend", "tenseal"], "use openfhe"),
        (["bench", "encrypted", "--repeats", "0"], "--repeats 0"),
    ],
)
def test_commands_refuse_in_one_sentence(tmp_path, capsys, arguments, said):
    table = str(RELU.save(tmp_path / "relu.json"))
    assert main([table if one == "TABLE" else one for one in arguments]) == 2
    caught = capsys.readouterr()
    assert said in caught.err and caught.err.count("\n") == 1 and not caught.out


def test_the_page_shows_the_saved_measurements():
    page = MADE / "encrypted_tables.py"
    check = subprocess.run([sys.executable, str(page), "--check"], check=False)
    assert check.returncode == 0
