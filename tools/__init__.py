"""What builds, runs, grades and measures the course. Notebooks begin here, too, with tools.doctor.prepare."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before PyTorch: its threads sleep while they wait, else they spin
