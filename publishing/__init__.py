"""What whoever publishes needs: what goes out, whether it is fit, and in which form."""

from __future__ import annotations
