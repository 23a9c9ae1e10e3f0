"""A world with known truth: what the product finds is held against what happened."""
