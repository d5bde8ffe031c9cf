"""Drawings of pipelines and of what a run made of them: a neutral graph in, Mermaid, SVG and HTML out."""
