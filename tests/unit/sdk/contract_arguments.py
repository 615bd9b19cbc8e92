"""A valid value for every type of argument, so that tests can go through the whole table of transitions."""

OID = "2.16.156.3016.31.6001.9"

SAMPLES = {
    "oid": OID,
    "oids": [OID, f"{OID}.1"],
    "code": "a.code",
    "codes": ["first", "second"],
    "digest": "sha256:" + "a" * 64,
    "digests": ["sha256:" + "b" * 64, "sm3:" + "c" * 64],
    "count": 0,
    "positive": 7,
    "time": 1_795_418_400,
    "date": "20270630",
    "truth": True,
    "seed": "d" * 64,
    "list": [[OID, 3]],
    "map": {"centre": ["a", "b"]},
}


def arguments_of(spec, *, optional=True):
    """Give valid arguments of a transition."""
    return {each.name: SAMPLES[each.type] for each in spec.fields.values() if each.required or optional}
