"""Encrypted ReLU on TenSEAL: ours against the published composites; see encrypted_contest.py.

TenSEAL's own evaluator takes 128-bit parameters only, so all run in the ring 2^15; at a scale of
54 bits its monomials lose nothing that matters.
"""

from __future__ import annotations

from encrypted_contest import main

if __name__ == "__main__":
    main("tenseal", ring=32768, scale_bits=54, secure=True, rounds=3)
