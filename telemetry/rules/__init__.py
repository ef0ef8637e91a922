"""Alert rules: what is asked of measures again and again, and who is told.

`evaluation` runs every 15 seconds as a module of the engine. It computes only: that a rule fired
or was resolved goes up as a signal, and apps above decide whom to wake.
"""
