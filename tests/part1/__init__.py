"""The checks of Part 1. Call one with your own function: tests.part1.check_q_eq4(q_eq4)

Each compares with a closed form. A list of mistakes holds, for each, the question to ask and the closed form of what
that mistake computes; the first that fits all that was measured is the diagnosis.
"""

from tests.checking import checks_in

globals().update(checks_in(__name__, __path__))
