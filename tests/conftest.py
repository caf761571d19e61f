import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # several tests run at once: their threads would fight over the cores
