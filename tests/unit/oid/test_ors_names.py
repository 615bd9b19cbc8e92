"""Owner names of the ORS: labels to names and back, and their limits."""

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialanchor_oid.errors import OidError
from trialanchor_oid.iri import a_label
from trialanchor_oid.ors.names import MAX_NAME, arcs_of_labels, labels_of, owner_name

APEX = "oid-res.test"
labels = st.one_of(
    st.integers(0, 10**40 - 1).map(str),
    st.sampled_from(("Country", "ASN.1", "中国", "Joint-ISO-ITU-T", "a_b~c", "x" * 63)),
)


@pytest.mark.parametrize(
    ("given_labels", "name"),
    [
        (("2", "16", "156", "3016"), "ors-dummy.3016.156.16.2.oid-res.test."),
        (("Joint-ISO-ITU-T", "Country", "CN"), "ors-dummy.cn.country.joint-iso-itu-t.oid-res.test."),
        (("2", "ASN.1"), "ors-dummy.asn\\.1.2.oid-res.test."),
        (("中国",), "ors-dummy.xn--fiqs8s.oid-res.test."),
        ((), "ors-dummy.oid-res.test."),
    ],
)
def test_labels_become_an_owner_name(given_labels, name):
    assert owner_name(given_labels, APEX) == name
    assert owner_name(given_labels, APEX, dummy=False) == name.removeprefix("ors-dummy.")


@given(st.lists(labels, max_size=5))
def test_labels_survive_the_name(many):
    try:
        name = owner_name(many, APEX)
    except OidError:
        return
    assert labels_of(name, APEX) == tuple(map(a_label, many))
    assert labels_of(owner_name(many, APEX, dummy=False), APEX.upper()) == tuple(map(a_label, many))
    assert len(dns.name.from_text(name)) == len(many) + 4


@given(st.integers(100, 128))
def test_the_limit_is_that_of_dns(depth):
    wire = 2 * depth + 1 + len("ors-dummy") + len(APEX) + 2
    if wire <= MAX_NAME:
        assert len(dns.name.from_text(owner_name(["2"] * depth, APEX)).to_wire()) == wire
    else:
        with pytest.raises(OidError, match=str(wire)):
            owner_name(["2"] * depth, APEX)


@pytest.mark.parametrize("name", ["example.org.", "ors-dummy.2.xoid-res.test.", "ors-dummy..2.oid-res.test.", "test."])
def test_a_name_elsewhere_has_no_labels(name):
    with pytest.raises(OidError):
        labels_of(name, APEX)


@pytest.mark.parametrize(
    ("given_labels", "arcs"),
    [
        (("2", "16"), (2, 16)),
        ((), ()),
        (("9" * 40,), (int("9" * 40),)),
        (("9" * 41,), None),
        (("02",), None),
        (("2", "cn"), None),
        (("٢",), None),
        (("2\n",), None),
    ],
)
def test_arcs_are_labels_that_are_all_decimal(given_labels, arcs):
    assert arcs_of_labels(given_labels) == arcs
