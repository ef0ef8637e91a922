"""Everything `up`, `down`, `doctor` and `test` need to run servers on one machine.

A plain package: no Django app, no models, imports nothing of the product but `lib`. Only the
console's commands import it, so a deployment with its own servers never loads it.
"""
