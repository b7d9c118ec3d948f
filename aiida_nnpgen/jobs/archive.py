"""Pack the programs of this package into one file that any Python with NumPy, SciPy and ASE can run."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from .. import __version__

__all__ = ["FILENAME", "build_archive"]

FILENAME = "nnpgen.pyz"

_PACKAGE = Path(__file__).parents[1]
_PARTS = ("common", "dft", "jobs", "models", "properties", "samplers", "screening")
_SUFFIXES = (".json", ".py", ".yaml")
_MAIN = "import sys\n\nfrom aiida_nnpgen.jobs.main import main\n\nsys.exit(main(sys.argv[1:]))\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def build_archive() -> bytes:
    """Return the zip application: ``python nnpgen.pyz <program>`` runs a program in the current folder.

    Equal sources give equal bytes on every machine: members are sorted, dated alike and stored without compression,
    whose result would depend on the version of zlib. The archive's comment names the version of the package.
    """
    members = {"__main__.py": _MAIN.encode()}
    members["aiida_nnpgen/__init__.py"] = (_PACKAGE / "__init__.py").read_bytes()
    for part in _PARTS:
        for path in (_PACKAGE / part).rglob("*"):
            if path.suffix in _SUFFIXES:
                members[f"aiida_nnpgen/{path.relative_to(_PACKAGE).as_posix()}"] = path.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=zipfile.ZIP_STORED) as archive:
        archive.comment = f"aiida-nnpgen {__version__}".encode()
        for name in sorted(members):
            info = zipfile.ZipInfo(name, date_time=_EPOCH)
            info.create_system = 3  # the same on Windows
            info.external_attr = 0o644 << 16
            archive.writestr(info, members[name])
    return buffer.getvalue()
