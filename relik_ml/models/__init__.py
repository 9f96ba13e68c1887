"""Networks: tensors in, tensors out. Nothing here knows what a document is."""
