"""Text without models: sentences and tokens, lemmas, windows over long documents, and offsets.

Import from the modules: ``tokens``, ``morph``, ``windows`` and ``offsets``. Every offset is a code
point of the document's text as stored.
"""
