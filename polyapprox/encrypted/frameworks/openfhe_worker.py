# SPDX-License-Identifier: Apache-2.0
"""The process that runs OpenFHE: started by an interpreter that can import `openfhe`.

It uses nothing but the standard library and `openfhe`, because the wheel may exist for another
version of Python than ours. A message is the length of a JSON object (8 bytes, big-endian), the
object, and the arrays that it announces in "arrays" (their lengths), as raw float64 of the machine.
Standard input ends: so does the process.
"""

from __future__ import annotations

import json
import os
import re
import struct
import sys
import threading
import time
from array import array
from collections.abc import Callable
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    Answer = tuple[dict[str, Any], list[array[Any]]]
HEAD = struct.Struct(">Q")
FEWEST_SHARED = 6  # coefficients of a series whose powers OpenFHE hands on


def read_message(stream: Any) -> tuple[dict[str, Any], list[array[Any]]] | None:
    """A message: the object and its arrays (as array.array of doubles); None at the end."""
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    (length,) = HEAD.unpack(head)
    text = stream.read(length)
    if len(text) < length:
        return None
    content = json.loads(text)
    arrays = []
    for count in content.get("arrays", ()):
        values = array("d")
        raw = stream.read(8 * count)
        if len(raw) < 8 * count:
            return None
        values.frombytes(raw)
        arrays.append(values)
    return content, arrays


def write_message(stream: Any, content: dict[str, Any], arrays: Any = ()) -> None:
    """Send an object and arrays of doubles (anything with the buffer protocol)."""
    raw = [memoryview(one).cast("B") for one in arrays]
    text = json.dumps({**content, "arrays": [len(one) // 8 for one in raw]}).encode()
    stream.write(HEAD.pack(len(text)))
    stream.write(text)
    for one in raw:
        stream.write(one)
    stream.flush()


class Context:
    """One CKKS context with its keys."""

    def __init__(self, openfhe: Any, wanted: dict[str, Any], automatic: bool) -> None:
        parameters = openfhe.CCParamsCKKSRNS()
        parameters.SetMultiplicativeDepth(max(1, wanted["levels"]))
        parameters.SetScalingModSize(wanted["scale_bits"])
        parameters.SetFirstModSize(wanted["first_bits"])
        level = openfhe.SecurityLevel
        parameters.SetSecurityLevel(
            level.HEStd_128_classic if wanted["secure"] else level.HEStd_NotSet
        )
        parameters.SetRingDim(wanted["ring_dimension"])
        self.slots = wanted["ring_dimension"] // 2
        parameters.SetBatchSize(self.slots)
        technique = openfhe.ScalingTechnique
        parameters.SetScalingTechnique(
            technique.FLEXIBLEAUTO if automatic else technique.FIXEDMANUAL
        )
        self.scheme = openfhe.GenCryptoContext(parameters)
        feature = openfhe.PKESchemeFeature
        for one in (feature.PKE, feature.KEYSWITCH, feature.LEVELEDSHE, feature.ADVANCEDSHE):
            self.scheme.Enable(one)
        self.keys = self.scheme.KeyGen()
        self.scheme.EvalMultKeyGen(self.keys.secretKey)
        self.unit = 2.0 ** wanted["scale_bits"]
        # moduli in the order in which rescalings divide by them; the last one stays
        self.moduli = moduli_of(openfhe.Serialize(self.scheme, openfhe.JSON))[::-1]

    def encrypt(self, values: array[Any]) -> Any:
        plaintext = self.scheme.MakeCKKSPackedPlaintext(filled(values, self.slots))
        return self.scheme.Encrypt(self.keys.publicKey, plaintext)

    def decrypt(self, ciphertext: Any, count: int, factor: float = 1.0) -> array[Any]:
        plaintext = self.scheme.Decrypt(ciphertext, self.keys.secretKey)
        plaintext.SetLength(count)
        return array("d", (factor * value for value in plaintext.GetRealPackedValue()))


class Refreshing:
    """A CKKS context that bootstraps, with its keys: plainly, or with a series evaluated inside."""

    def __init__(self, openfhe: Any, wanted: dict[str, Any], series: list[complex] | None) -> None:
        secret = getattr(openfhe.SecretKeyDist, wanted["secret"])
        budget, scheme_of = wanted["budget"], openfhe.CryptoContext
        first = wanted["scale_bits"] + 1  # what a functional bootstrap demands
        if series is None:
            self.depth = scheme_of.GetBootstrapDepth(budget, secret)
        else:
            self.depth = scheme_of.GetFEFBTDepth(budget, series, secret, first)
        self.total = self.depth + wanted["after"]
        parameters = openfhe.CCParamsCKKSRNS()
        parameters.SetMultiplicativeDepth(self.total)
        parameters.SetScalingModSize(wanted["scale_bits"])
        parameters.SetFirstModSize(first)
        parameters.SetSecurityLevel(openfhe.SecurityLevel.HEStd_NotSet)
        parameters.SetRingDim(wanted["ring_dimension"])
        self.slots = wanted["ring_dimension"] // 2
        parameters.SetBatchSize(self.slots)
        parameters.SetSecretKeyDist(secret)
        parameters.SetScalingTechnique(openfhe.ScalingTechnique.FLEXIBLEAUTO)
        self.scheme = openfhe.GenCryptoContext(parameters)
        feature = openfhe.PKESchemeFeature
        for one in (feature.PKE, feature.KEYSWITCH, feature.LEVELEDSHE, feature.ADVANCEDSHE, feature.FHE):
            self.scheme.Enable(one)
        if series is None:
            self.scheme.EvalBootstrapSetup(budget, [0, 0], self.slots)
            self.level = self.total - 1
        else:
            self.scheme.EvalFEFuncBootstrapSetup(budget, [0, 0], self.slots)
            self.level = self.total - (budget[1] + 1)  # SlotsToCoeffs runs first
        self.keys = self.scheme.KeyGen()
        self.scheme.EvalMultKeyGen(self.keys.secretKey)
        self.scheme.EvalBootstrapKeyGen(self.keys.secretKey, self.slots)

    def encrypt(self, values: array[Any]) -> Any:
        plaintext = self.scheme.MakeCKKSPackedPlaintext(filled(values, self.slots), 1, self.level)
        return self.scheme.Encrypt(self.keys.publicKey, plaintext)

    def decrypt(self, ciphertext: Any, count: int) -> array[Any]:
        plaintext = self.scheme.Decrypt(ciphertext, self.keys.secretKey)
        plaintext.SetLength(count)
        return array("d", plaintext.GetRealPackedValue())

    def left(self, ciphertext: Any) -> int:
        """Levels that a result has left; what was not rescaled yet has used its level."""
        return cast("int", self.total - ciphertext.GetLevel() - (ciphertext.GetNoiseScaleDeg() - 1))


def filled(values: array[Any], slots: int) -> list[float]:
    """The values again and again, until every slot has one: 0 may lie outside the domain."""
    return list(islice(cycle(values), slots))


def moduli_of(text: str) -> list[int]:
    """The moduli of a context, from its serialised form."""
    found = search(json.loads(text), "elp")
    parts = found["ptr_wrapper"]["data"]["p"]
    return [int(part["ptr_wrapper"]["data"]["value0"]["cm"]["v"]) for part in parts]


def search(node: Any, key: str) -> Any:
    """The first value of a key in nested dictionaries."""
    if isinstance(node, dict):
        if key in node:
            return node[key]
        for value in node.values():
            found = search(value, key)
            if found is not None:
                return found
    return None


class Server:
    """Answers requests; a method `on_NAME` for each."""

    def __init__(self, openfhe: Any, wanted: dict[str, Any]) -> None:
        self.openfhe, self.wanted = openfhe, wanted
        self.contexts: dict[bool, Context] = {}

    def context(self, automatic: bool) -> tuple[Context, float]:
        """The context for automatic or manual rescaling, and the seconds it took (0: known)."""
        started = time.perf_counter()
        if automatic not in self.contexts:
            self.contexts[automatic] = Context(self.openfhe, self.wanted, automatic)
        return self.contexts[automatic], time.perf_counter() - started

    def on_moduli(self, request: dict[str, Any], arrays: list[array[Any]]) -> Answer:
        context, seconds = self.context(False)
        return {"moduli": context.moduli, "seconds": seconds}, []

    def on_steps(self, request: dict[str, Any], arrays: list[array[Any]]) -> Answer:
        context, seconds = self.context(False)
        started = time.perf_counter()
        inputs = [context.encrypt(values) for values in arrays]
        encrypted = time.perf_counter()
        times = []
        for _ in range(request.get("repeats", 1)):
            watch = Stopwatch()
            result = run_steps(context, request["steps"], inputs, request["output"])
            times.append(watch.read())
        evaluated = time.perf_counter()
        values = context.decrypt(result, len(arrays[0]), context.unit / request["scale"])
        done = time.perf_counter()
        return {
            "context": seconds, "encrypt": encrypted - started,
            "evaluate": [wall for wall, _ in times], "processor": [used for _, used in times],
            "decrypt": done - evaluated, "levels": result.GetLevel() - inputs[0].GetLevel(),
        }, [values]  # fmt: skip

    def on_series(self, request: dict[str, Any], arrays: list[array[Any]]) -> Answer:
        context, seconds = self.context(True)
        started = time.perf_counter()
        unit = context.encrypt(arrays[0])
        encrypted = time.perf_counter()
        times = []
        for _ in range(request.get("repeats", 1)):
            watch = Stopwatch()
            value = unit
            for coefficients in request["series"]:
                value = context.scheme.EvalChebyshevSeries(value, coefficients, -1, 1)
            if request["final_product"]:
                value = context.scheme.EvalMult(value, unit)
            times.append(watch.read())
        evaluated = time.perf_counter()
        values = context.decrypt(value, len(arrays[0]))
        done = time.perf_counter()
        # a last product that was not rescaled yet has used its level all the same
        levels = value.GetLevel() + value.GetNoiseScaleDeg() - 1 - unit.GetLevel()
        return {
            "context": seconds, "encrypt": encrypted - started,
            "evaluate": [wall for wall, _ in times], "processor": [used for _, used in times],
            "decrypt": done - evaluated, "levels": levels,
        }, [values]  # fmt: skip

    def on_functional(self, request: dict[str, Any], arrays: list[array[Any]]) -> Answer:
        """A series inside the bootstrap; with it cosine and sine of the message, which are exact."""
        messages, real, imaginary = arrays
        series = [complex(a, b) for a, b in zip(real, imaginary, strict=True)]
        watch = Stopwatch()
        one = Refreshing(self.openfhe, self.wanted, series)
        setup, scheme, count = watch.read(), one.scheme, len(messages)
        ciphertext, times = one.encrypt(messages), []
        for _ in range(request["repeats"]):
            watch = Stopwatch()
            result = scheme.EvalFEFuncBootstrap(ciphertext, series)
            times.append(watch.read())
        answer = {
            "depth": one.depth, "left": one.left(result), "setup": setup[0],
            "evaluate": [wall for wall, _ in times], "processor": [used for _, used in times],
        }  # fmt: skip
        values = [one.decrypt(result, count)]
        if request["waves"]:
            waves = ([0.0, 0.5], [0.0, -0.5j])
            if len(series) < FEWEST_SHARED:  # a refresh each; it is the same every time
                found = [scheme.EvalFEFuncBootstrap(ciphertext, wave) for wave in waves]
            else:
                powers = scheme.EvalFEFuncBootstrapPrecompute(ciphertext, series)
                found = [scheme.EvalFEFuncBootstrapWithPrecomp(powers, wave) for wave in waves]
            values += [one.decrypt(each, count) for each in found]
        scheme.ClearBootstrapPrecom()
        return answer, values

    def on_cosine(self, request: dict[str, Any], arrays: list[array[Any]]) -> Answer:
        """cos(πm) and an odd series of one refresh; a plan on the cosine, the series added."""
        messages, real, imaginary = arrays
        series = [complex(a, b) for a, b in zip(real, imaginary, strict=True)]
        one = Refreshing(self.openfhe, self.wanted, [0.0, 0.5])
        scheme, ciphertext, count = one.scheme, one.encrypt(messages), len(messages)
        refreshes, plans = [], []
        for _ in range(request["repeats"]):
            watch = Stopwatch()
            powers = scheme.EvalFEFuncBootstrapPrecompute(ciphertext, series)
            cosine = scheme.EvalFEFuncBootstrapWithPrecomp(powers, [0.0, 0.5 * request["factor"]])
            rest = scheme.EvalFEFuncBootstrapWithPrecomp(powers, series)
            refreshes.append(watch.read())
            watch = Stopwatch()
            result = run_operations(scheme, request["operations"], cosine, request["output"])
            result = scheme.EvalAdd(result, rest)
            plans.append(watch.read())
        answer = {
            "depth": one.depth, "fresh": one.left(cosine), "left": one.left(result),
            "bootstrap_processor": [used for _, used in refreshes],
            "plan_processor": [used for _, used in plans],
        }  # fmt: skip
        values = [one.decrypt(result, count), one.decrypt(cosine, count)]
        scheme.ClearBootstrapPrecom()
        return answer, values

    def on_plainly(self, request: dict[str, Any], arrays: list[array[Any]]) -> Answer:
        """A plain bootstrap, then the operations of a plan."""
        watch = Stopwatch()
        one = Refreshing(self.openfhe, self.wanted, None)
        setup, ciphertext, count = watch.read(), one.encrypt(arrays[0]), len(arrays[0])
        bootstraps, plans = [], []
        for _ in range(request["repeats"]):
            watch = Stopwatch()
            fresh = one.scheme.EvalBootstrap(ciphertext)
            bootstraps.append(watch.read())
            watch = Stopwatch()
            result = run_operations(one.scheme, request["operations"], fresh, request["output"])
            plans.append(watch.read())
        answer = {
            "depth": one.depth, "left": one.left(result), "fresh": one.left(fresh),
            "setup": setup[0],
            "bootstrap": [wall for wall, _ in bootstraps], "plan": [wall for wall, _ in plans],
            "bootstrap_processor": [used for _, used in bootstraps],
            "plan_processor": [used for _, used in plans],
        }  # fmt: skip
        values = [one.decrypt(result, count), one.decrypt(fresh, count)]
        one.scheme.ClearBootstrapPrecom()
        return answer, values

    def on_time(self, request: dict[str, Any], arrays: list[array[Any]]) -> Answer:
        context, _ = self.context(False)
        scheme, total = context.scheme, self.wanted["levels"]
        fresh = context.encrypt(array("d", [0.5, -0.25]))
        found: dict[str, dict[str, float]] = {}
        for left in request["levels"]:
            one = scheme.LevelReduce(fresh, None, total - left) if left < total else fresh
            product = scheme.EvalMult(one, one)
            jobs = {
                "multiply": lambda one=one: scheme.EvalMult(one, one),
                "scale": lambda one=one: scheme.EvalMult(one, 0.7),
                "add": lambda one=one: scheme.EvalAdd(one, one),
                "shift": lambda one=one: scheme.EvalAdd(one, 0.7),
            }
            if left:
                jobs["rescale"] = lambda product=product: scheme.Rescale(product)
            for name, job in jobs.items():
                seconds = sorted(timed(job) for _ in range(request["repeats"]))
                found.setdefault(name, {})[str(left)] = seconds[len(seconds) // 2]
        return {"seconds": found}, []


class Stopwatch:
    """Wall and processor seconds since it was made."""

    def __init__(self) -> None:
        self.started = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Both, until now."""
        return time.perf_counter() - self.started[0], time.process_time() - self.started[1]


def timed(job: Callable[[], Any]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def run_steps(context: Context, steps: list[Any], inputs: list[Any], output: int) -> Any:
    """Take the steps of a schedule (see polyapprox/plan/schedule.py)."""
    scheme = context.scheme
    slots: dict[int, Any] = {}

    def lowered(slot: int, levels: int) -> Any:
        if levels:
            return scheme.LevelReduce(slots[slot], None, levels)
        return slots[slot].Clone()

    for name, slot, *rest in steps:
        if name == "multiply":
            slots[slot] = scheme.EvalMult(slots[rest[0]], slots[rest[1]])
        elif name == "square":
            slots[slot] = scheme.EvalSquare(slots[rest[0]])
        elif name == "rescale":
            slots[slot] = scheme.Rescale(slots[rest[0]])
        elif name == "scale":
            slots[slot] = lowered(rest[0], rest[1])
            scheme.EvalMultInPlace(slots[slot], rest[2])
        elif name == "accumulate":
            term = lowered(rest[0], rest[1])
            scheme.EvalMultInPlace(term, rest[2])
            scheme.EvalAddInPlace(slots[slot], term)
        elif name == "plus":
            scheme.EvalAddInPlace(slots[slot], slots[rest[0]])
        elif name == "minus":
            scheme.EvalSubInPlace(slots[slot], slots[rest[0]])
        elif name == "shift":
            scheme.EvalAddInPlace(slots[slot], rest[0])
        elif name == "free":
            del slots[slot]
        elif name == "double":
            slots[slot] = scheme.EvalAdd(slots[slot], slots[slot])
        elif name == "reduce":
            slots[slot] = lowered(rest[0], rest[1])
        elif name == "copy":
            slots[slot] = slots[rest[0]].Clone()
        elif name == "negate":
            scheme.EvalNegateInPlace(slots[slot])
        elif name == "load":
            slots[slot] = inputs[rest[0]]
        else:
            raise ValueError(f"unknown step {name}")
    return slots[output]


def run_operations(scheme: Any, operations: list[Any], argument: Any, output: int) -> Any:
    """The operations of a plan, one by one, where the context rescales by itself."""
    values: list[Any] = []
    for kind, left, right, constant in operations:
        if kind == "input":
            values.append(argument)
        elif kind == "multiply":
            square = left == right
            values.append(scheme.EvalSquare(values[left]) if square else scheme.EvalMult(values[left], values[right]))
        elif kind == "scale":
            values.append(scheme.EvalMult(values[left], constant))
        elif kind == "shift":
            values.append(scheme.EvalAdd(values[left], constant))
        elif kind == "subtract":
            values.append(scheme.EvalSub(values[left], values[right]))
        else:
            values.append(scheme.EvalAdd(values[left], values[left if kind == "double" else right]))
    return values[output]


def watch(parent: int) -> None:
    """End this process when the one that started it is gone."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main() -> None:
    """Read requests until standard input ends."""
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    here = os.path.dirname(os.path.abspath(__file__))  # has a module `openfhe` of its own
    sys.path[:] = [place for place in sys.path if os.path.abspath(place or ".") != here]
    os.dup2(2, 1)  # what the library prints must not come between the messages
    threading.Thread(target=watch, args=(os.getppid(),), daemon=True).start()
    import openfhe

    write_message(sink, {"ready": getattr(openfhe, "__version__", "unknown")})
    server = None
    while True:
        message = read_message(source)
        if message is None:
            return
        request, arrays = message
        try:
            if server is None:
                server = Server(openfhe, request["parameters"])
            content, results = getattr(server, "on_" + request["do"])(request, arrays)
        except (RuntimeError, ValueError, TypeError, MemoryError, OverflowError) as error:
            where = re.compile(r"^\S+:l\.\d+:\S+\(\): ")  # in the library's sources
            write_message(sink, {"error": where.sub("", " ".join(str(error).split()))})
        else:
            write_message(sink, content, results)


if __name__ == "__main__":
    main()
