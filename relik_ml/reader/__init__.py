"""The reader's two thin layers between documents and tensors, ``encode`` and ``decode``, and the reader itself."""
