"""What recipes share: batches, optimisers, the best model so far. The loops stand in the recipes."""
