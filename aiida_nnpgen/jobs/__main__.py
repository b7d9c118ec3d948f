"""Let ``python -m aiida_nnpgen.jobs <program>`` do what the archive does."""

from __future__ import annotations

import sys

from .main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
