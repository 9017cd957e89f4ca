"""Runs a list of operations on one ciphertext of OpenFHE; for an interpreter that can import it, nothing else.

Standard input: JSON with "length", "depth", "operations" and "vectors"; standard output: JSON, the results.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import openfhe as fhe


def main() -> None:
    """One context, one key, vector after vector."""
    given = json.load(sys.stdin)
    parameters = fhe.CCParamsCKKSRNS()
    parameters.SetMultiplicativeDepth(given["depth"])
    parameters.SetScalingModSize(50)
    parameters.SetFirstModSize(60)
    parameters.SetRingDim(1 << 11)
    parameters.SetBatchSize(given["length"])
    parameters.SetSecurityLevel(fhe.SecurityLevel.HEStd_NotSet)
    context = fhe.GenCryptoContext(parameters)
    for feature in ("PKE", "KEYSWITCH", "LEVELEDSHE", "ADVANCEDSHE"):
        context.Enable(getattr(fhe.PKESchemeFeature, feature))
    keys = context.KeyGen()
    context.EvalMultKeyGen(keys.secretKey)
    context.EvalSumKeyGen(keys.secretKey)
    results = []
    for vector in given["vectors"]:
        cipher = context.Encrypt(keys.publicKey, context.MakeCKKSPackedPlaintext(vector))
        found = context.Decrypt(run(context, given["operations"], cipher, given["length"]), keys.secretKey)
        found.SetLength(given["length"])
        results.append(found.GetRealPackedValue())
    json.dump(results, sys.stdout)


def run(context: Any, operations: list[list[Any]], cipher: Any, length: int) -> Any:
    """The last value."""
    made = {"multiply": context.EvalMult, "add": context.EvalAdd, "subtract": context.EvalSub}
    values = [cipher]
    for kind, left, *rest in operations:
        if kind == "sum":
            values.append(context.EvalSum(values[left], length))
            continue
        with_constant, right = rest
        values.append(made[kind](values[left], right if with_constant else values[right]))
    return values[-1]


if __name__ == "__main__":
    main()
