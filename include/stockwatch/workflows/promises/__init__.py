"""The promises of the brand: what is broken on a date, and the incidents of it."""
