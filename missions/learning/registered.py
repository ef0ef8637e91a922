"""What this part hands to everybody else: words, gates, cards, agendas, figures."""

from __future__ import annotations


def register() -> None:
    from missions import kept_learning, presented_learning, transitions_learning  # noqa: F401
    from missions.gates import learning  # noqa: F401
    from missions.kpis import audits, panels, table  # noqa: F401
    from missions.learning import agendas, ahead
    from missions.services import feedback  # noqa: F401
    from missions.shown import learning as cards
    from missions.shown import meetings

    presented_learning.register()
    agendas.register()
    ahead.register()
    cards.register()
    meetings.register()
    table.register()
    panels.register()
