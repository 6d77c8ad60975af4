"""Many cheap coding agents at once, supervised, isolated and judged by evidence."""

__version__ = "0.1.0"
