"""What is learnt from: datasets, frames, batches."""
