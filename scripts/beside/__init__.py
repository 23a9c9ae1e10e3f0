"""What a check is compared with in `make bench`: the same work by hand in DuckDB, pandas and Spark."""
