"""Who is called for an incident, in which order, by which ways, and what came of every call.

Rows are the truth: a run says which step is due when, a page is a row before anything is sent, and
any process may take the next step at any time. Nothing here is kept in memory.
"""
