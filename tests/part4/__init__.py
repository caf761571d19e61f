"""The checks of Part 4. Call one with your own function: tests.part4.check_drop_labels(drop_labels)"""

from tests.checking import checks_in

globals().update(checks_in(__name__, __path__))
