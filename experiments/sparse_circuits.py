"""Circuits for |x| with few plaintext products: searched, fitted to the end, proven and kept.

    python experiments/sparse_circuits.py 4 14 --records sparse --moves 3000 --seed 1

searches chains of 4 to 14 multiplications one after the other, from the circuits shipped and from
the chains of one multiplication less; stopped and started again with the same folder of records it
goes on where it was, also to more moves. The circuits shipped were found in this way in some
thousand moves each; the moves changed while the search ran, so the command finds others as good,
not the same digits.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from polyapprox.circuits import shipped_circuits
from polyapprox.circuits.search.shelve_sparse import add_sparse
from polyapprox.circuits.search.sparse import Archive, Kept, search_products


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("first", type=int, help="multiplications of the first archive")
    parser.add_argument("last", type=int, help="multiplications of the last archive")
    parser.add_argument("--records", type=Path, required=True, help="folder of the archives")
    parser.add_argument("--moves", type=int, default=2000, help="moves an archive, in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--add", action="store_true", help="put better circuits into the package")
    given = parser.parse_args()
    library = shipped_circuits()
    shorter: list[Kept] = []
    for m in range(given.first, given.last + 1):
        archive = search_products(
            m,
            [library[m].circuit.chain()],
            shorter,
            given.moves,
            3 * m,
            given.seed,
            given.records / f"{m}.json",
            _shown,
        )
        shorter = [one for kept in archive.kept.values() for one in kept[:3]]
        if given.add:
            origin = (
                f"experiments/sparse_circuits.py {given.first} {given.last} "
                f"--moves {given.moves} --seed {given.seed}"
            )
            for one in add_sparse([archive], origin):
                if one.circuit.multiplications == m:
                    sys.stdout.write(
                        f"  {one.constant_products} plaintext products: {one.bits:.3f} bits proven\n"
                    )


def _shown(archive: Archive) -> None:
    front = " ".join(f"{one.products}:{one.bits:.2f}" for one in archive.front())
    sys.stdout.write(f"m = {archive.multiplications}, {archive.moves} moves: {front}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
