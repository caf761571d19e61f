import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # several tests run at once: their threads would fight over the cores
os.environ.setdefault("WANDB_MODE", "disabled")  # only the tests of logging turn it on
