# %% [markdown]
# # Part 4: Ask for what you want
#
# The first idea and a picture.

# %% [markdown]
# ## Set up
#
# Run the next three cells.

# %% tags=["set-up"]
if __name__ == "__main__":  # of the script; the notebooks have a set-up of their own here
    import os
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in solutions/__init__.py
MAIN = __name__ == "__main__"

# %%
import torch as t
import torch.nn as nn
import torch.nn.functional as F
from einops import rearrange

import solutions.part1_diffusion as part1
import solutions.part2_unet as part2
import solutions.part3_fashion_mnist as part3
import utils
from utils import IS_CI

# %%
if MAIN:
    import tests.part4

    device = utils.get_device()
    print(f"Ready. PyTorch {t.__version__} computes on: {device}")

# %% [markdown]
# ## A picture first

# %% [markdown]
# ## A world where everything is exact

# %% [markdown]
# ## A network that listens

# %% [markdown]
# ## Guidance

# %% [markdown]
# ## Captions

# %% [markdown]
# ## Edit

# %% [markdown]
# ## Where this stands in the world

# %% [markdown]
# ## Glossary: names around guidance

# %% [markdown]
# ## What you have now

# %% [markdown]
# ## Something to show a friend
