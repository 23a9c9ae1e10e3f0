"""A day of a world as partners send it: one module per format, with the definition that reads it."""
