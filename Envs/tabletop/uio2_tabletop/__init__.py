"""A table in MuJoCo: things are picked up, put down and pushed by physics, and prompts have pictures in them."""
