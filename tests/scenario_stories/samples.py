"""A story of the contract `samples`: two tubes become plasma, travel, are assayed, assayed again, and end."""

from __future__ import annotations

import sample_worlds as sw
from sample_worlds import ANALYST_2, ANY, LAB_QUALITY, LEADER, QUALITY, TUBE, TUBE_2, Samples
from worlds import DAY, LAB, NOW, SITE_A, SPONSOR


def story(world):
    """Tell it: one box came too warm and with a vial too few; one result is repeated; a vial has no second code."""
    samples = Samples(world)
    first, kept = samples.plasma(TUBE)
    warm, lost = samples.plasma(TUBE_2)
    again = {"sample": samples.new_oid(), "parent": TUBE_2, "code": "c1", "occurred_at": NOW}
    samples.refuse("sample-state", "label", SITE_A, **again)
    for each in (first, kept, warm, lost):
        samples.do("store", SITE_A, **sw.storing(each))
    samples.delivered([first])
    late = samples.sent([warm, lost])
    samples.do("accept", LAB, **sw.arrival(late, count=1, missing=[lost], measured=[-850, -400]))
    samples.do("find", SITE_A, sample=lost, place="f1", occurred_at=NOW)
    samples.do("close_case", SPONSOR, QUALITY, case=lost, outcome="found", reason="left_behind", decision=ANY)
    samples.do("assess_deviation", SITE_A, LEADER, sample=lost, outcome="usable", assessment=ANY)
    for each in (first, warm):
        samples.do("store", LAB, **sw.storing(each, LAB))
    samples.refuse("sample-deviation", "issue", LAB, **sw.issuing(warm))
    samples.do("assess_deviation", LAB, LAB_QUALITY, sample=warm, outcome="unusable", assessment=ANY)
    samples.do("discard", LAB, **sw.ending(warm, reason="thawed"))
    repeat(samples, first)
    samples.do("retain", LAB, **sw.retaining(first))
    end(samples, first)
    return samples


def repeat(samples, oid):
    """Assay a sample twice, with a review between; the second result stands."""
    _, number = samples.assayed(oid)
    samples.do("return_sample", LAB, **sw.returning(oid))
    samples.do("confirm_result", LAB, ANALYST_2, result=number)
    samples.do("retest", LAB, LAB_QUALITY, result=number, reason="internal_standard", review=ANY)
    _, second = samples.assayed(oid, purpose="retest")
    samples.do("return_sample", LAB, **sw.returning(oid))
    samples.do("confirm_result", LAB, ANALYST_2, result=second)
    assert samples.world.get(f"results/{number}")["status"] == "superseded"


def end(samples, oid):
    """Destroy a retained sample when its time is over."""
    samples.do("approve_destruction", SPONSOR, QUALITY, sample=oid, method="incineration", plan=ANY)
    given = sw.ending(oid, method="incineration")
    samples.refuse("retention-not-over", "destroy", LAB, ANALYST_2, **given)
    samples.world.at = NOW + DAY
    samples.do("destroy", LAB, ANALYST_2, **given | {"occurred_at": NOW + DAY})
