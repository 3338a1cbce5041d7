"""A person leads a robot by keyboard or gamepad: demonstrations, and taking over from a policy."""
