"""CINF and RINF: what is written reads back, conforms to the schemas, and nothing else is read."""

import shutil
import subprocess
import time
from datetime import UTC, date, datetime
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialanchor_oid.ors import elements
from trialanchor_oid.ors.information import (
    Child,
    ChildInformation,
    Contact,
    Disclosure,
    EncipheredContact,
    InformationError,
    Registration,
    RegistrationInformation,
    decode_cinf,
    decode_rinf,
    encode_cinf,
    encode_rinf,
)
from trialanchor_oid.ors.markup import html_of, sanitised, text_of

GUANGDONG = ChildInformation((Child(44, ("Guangdong", "广东")),))
ANNEX_EXAMPLE = """<?xml version="1.0" encoding="UTF-8"?>
<ChildInformation><disclosure><disclosedChildren><disclosedChild><orsSupported>true</orsSupported>
  <unicodeLabels><numericLabel>44</numericLabel><non-numeric><labels>Guangdong</labels><labels>广东</labels></non-numeric></unicodeLabels>
</disclosedChild></disclosedChildren><otherChildren>-1</otherChildren></disclosure></ChildInformation>
"""
DAY = date(2026, 1, 31)
FULL_RINF = RegistrationInformation(
    Disclosure(
        description=html_of("登记 <A> & B\nline two\n\nsecond paragraph"),
        additional_information='See <a href="https://example.org/?a=1&amp;b=2">there</a>.',
        first_registration=Registration(
            DAY, Contact("机构", "Given", "a@example.org", "+86 20 1", "+86 20 2", ("Road 1", "Guangzhou"))
        ),
        current_registration=Registration(DAY, EncipheredContact("2.16.840.1.101.3.4.1.46", b"\x00\xff", b"\x05\x00")),
    )
)
WRITTEN = {
    "cinf-example": encode_cinf(GUANGDONG),
    "cinf-annex": ANNEX_EXAMPLE.encode(),
    "cinf-no-disclosure": encode_cinf(ChildInformation()),
    "cinf-no-children": encode_cinf(ChildInformation((), 3)),
    "cinf-long-arcs": encode_cinf(ChildInformation((Child(10**38), Child(10**40 - 1), Child(0)), 10**39)),
    "cinf-no-break-space": encode_cinf(ChildInformation((Child(1, ("\u00a0",)),), 0)),
    "cinf-without-labels": encode_cinf(ChildInformation((Child(0, (), False),), 0)),
    "rinf-full": encode_rinf(FULL_RINF),
    "rinf-no-disclosure": encode_rinf(RegistrationInformation()),
    "rinf-bare": encode_rinf(RegistrationInformation(Disclosure("x", None, Registration(DAY, Contact())))),
}


def test_the_example_of_the_notes_is_read():
    assert decode_cinf(ANNEX_EXAMPLE.encode()) == GUANGDONG


def test_a_written_cinf_has_the_names_of_the_module():
    body = encode_cinf(GUANGDONG).decode().partition("?>")[2].strip()
    assert body == "".join(line.strip() for line in ANNEX_EXAMPLE.partition("?>")[2].splitlines())


def test_everything_of_a_rinf_reads_back():
    assert decode_rinf(encode_rinf(FULL_RINF)) == FULL_RINF


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_conforms_to_the_schema(name, tmp_path):
    xmllint = shutil.which("xmllint")
    if xmllint is None:
        pytest.skip("xmllint is missing: install libxml2-utils to check the files against the schemas")
    schema = files("trialanchor_oid.ors").joinpath(f"data/{name[:4]}.xsd")
    (tmp_path / "file.xml").write_bytes(WRITTEN[name])
    done = subprocess.run(
        [xmllint, "--noout", "--nonet", "--schema", str(schema), str(tmp_path / "file.xml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("written", ["true", "<true/>", "1", " true\n", "<true></true>"])
def test_a_boolean_is_read_in_every_form(written):
    data = ANNEX_EXAMPLE.replace(">true<", f">{written}<").encode()
    assert decode_cinf(data).disclosed[0].ors_supported


@pytest.mark.parametrize("written", ["false", "<false/>", "0"])
def test_a_false_boolean_is_read_in_every_form(written):
    data = ANNEX_EXAMPLE.replace(">true<", f">{written}<").encode()
    assert not decode_cinf(data).disclosed[0].ors_supported


def cinf(inside):
    return f"<ChildInformation>{inside}</ChildInformation>".encode()


def child(inside):
    return cinf(
        f"<disclosure>\n<disclosedChildren><disclosedChild>{inside}</disclosedChild></disclosedChildren>"
        "<otherChildren>0</otherChildren></disclosure>"
    )


LABELS = "<unicodeLabels><numericLabel>1</numericLabel></unicodeLabels>"
REFUSED = {
    "empty-file": (b"", "line 1: this is not XML"),
    "json": (b'{"children": []}', "this is not XML"),
    "html-page": (b"<html><body>Not found</body></html>", "<html> is not <ChildInformation>"),
    "cut-off": (ANNEX_EXAMPLE.encode()[:200], "this is not XML"),
    "doctype": (b"<!DOCTYPE ChildInformation>" + cinf("<noDisclosure/>"), "document type"),
    "external-doctype": (b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + cinf("<noDisclosure/>"), "document type"),
    "entity": (b'<!DOCTYPE x [<!ENTITY a "b">]>' + cinf("&a;"), "document type"),
    "undeclared-entity": (cinf("&a;"), "this is not XML"),
    "instruction": (b"<?php echo 1 ?>" + cinf("<noDisclosure/>"), "processing instruction"),
    "not-utf-8": ("<ChildInformation>\xe9</ChildInformation>".encode("latin-1"), "not UTF-8, at octet 18"),
    "utf-16": (ANNEX_EXAMPLE.encode("utf-16"), "not UTF-8"),
    "prefix": (b"<x:ChildInformation xmlns:x='u'/>", "has a prefix"),
    "attribute": (b"<ChildInformation a='1'/>", "has an attribute"),
    "attribute-like-xmlns": (b"<ChildInformation xmlnsfoo='1'/>", "has an attribute"),
    "namespace": (b'<ChildInformation xmlns="http://evil/"><noDisclosure/></ChildInformation>', "in a namespace"),
    "inner-namespace": (cinf('<noDisclosure xmlns="u"/>'), "<noDisclosure> is in a namespace"),
    "latin-1-declared": (b'<?xml version="1.0" encoding="ISO-8859-1"?>' + cinf("<noDisclosure/>"), "than UTF-8"),
    "ascii-declared": (b'<?xml version="1.0" encoding="us-ascii"?>' + cinf("<noDisclosure/>"), "line 1: another"),
    "full-of-a-no-break-space": (cinf("<noDisclosure>\u00a0</noDisclosure>"), "must be empty"),
    "two-choices": (cinf("<noDisclosure/><noDisclosure/>"), "holds exactly one of"),
    "no-choice": (cinf(""), "holds exactly one of"),
    "full-no-disclosure": (cinf("<noDisclosure>x</noDisclosure>"), "must be empty"),
    "unknown-element": (child(f"\n<secret/><orsSupported>1</orsSupported>{LABELS}"), "line 3: <secret> has no place"),
    "wrong-order": (child(f"{LABELS}<orsSupported>1</orsSupported>"), "comes twice or in the wrong order"),
    "twice": (child(f"<orsSupported>1</orsSupported><orsSupported>1</orsSupported>{LABELS}"), "comes twice"),
    "missing": (child(f"\n{LABELS}"), "line 2: <disclosedChild> lacks <orsSupported>"),
    "stray-text": (child(f"hello<orsSupported>1</orsSupported>{LABELS}"), "both text and elements"),
    "no-boolean": (child(f"<orsSupported>yes</orsSupported>{LABELS}"), "neither true nor false"),
    "no-number": (child("<orsSupported>1</orsSupported>" + LABELS.replace("1", "01")), "not a whole number"),
    "negative-arc": (child("<orsSupported>1</orsSupported>" + LABELS.replace("1", "-1")), "line 2: the numeric label"),
    "huge-arc": (child("<orsSupported>1</orsSupported>" + LABELS.replace("1", "9" * 41)), "not a whole number"),
    "other-below-minus-one": (ANNEX_EXAMPLE.replace("-1", "-2").encode(), "-1 (not told)"),
    "label-with-slash": (ANNEX_EXAMPLE.replace("Guangdong", "a/b").encode(), "a label of child 44"),
    "label-of-digits": (ANNEX_EXAMPLE.replace("Guangdong", "123").encode(), "has digits only"),
    "too-deep": (b"<a>" * 40, "deeper than"),
    "too-large": (b" " * (elements.MAX_FILE + 1), "more than 1048576 octets"),
    "rinf-instead": (encode_rinf(RegistrationInformation()), "is not <ChildInformation>"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_does_not_conform_is_refused_with_its_place(name):
    data, reason = REFUSED[name]
    with pytest.raises(InformationError) as refused:
        decode_cinf(data)
    assert reason in str(refused.value)


RINF = encode_rinf(FULL_RINF).decode()
REFUSED_RINF = {
    "no-description": (RINF.replace("description", "additionalInformation"), "comes twice"),
    "date": (RINF.replace("2026-01-31", "2026-02-31"), "not a date"),
    "date-time": (RINF.replace("2026-01-31", "20260131"), "not a date"),
    "phone": (RINF.replace("+86 20 1", "020 1"), "starts with +"),
    "base64": (RINF.replace("AP8=", "AP8"), "not base64"),
    "hexadecimal": (RINF.replace("0500", "05zz"), "not hexadecimal"),
    "algorithm": (RINF.replace("2.16.840.1.101.3.4.1.46", "aes"), "the algorithm: not a dotted OID"),
    "markup-not-escaped": (RINF.replace("&lt;p&gt;", "<p>").replace("&lt;/p&gt;", "</p>"), "<p> has no place"),
    "nothing-enciphered": (RINF.replace("AP8=", ""), "no enciphered registrant"),
}


@pytest.mark.parametrize("name", REFUSED_RINF)
def test_a_rinf_that_does_not_conform_is_refused(name):
    data, reason = REFUSED_RINF[name]
    with pytest.raises(InformationError) as refused:
        decode_rinf(data.encode())
    assert reason in str(refused.value)
    assert str(refused.value).startswith("line ")


def test_no_namespace_may_be_declared_as_such():
    data = b'<?xml version="1.0" encoding="utf-8"?><ChildInformation xmlns=""><noDisclosure/></ChildInformation>'
    assert decode_cinf(data) == ChildInformation()


def test_attributes_of_a_schema_are_passed_over():
    attributes = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="c.xsd"'
    data = cinf("<noDisclosure/>").replace(b"<ChildInformation", f"<ChildInformation {attributes}".encode(), 1)
    assert decode_cinf(data) == ChildInformation()


def test_hostile_html_is_read_without_its_danger():
    hostile = "&lt;p onclick=x&gt;ok&lt;script&gt;bad()&lt;/script&gt;&lt;a href='javascript:x'&gt;link&lt;/a&gt;"
    data = encode_rinf(RegistrationInformation(Disclosure("here"))).decode().replace("here", hostile)
    assert decode_rinf(data.encode()).disclosure.description == "<p>ok<a>link</a></p>"


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<b>a<i>b</b>c</i>", "<b>a<i>b</i></b>c"),
        ("<img src=x onerror=y>t", "t"),
        ("<BR>x<br />", "<br/>x<br/>"),
        ("<style>p{}</style>x<svg><a>y</a></svg>z", "xz"),
        ("a &lt;b&gt; &amp; &nbsp;c", "a &lt;b&gt; &amp; \xa0c"),
        ("1 < 2", "1 &lt; 2"),
        ('<a href="mailto:a@b.c" target=x>m</a>', '<a href="mailto:a@b.c">m</a>'),
        ('<a href=" data:text/html,x">m</a>', "<a>m</a>"),
        ('<a href="//host/x">m</a>', "<a>m</a>"),
        ("<!-- c --><?x?><![CDATA[x]]>t", "t"),
        ("<p>open", "<p>open</p>"),
        ("<script>a<style></script>t<object/>u", "tu"),
        ("<a title='>' HREF=https://a.b/>m", "m"),
        ("<a title='>' HREF=https://a.b/?x>m", '<a href="https://a.b/?x">m</a>'),
        ("x<!-- never closed", "x"),
    ],
)
def test_html_is_reduced_to_the_subset(html, left):
    assert sanitised(html) == left


@given(st.text() | st.text(st.sampled_from("<>/abip&;!-='\" \n")))
def test_sanitised_html_is_a_fixed_point(html):
    once = sanitised(html)
    assert sanitised(once) == once


@given(st.text())
def test_plain_text_is_never_markup(text):
    html = html_of(text)
    assert sanitised(html) == html
    assert "".join(text_of(html).split()) == "".join(text.split())


HOSTILE_HTML = {
    "open-tags": "<a ",
    "open-quotes": "<a x='",
    "two-quotes": "<a x='\"",
    "equals-signs": "<a =",
    "comments": "<!--",
    "declarations": "<![CDATA[",
    "scripts": "<script></scrip",
    "less-than": "<",
    "end-tags": "</a ",
    "attributes": "a=",
    "references": "&",
    "digits": "1",
    "blanks": " ",
    "line-feeds": " \n",
}


@pytest.mark.parametrize("piece", HOSTILE_HTML.values(), ids=HOSTILE_HTML)
@pytest.mark.parametrize("before", ["", "<a ", "<script>", "&#"])
def test_no_html_takes_long(piece, before):
    hostile = (before + piece * 16_384)[:16_384]
    begin = time.process_time()
    text_of(sanitised(hostile))
    text_of(hostile)
    assert time.process_time() - begin < 0.05


def test_a_long_text_is_refused_before_it_is_read_as_html(monkeypatch):
    data = encode_rinf(RegistrationInformation(Disclosure("here"))).decode()
    monkeypatch.setattr("trialanchor_oid.ors.information.sanitised", lambda _: pytest.fail("read as HTML"))
    with pytest.raises(InformationError, match="line 2: <description> has more than 16384 characters"):
        decode_rinf(data.replace("here", "&lt;a " * 16_384).encode())


def test_html_outside_the_subset_is_not_written():
    with pytest.raises(InformationError, match="html_of"):
        Disclosure("<script>x</script>")


ARCS = st.integers(0, 10**40 - 1)
NAMES = st.text("abcdefgABC广东省-_.~\u00a0\u3000", min_size=1, max_size=20)
CHILDREN = st.lists(
    st.builds(Child, ARCS, st.lists(NAMES, max_size=3).map(tuple), st.booleans()),
    max_size=5,
    unique_by=lambda child: child.numeric_label,
).map(tuple)


@given(st.builds(ChildInformation, CHILDREN, st.integers(-1, 10**6)))
def test_any_cinf_reads_back(value):
    assert decode_cinf(encode_cinf(value)) == value


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=40).filter(
    lambda text: text == text.strip()
)
CONTACTS = st.builds(
    Contact, TEXTS | st.none(), TEXTS, TEXTS, st.just("+86 1"), st.none(), st.lists(TEXTS).map(tuple) | st.none()
)


@given(CONTACTS)
def test_any_contact_reads_back(contact):
    value = RegistrationInformation(Disclosure("x", None, None, Registration(DAY, contact)))
    assert decode_rinf(encode_rinf(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    for decode in (decode_cinf, decode_rinf):
        with pytest.raises(InformationError):
            decode(data)


def test_a_character_that_xml_cannot_hold_is_not_written():
    value = RegistrationInformation(Disclosure("x", None, Registration(DAY, Contact("a\x01b"))))
    with pytest.raises(InformationError, match="XML cannot hold"):
        encode_rinf(value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Child(-1),
        lambda: Child(1, ("12",)),
        lambda: ChildInformation((Child(1), Child(1))),
        lambda: ChildInformation((), -2),
        lambda: ChildInformation(None, 5),
        lambda: Registration(datetime(2026, 1, 31, tzinfo=UTC), Contact()),
        lambda: Contact(""),
        lambda: Contact(" a"),
        lambda: Contact(postal_address=("a ",)),
        lambda: Disclosure(""),
        lambda: EncipheredContact("1.2", b""),
    ],
)
def test_contents_without_a_place_in_a_file_are_refused(make):
    with pytest.raises(InformationError):
        make()


def test_many_comments_in_a_text_take_no_long_time():
    data = RINF.replace("机构", "<!---->a" * 100_000)
    with pytest.raises(InformationError, match="characters"):
        decode_rinf(data.encode())
