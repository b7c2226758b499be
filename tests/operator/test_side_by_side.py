"""What a plan asks for is done in its order, and children side by side."""

from __future__ import annotations

from operator_world import World

from voiceclone_operator.actions import AddFinalizer, Apply, CreateJob, WriteStatus, side_by_side


def child(kind: str) -> Apply:
    return Apply({"kind": kind, "metadata": {"name": kind.lower()}})


def test_children_share_a_step_and_nothing_overtakes() -> None:
    job, status = CreateJob({}), WriteStatus({})
    account, policy = child("ServiceAccount"), child("NetworkPolicy")
    steps = list(side_by_side([AddFinalizer(), account, policy, job, status, child("Role")]))
    assert steps == [[AddFinalizer()], [account, policy], [job], [status], [child("Role")]]


def test_a_role_is_there_before_it_is_bound() -> None:
    steps = list(side_by_side([child("RoleBinding"), child("Role"), child("ConfigMap")]))
    assert steps == [[child("Role"), child("ConfigMap")], [child("RoleBinding")]]


def test_nothing_to_do_is_no_step() -> None:
    assert list(side_by_side([])) == []


def test_a_first_plan_makes_its_children_in_two_steps_and_its_job_after_them() -> None:
    made = World().plan()
    steps = list(side_by_side(made.actions))
    assert sorted(len(step) for step in steps)[-1] == 6, "account, role, policy, budget, mailbox and snapshot"
    assert [action for step in steps for action in step if isinstance(action, CreateJob)]
    kinds = [type(step[0]).__name__ for step in steps]
    assert kinds.index("CreateJob") == kinds.index("Apply") + 2
    assert sum(len(step) for step in steps) == len(made.actions)
