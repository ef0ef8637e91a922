"""The Unleash client and frontend API, as far as its SDKs use them."""
