"""Deviations from the sampler and from a job."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.common.links import LinkType

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.data.deviations import force_deviation, has_deviation, sampler_of, without_deviation

pytestmark = pytest.mark.usefixtures("aiida_profile")

RUN, BARE, NONE = ({"step": [0, 5], "deviation": [0.1, 0.2]}, {"step": [0, 5]}, {"step": [], "deviation": []})


def arrays(**columns: Any) -> orm.ArrayData:
    """Return columns as a node."""
    node = orm.ArrayData()
    for name, values in columns.items():
        node.set_array(name, np.array(values, dtype=float))
    return node


def test_force_deviation_is_the_jobs_where_it_measured_one() -> None:
    """The sampler's counts for the other runs; without either there is none."""
    committee = arrays(force_a=[0.3, 0.4])
    assert force_deviation("a", arrays(**RUN), committee).tolist() == [0.3, 0.4]
    assert force_deviation("b", arrays(**RUN), committee).tolist() == [0.1, 0.2]
    assert force_deviation("a", arrays(**BARE), committee).tolist() == [0.3, 0.4]
    assert np.isnan(force_deviation("b", arrays(**BARE), committee)).tolist() == [True, True]
    assert (has_deviation(arrays(**RUN)), has_deviation(arrays(**BARE))) == (True, False)


def test_force_deviation_refuses_a_part_of_the_frames() -> None:
    """Where the job saw fewer frames than were sampled, its numbers belong to nobody knows which."""
    with pytest.raises(InputError, match="1 of 2 frames"):
        force_deviation("a", arrays(**BARE), arrays(force_a=[0.3]))


def test_without_deviation_names_runs_that_are_nan_throughout() -> None:
    """One number is enough; a run without frames needs none."""
    nan = float("nan")
    runs = {
        "bare": arrays(**BARE),
        "empty": arrays(**NONE),
        "half": arrays(step=[0, 5], deviation=[nan, 0.2]),
        "nan": arrays(step=[0, 5], deviation=[nan, nan]),
    }
    assert without_deviation(runs) == ["bare", "nan"]
    assert without_deviation(runs, arrays(force_bare=[0.1, nan], force_nan=[nan, nan])) == ["nan"]


def test_sampler_of_reads_the_name_from_provenance() -> None:
    """It is that of the entry point; a node of unknown origin has none."""
    process = orm.CalcJobNode(process_type="aiida.calculations:nnpgen.samplers.lammps")
    process.store()
    node = arrays(**RUN)
    node.base.links.add_incoming(process, LinkType.CREATE, "deviation")
    assert sampler_of(node.store()) == "lammps"
    assert sampler_of(arrays(**RUN)) == "unknown"
