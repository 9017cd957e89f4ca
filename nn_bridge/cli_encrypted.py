# SPDX-License-Identifier: Apache-2.0
"""``nn-bridge encrypt``: a network on ciphertexts, all at once or one side after the other."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from polyapprox.cli.groups import Told
from polyapprox.cli.talk import OUT, Steps
from polyapprox.weighted.relu import CAP
from polyapprox.words import counted

from .errors import ArgumentError
from .ranges import MARGIN

app = typer.Typer(
    cls=Told,
    invoke_without_command=True, add_completion=False, pretty_exceptions_enable=False,
    help="Evaluate a network wholly under encryption; or keygen, image, evaluate, decrypt apart.",
)  # fmt: skip

Network = Annotated[str, typer.Option(help="Name of a network.")]
Ring = Annotated[str, typer.Option(help="Ring dimension, such as 2^13.")]
Multiplications = Annotated[int, typer.Option(help="Of the circuit in each ReLU.")]
Weighted = Annotated[bool, typer.Option(help="Circuits fitted to each layer's inputs.")]
Published = Annotated[int | None, typer.Option(help="α: the published r_α in every ReLU.")]
Interval = Annotated[str, typer.Option(help="'per-layer', or one B.")]
Constants = Annotated[int | None, typer.Option(help="Most products with constants in a circuit.")]
Margin = Annotated[float, typer.Option(help="Factor on measured ranges.")]
Cap = Annotated[float, typer.Option(help="Largest error of weighted circuits beside plain ones.")]
Corrected = Annotated[bool, typer.Option(help="Batch normalisation corrected for the circuits.")]
Levels = Annotated[int | None, typer.Option(help="Of the chain behind a bootstrap.")]
Data = Annotated[Path | None, typer.Option(help="Folder with data ($NN_BRIDGE_DATA).")]


@contextmanager
def _ended_tidily() -> Iterator[None]:
    """SIGTERM interrupts, as Ctrl-C does: no key is left in a temporary folder."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _print(*lines: str) -> None:
    for line in lines:
        OUT.print(line, soft_wrap=True, highlight=False, markup=False)


def read_ring(text: str) -> int:
    """A ring dimension, written as a number or as 2^k.

    Raises
    ------
    ArgumentError
        If it is neither.
    """
    base, power, exponent = text.partition("^")
    if power and base == "2" and exponent.isdecimal():
        return 1 << int(exponent[:3])
    if not text.isdecimal():
        raise ArgumentError(f"ring is {text!r}: give a number or a power, such as 2^13")
    return int(text)


def _configuration(
    network: str, multiplications: int, weighted: bool, published: int | None, interval: str,
    margin: float, constants: int | None, cap: float, corrected: bool,
) -> Any:  # fmt: skip
    from .experiments.encrypted_network import EncryptedConfiguration

    width = interval if interval == "per-layer" else _number(interval)
    return EncryptedConfiguration(
        network, multiplications, weighted, published, width, margin, constants, cap,
        corrected=corrected,
    )  # fmt: skip


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ArgumentError(f"interval is {text!r}: give 'per-layer' or a number") from None


@app.callback()
def encrypt(
    context: typer.Context,
    network: Network = "resnet20-cifar10",
    image: Annotated[int, typer.Option(help="Number of the first test image.")] = 0,
    images: Annotated[int, typer.Option(help="How many.")] = 1,
    ring: Ring = "2^13",
    multiplications: Multiplications = 5,
    weighted: Weighted = True,
    published: Published = None,
    interval: Interval = "per-layer",
    constants: Constants = None,
    margin: Margin = MARGIN,
    cap: Cap = CAP,
    corrected: Corrected = False,
    levels: Levels = None,
    folder: Annotated[Path | None, typer.Option(help="Keeps keys and what is finished.")] = None,
    data: Data = None,
    out: Annotated[Path, typer.Option("--output", "-o", help="JSON to write.")] = Path("out/encrypted.json"),
) -> None:
    """Evaluate a network wholly under encryption: keys, encryption, evaluation, decryption."""
    if context.invoked_subcommand is not None:
        return
    from .experiments.encrypted_network import encrypt_network

    asked = _configuration(
        network, multiplications, weighted, published, interval, margin, constants, cap,
        corrected,
    )  # fmt: skip
    with _ended_tidily(), Steps() as bar:
        task = bar.add_task("convert", total=None)

        def show(name: str, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, description=name)

        record = encrypt_network(
            out, asked, first=image, images=images, ring=read_ring(ring), levels=levels,
            folder=folder, data=data, progress=show,
        )  # fmt: skip
    OUT.print(_table(record))
    _report(record)
    _print(f"wrote {out}")


def _report(record: dict[str, Any]) -> None:
    seconds = record["processor_seconds_per_image"]
    _print(
        record["security"],
        f"{seconds['all']:.1f} processor seconds an image: matrices {seconds['matrix']:.1f}, "
        f"{counted(record['bootstraps'], 'bootstrap')} at {counted(record['bootstrap_places'], 'place')} "
        f"{seconds['bootstrap']:.1f}, activations {seconds['plan']:.1f}; memory "
        f"{record['memory_mib']} MiB",
        f"largest deviation of an output from the clear {record['largest_deviation']:.2g} (outputs "
        f"up to {record['largest_output']:.3g}); same prediction for {record['same_prediction']} of "
        f"{record['images']}, correct {record['correct']}",
    )


def _table(record: dict[str, Any]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for heading in ("layer", "ciphertexts", "level", "bootstraps", "matrix s", "bootstrap s", "activation s"):
        table.add_column(heading, no_wrap=heading == "layer")
    for one in record["layers"][0]:
        table.add_row(
            one["name"], str(one["ciphertexts"]), str(one["level"]), str(one["bootstraps"]),
            f"{one['matrix']:.2f}", f"{one['bootstrap']:.2f}", f"{one['plan']:.2f}",
        )  # fmt: skip
    return table


@app.command()
def keygen(
    client: Annotated[Path, typer.Option(help="Folder of the client, who keeps it.")],
    server: Annotated[Path, typer.Option(help="Folder for the server.")],
    network: Network = "resnet20-cifar10",
    ring: Ring = "2^13",
    multiplications: Multiplications = 5,
    weighted: Weighted = True,
    published: Published = None,
    interval: Interval = "per-layer",
    constants: Constants = None,
    margin: Margin = MARGIN,
    cap: Cap = CAP,
    corrected: Corrected = False,
    levels: Levels = None,
    data: Data = None,
) -> None:
    """Compile a network and make keys: the secret one for the client, the others for the server."""
    from .encrypted.client import make_keys, require_apart, require_no_keys
    from .encrypted.compiling import compile_to, prepare
    from .encrypted.engine import require_engine
    from .encrypted.memory import require_memory
    from .encrypted.program import read_program
    from .encrypted.working import apart
    from .experiments.encrypted_network import converted_network, test_images

    require_apart(client, server)
    for folder in (client, server):
        require_no_keys(folder)
    asked = _configuration(
        network, multiplications, weighted, published, interval, margin, constants, cap,
        corrected,
    )  # fmt: skip
    dimension = read_ring(ring)
    require_engine()
    shape = tuple(test_images(network, 0, 1, data)[0].shape[1:])
    prepared = prepare(
        read_program(converted_network(asked, data), shape), dimension, levels=levels
    )
    _print(prepared.chain.security, str(require_memory(prepared)))
    compile_to(prepared, server)
    apart(make_keys, client, server, what="makes keys")
    _print(f"{client} is the client's, and must not leave it; {server} is the server's")


@app.command()
def image(
    client: Annotated[Path, typer.Option(help="Folder of the client.")],
    network: Network = "resnet20-cifar10",
    number: Annotated[int, typer.Option("--image", help="Number of the test image.")] = 0,
    data: Data = None,
    out: Annotated[Path, typer.Option("--output", "-o", help="File of ciphertexts to write.")] = Path("out/image.in"),
) -> None:
    """Encrypt a test image, for the server."""
    from .encrypted.client import encrypt_image
    from .experiments.encrypted_network import test_images

    pixels, _ = test_images(network, number, 1, data)
    encrypt_image(client, pixels[0].double().numpy(), out)
    _print(f"wrote {out}")


@app.command()
def evaluate(
    server: Annotated[Path, typer.Option(help="Folder of the server.")],
    given: Annotated[Path, typer.Option("--image", help="File of an encrypted image.")] = Path(
        "out/image.in"
    ),
    out: Annotated[Path, typer.Option("--output", "-o", help="File of ciphertexts to write.")] = Path("out/image.out"),
) -> None:
    """Evaluate the network on an encrypted image, without any secret; goes on where it was ended."""
    from .encrypted.folder import Described
    from .encrypted.serving import evaluate as run

    _print(Described.read(server).chain.security)
    with Steps() as bar:
        task = bar.add_task("", total=None)

        def show(name: str, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, description=name)

        ((*spent,),) = run(server, [(given, out)], show)
    _print(f"{sum(one.seconds for one in spent):.1f} processor seconds; wrote {out}")


@app.command()
def decrypt(
    client: Annotated[Path, typer.Option(help="Folder of the client.")],
    given: Annotated[Path, typer.Option("--outputs", help="File of encrypted outputs.")] = Path(
        "out/image.out"
    ),
) -> None:
    """Decrypt the outputs of an image."""
    from .encrypted.client import decrypt_outputs
    from .encrypted.folder import Described

    outputs = decrypt_outputs(client, given).reshape(-1)
    _print(
        Described.read(client).chain.security,
        " ".join(f"{value:.6g}" for value in outputs),
        f"largest: output {int(outputs.argmax())}",
    )
