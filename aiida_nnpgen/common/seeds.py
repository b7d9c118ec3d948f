"""Seeds of parts, derived from one seed in one place."""

from __future__ import annotations

import hashlib

__all__ = ["derive_seed"]


def derive_seed(seed: int, *path: str | int) -> int:
    """Return the seed of one part of a calculation.

    Equal arguments give equal seeds on every machine; different paths give unrelated seeds.

    :param seed: the seed that the user chose.
    :param path: names and numbers that identify the part, such as ``("training", iteration, member)``.
    :return: an integer in [1, 2**31 - 1), which every code accepts.
    """
    text = "/".join([str(seed), *map(str, path)])
    digest = hashlib.sha256(text.encode()).digest()
    return 1 + int.from_bytes(digest[:8], "big") % (2**31 - 2)
