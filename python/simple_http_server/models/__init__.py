"""The classes that controllers, filters and handlers work with.

The package itself exports nothing: see ``basic_models`` for the classes, ``model_bindings`` for the bindings.
"""
