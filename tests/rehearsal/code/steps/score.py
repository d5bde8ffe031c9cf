"""One city's work; there is none to do for Nowhere."""

import sys

if "Nowhere" in sys.argv:
    sys.exit("there is no such city as Nowhere")
