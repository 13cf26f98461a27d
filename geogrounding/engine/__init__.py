r"""``geoground engine``: a child process that answers requests on standard input with lines of JSON.

    QGIS (client) --stdin/stdout--> session --stdin/stdout--> worker     the model, rasters, GDAL
                                       \----------------------> training  one run at a time

protocol.py     lines, requests, replies, errors: the words of docs/engine.md
stdio.py        the two pipes; nothing else can write to them
parameters.py   what each method takes, checked before use
session.py      the process that the client starts: small, always answers, owns the others
children.py     the processes that it owns
worker.py       the process that does the work, and how a job in it is interrupted
jobs.py         what the worker does for each method
warm.py         the model that stays loaded, and how fast it was
training.py     a training run as a process of its own

The session never imports torch or rasterio: whatever the worker is doing, or however it dies, the session answers.
Importing this package imports nothing.
"""
