"""Where everything should be there, a test that is skipped has failed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SKIPPING = {
    "test_by_name.py": "import pytest\npytest.importorskip('no_such_module')\n\n\ndef test_it(): ...\n",
    "test_by_mark.py": "import pytest\n\n\n@pytest.mark.skipif(True, reason='gone')\ndef test_it(): ...\n",
    "test_by_call.py": "import pytest\n\n\n@pytest.fixture\ndef code(): pytest.skip('no code')\n\n\n"
    "def test_it(code): ...\n",
    "test_failing.py": "import pytest\n\n\n@pytest.mark.xfail\ndef test_it(): assert False\n",
}


@pytest.mark.slow
@pytest.mark.parametrize(("required", "words"), [("", "3 skipped"), ("1", "3 errors")])
def test_skip_counts_as_failure_where_nothing_may_be_missing(tmp_path: Path, required: str, words: str) -> None:
    """In the ways in which a test can be skipped; one that is expected to fail is none of them."""
    shutil.copy(TESTS / "conftest.py", tmp_path)
    for name, text in SKIPPING.items():
        (tmp_path / name).write_text(text)
    settings = ["-c", str(TESTS.parent / "pyproject.toml"), "--rootdir", str(tmp_path)]
    command = [sys.executable, "-m", "pytest", *settings, "-q", "-p", "no:cacheprovider"]
    command.append("--continue-on-collection-errors")
    environment = os.environ | {"NNPGEN_REQUIRE_ALL": required}
    done = subprocess.run([*command, tmp_path], env=environment, capture_output=True, text=True, check=False)
    assert words in done.stdout
    assert "1 xfailed" in done.stdout
    assert bool(done.returncode) == bool(required)
    if required:
        assert "no code: not skipped, because NNPGEN_REQUIRE_ALL is set" in done.stdout.replace("Skipped: ", "")
