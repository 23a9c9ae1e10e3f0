"""An unknown file: what it is, which feed definition fits it, and how that would read it."""
