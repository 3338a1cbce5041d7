"""Simulated robots that a uio2 daemon drives: one process, one robot, the same protocol as a real arm."""
