"""Migrations of the node's database, run at start."""
