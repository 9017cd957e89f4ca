"""Encrypted ReLU on Lattigo: ours against the published composites; see encrypted_contest.py."""

from __future__ import annotations

from encrypted_contest import main

if __name__ == "__main__":
    main("lattigo", ring=8192, scale_bits=50, secure=False, rounds=5)
