"""What an arm does when something fails, in the simulator: ``python -m uio2_robots.faults``."""
