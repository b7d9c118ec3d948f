"""Conformance suites for back ends: inherit one in a test module of your own, and name the back end."""
