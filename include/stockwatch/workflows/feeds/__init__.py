"""Files of feeds and master data: found, read, checked, published or held; and how every feed stands."""
