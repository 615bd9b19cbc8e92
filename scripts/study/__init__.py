"""A bioequivalence study from the founding of its consortium to its close, made of signed transitions only."""
