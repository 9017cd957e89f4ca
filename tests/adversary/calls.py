"""Random calls of the public API, as text that Python evaluates: what is found can be repeated."""

from __future__ import annotations

import inspect
import random
from dataclasses import dataclass, field
from typing import Any

import polyapprox as pa

GUARDED = "guard" in inspect.signature(pa.relu).parameters
ABSOLUTE = ("relu", "abs", "maximum", "minimum")
OBJECTIVES = ("balanced", "levels", "multiplications", "latency", "depth")
SMOOTH: dict[str, tuple[str, ...]] = {
    "(-1, 1)": (
        "exp", "sin", "cos", "tanh", "sigmoid", "gelu", "silu", "softplus", "erf", "atan", "cosh",
        "sinh", "tan", "1/(2+x)", "exp(-x**2)", "1/(1+25*x**2)", "x*exp(x)", "sqrt(2+x)", "x**3-x",
        "log(3+x)", "asin(x/2)", "acos(x/3)", "x*abs(x)", "abs(x)**3", "relu(x)**2", "sin(3*x)+x/7",
        "sinc", "expm1", "gelu_tanh", "mish", "softsign", "elu", "hardswish", "normcdf", "Max(x, 1/3)",
        "Min(x, 0)+Abs(x-1/2)",
    ),
    "(-8, 8)": ("gelu", "silu", "softplus", "sigmoid", "tanh", "erf", "atan", "1/(1+x**2)", "cos",
                "erfc", "gelu_tanh", "mish", "softsign", "elu", "hardswish", "hardtanh", "normcdf"),
    "(0.5, 4)": ("1/x", "log", "sqrt", "1/sqrt(x)", "exp(-x)", "x*log(x)", "1/x**2", "x**(1/3)", "log1p",
                 "lgamma", "digamma", "cbrt", "entropy"),
    "(-6, 0)": ("exp", "exp(x)/(1+exp(x))", "exp(x/2)"),
    "(0, 1)": ("sqrt", "exp", "x**1.5", "sqrt(x)*exp(x)", "sin(10*x)", "log(1+x)",
               "entropy", "log1p", "expm1"),
    "(0.01, 0.99)": ("logit", "1-erf(x)", "entropy"),
    "(0.001, 1)": ("1/x", "sqrt", "1/sqrt(x)", "log"),
    "(1e-12, 1e-3)": ("exp", "sqrt", "sin"),
}  # fmt: skip
ANYWHERE = ("relu", "abs", "atan", "tanh", "erf", "sigmoid")
CIRCUITS = ("gelu", "silu", "sigmoid", "tanh", "exp", "softplus", "erf", "1/x", "1/sqrt(x)", "log")
FORMATS = (
    "openfhe", "openfhe-cpp", "lattigo", "tenseal", "seal", "heaan", "desilo", "heir", "c", "python", "csv", "latex",
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """A call, and what it asked for."""

    text: str
    asked: dict[str, Any] = field(default_factory=dict)


class Caller:
    """Makes calls from a seed."""

    def __init__(self, seed: int, largest: int = 60) -> None:
        self.chance = random.Random(seed)
        self.largest = largest  # k of the finest precision 2^-k

    def __call__(self, maker: str | None = None) -> Call:
        """A call of a maker, or of any."""
        makers = {
            "absolute": 30, "composite": 14, "sign": 14, "minimax": 30, "circuit": 12, "weighted": 4,
            "entered": 14, "imported": 8, "junk": 8, "approximate": 6, "reciprocal": 3, "series": 8, "whole": 3,
        }  # fmt: skip
        if maker is None:
            (maker,) = self.chance.choices(list(makers), list(makers.values()))
        call: Call = getattr(self, f"_{maker}")()
        if GUARDED and maker in ("absolute", "composite", "sign", "minimax", "circuit"):
            return self._with_guard(call)
        return call

    def _with_guard(self, call: Call) -> Call:
        """Mostly the guard that is given if none is asked for."""
        guard = self.chance.choice([None, None, None, 0, 2.0**-10, 2.0**-30, 2.0**-20])
        if guard is None:
            return call
        return Call(f"{call.text[:-1]}, guard={guard!r})", {**call.asked, "guard": guard})

    # --- pieces of calls ---

    def _size(self) -> float:
        c = self.chance
        if c.random() < 0.5:
            return c.choice([1.0, 2.0, 3.0, 8.0, 16.0, 50.0, 100.0, 128.0, 0.1, 1 / 3, 0.7, 1e6])
        return 10.0 ** c.uniform(-30, 30)

    def interval(self, symmetric: float = 0.6) -> tuple[float, float]:
        """Symmetric, lopsided, hardly over 0, or on one side."""
        c, size = self.chance, self._size()
        kind = c.random()
        if kind < symmetric:
            return -size, size
        ends = {
            0: (-size, size * c.uniform(0.05, 1)), 1: (-size * c.uniform(0.05, 1), size),
            2: (-size * 2.0 ** -c.randrange(1, 30), size), 3: (-size, size * 2.0 ** -c.randrange(1, 30)),
            4: (size * c.uniform(0, 0.9), size), 5: (-size, -size * c.uniform(0, 0.9)), 6: (0.0, size),
        }  # fmt: skip
        return ends[c.choices(range(7), [4, 4, 2, 2, 1, 1, 1])[0]]

    def precision(self, finest: int | None = None) -> float:
        """2^-k, k mostly moderate, not always whole."""
        c, most = self.chance, min(finest or 60, self.largest)
        k = c.uniform(1, min(most, 14)) if c.random() < 0.6 else c.uniform(1, most)
        return 2.0 ** -(round(k) if c.random() < 0.6 else k)

    def _wanted(self, size: float, finest: int | None = None) -> tuple[str, dict[str, Any]]:
        p = self.precision(finest)
        if self.chance.random() < 0.7:
            return f"precision={p!r}", {"precision": p}
        return f"tolerance={p * size!r}", {"tolerance": p * size}

    def degrees(self) -> list[int]:
        c = self.chance
        return [c.choice([3, 5, 7, 9, 13, 15, 27]) for _ in range(c.choice([1, 1, 2, 2, 3, 4]))]

    # --- calls ---

    def _absolute(self) -> Call:
        c, name, where = self.chance, self.chance.choice(ABSOLUTE), self.interval()
        size = max(map(abs, where))
        structure = c.choices(["auto", "direct", "composite", "circuit"], [4, 2, 3, 3])[0]
        finest = {"direct": 11, "circuit": 21}.get(structure, 60)
        text, asked = self._wanted(size, finest)
        extra = ""
        if structure != "auto":
            extra += f", structure={structure!r}"
        if c.random() < 0.35:
            objective = c.choice(OBJECTIVES)
            extra += f", objective={objective!r}"
        if c.random() < 0.15:
            extra += ", offset=False"
            asked["zero"] = True
        if c.random() < 0.12:
            extra += ", refine=False"
        for limit, least in (("multiplications", 2), ("levels", 3)):
            if c.random() < 0.1:
                asked[limit] = c.randrange(least, 18)
                extra += f", {limit}={asked[limit]}"
        asked |= {"function": name, "domain": [where]}
        return Call(f"pa.{name}({text}, interval={where!r}{extra})", asked)

    def _composite(self) -> Call:
        c, name, where = self.chance, self.chance.choice(ABSOLUTE), self.interval()
        degrees = self.degrees()
        extra = ""
        if c.random() < 0.4:
            extra += f", threshold={2.0 ** -c.uniform(0.5, 14)!r}"
        if c.random() < 0.25:
            extra += f", offset={c.choice([True, False])}"
        if c.random() < 0.25:
            extra += ", refine=False"
        asked = {"function": name, "domain": [where], "degrees": tuple(degrees)}
        return Call(f"pa.{name}(degrees={degrees!r}, interval={where!r}{extra})", asked)

    def _sign(self) -> Call:
        c, name = self.chance, self.chance.choice(["sign", "step"])
        low, high = self.interval(0.8)
        if not low < 0 < high:
            low, high = -abs(high or low), abs(high or low)
        extra = ""
        asked: dict[str, Any] = {"function": name}
        if c.random() < 0.35:
            degrees, threshold = self.degrees(), 2.0 ** -c.uniform(0.5, 20)
            text = f"degrees={degrees!r}, threshold={threshold!r}"
        else:
            p = self.precision(40)
            text = f"{c.choice(['precision', 'tolerance'])}={p!r}"
            asked["tolerance"] = p
            if c.random() < 0.7:
                text += f", threshold={2.0 ** -c.uniform(0.2, 30)!r}"
            if c.random() < 0.3:
                extra += f", objective={c.choice(OBJECTIVES)!r}"
        return Call(f"pa.{name}({text}, interval={(low, high)!r}{extra})", asked)

    def _place(self) -> tuple[str, Any]:
        """A function and where."""
        c = self.chance
        if c.random() < 0.15:
            where = self.interval()
            return c.choice(ANYWHERE), where
        key = c.choice(list(SMOOTH))
        low, high = (float(end) for end in key.strip("()").split(","))
        if c.random() < 0.3:
            low += (high - low) * c.uniform(0, 0.3)
        if c.random() < 0.3:
            high -= (high - low) * c.uniform(0, 0.3)
        name = c.choice(SMOOTH[key])
        if c.random() < 0.2:
            cut = sorted(c.uniform(0, 1) for _ in range(c.choice([2, 2, 4])))
            ends = [low, *(low + (high - low) * share for share in cut), high]
            return name, [(ends[i], ends[i + 1]) for i in range(0, len(ends), 2)]
        return name, (low, high)

    def _minimax(self) -> Call:
        c = self.chance
        name, where = self._place()
        parts = where if isinstance(where, list) else [where]
        size = max(abs(parts[0][0]), abs(parts[-1][1]))
        asked: dict[str, Any] = {"function": name, "domain": parts}
        if c.random() < 0.6:
            degree = c.choice([*range(0, 13), c.randrange(13, 40)])
            text = f"{degree}"
            asked["degree"] = degree
        else:
            text, more = self._wanted(size, 60 if c.random() < 0.3 else 20)
            asked |= more
        extra = ""
        kind = c.random()
        if kind < 0.15:
            extra += ", relative=True"
            asked["weighted"] = True
        elif kind < 0.3:
            extra += f", weight={c.choice(['exp(x)', '1+x**2', '1/(1+x**2)', '2', '1/2', 'exp(-x)'])!r}"
            asked["weighted"] = True
        if c.random() < 0.15:
            extra += f", parity={c.choice(['even', 'odd'])!r}"
        if c.random() < 0.15:
            extra += f", bits={c.choice([12, 24, 53, 64, 100, 300])}"
        return Call(f"pa.minimax({name!r}, {text}, domain={where!r}{extra})", asked)

    def _approximate(self) -> Call:
        name, where = self._place()
        where = where if isinstance(where, tuple) else where[0]
        p = self.precision(16)
        asked = {"function": name, "domain": [where], "precision": p}
        return Call(f"pa.approximate({name!r}, interval={where!r}, precision={p!r})", asked)

    def _reciprocal(self) -> Call:
        c, size, p = self.chance, self._size(), self.precision(20)
        where = (size * 2.0 ** -c.uniform(0.5, 12), size)
        return Call(f"pa.reciprocal(interval={where!r}, precision={p!r})", {"domain": [where]})

    def _series(self) -> Call:
        """A function inside the bootstrap."""
        c = self.chance
        name, where = self._place()
        if c.random() < 0.3:
            size = self._size()
            name, where = c.choice(["relu", "abs", "sign"]), (-size, size * c.uniform(0.1, 1))
            where = [(where[0], -size / 16), (size / 16, size)] if name == "sign" else where
        extra = c.choice(["", "", f", extension={c.uniform(1, 4)!r}", f", largest={c.uniform(0.1, 8)!r}"])
        wanted = c.choice([f"{c.randrange(1, 60)}", f"precision={self.precision(14)!r}"])
        return Call(f"pa.bootstrapped({name!r}, {wanted}, interval={where!r}{extra})", {"series": True})

    def _whole(self) -> Call:
        c, n, p = self.chance, self.chance.choice([2, 4, 8, 16]), self.precision(12)
        low = 10.0 ** c.uniform(-2, 1)
        kind = c.choice(["softmax", "layer_norm", "rms_norm"])
        box = {
            "softmax": f"scores={(-c.uniform(0.5, 12), c.uniform(0.5, 12))!r}",
            "layer_norm": f"variance={(low, low * c.uniform(1.5, 200))!r}",
            "rms_norm": f"mean_square={(low, low * c.uniform(1.5, 200))!r}",
        }
        return Call(f"pa.{kind}({n}, {box[kind]}, precision={p!r})", {"whole": kind})

    def _circuit(self) -> Call:
        c = self.chance
        m = c.randrange(1, 17)
        if c.random() < 0.6:
            name, where = c.choice(ABSOLUTE), self.interval()
            extra = f", constants={c.randrange(0, 40)}" if c.random() < 0.2 else ""
            extra += ", prove=True" if c.random() < 0.2 else ""
            asked = {"function": name, "domain": [where], "multiplications": m}
            return Call(f"pa.circuit({name!r}, multiplications={m}, interval={where!r}{extra})", asked)
        if c.random() < 0.3:
            high = self._size()
            where = high * 2.0 ** -c.uniform(0.5, 9), high
            return Call(
                f"pa.circuit('sign', multiplications={m}, interval={where!r})",
                {"function": "sign", "multiplications": m},
            )
        name = c.choice(CIRCUITS)
        m = c.randrange(1, 8)
        asked = {"multiplications": m}
        known = f"next((i for i in shipped_intervals({name!r})), (-8, 8))"
        where_ = f", interval={known}" if c.random() < 0.5 else ""
        return Call(f"pa.circuit({name!r}, multiplications={m}{where_})", asked)

    def _weighted(self) -> Call:
        c, m, size = self.chance, self.chance.randrange(1, 7), self._size()
        scale = size * 10.0 ** c.uniform(-2, 0)
        inputs = f"np.random.default_rng({c.randrange(999)}).normal(scale={scale!r}, size=500)"
        cap = c.choice([1, 2, 8, 50])
        return Call(
            f"pa.weighted_relu(multiplications={m}, samples={inputs}, interval={(-size, size)!r}, "
            f"cap={cap})",
            {"function": "relu", "domain": [(-size, size)], "multiplications": m},
        )

    def _odd(self, size: float = 1.0) -> str:
        """An odd polynomial as text: Newton's, perturbed, or wild."""
        c = self.chance
        kind = c.random()
        if kind < 0.4:
            row = [0.0, 1.125, 0.0, -0.125]
        elif kind < 0.8:
            row = [0.0, c.uniform(0.9, 1.4), 0.0, c.uniform(-0.4, 0.1), 0.0, c.uniform(-0.1, 0.1)]
        else:
            row = [c.uniform(-1, 1) * 0.5**k for k in range(c.randrange(2, 8))]
            return f"Polynomial.from_floats({row!r}, ({-size!r}, {size!r}))"
        return f"Polynomial.from_floats({row!r}, ({-size!r}, {size!r}), parity='odd')"

    def _entered(self) -> Call:
        c = self.chance
        name = c.choice(["sign", "step", "relu", "abs", "sigmoid", "tanh"])
        structure = c.choice(["composite", "composite", "composition", "polynomial"])
        size = c.choice([1.0, 1.0, 8.0, 1e-20])
        count = 1 if structure == "polynomial" else c.randrange(1, 5)
        stages = ", ".join(self._odd(size if not i else 1.0) for i in range(count))
        gap = size * 2.0 ** -c.uniform(0.5, 6)
        where: Any = (-size, size)
        if name in ("sign", "step"):
            where = c.choice([
                [(-size, -gap), (gap, size)], [(gap, size)], [(-size, -gap)],
                [(-size, -gap), (gap / 2, size * 0.9)],
            ])  # fmt: skip
        elif c.random() < 0.3:
            where = (-size * c.uniform(0.1, 1), size * c.uniform(0.5, 1.2))
        offset = f", offset={c.uniform(-0.1, 0.1)!r}" if c.random() < 0.2 else ""
        return Call(
            f"pa.from_components({name!r}, [{stages}], {where!r}, structure={structure!r}{offset})",
            {"function": name, "domain": where if isinstance(where, list) else [where]},
        )

    def _imported(self) -> Call:
        inner = self(self.chance.choice(["absolute", "minimax", "sign", "composite"]))
        return Call(f"reimported({inner.text}, {self.chance.choice(FORMATS)!r})", {"import": True})

    def _junk(self) -> Call:
        """A call that is wrong in one argument or more: a sentence is the only right answer."""
        c = self.chance
        value = c.choice([
            "None", "'x'", "float('nan')", "float('inf')", "-1", "0", "True", "[]", "()", "1j", "2",
            "(1, 2, 3)", "(1, 1)", "(3, -3)", "10**400", "1e-400", "object()", "lambda x: 1/0",
            "np.array([1.0, 2.0])", "np.float32(0.01)", "np.int64(3)", "'1e5'", "b'x'", "{}",
            "Fraction(1, 8)", "mpmath.mpf(1)/8", "lambda x: x.digamma()", "-2**-9", "2**70",
        ])  # fmt: skip
        templates = [
            "pa.relu(precision={})", "pa.relu(tolerance={})", "pa.relu(precision=2**-6, interval={})",
            "pa.abs(degrees={})", "pa.maximum(precision=2**-5, structure={})",
            "pa.minimum(precision=2**-5, multiplications={})", "pa.relu(multiplications={})",
            "pa.relu(precision=2**-5, levels={})", "pa.relu(precision=2**-5, offset={})",
            "pa.relu(degrees=[7, 7], threshold={})", "pa.relu(precision=2**-5, objective={})",
            "pa.relu(precision=2**-5, objective='latency', backend={})",
            "pa.sign(precision={})", "pa.sign(precision=2**-5, threshold={})",
            "pa.step(degrees=[7, 7], threshold={})", "pa.minimax({}, 3)", "pa.minimax('exp', {})",
            "pa.minimax('exp', 3, domain={})", "pa.minimax('exp', 3, weight={})",
            "pa.minimax('exp', 3, bits={})", "pa.minimax('exp', 3, parity={})",
            "pa.minimax('exp', 3, relative={})", "pa.minimax('exp', precision={})",
            "pa.circuit({}, multiplications=4)", "pa.circuit('relu', multiplications={})",
            "pa.circuit('relu', multiplications=4, interval={})",
            "pa.circuit('relu', multiplications=5, constants={})", "pa.circuit('abs', depth={})",
            "pa.weighted_relu(multiplications={}, samples=[0.1, 0.2])",
            "pa.weighted_relu(multiplications=3, samples={})",
            "pa.weighted_relu(multiplications=3, histogram={})",
            "pa.weighted_relu(multiplications=3, samples=[0.1], cap={})",
            "pa.from_components('sign', {})", "pa.from_components({}, [NEWTON])",
            "pa.from_components('relu', [NEWTON], {})", "pa.from_components('relu', [NEWTON], offset={})",
            "pa.from_components('relu', [NEWTON], structure={})", "pa.load({})",
            "pa.verify({})", "pa.audit({})", "pa.import_table({})", "pa.limits('relu', precision={})",
            "pa.limits({}, precision=2**-6)", "pa.relu(precision=2**-5).safe_radius({})",
            "pa.relu(precision=2**-5)({})", "pa.maximum(precision=2**-5)({})",
            "pa.relu(precision=2**-5).counts({})", "pa.relu(precision=2**-5).save({})",
            "pa.relu(precision=2**-5).export({}, 'exported')",
            "pa.minimax({}, 4, domain=(-2, 3))", "pa.relu(precision=2**-5).bound_near({})",
            "pa.pareto('relu', precision={})", "pa.pareto({}, precision=2**-5)",
            "pa.pareto('abs', precision=2**-4, interval={})",
            "pa.noise.forecast(pa.relu(precision=2**-5).plan, half_width=1, scale_bits={}, ring_dimension=2**14)",
            "pa.noise.forecast(pa.relu(precision=2**-5).plan, half_width=1, scale_bits=40, ring_dimension={})",
            "pa.noise.forecast(pa.relu(precision=2**-5).plan, half_width={}, scale_bits=40, ring_dimension=2**14)",
            "pa.noise.quantise(pa.relu(precision=2**-5), {})", "pa.noise.quantise({}, 30)",
            "pa.approximate({}, interval=(-1, 1), precision=2**-6)", "pa.approximate('exp', interval={}, precision=2**-6)",
            "pa.approximate('exp', interval=(-1, 1), precision={})", "pa.reciprocal(interval={}, precision=2**-6)",
            "pa.reciprocal(interval=(0.1, 1), precision={})", "pa.bootstrapped({}, 9, interval=(-1, 1))",
            "pa.bootstrapped('exp', {}, interval=(-1, 1))", "pa.bootstrapped('exp', 9, interval={})",
            "pa.bootstrapped('exp', 9, interval=(-1, 1), extension={})",
            "pa.bootstrapped('exp', 9, interval=(-1, 1), largest={})", "pa.load_bootstrapped({})",
            "pa.softmax({}, scores=(-4, 4), precision=2**-6)", "pa.softmax(4, scores={}, precision=2**-6)",
            "pa.softmax(4, scores=(-4, 4), precision={})", "pa.layer_norm({}, variance=(0.2, 3), precision=2**-6)",
            "pa.layer_norm(4, variance={}, precision=2**-6)", "pa.rms_norm(4, mean_square=(0.2, 3), precision={})",
            "pa.maximum_of({}, interval=(-1, 1), tolerance=0.1)", "pa.argmax(4, interval=(-1, 1), gap={}, precision=2**-4)",
        ]  # fmt: skip
        if GUARDED:
            templates += ["pa.relu(precision=2**-6, guard={})", "pa.minimax('exp', 4, guard={})",
                          "pa.sign(precision=2**-4, guard={})"]  # fmt: skip
        return Call(c.choice(templates).format(value), {"junk": True})
