"""What may be saved: settings of a flag, segments and values, checked whichever door they come by.

Every refusal names the place: `rules.0.constraints.1.value`.
"""
