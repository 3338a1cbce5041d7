"""How a policy is trained: optimisers, gradients, the loop, its progress."""
