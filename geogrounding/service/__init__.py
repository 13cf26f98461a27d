r"""``geoground serve``: jobs, tiles and a web map over HTTP, for a team that shares one machine.

    browser, QGIS, scripts --HTTP--> app --pipes--> engine session --pipes--> worker      the model, rasters
                                      |                     \----------------> training
                                      +-- SQLite: jobs, events, features of each job

settings.py        what the service is started with, and its limits
store.py           jobs and their events, on disk before anything else happens
layers.py          the features of one job: found, reviewed, drawn; pages, boxes, counts
inputs.py          what each process takes, and the engine's request made of it
engine_link.py     an engine session in this process, whose workers are processes of their own
queue.py           which job is next: a fair turn for each user
jobs.py            jobs from their first row to their end, over restarts
hub.py             who waits for events
scenes.py          rasters in the folders that were given, by id
upload_check.py    whether a raster that was sent is all there
tiles.py           their pixels, stretched as the model sees them
vector_tiles.py    Mapbox vector tiles of many features
exports.py         what was accepted, as a file
guard.py           token, Host, Origin, sizes, headers
links.py           links in answers, also below a path of another site
app.py, routes_*   the HTTP interface of docs/service.md
server.py          uvicorn
client.py          the client behind ``geoground jobs``

There is no job model besides the engine's: a job here is a request to the engine, kept on disk.
"""
