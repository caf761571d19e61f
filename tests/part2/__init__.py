"""The checks of Part 2. Call one with your own class: tests.part2.check_GroupNorm(GroupNorm)

A layer with a formula is compared with it; a table holds, for each mistake, the question to ask and its formula. A
block whose layout is the learner's own is judged by what it does: its weights are randomised, as a layout may begin
some at zero; then some are silenced, and what is left has to be exact. No attribute name is looked at but those that
the text demands.
"""

from tests.checking import checks_in

globals().update(checks_in(__name__, __path__))
