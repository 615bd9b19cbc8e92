"""Traces: from a result back to the batch and on from the batch to its results, each edge with its transaction."""
