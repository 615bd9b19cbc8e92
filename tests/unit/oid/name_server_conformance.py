"""What every implementation of the `NameServer` port must do: one suite, run for each of them.

A test class of an implementation inherits `NameServerConformance` and has two fixtures: `name_server`, which holds the
zone `oid-res.test` without nodes, and `ask`, which gives RCODE and answer records (owner, type, data; names in lower
case) to a name below the apex and a type.
"""

from __future__ import annotations

import pytest

from trialanchor_oid.errors import OidError
from trialanchor_oid.ors.records import Service
from trialanchor_oid.ors.update import PublishedNode

NODE = (2, 16, 156, 3016)
OWNER = "ors-dummy.3016.156.16.2"
COID = Service("COID", "/2/16/156/3016")
CINF = Service("CINF", "https://ors.example.org/cinf/2.16.156.3016.xml")
NOERROR, NXDOMAIN = 0, 3


def naptr(service: Service) -> str:
    return f'100 10 "u" "{service.service}" "{service.regexp}" .'


class NameServerConformance:
    def test_a_published_node_is_answered_when_publish_returns(self, name_server, ask):
        name_server.publish([PublishedNode(NODE, (COID, CINF))])
        assert ask(OWNER, "NAPTR") == (NOERROR, {naptr(COID), naptr(CINF)})

    def test_publishing_again_replaces_all_records(self, name_server, ask):
        name_server.publish([PublishedNode(NODE, (COID, CINF))])
        name_server.publish([PublishedNode(NODE, (COID,))])
        name_server.publish([PublishedNode(NODE, (COID,))])
        assert ask(OWNER, "NAPTR") == (NOERROR, {naptr(COID)})

    def test_a_node_without_services_is_removed_and_its_ancestors_with_it(self, name_server, ask):
        name_server.publish([PublishedNode(NODE, (COID,))])
        assert ask("156.16.2", "NAPTR") == (NOERROR, set())
        name_server.publish([PublishedNode(NODE)])
        assert ask(OWNER, "NAPTR") == (NXDOMAIN, set())
        assert ask("156.16.2", "NAPTR") == (NXDOMAIN, set())

    def test_removing_what_is_not_there_is_no_error(self, name_server, ask):
        name_server.publish([PublishedNode(NODE, withdrawn=("country",))])
        assert ask(OWNER, "NAPTR") == (NXDOMAIN, set())

    def test_a_label_leads_to_its_node(self, name_server, ask):
        labels = PublishedNode((2, 16), aliases=(("CN", (2, 16, 156)), ("中国", (2, 16, 156))))
        name_server.publish([labels, PublishedNode(NODE, (COID,))])
        for label in ("cn", "xn--fiqs8s"):
            assert ask(f"{label}.16.2", "DNAME") == (NOERROR, {"156.16.2.oid-res.test."})
            assert naptr(COID) in ask(f"ors-dummy.3016.{label}.16.2", "NAPTR")[1]

    def test_a_label_with_a_dot_is_one_label(self, name_server, ask):
        name_server.publish([PublishedNode((2,), aliases=(("ASN.1", (2, 1)),))])
        assert ask("asn\\.1.2", "DNAME") == (NOERROR, {"1.2.oid-res.test."})
        assert ask("asn.1.2", "DNAME") == (NXDOMAIN, set())

    def test_a_label_that_moves_stands_for_one_node(self, name_server, ask):
        name_server.publish([PublishedNode((2,), aliases=(("country", (2, 15)),))])
        name_server.publish([PublishedNode((2,), aliases=(("country", (2, 16)),))])
        assert ask("country.2", "DNAME") == (NOERROR, {"16.2.oid-res.test."})

    def test_a_label_stays_until_it_is_withdrawn(self, name_server, ask):
        name_server.publish([PublishedNode(NODE, (COID,), (("guangdong", (*NODE, 44)),))])
        name_server.publish([PublishedNode(NODE, (CINF,))])
        assert ask("guangdong.3016.156.16.2", "DNAME")[0] == NOERROR
        name_server.publish([PublishedNode(NODE, (CINF,), withdrawn=("guangdong",))])
        assert ask("guangdong.3016.156.16.2", "DNAME") == (NXDOMAIN, set())
        assert ask(OWNER, "NAPTR") == (NOERROR, {naptr(CINF)})

    def test_of_a_node_named_twice_the_last_counts(self, name_server, ask):
        name_server.publish([PublishedNode(NODE, (COID,)), PublishedNode(NODE, (CINF,))])
        assert ask(OWNER, "NAPTR") == (NOERROR, {naptr(CINF)})

    def test_many_nodes_are_published_at_once(self, name_server, ask):
        nodes = [PublishedNode((*NODE, n), (COID, CINF)) for n in range(250)]
        name_server.publish(nodes)
        for n in (0, 99, 100, 249):
            assert ask(f"ors-dummy.{n}.3016.156.16.2", "NAPTR") == (NOERROR, {naptr(COID), naptr(CINF)})
        name_server.publish([PublishedNode(node.arcs) for node in nodes])
        assert ask("ors-dummy.249.3016.156.16.2", "NAPTR") == (NXDOMAIN, set())

    def test_octets_outside_ascii_arrive(self, name_server, ask):
        unicode = Service("COID", '/2/16/中国/"a"')
        name_server.publish([PublishedNode(NODE, (unicode,))])
        answer = '100 10 "u" "ORS+COID" "!^.*$!/2/16/\\228\\184\\173\\229\\155\\189/\\"a\\"!" .'
        assert ask(OWNER, "NAPTR") == (NOERROR, {answer})

    @pytest.mark.parametrize(
        "node",
        [
            PublishedNode((2,) * 127, (COID,)),
            PublishedNode((2,), aliases=(("16", (2, 17)),)),
            PublishedNode((2,), aliases=(("ors-dummy", (2, 17)),)),
            PublishedNode((2,), withdrawn=("a" * 64,)),
        ],
        ids=["name-too-long", "number-as-label", "ors-dummy-as-label", "label-too-long"],
    )
    def test_what_has_no_name_is_refused_before_anything_is_sent(self, name_server, ask, node):
        with pytest.raises(OidError):
            name_server.publish([PublishedNode(NODE, (COID,)), node])
        assert ask(OWNER, "NAPTR") == (NXDOMAIN, set())
