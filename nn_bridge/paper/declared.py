# SPDX-License-Identifier: Apache-2.0
"""The runs that each table is made of, declared before any is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ..errors import ArgumentError
from ..experiments.records import key_of
from ..training.configuration import Configuration, Forward, Noise, Range, as_mapping
from .recipes import MEASURED, recipe

DECAY, LITTLE = 5e-4, 1e-5
MIXUP = 0.2
NGNV = Noise("uniform", 3.0, place="before", precision=(8,))
"""Kind, place and λ as chosen on held-out digits; of 2^-8 on [−50, 50]."""
ERROR = Noise("error", 1.0, precision=(8,))
INTERVAL = replace(MEASURED, interval=50.0)
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Run:
    """A training of a table.

    Attributes
    ----------
    arm : str
        The row of the table.
    configuration : Configuration
    """

    arm: str
    configuration: Configuration

    @property
    def key(self) -> str:
        """Hash of the configuration: the same training has the same key in every table."""
        return key_of(as_mapping(self.configuration))

    @property
    def label(self) -> str:
        """Arm and seed in words."""
        return f"{self.arm}, seed {self.configuration.seed}"


def decayed(base: Configuration, maps: float, others: float) -> Configuration:
    """With weight decay of maps and of all other parameters."""
    sgd = replace(base.optimisation, decay=maps, decay_others=others)
    return replace(base, optimisation=sgd)


def mixed(base: Configuration, strength: float = MIXUP) -> Configuration:
    """With Mixup."""
    return replace(base, optimisation=replace(base.optimisation, mixup=strength))


def noisy(base: Configuration, noise: Noise = NGNV) -> Configuration:
    """With noise at the inputs of ReLU, on one interval."""
    return replace(base, noise=noise, range=INTERVAL)


def table1(base: Configuration) -> dict[str, Configuration]:
    """Decay, little decay, Mixup, NGNV, and the three together."""
    usual, little = decayed(base, DECAY, DECAY), decayed(base, LITTLE, LITTLE)
    return {
        "decay 5e-4": usual,
        "decay 1e-5": little,
        "decay 1e-5, Mixup": mixed(little),
        "decay 5e-4, NGNV": noisy(usual),
        "decay 1e-5, Mixup, NGNV": noisy(mixed(little)),
    }


def table2(base: Configuration) -> dict[str, Configuration]:
    """Decay of all parameters, of maps alone, of gains, shifts and biases alone."""
    dose = EQUAL_DOSE.get(base.network, ())
    found = {f"decay {x:g}": decayed(base, x, x) for x in (0.0, 1e-5, 1e-4, DECAY, 1e-3, 5e-3, *dose)}
    for x in (DECAY, 5e-3, *dose):
        found[f"decay {x:g} of maps"] = decayed(base, x, 0.0)
        found[f"decay {x:g} of gains"] = decayed(base, 0.0, x)
    return found


EQUAL_DOSE = {"digits": (0.03,)}
"""Decay with the dose that 5e-4 has in recipe P25, where trainings are short: see
:func:`nn_bridge.training.optimisation.dose_of`."""


def table3(base: Configuration) -> dict[str, Configuration]:
    """NGNV in all its forms: branches of two trunks of Table 1, and one without any noise.

    Trunks are of the same network and seed.
    """
    found: dict[str, Configuration] = {}
    of_trunk = replace(recipe(TRUNKS[base.network]), seed=base.seed)
    for trunk, arm in (("5e-4", "decay 5e-4"), ("1e-5", "decay 1e-5")):
        start = table1(of_trunk)[arm]
        branch = _branch(base, Run(arm, start))
        found[f"{trunk}: no change"] = branch
        found |= {f"{trunk}: {name}": noisy(branch, noise) for name, noise in NOISES.items()}
        published = replace(branch, forward=Forward(approximation="published"))
        found[f"{trunk}: actual error, r_8"] = noisy(published, ERROR)
    return found


TRUNKS = {"resnet20-cifar10": "P25", "digits": "D20"}
"""Recipe of the networks that branches start from."""
NOISES = {
    "as in Table 1": NGNV,
    "λ = 1": replace(NGNV, strength=1.0),
    "λ = 10": replace(NGNV, strength=10.0),
    "positive inputs": replace(NGNV, side="positive"),
    "all inputs": replace(NGNV, side="both"),
    "after ReLU": replace(NGNV, place="after"),
    "one number a channel": replace(NGNV, each="channel"),
    "with a mean of each channel": replace(NGNV, mean=1.0),
    "actual error, ours at 2^-8": ERROR,
    "k drawn from 6 to 9": replace(NGNV, precision=(6, 7, 8, 9)),
}


def table4(base: Configuration) -> dict[str, Configuration]:
    """Other networks and images, with the first and the last arm of Table 1.

    A published network has seen the images that are held out here; nothing is chosen by them.
    """
    trunks = {"resnet20-cifar100": replace(base, network="resnet20-cifar100")}
    trunks |= {name: replace(recipe(how, name), seed=base.seed) for name, how in OTHERS.items()}
    return {
        f"{name}: {arm}": table1(trunk)[arm]
        for name, trunk in trunks.items() for arm in ("decay 5e-4", "decay 1e-5, Mixup, NGNV")
    }  # fmt: skip


OTHERS = {
    "shufflenetv2-x0.5-cifar10": "B2", "mobilenetv2-x0.35-cifar10": "M6",
    "resnet20-tiny-imagenet": "T7", "dla34-average-x0.125-cifar10": "P10",
}  # fmt: skip
"""Networks of Table 4 with a recipe of their own."""


def backbone(base: Configuration) -> dict[str, Configuration]:
    """A long training with ReLU, and a few epochs more with circuits of so many multiplications in its place.

    Distilled: from the network at the start, with circuits of each layer's own that are fitted to its inputs, on
    intervals that stay, and a penalty for what comes near their ends. How was chosen on images held
    out from the first arm of Table 1.
    """
    trunk = Run("ReLU", decayed(base, DECAY, DECAY))
    found = {trunk.arm: trunk.configuration}
    more = replace(recipe("B5", base.network), seed=base.seed, validation=base.validation, measure=base.measure)
    branch = _branch(more, trunk)
    for multiplications, power, margin in ((4, 5, 1.25), (3, 4, 1.1)):
        found[f"{multiplications} multiplications"] = replace(
            branch, forward=Forward(polynomial=(power,)), range=Range(renew=True)
        )
        found[f"{multiplications} multiplications, distilled"] = replace(
            branch,
            forward=Forward((power,), "polynomial", "weighted"),
            range=Range(margin=margin, penalty=1e5, inside=0.75),
            optimisation=replace(branch.optimisation, epochs=3, clip=2.0, distillation=0.7),
        )
    return found


def _branch(base: Configuration, trunk: Run) -> Configuration:
    """That goes on from the weights of a trunk, with its decay."""
    path = f"experiments/paper/weights/{trunk.key}.safetensors"
    sgd = trunk.configuration.optimisation
    return decayed(replace(base, start=path), sgd.decay, sgd.decay_others)


Table = Callable[[Configuration], dict[str, Configuration]]
TABLES: dict[str, tuple[Table, str, tuple[int, ...]]] = {
    "table1": (table1, "P25", SEEDS),
    "table2": (table2, "P25", (0,)),
    "table3": (table3, "B5", (0,)),
    "table4": (table4, "P25", (0,)),
    "backbone": (backbone, "P60", (0,)),
}
"""Arms, recipe and seeds of each table."""


def runs(
    table: str,
    arms: Iterable[str] = (),
    seeds: Iterable[int] = (),
    base: str | None = None,
) -> list[Run]:
    """The runs of a table, one seed of each arm first.

    Parameters
    ----------
    table : str
        Of :data:`TABLES`.
    arms, seeds : iterable
        Which ones; all that are declared by default.
    base : str, optional
        Another recipe.

    Raises
    ------
    ArgumentError
        If a table, an arm or a recipe is unknown.

    Examples
    --------
    >>> [run.label for run in runs("table1", seeds=[0])][:2]
    ['decay 5e-4, seed 0', 'decay 1e-5, seed 0']
    >>> runs("table1")[0].key == runs("table2", ["decay 0.0005"])[0].key
    True
    """
    if table not in TABLES:
        raise ArgumentError(f"the table {table!r} is unknown: choose one of {', '.join(TABLES)}")
    declare, usual, declared_seeds = TABLES[table]
    plain = recipe(base or usual)
    known = declare(plain)
    chosen = tuple(arms) or tuple(known)
    for arm in chosen:
        if arm not in known:
            raise ArgumentError(
                f"{table} has no arm {arm!r}: choose one of {', '.join(map(repr, known))}"
            )
    return [
        Run(arm, of_seed[arm])
        for seed in tuple(seeds) or declared_seeds
        for of_seed in [declare(replace(plain, seed=seed))]
        for arm in chosen
    ]
