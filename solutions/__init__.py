"""The solved course: each part is its text, a module to import and a script."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before PyTorch: its threads sleep while they wait, else they spin

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"  # what a learner writes stands between them
