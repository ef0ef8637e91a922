"""Who is on call: schedules made of rotations, shifts that people swap, and who answers now.

`duty.on_duty("primary_operator", workspace=…)` is what the rest of the portal asks. Shifts are
computed (`arithmetic`), never stored, so that no job can leave a hole in them. Rows are never
rewritten: who was on duty last March is computed from the same rows as who is now.
"""
