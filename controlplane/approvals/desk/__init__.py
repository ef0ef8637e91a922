"""The review desk: what business people sign, asked in their words, on a phone and without script.
A second skin over the same services and partials as the console's pages."""
