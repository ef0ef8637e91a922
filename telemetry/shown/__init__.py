"""How telemetry is shown to people: words, times, lanes, what the console's parts are handed."""
