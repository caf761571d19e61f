"""The solved course: each part is at once its text, a module and a script."""

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"  # what a learner writes stands between them
