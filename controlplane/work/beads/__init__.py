"""The work graph as Beads' tools see it: `bd`'s commands, and rows in Beads' own JSON shapes.

`rows` are the shapes, `table` the commands' table and the way into it, `ops` the commands.
"""
