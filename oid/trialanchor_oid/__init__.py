"""Object identifiers: strict codec, coding scheme and its code tables."""
