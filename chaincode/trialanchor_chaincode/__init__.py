"""The rule set of the consortium and its adapters."""
