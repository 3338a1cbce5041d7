"""Real arms as robots of a uio2 daemon."""
