"""Plans of the members of a committee."""

from __future__ import annotations

from aiida import orm

from aiida_nnpgen.calculations.functions import plan_iteration, plan_members


def test_plan_members_differ_in_their_seed_alone(config: orm.Dict) -> None:
    """Members share everything but the seed, and do not see what is no business of a training job."""
    members = plan_members(plan_iteration(config, orm.Int(0))["training"])
    assert sorted(members) == ["model_0", "model_1"]
    values = [member.get_dict() for member in members.values()]
    assert values[0].pop("seed") != values[1].pop("seed")
    assert values[0] == values[1]
    assert set(values[0]) == {"architecture", "elements", "parameters"}
