"""The administrator's web page: what happened to every series, and why.

A process of its own, without the networks; `node.app` alone builds it. What is asked of the
database stands in `storage`, what is shown in `templates/`.
"""
