"""The console's own pages: home, the palette, inbox, settings, saved views, the kit."""
