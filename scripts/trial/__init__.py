"""A simulated two-period crossover bioequivalence trial, from plan to Dataset-JSON files."""
