"""Small modules that tests start as workers; mounted as the package `workers`."""
