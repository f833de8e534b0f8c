"""Costs of attacks on sparse secrets, for `src/program/security-tables.ts`: one line per attack and cost model, minutes each.

    git clone https://github.com/malb/lattice-estimator && cd lattice-estimator
    PYTHONPATH=. sage -python .../scripts/estimate-sparse-secrets.py 32768 40 82 [attack ...]

Arguments: N, number of coefficients in -1 and 1, log2 of the modulus. Needs Sage. `inf` is an attack without success: the estimator
looks at block sizes up to 1754.
"""

import sys
import time
from functools import lru_cache

import estimator.lwe_dual
from estimator import LWE, ND, RC
from sage.all import log, oo

# The same values, but computed once: binomials of tens of thousands of bits.
estimator.lwe_dual.prob_drop = lru_cache(maxsize=None)(estimator.lwe_dual.prob_drop)

MODELS = {"MATZOV": RC.MATZOV, "BDGL16": RC.BDGL16}
# LWE.dual_hybrid is MATZOV's attack on dense secrets; this one guesses coordinates by their weight (eprint 2020/515).
dual_hybrid = estimator.lwe_dual.dual_hybrid
ATTACKS = {
    "usvp": lambda p, model: LWE.primal_usvp(p, red_cost_model=model),
    "bdd": lambda p, model: LWE.primal_bdd(p, red_cost_model=model),
    "bdd_hybrid": lambda p, model: LWE.primal_hybrid(p, mitm=False, babai=False, red_cost_model=model),
    "bdd_mitm_hybrid": lambda p, model: LWE.primal_hybrid(p, mitm=True, babai=True, red_cost_model=model),
    "dual_hybrid": lambda p, model: dual_hybrid(p, red_cost_model=model),
    "dual_mitm_hybrid": lambda p, model: dual_hybrid(p, red_cost_model=model, mitm_optimization=True),
}

degree, weight, bits = map(int, sys.argv[1:4])
secret = ND.SparseTernary(weight // 2, weight - weight // 2, degree)
parameters = LWE.Parameters(n=degree, q=2**bits, Xs=secret, Xe=ND.DiscreteGaussian(3.2), m=oo)
for attack in sys.argv[4:] or ATTACKS:
    for model, cost_model in MODELS.items():
        start = time.time()
        found = ATTACKS[attack](parameters, cost_model)
        print(f"{attack} {model} {float(log(found['rop'], 2)):.1f} ({time.time() - start:.0f} s) {found!r}", flush=True)
