"""Which dates are due, and what is known of every series on them."""
