"""What the partials of `templates/kit/` show, worked out in plain Python.

Nothing here asks the database. Tags are in `console/templatetags/kit.py`, the page that shows
every partial with live examples reads `samples.py`.
"""
