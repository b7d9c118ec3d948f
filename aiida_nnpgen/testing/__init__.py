"""Conformance suites for back ends, those of other packages too: what a contract promises, as tests."""
