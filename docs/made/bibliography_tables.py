"""Makes the bibliography: ``python docs/made/bibliography_tables.py``.

Works that the pages, the notebooks or the docstrings cite, found by their numbers (arXiv, eprint, DOI, or volume,
year and page), each once.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from page_tables import DOCS, ROOT, grid, main

PAGE = DOCS / "bibliography.md"
NUMBERS = (
    ("arXiv ", re.compile(r"(?:arXiv[: ]|arxiv\.org/abs/)\s*(\d{4}\.\d{4,5})")),
    ("eprint ", re.compile(r"(?:eprint |ia\.cr/|eprint\.iacr\.org/)(\d{4}/\d{2,4})", re.IGNORECASE)),
    ("doi:", re.compile(r"(?:doi:|doi\.org/)(10\.\d{4,}/[\w.()/-]*\w)")),
    ("", re.compile(r"\b(\d{1,3} \((?:1[89]|20)\d\d\), \d+)")),
)
LINE = re.compile(r"\s*\n[ \t]*#?[ \t]*")  # a citation may go on in the next line, in a comment too
SURNAME = re.compile(r"^(?:[A-Z]\.(?:-[A-Z]\.)? )+")  # what stands before it
LINKS = {"arXiv ": "https://arxiv.org/abs/", "eprint ": "https://eprint.iacr.org/", "doi:": "https://doi.org/"}


@dataclass(frozen=True)
class Work:
    """A work: who, what, where, and by which numbers it is cited."""

    authors: str
    title: str
    place: str
    numbers: tuple[str, ...]


WORKS = tuple(
    Work(authors, title, place, tuple(numbers))
    for authors, title, place, *numbers in (
        ("M. R. Albrecht and others", "Homomorphic Encryption Standard", "", "eprint 2019/939"),
        ("A. Al Badawi and others", "OpenFHE: Open-Source Fully Homomorphic Encryption Library", "", "eprint 2022/915"),
        ("N. Amsel, D. Persson, C. Musco, R. Gower",
         "The Polar Express: Optimal Matrix Sign Methods and Their Application to the Muon Algorithm", "ICLR 2026",
         "arXiv 2505.16932"),
        ("A. Benaissa, B. Retiat, B. Cebere, A. E. Belfedhal",
         "TenSEAL: A Library for Encrypted Tensor Operations Using Homomorphic Encryption", "", "arXiv 2104.03152"),
        ("S. Bernstein", "Sur la meilleure approximation de |x| par des polynomes de degrés donnés", "Acta Math.",
         "37 (1913), 1"),
        ("S. Bian, Y. Fu, R. Shen, H. Pan, A. Wang, Z. Guan",
         "High-Precision Functional Bootstrapping for CKKS from Fourier Extension", "EUROCRYPT 2026", "eprint 2026/367"),
        ("J.-P. Bossuat and others",
         "Efficient Bootstrapping for Approximate Homomorphic Encryption with Non-Sparse Keys", "EUROCRYPT 2021",
         "eprint 2020/1203"),
        ("J.-P. Bossuat, J. R. Troncoso-Pastoriza, J.-P. Hubaux",
         "Bootstrapping for Approximate Homomorphic Encryption with Negligible Failure-Probability by Using "
         "Sparse-Secret Encapsulation", "ACNS 2022", "eprint 2022/024"),
        ("J. H. Cheon, A. Kim, M. Kim, Y. Song", "Homomorphic Encryption for Arithmetic of Approximate Numbers",
         "ASIACRYPT 2017", "eprint 2016/421"),
        ("J. H. Cheon, D. Kim, D. Kim", "Efficient Homomorphic Comparison Methods with Optimal Complexity",
         "ASIACRYPT 2020", "eprint 2019/1234"),
        ("W. Cho, G. Hanrot, T. Kim, M. Park, D. Stehlé", "Fast and Accurate Homomorphic Softmax Evaluation", "",
         "arXiv 2410.11184"),
        ("A. Costache, B. R. Curtis, E. Hales, S. Murphy, T. Ogilvie, R. Player",
         "On the precision loss in approximate homomorphic encryption", "", "eprint 2022/162"),
        ("A. Ebel, K. Garimella, B. Reagen", "Orion: A Fully Homomorphic Encryption Framework for Deep Learning",
         "ASPLOS 2025", "arXiv 2311.03470"),
        ("H. Ehlich, K. Zeller", "Schwankung von Polynomen zwischen Gitterpunkten", "Math. Z.", "86 (1964), 41",
         "doi:10.1007/BF01111276"),
        ("S. Halevi, V. Shoup", "Algorithms in HElib", "", "eprint 2014/106"),
        ("B. Hassibi, D. G. Stork", "Second Order Derivatives for Network Pruning: Optimal Brain Surgeon", "NIPS",
         "5 (1993), 164"),
        ("K. He, X. Zhang, S. Ren, J. Sun", "Deep Residual Learning for Image Recognition", "", "arXiv 1512.03385"),
        ("D. Hendrycks, K. Gimpel", "Gaussian Error Linear Units (GELUs)", "", "arXiv 1606.08415"),
        ("G. Hinton, O. Vinyals, J. Dean", "Distilling the Knowledge in a Neural Network", "", "arXiv 1503.02531"),
        ("D. Huybrechs", "On the Fourier Extension of Nonperiodic Functions", "SIAM J. Numer. Anal.",
         "47 (2010), 4326", "doi:10.1137/090752456"),
        ("E. Jarlebring, G. Lorentzon", "The polynomial set associated with a fixed number of matrix-matrix multiplications",
         "", "arXiv 2504.01500"),
        ("C. Juvekar, V. Vaikuntanathan, A. Chandrakasan",
         "Gazelle: A Low Latency Framework for Secure Neural Network Inference", "USENIX Security 2018", "arXiv 1801.05507"),
        ("D. P. Kingma, J. Ba", "Adam: A Method for Stochastic Optimization", "", "arXiv 1412.6980"),
        ("G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter", "Self-Normalizing Neural Networks", "NeurIPS 2017",
         "arXiv 1706.02515"),
        ("E. Lee, J.-W. Lee, J.-S. No, Y.-S. Kim",
         "Minimax Approximation of Sign Function by Composite Polynomial for Homomorphic Comparison", "IEEE TDSC",
         "19 (2022), 3711", "eprint 2020/834"),
        ("E. Lee, J.-W. Lee, J. Lee, Y.-S. Kim, Y. Kim, J.-S. No, W. Choi",
         "Low-Complexity Deep Convolutional Neural Networks on Fully Homomorphic Encryption Using Multiplexed Parallel "
         "Convolutions", "ICML 2022", "eprint 2021/1688"),
        ("J. Lee, E. Lee, J.-W. Lee, Y. Kim, Y.-S. Kim, J.-S. No",
         "Precise Approximation of Convolutional Neural Networks for Homomorphically Encrypted Data", "IEEE Access 2023",
         "arXiv 2105.10879"),
        ("F. Leja",
         "Sur certaines suites liées aux ensembles plans et leur application à la représentation conforme",
         "Ann. Polon. Math.", "4 (1957), 8", "doi:10.4064/ap-4-1-8-13"),
        ("N. Ma, X. Zhang, H.-T. Zheng, J. Sun", "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design",
         "", "arXiv 1807.11164"),
        ("M. Nagel, M. van Baalen, T. Blankevoort, M. Welling",
         "Data-Free Quantization Through Weight Equalization and Bias Correction", "ICCV 2019", "arXiv 1906.04721"),
        ("R. Pachón, L. N. Trefethen",
         "Barycentric-Remez algorithms for best polynomial approximation in the chebfun system", "BIT",
         "49 (2009), 721", "doi:10.1007/s10543-009-0240-1"),
        ("M. S. Paterson, L. J. Stockmeyer", "On the Number of Nonscalar Multiplications Necessary to Evaluate Polynomials",
         "SIAM J. Comput.", "2 (1973), 60", "doi:10.1137/0202007"),
        ("M. O. Rabin, S. Winograd", "Fast evaluation of polynomials by rational preparation", "Comm. Pure Appl. Math.",
         "25 (1972), 433", "doi:10.1002/cpa.3160250405"),
        ("M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen",
         "MobileNetV2: Inverted Residuals and Linear Bottlenecks", "CVPR 2018", "arXiv 1801.04381"),
        ("M. K. Transtrum, J. P. Sethna",
         "Improvements to the Levenberg-Marquardt algorithm for nonlinear least-squares minimization", "", "arXiv 1201.5885"),
        ("R. S. Varga, A. J. Carpenter", "On the Bernstein conjecture in approximation theory", "Constr. Approx.",
         "1 (1985), 333"),
        ("F. Yu, D. Wang, E. Shelhamer, T. Darrell", "Deep Layer Aggregation", "CVPR 2018", "arXiv 1707.06484"),
        ("C. Zhang, J. Fan, M. H. Au, S. M. Yiu",
         "Neural Networks with (Low-Precision) Polynomial Approximations: New Insights and Techniques for Accuracy "
         "Improvement", "", "arXiv 2402.11224"),
        ("H. Zhang and others", "mixup: Beyond Empirical Risk Minimization", "", "arXiv 1710.09412"),
    )
)  # fmt: skip


def texts() -> Iterator[tuple[Path, str]]:
    """All that may cite: pages, modules, notebooks."""
    pages = [*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(DOCS / "guide").glob("*.md")]
    folders = (ROOT / "polyapprox", ROOT / "nn_bridge", ROOT / "notebooks", DOCS / "made")
    sources = [path for folder in folders for path in folder.rglob("*.py")]
    for path in (*pages, *sources, ROOT / "CITATION.cff"):
        if path not in (PAGE, Path(__file__)):
            yield path, LINE.sub(" ", path.read_text(encoding="utf-8"))


def cited() -> dict[str, list[Path]]:
    """Each number that is cited, and where."""
    found: dict[str, list[Path]] = {}
    for path, text in texts():
        for kind, pattern in NUMBERS:
            for number in {kind + one for one in pattern.findall(text)}:
                found.setdefault(number, []).append(path)
    return found


def shown(work: Work) -> str:
    """Where it appeared, with links."""
    plain = [number for number in work.numbers if not number.startswith(tuple(LINKS))]
    words = [" ".join([work.place, *plain])] if work.place else []
    for kind, address in LINKS.items():
        words += [f"[{one}]({address}{one.removeprefix(kind)})" for one in work.numbers if one.startswith(kind)]
    return ", ".join(words)


def works() -> str:
    """All works, by the first author."""
    found = cited()
    rows = []
    for work in sorted(WORKS, key=lambda one: SURNAME.sub("", one.authors)):
        pages = {path for number in work.numbers for path in found.get(number, ()) if path.parent in (DOCS, DOCS / "guide")}
        names = sorted(path.relative_to(DOCS).as_posix() for path in pages)
        links = ", ".join(f"[{name.removesuffix('.md')}]({name})" for name in names)
        rows.append((work.authors, work.title.replace("|", r"\|"), shown(work), links or "source alone"))
    return grid(("authors", "title", "where", "cited in"), rows, "---")


TABLES = {"works": works}


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
