"""Database servers of one's own, for the demo, the tests and the benchmarks."""
