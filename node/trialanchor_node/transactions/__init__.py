"""Signed transactions: taken in, decided by the rules, found again by what they did."""
