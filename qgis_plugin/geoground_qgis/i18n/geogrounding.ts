<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" sourcelanguage="en">
<context>
    <name>geogrounding</name>
    <message>
        <location filename="../options_page.py"/>
        <source> min</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../like_choice.py"/>
        <source>(none: by the words)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>, about {time}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>, about {time} left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>, layer “{name}”</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>, {h} hidden</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>1 chip</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>1 result</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>1. geogrounding needs a Python environment of its own (Python 3.11 or later), outside QGIS; nothing is installed into QGIS. Set it up here:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>2. After a terminal: choose its Python in the settings, and press Test there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>3. Load an aerial or satellite image, type “tree” or “airplane”, and press Run.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>; not meant: {n}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>A model named “{name}” is there already; choose another name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>A question may have at most {n} characters.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>A server does not do this ({method}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>A server does not take files such as {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>A server teaches one word at a time, and the field holds {n}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>Accept results in the tab Review first, or select some and tick “Selected”: those are examples.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Accepted ones</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Add</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Add a new layer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Add to that layer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Add to the map</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>All of the raster</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>All results</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>All results are hidden.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>An OpenAI-compatible server. Its key is read from the environment variable GEOGROUND_API_KEY.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../remote_places.py"/>
        <source>An area or an example has no place in longitude and latitude.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Area that was asked about</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../appearance.py"/>
        <source>As it is drawn on the map.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Ask</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Ask about more rasters in the same run</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Ask the map</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../plugin.py"/>
        <source>Ask the map a question</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Asking the server…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Asks the same questions of many rasters. Each gets a GeoPackage in the output folder, in its own coordinate system; summary.csv lists raster, layer, status, number of results and message.

A raster that cannot be used does not stop the others.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>At most {n} questions fit one run.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../appearance.py"/>
        <source>Bands {bands}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Build training set from layer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>By reward: sharpens what the model finds already. By example: teaches what it does not find at all.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>CSV (shapes as WKT)…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Cancel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Cancelled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>Cancelled; {found} so far.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Cancelling…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Change numbers and words of the plan before the run</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>Check that searching by words is ready</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../remote_places.py"/>
        <source>Check the coordinate system of its layer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Choose a polygon layer for the area.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Choose a polygon layer with examples.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>Choose a raster layer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>Choose another Python.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>Choose the folder of its checkout, or a folder with its wheel.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Choose the raster that the examples were drawn on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Click a result on the map to review it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Colours</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Continue: {run}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Copied. It names versions, settings and the last messages of the engine.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Copy commands</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Copy diagnostics</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Corners</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Correct</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Counting chips…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Ctrl+Enter</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Cuts a training set from the layer and fine-tunes a model on it. The folder of the result is the name of the new model: give it as “Model” to “Find objects by words”. In the folder of trained models (Settings ▸ Options ▸ geogrounding) it is also listed in the panel.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Cuts the raster into the chips that a model sees and writes the polygons of a layer as their labels: images and train.jsonl in the form of Geo-R1, for “geoground train” on this or another machine.

“Label” names all polygons at once; “or by field” takes the name of each from an attribute.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Cutting the training set…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Defaults of a question</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Delete</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Delete the model “{name}”? This cannot be undone.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Delete the selected results</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Delete…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../demo.py"/>
        <source>Demo: forest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Device</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Draw</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Draw a line through results</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Draw a polygon on the map; a click with the right button ends it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Draw a rectangle on the map</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Draw a rectangle or a polygon on the map first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Draw about ten examples of one kind of thing in a polygon layer, or accept results in the tab Review, and train. The new model is then listed under Model in the tab Ask.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Draw examples…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Draw one that was missed; it counts as accepted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Drawn</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Earlier</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Edit…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Empty it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Engine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Engine: {path}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Examples</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Examples of what is not meant</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Examples: find what looks like them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Export</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Export anyway</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Exported rasters</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Exporting the raster…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Exporting the raster… %p%</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Export…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Extent</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Find</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Find all like this</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Find objects by words</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Find objects by words (batch)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Finds what each line of “What to look for” describes in the raster, as polygons with label, score and the reasoning of the model, in the coordinate system of the raster.

Rasters that are no plain file (WMS, XYZ tiles, virtual rasters) are first exported for the extent. “The one object described” keeps the best answer to each question.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Fine-tune from layer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Folders</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../shaping.py"/>
        <source>For results that were asked for as outlines</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Forget them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Found</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Found. Press Test.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>From 1:1500</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>Give the new model a short name of letters, digits, “-” and “_”.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Go on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_options.py"/>
        <source>Ground resolution</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Ground resolution in metres (empty: what suits the model)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>Ground size of a pixel that the model sees; automatic: what suits the model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Help</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Hide below</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>History</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>How the questions are understood</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>I drew every one in this area</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Inside the polygons of a layer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>It needs an engine on this computer: see the settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Keep results in a GeoPackage</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>Key {key}, while this tab is open</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Label</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Layer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Layers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Layers that the questions speak of by their names</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Length</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Load a demo raster</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Loading the model…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Loss</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_options.py"/>
        <source>Lowest score</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Lowest score (empty: what suits the model)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Make the selected results one, with the attributes of the surest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Makes a Python environment in {path} and installs geogrounding there. Nothing is installed into QGIS. It needs about 2 GB of disk space; an interrupted set-up goes on where it stopped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Makes a layer for examples of this raster, and starts to draw in it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>Making an environment…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Merge</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Method</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Model server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Model to start from</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Move, add and delete corners</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Name of the new model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Neither accepted nor rejected</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>New model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Next ▶</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>No engine is set up: Settings ▸ Options ▸ geogrounding, or the variable GEOGROUND_ENGINE.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>No engine yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>No geoground is on the search path. Open the settings and choose its Python.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>No result is accepted yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Not a plain file: {c} × {r} pixels are first exported (up to {mb} MB).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>Not enough free disk space for the export in {folder}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Not saved: {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>Nothing for: {questions}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>Nothing was found. Try another word, a lower score or another ground resolution.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Number of results</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Number of samples</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>On Debian and Ubuntu: sudo apt install python3-venv. Else install Python from python.org.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Only inside the selected polygons</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Only inside these polygons</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Open results that were kept before</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Open settings…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_options.py"/>
        <source>Options</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Order</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Other layers of the file stay as they are.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>Outlines can be simplified in the tab Review, without asking again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Output folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Package index</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>Part</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Pick</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Polygons</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Python 3.11 or later</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Python or geoground</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Questions asked before</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Raster</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Rasters</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Rasters on the server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Rasters on the server…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Rasters that failed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>Ready</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../train_controller.py"/>
        <source>Ready. The model is in the list of the tab Ask, and chosen.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Reasoning: select a result on the map, or press Next.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Remove</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Removed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Rename</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Rename…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Reopen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Replace that layer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Results</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Results that score lower are hidden, not deleted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>Results that score lower are left out; automatic: what suits the model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Review</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../verdicts.py"/>
        <source>Review of {n} results</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Reward</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Run</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Run sends the raster to the server first ({mb} MB).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Runs that ended early</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Save</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Save as</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Save edits</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Save results</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../shaping.py"/>
        <source>Save the edits first: shapes that are being edited are not drawn again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>Save the layer as a GeoTIFF (Export ▸ Save As), and ask about that one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Saved: {path}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>Saving results</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Say what the examples are, such as: greenhouse</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Scores on the map</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Search</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Search for it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Searching…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Seed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Select polygons of “{name}” first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Select results to delete.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>Select the examples of one word, and enter it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Select two or more results to merge.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Selected</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Sending the raster to the server… %p%</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Set up</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Set up the engine…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Settings of geogrounding</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../plugin.py"/>
        <source>Settings…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Shapefile (texts are cut at 254 characters)…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Share of images without a target</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Show</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Simplify</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Simplify outlines, metres (empty: what suits the pixels)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Split</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Starting…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>Starts the engine of the settings and reports its version, device and models, or what is missing. READY and TEXT can be used in a model before other algorithms of this group.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Step {step} of {steps}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Stop when idle for</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Table</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Take the last verdict back, and go back to its result (key U)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Teach</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Test</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Test checks version, device, models and coordinate systems.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Testing: the first start takes a few seconds…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The Python that geogrounding is installed in</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>The area lies beside every raster that is chosen.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>The checkout of geogrounding, or a folder with its wheel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../loss_plot.py"/>
        <source>The curve appears while training runs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../demo.py"/>
        <source>The demo raster is not part of this installation.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The engine does not work.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>The engine is set up.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The engine works.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>The examples could not be written: {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>The examples have no valid coordinate system. Set it in Layer Properties.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>The extent cannot be expressed in the coordinate system of the layer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The extent lies beside the layer “{name}”.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>The job was cancelled on the server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>The layer holds no geometry that can be used.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>The layer is being saved; try again in a moment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>The layer of the results was removed while the run went on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>The layer on the map is still a temporary one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>The layer “{name}” cannot be changed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The layer “{name}” cannot be exported.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The layer “{name}” could not be exported ({reason}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>The layer “{name}” has no valid coordinate system. Set it in Layer Properties ▸ Source.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>The layer “{name}” holds no polygon.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>The layer “{name}” of this project lives there. Choose another name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>The layer “{name}” of {file} has not the attributes of results, so nothing can be added to it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../manual.py"/>
        <source>The manual is docs/qgis.md of geogrounding.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The map server of “{name}” sent nothing for this area. Check that the map shows it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../train_controller.py"/>
        <source>The model is trained: {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The model stays loaded between questions; after so long without one, memory is freed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../engine_link.py"/>
        <source>The plugin is being unloaded.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../server_layers.py"/>
        <source>The raster of the server cannot be shown.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>The results are temporary: nothing can be written to {folder} ({why}). Save them under another name, and choose another folder in the settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>The selected results, or else the accepted ones, become examples; rejected ones are not meant</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>The server has no raster.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Then go to the next open one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>There is no geogrounding in {path}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>There is no layer “{name}” in {file}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>These outlines were drawn by another server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>These outlines were not drawn by the server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>These results do not touch, so that they cannot become one polygon.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../background.py"/>
        <source>This is a defect of the plugin; please report it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Ticked: what is not drawn there is something else. Else: what looks like them may be one of them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Token of the server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Train</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Trained models</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Training set</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Type what to look for, such as: airplane</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Undo</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Until then Ctrl+Z takes corrections back</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>Value</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>View</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Waiting; jobs before this one: {n}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Welcome: three steps to the first question</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>What is not hidden</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../like_choice.py"/>
        <source>What looks like these examples is found, and the question is only its name. Of results the accepted ones are examples, and the rejected ones are not meant.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>What the map shows when you press Run; it is then kept as a drawn rectangle</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>What there is, or what is missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>What to look for</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>What to look for (one question a line)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>What “geoground serve” prints, or GEOGROUND_TOKEN of the server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Where</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Without a network: only wheels of this folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Your team has a server? Skip step 1, and paste its link in the settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Zoom</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>a first look</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>a path, or the address of a server: http://host:8000</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>accepted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>airplane
the largest storage tank
(one question a line)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>any</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>as pip is configured</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>automatic</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>beside the project</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>boxes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>built-in</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>builtin, the folder of a model, or with a server the name it gives the model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>by example (SFT)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>by reward (GRPO)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>by score</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>by verdict</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>cancelled</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>coordinate systems are found: {id} {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>detect,object,find,search,ground,expression,AI,deep learning,segment,count,vision</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>device: {device} ({name})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>error {n}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>everything that fits</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>geogrounding: 1 question</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../manual.py"/>
        <source>geogrounding: help</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../train_controller.py"/>
        <source>geogrounding: training</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>geogrounding: {n} questions</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>greenhouse</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>least sure first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>models: </source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>my-greenhouses</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>no label</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>no other raster</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>none</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>none yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>not started</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>or by field</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>or in a terminal (without a network: see the manual, ? below):</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>outlines</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>outlines with right angles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>packages: </source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>part of the name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>rejected</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>score {s}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>step {n}: {metrics}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>surest first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>the model of the server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>the one object described</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>thorough</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>train.jsonl</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>turned boxes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>unknown error</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>usual</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../appearance.py"/>
        <source>values {limits}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>{c} × {r} pixels are exported first; that may take long.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>{c} × {r} pixels would have to be exported. Choose a smaller extent or a coarser resolution.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>{done} of {total} chips, {found} found before merging</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>{file} could not be written.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>{file} exists and is no GeoPackage ({why}). Choose another name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>{found}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>{found}; {n} of {all} chips could not be answered, see the log.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../messages.py"/>
        <source>{h} h {m} min</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>{label} ({n} steps)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>{layer} (unfinished)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>{mb} MB are free again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../messages.py"/>
        <source>{m} min {s} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../loss_plot.py"/>
        <source>{name}: {value} at step {step}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>{n} chips</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>{n} examples</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>{n} examples are too few; draw at least {least}, better {good}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>{n} of {all} chips could not be answered:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>{n} of {all} rows are in the file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>{n} rasters</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>{n} rasters: {text}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>{n} results</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>{n} results had no usable polygon and were left out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../messages.py"/>
        <source>{n} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>{n} samples in {path}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>{n} verdicts written…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>{path} cannot be deleted: {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>{path} cannot be renamed: {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{path} cannot make environments.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{path} is there, and is not from here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{path} is too old: Python 3.11 or later is needed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{program} failed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>{results}: {a} accepted, {r} rejected, {o} open</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>{share} % of the area came empty from the map server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>{text} Tick “{box}”, or choose a smaller extent.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>“{file}” has a layer of this name already.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>“{text}” does not fit here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>◀ Previous</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>✔ Accept</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>✘ Reject</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
