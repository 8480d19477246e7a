"""The artifacts that selectors choose."""

from __future__ import annotations

from functools import partial

from unit.builder.test_scaling import FEW, MANY, calls

from wasmbuild.commands.options import select


def test_what_ids_and_globs_choose_is_in_the_order_of_all() -> None:
    ids = ["b@x64", "b@arm", "a/1@x64", "a/1@arm", "B@x64"]
    assert select([], ids) == ids
    assert select(["a/1@arm", "b@x64", "b@x64"], ids) == ["b@x64", "a/1@arm"]
    assert select(["a*", "b@arm", "?@x64"], ids) == ["b@x64", "b@arm", "a/1@x64", "a/1@arm", "B@x64"]
    assert select(["[!a]@x*"], ids) == ["b@x64", "B@x64"]


def test_what_an_id_costs_does_not_grow_with_their_number() -> None:
    def cost(number: int) -> float:
        ids = [f"m{at}@x64" for at in range(number)]
        return calls(partial(select, ids, ids)) / number

    assert cost(MANY) < cost(FEW) * 1.1
