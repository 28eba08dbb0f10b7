"""The reproduction study: its parameters, its claims, its scorecard."""
