"""Reports: what a search and a sweep came to, as a page, as Markdown and as a notebook.

`material` reads the studies, `evidence` makes sentences of their figures, `content` puts a
report together, and `page`, `markdown` and `notebook` write it; `folder` writes them all, with a
manifest by which `hpsearch verify` proves where the tables come from.
"""
