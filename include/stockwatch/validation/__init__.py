"""Holding the findings against worlds with known truth; docs/validation.md is written from here."""
