"""The product checks itself against closed forms and published figures."""
