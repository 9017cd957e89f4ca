# SPDX-License-Identifier: Apache-2.0
"""An example for the help of each command, and what an interruption of it leaves."""

EXAMPLES = {
    "make relu": "polyapprox make relu --precision 2^-9 --interval -50 50 --output relu.json --plot relu.png",
    "make abs": "polyapprox make abs --precision 2^-7",
    "make maximum": "polyapprox make maximum --multiplications 4 --interval -8 8",
    "make minimum": "polyapprox make minimum --precision 2^-6",
    "make sign": "polyapprox make sign --precision 2^-5 --threshold 2^-4",
    "make step": "polyapprox make step --precision 2^-5 --threshold 2^-4",
    "make approximate": "polyapprox make approximate gelu --interval -8 8 --tolerance 2^-7",
    "make minimax": "polyapprox make minimax 'exp(x)' --degree 8 --interval -1 1 --output exp.json\n"
    "polyapprox make minimax 1/x --degree 7 --interval -2 -1 --interval 1 2 --relative",
    "make reciprocal": "polyapprox make reciprocal --precision 2^-10 --interval 1 8",
    "make circuit": "polyapprox make circuit gelu --multiplications 4 --interval -8 8",
    "make bootstrapped": "polyapprox make bootstrapped relu --degree 63 --interval -8 8 --output inside.json",
    "make pareto": "polyapprox make pareto relu --precision 2^-9",
    "table verify": "polyapprox table verify relu.json",
    "table show": "polyapprox table show relu.json --plan",
    "table plot": "polyapprox table plot relu.json --plan --output plan.svg",
    "table export": "polyapprox table export relu.json --format lattigo --output relu.go\n"
    "polyapprox table export relu.json --format csv --output -",
    "table import": "polyapprox table import theirs.csv --function sign --interval -1 -0.1 --interval 0.1 1",
    "table audit": "polyapprox table audit relu.json",
    "table cost": "polyapprox table cost relu.json",
    "table noise": "polyapprox table noise relu.json --ring 2^14 --scheme openfhe",
    "table compare": "polyapprox table compare --alpha 7 --alpha 9",
    "circuits list": "polyapprox circuits list relu",
    "circuits search": "polyapprox circuits search relu --multiplications 4 --record trials.jsonl --output found.json",
    "circuits keep": "polyapprox circuits keep found-constants.json",
    "circuits chains": "polyapprox circuits chains --degree 7 --degree 15 --output chains.json",
    "encrypted backends": "polyapprox encrypted backends",
    "zoo list": "polyapprox zoo list",
    "zoo search": "polyapprox zoo search gelu --interval -7 7 --bits 9",
    "zoo show": "polyapprox zoo show gelu_-8_8_p12 --output gelu.json",
    "zoo build": "polyapprox zoo build --output zoo --runner joblib",
    "zoo verify": "polyapprox zoo verify relu_-50_50_p9",
    "explore": "polyapprox explore --port 8600",
    "encrypted check": "polyapprox encrypted check relu.json --backend lattigo",
    "encrypted calibrate": "polyapprox encrypted calibrate --backend openfhe --output mine.json",
    "encrypted bench": "polyapprox encrypted bench --precision 9 --repeats 5",
}

KEPT = {
    "circuits search": "every finished trial is in the file of --record, if one was given: the same "
    "command goes on after it; without one nothing is kept",
    "circuits chains": "the degrees that were finished are in the file of --output: the same command "
    "goes on after them",
}
KEPT["zoo build"] = (
    "finished entries are in the folder of --output: the same command goes on after them"
)
KEPT["explore"] = "the page is closed"
KEPT["chains"] = KEPT["circuits chains"]
