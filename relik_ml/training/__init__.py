"""What recipes share: data, encoders, steps that can be resumed, the two stages, and how a recipe is started."""
