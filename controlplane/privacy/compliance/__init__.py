"""Compliance: which controls there are, what proves each in a period, and how they stand.

controls    the table: what each control demands, and what shows it
periods     quarters and years, in the workspace's time zone
readings    what a demand answers of a period, and the ways most demands are read
proofs_*    what is read from live rows, by subject
standing    controls × periods, with a state for each
report      the same of one period, as a document
"""
