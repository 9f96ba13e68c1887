"""Documents as a page to look at: the text with its mentions, the graph, the facts and a mind map.

``layers`` cuts a text where mentions begin and end, ``layout`` and ``mindmap`` place what is drawn, ``view`` puts a
document together for the script, and ``html`` makes the page. The assets are the project's own; the page asks
nothing of any other machine than the one that served it.
"""
