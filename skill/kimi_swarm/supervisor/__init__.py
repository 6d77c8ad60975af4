"""The loop around everything: see, decide, act, write down."""
