"""The checks of Part 3. Call one with your own function: tests.part3.check_frechet_distance(frechet_distance)

Each compares with a closed form. A table holds, for each mistake, the question to ask and what that mistake computes;
the first row that fits all that was measured is the diagnosis.
"""

from tests.checking import checks_in

globals().update(checks_in(__name__, __path__))
