"""The rule set: pure functions over a state view."""
