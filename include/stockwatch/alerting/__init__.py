"""Pure decisions on small values: which incidents open, change and end, and what a message says."""
