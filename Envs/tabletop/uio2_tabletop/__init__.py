"""A table in MuJoCo on which things are picked up, put down and pushed by physics, with prompts that have pictures in them."""
