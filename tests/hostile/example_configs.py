"""Good configurations, one for each reference code among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
WATER = (ROOT / "tests" / "fixtures" / "loop" / "water.yaml").read_text()
DEMO = (ROOT / "aiida_nnpgen" / "cli" / "demo" / "propylene_glycol.yaml").read_text()
REFERENCES = {
    "qe": "{labeller: qe, pseudopotentials: f, kpoints_spacing: 0.3, magmoms: {O: 1}, kind: metal, "
    "parameters: {SYSTEM: {ecutrho: 400, nbnd: 20}, ELECTRONS: {conv_thr: 1e-8, mixing_mode: plain}}}",
    "cp2k": "{labeller: cp2k, cutoff: 400 Ry, multiplicity: 3, parameters: {GLOBAL: {PREFERRED_DIAG_LIBRARY: SL}, "
    "FORCE_EVAL: {DFT: {SCF: {EPS_SCF: 1e-7, MIXING: {ALPHA: 0.2}}}, SUBSYS: {KIND: {O: {BASIS_SET: DZVP}}}}}}",
    "vasp": "{labeller: vasp, pseudopotentials: {O: a, H: b}, kpoints: [2, 1, 1], charge: -1, rules: [{match: "
    "{formula: H2O, lengths: {max: 9}}, cutoff: 40}], parameters: {ALGO: Fast, LDAUU: {O: 2.0}, ROPT: {O: 1}}}",
    "cpmd": "{labeller: cpmd, pseudopotentials: {O: a, H: b}, functional: BLYP, dispersion: d2, parameters: {CPMD: "
    "{MAXITER: 50, ODIIS: 5, PCG MINIMIZE: true}, PSEUDOPOTENTIALS: {O: {lmax: P, options: KLEINMAN-BYLANDER}}}}",
}


def complete(fragment: dict[str, Any]) -> str:
    """Return a fragment of a configuration merged, by its top-level keys, into one that is complete."""
    config = yaml.safe_load(WATER)
    for key, value in fragment.items():
        is_section = isinstance(value, dict) and isinstance(config.get(key), dict) and key != "reference"
        config[key] = config[key] | value if is_section else value
    if config["reference"].get("labeller") == "qe":
        for purpose in ("initial_dataset", "test_set"):
            config[purpose]["aimd"]["thermostat"] = "csvr"
    return yaml.safe_dump(config)


EXAMPLES = {"water": WATER, "demo": DEMO} | {
    name: complete({"reference": yaml.safe_load(text)}) for name, text in REFERENCES.items()
}
