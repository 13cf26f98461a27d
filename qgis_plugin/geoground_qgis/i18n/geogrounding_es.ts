<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" sourcelanguage="en" language="es">
<context>
    <name>geogrounding</name>
    <message>
        <location filename="../options_page.py"/>
        <source> min</source>
        <translation> min</translation>
    </message>
    <message>
        <location filename="../like_choice.py"/>
        <source>(none: by the words)</source>
        <translation>(ninguno: según las palabras)</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>, about {time}</source>
        <translation>, unos {time}</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>, about {time} left</source>
        <translation>, quedan unos {time}</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>, layer “{name}”</source>
        <translation>, capa «{name}»</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>, {h} hidden</source>
        <translation>, {h} ocultos</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>1 chip</source>
        <translation>1 tesela</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>1 result</source>
        <translation>1 resultado</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>1. geogrounding needs a Python environment of its own (Python 3.11 or later), outside QGIS; nothing is installed into QGIS. Set it up here:</source>
        <translation>1. geogrounding necesita un entorno de Python propio (Python 3.11 o posterior), fuera de QGIS; no se instala nada en QGIS. Prepararlo aquí:</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>2. After a terminal: choose its Python in the settings, and press Test there.</source>
        <translation>2. Tras usar una terminal: elija su Python en los ajustes y pulse Probar.</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>3. Load an aerial or satellite image, type “tree” or “airplane”, and press Run.</source>
        <translation>3. Cargue una imagen aérea o de satélite, escriba «tree» o «airplane» y pulse Ejecutar.</translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>; not meant: {n}</source>
        <translation>; no se buscan: {n}</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>A model named “{name}” is there already; choose another name.</source>
        <translation>Ya hay un modelo llamado «{name}»; elija otro nombre.</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>A question may have at most {n} characters.</source>
        <translation>Una pregunta puede tener como máximo {n} caracteres.</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>A server does not do this ({method}).</source>
        <translation>Un servidor no hace esto ({method}).</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>A server does not take files such as {name}.</source>
        <translation>Un servidor no admite archivos como {name}.</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>A server teaches one word at a time, and the field holds {n}.</source>
        <translation>Un servidor enseña una palabra cada vez, y el campo contiene {n}.</translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>Accept results in the tab Review first, or select some and tick “Selected”: those are examples.</source>
        <translation>Acepte antes resultados en la pestaña Revisar, o seleccione algunos y marque «Seleccionados»: esos son los ejemplos.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Accepted ones</source>
        <translation>Los aceptados</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Add</source>
        <translation>Añadir</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Add a new layer</source>
        <translation>Añadir una capa nueva</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Add to that layer</source>
        <translation>Añadir a esa capa</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Add to the map</source>
        <translation>Añadir al mapa</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>All of the raster</source>
        <translation>Todo el ráster</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>All results</source>
        <translation>Todos los resultados</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>All results are hidden.</source>
        <translation>Todos los resultados están ocultos.</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>An OpenAI-compatible server. Its key is read from the environment variable GEOGROUND_API_KEY.</source>
        <translation>Un servidor compatible con OpenAI. Su clave se lee de la variable de entorno GEOGROUND_API_KEY.</translation>
    </message>
    <message>
        <location filename="../remote_places.py"/>
        <source>An area or an example has no place in longitude and latitude.</source>
        <translation>Una zona o un ejemplo no tiene posición en longitud y latitud.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Area that was asked about</source>
        <translation>Área por la que se preguntó</translation>
    </message>
    <message>
        <location filename="../appearance.py"/>
        <source>As it is drawn on the map.</source>
        <translation>Tal como se dibuja en el mapa.</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Ask</source>
        <translation>Preguntar</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Ask about more rasters in the same run</source>
        <translation>Preguntar por más rásteres en la misma ejecución</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Ask the map</source>
        <translation>Preguntar al mapa</translation>
    </message>
    <message>
        <location filename="../plugin.py"/>
        <source>Ask the map a question</source>
        <translation>Hacer una pregunta al mapa</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Asking the server…</source>
        <translation>Consultando el servidor…</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Asks the same questions of many rasters. Each gets a GeoPackage in the output folder, in its own coordinate system; summary.csv lists raster, layer, status, number of results and message.

A raster that cannot be used does not stop the others.</source>
        <translation>Hace las mismas preguntas a muchos rásteres. Cada uno recibe un GeoPackage en la carpeta de salida, en su propio sistema de coordenadas; summary.csv enumera ráster, capa, estado, número de resultados y mensaje.

Un ráster inservible no detiene a los demás.</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>At most {n} questions fit one run.</source>
        <translation>Como máximo {n} preguntas por ejecución.</translation>
    </message>
    <message>
        <location filename="../appearance.py"/>
        <source>Bands {bands}</source>
        <translation>Bandas {bands}</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Build training set from layer</source>
        <translation>Crear datos de entrenamiento desde una capa</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>By reward: sharpens what the model finds already. By example: teaches what it does not find at all.</source>
        <translation>Por recompensa: afina lo que el modelo ya encuentra. Por ejemplo: enseña lo que no encuentra en absoluto.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>CSV (shapes as WKT)…</source>
        <translation>CSV (formas como WKT)…</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Cancel</source>
        <translation>Cancelar</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Cancelled.</source>
        <translation>Cancelado.</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>Cancelled; {found} so far.</source>
        <translation>Cancelado; {found} hasta ahora.</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Cancelling…</source>
        <translation>Cancelando…</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Change numbers and words of the plan before the run</source>
        <translation>Cambiar números y palabras del plan antes de ejecutar</translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>Check that searching by words is ready</source>
        <translation>Comprobar que la búsqueda por palabras está lista</translation>
    </message>
    <message>
        <location filename="../remote_places.py"/>
        <source>Check the coordinate system of its layer.</source>
        <translation>Compruebe el sistema de coordenadas de su capa.</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Choose a polygon layer for the area.</source>
        <translation>Elija una capa de polígonos como área.</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Choose a polygon layer with examples.</source>
        <translation>Elija una capa de polígonos con ejemplos.</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>Choose a raster layer.</source>
        <translation>Elija una capa ráster.</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>Choose another Python.</source>
        <translation>Elija otro Python.</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>Choose the folder of its checkout, or a folder with its wheel.</source>
        <translation>Elija la carpeta de su código fuente, o una carpeta con su wheel.</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Choose the raster that the examples were drawn on.</source>
        <translation>Elija el ráster sobre el que se dibujaron los ejemplos.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Click a result on the map to review it</source>
        <translation>Pulsar un resultado en el mapa para revisarlo</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Colours</source>
        <translation>Colores</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Continue: {run}</source>
        <translation>Continuar: {run}</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Copied. It names versions, settings and the last messages of the engine.</source>
        <translation>Copiado. Nombra versiones, ajustes y los últimos mensajes del motor.</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Copy commands</source>
        <translation>Copiar órdenes</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Copy diagnostics</source>
        <translation>Copiar diagnóstico</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Corners</source>
        <translation>Vértices</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Correct</source>
        <translation>Corregir</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Counting chips…</source>
        <translation>Contando teselas…</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Ctrl+Enter</source>
        <translation>Ctrl+Intro</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Cuts a training set from the layer and fine-tunes a model on it. The folder of the result is the name of the new model: give it as “Model” to “Find objects by words”. In the folder of trained models (Settings ▸ Options ▸ geogrounding) it is also listed in the panel.</source>
        <translation>Recorta datos de entrenamiento de la capa y afina un modelo con ellos. La carpeta del resultado es el nombre del modelo nuevo: indíquela como «Modelo» en «Encontrar objetos con palabras». En la carpeta de modelos entrenados (Configuración ▸ Opciones ▸ geogrounding) también aparece en el panel.</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Cuts the raster into the chips that a model sees and writes the polygons of a layer as their labels: images and train.jsonl in the form of Geo-R1, for “geoground train” on this or another machine.

“Label” names all polygons at once; “or by field” takes the name of each from an attribute.</source>
        <translation>Recorta el ráster en las teselas que ve un modelo y escribe los polígonos de una capa como sus etiquetas: imágenes y train.jsonl en la forma de Geo-R1, para «geoground train» en este u otro equipo.

«Etiqueta» nombra todos los polígonos a la vez; «o por campo» toma el nombre de cada uno de un atributo.</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Cutting the training set…</source>
        <translation>Recortando datos de entrenamiento…</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Defaults of a question</source>
        <translation>Valores por defecto de una pregunta</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Delete</source>
        <translation>Eliminar</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Delete the model “{name}”? This cannot be undone.</source>
        <translation>¿Eliminar el modelo «{name}»? No se puede deshacer.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Delete the selected results</source>
        <translation>Eliminar los resultados seleccionados</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Delete…</source>
        <translation>Eliminar…</translation>
    </message>
    <message>
        <location filename="../demo.py"/>
        <source>Demo: forest</source>
        <translation>Demo: bosque</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Device</source>
        <translation>Dispositivo</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Draw</source>
        <translation>Dibujar</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Draw a line through results</source>
        <translation>Trazar una línea a través de resultados</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Draw a polygon on the map; a click with the right button ends it</source>
        <translation>Dibujar un polígono en el mapa; un clic derecho lo termina</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Draw a rectangle on the map</source>
        <translation>Dibujar un rectángulo en el mapa</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Draw a rectangle or a polygon on the map first.</source>
        <translation>Dibuje antes un rectángulo o un polígono en el mapa.</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Draw about ten examples of one kind of thing in a polygon layer, or accept results in the tab Review, and train. The new model is then listed under Model in the tab Ask.</source>
        <translation>Dibuje unos diez ejemplos de una clase de objeto en una capa de polígonos, o acepte resultados en la pestaña Revisar, y entrene. El modelo nuevo aparece después en Modelo, en la pestaña Preguntar.</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Draw examples…</source>
        <translation>Dibujar ejemplos…</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Draw one that was missed; it counts as accepted</source>
        <translation>Dibujar uno que faltaba; cuenta como aceptado</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Drawn</source>
        <translation>Dibujado</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Earlier</source>
        <translation>Anteriores</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Edit…</source>
        <translation>Editar…</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Empty it</source>
        <translation>Vaciar</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Engine</source>
        <translation>Motor</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Engine: {path}</source>
        <translation>Motor: {path}</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Examples</source>
        <translation>Ejemplos</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Examples of what is not meant</source>
        <translation>Ejemplos de lo que no se busca</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Examples: find what looks like them</source>
        <translation>Ejemplos: encontrar lo que se les parece</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Export</source>
        <translation>Exportar</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Export anyway</source>
        <translation>Exportar de todos modos</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Exported rasters</source>
        <translation>Rásteres exportados</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Exporting the raster…</source>
        <translation>Exportando el ráster…</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Exporting the raster… %p%</source>
        <translation>Exportando el ráster… %p%</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Export…</source>
        <translation>Exportar…</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Extent</source>
        <translation>Extensión</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Find</source>
        <translation>Encontrar</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Find all like this</source>
        <translation>Encontrar todos los parecidos</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Find objects by words</source>
        <translation>Encontrar objetos con palabras</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Find objects by words (batch)</source>
        <translation>Encontrar objetos con palabras (por lotes)</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Finds what each line of “What to look for” describes in the raster, as polygons with label, score and the reasoning of the model, in the coordinate system of the raster.

Rasters that are no plain file (WMS, XYZ tiles, virtual rasters) are first exported for the extent. “The one object described” keeps the best answer to each question.</source>
        <translation>Encuentra en el ráster lo que describe cada línea de «Qué buscar», como polígonos con etiqueta, puntuación y razonamiento del modelo, en el sistema de coordenadas del ráster.

Los rásteres que no son un simple archivo (WMS, teselas XYZ, rásteres virtuales) se exportan antes para la extensión. «El único objeto descrito» conserva la mejor respuesta a cada pregunta.</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Fine-tune from layer</source>
        <translation>Afinar desde una capa</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Folder</source>
        <translation>Carpeta</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Folders</source>
        <translation>Carpetas</translation>
    </message>
    <message>
        <location filename="../shaping.py"/>
        <source>For results that were asked for as outlines</source>
        <translation>Para resultados pedidos como contornos</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Forget them</source>
        <translation>Olvidarlas</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Found</source>
        <translation>Encontrado</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Found. Press Test.</source>
        <translation>Encontrado. Pulse Probar.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>From 1:1500</source>
        <translation>Desde 1:1500</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>Give the new model a short name of letters, digits, “-” and “_”.</source>
        <translation>Dé al modelo nuevo un nombre corto de letras, cifras, «-» y «_».</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Go on</source>
        <translation>Continuar</translation>
    </message>
    <message>
        <location filename="../ask_options.py"/>
        <source>Ground resolution</source>
        <translation>Resolución del terreno</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Ground resolution in metres (empty: what suits the model)</source>
        <translation>Resolución del terreno en metros (vacío: la que convenga al modelo)</translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>Ground size of a pixel that the model sees; automatic: what suits the model</source>
        <translation>Tamaño en el terreno de un píxel que ve el modelo; automático: el que convenga al modelo</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Help</source>
        <translation>Ayuda</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Hide below</source>
        <translation>Ocultar por debajo de</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>History</source>
        <translation>Historial</translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>How the questions are understood</source>
        <translation>Cómo se entienden las preguntas</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>I drew every one in this area</source>
        <translation>Los he dibujado todos en esta área</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Inside the polygons of a layer</source>
        <translation>Dentro de los polígonos de una capa</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>It needs an engine on this computer: see the settings.</source>
        <translation>Requiere un motor en este equipo: véase la configuración.</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Keep results in a GeoPackage</source>
        <translation>Conservar los resultados en un GeoPackage</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>Key {key}, while this tab is open</source>
        <translation>Tecla {key}, mientras esta pestaña está abierta</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Label</source>
        <translation>Etiqueta</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Layer</source>
        <translation>Capa</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Layers</source>
        <translation>Capas</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Layers that the questions speak of by their names</source>
        <translation>Capas que las preguntas mencionan por su nombre</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Length</source>
        <translation>Duración</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Load a demo raster</source>
        <translation>Cargar un ráster de demostración</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Loading the model…</source>
        <translation>Cargando el modelo…</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Loss</source>
        <translation>Pérdida</translation>
    </message>
    <message>
        <location filename="../ask_options.py"/>
        <source>Lowest score</source>
        <translation>Puntuación mínima</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Lowest score (empty: what suits the model)</source>
        <translation>Puntuación mínima (vacío: la que convenga al modelo)</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Make the selected results one, with the attributes of the surest</source>
        <translation>Unir los resultados seleccionados, con los atributos del más seguro</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Makes a Python environment in {path} and installs geogrounding there. Nothing is installed into QGIS. It needs about 2 GB of disk space; an interrupted set-up goes on where it stopped.</source>
        <translation>Crea un entorno de Python en {path} e instala allí geogrounding. No se instala nada en QGIS. Hacen falta unos 2 GB de disco; una preparación interrumpida sigue donde se detuvo.</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Makes a layer for examples of this raster, and starts to draw in it</source>
        <translation>Crea una capa para ejemplos de este ráster y empieza a dibujar en ella</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>Making an environment…</source>
        <translation>Creando un entorno…</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Merge</source>
        <translation>Unir</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Method</source>
        <translation>Método</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Model</source>
        <translation>Modelo</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Model server</source>
        <translation>Servidor de modelos</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Model to start from</source>
        <translation>Modelo de partida</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Move, add and delete corners</source>
        <translation>Mover, añadir y eliminar vértices</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Name</source>
        <translation>Nombre</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Name of the new model</source>
        <translation>Nombre del modelo nuevo</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Neither accepted nor rejected</source>
        <translation>Ni aceptado ni rechazado</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>New model</source>
        <translation>Modelo nuevo</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Next ▶</source>
        <translation>Siguiente ▶</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>No engine is set up: Settings ▸ Options ▸ geogrounding, or the variable GEOGROUND_ENGINE.</source>
        <translation>No hay motor preparado: Configuración ▸ Opciones ▸ geogrounding, o la variable GEOGROUND_ENGINE.</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>No engine yet.</source>
        <translation>Aún no hay motor.</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>No geoground is on the search path. Open the settings and choose its Python.</source>
        <translation>geoground no está en la ruta de búsqueda. Abra los ajustes y elija su Python.</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>No result is accepted yet.</source>
        <translation>Aún no se ha aceptado ningún resultado.</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Not a plain file: {c} × {r} pixels are first exported (up to {mb} MB).</source>
        <translation>No es un simple archivo: antes se exportan {c} × {r} píxeles (hasta {mb} MB).</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>Not enough free disk space for the export in {folder}.</source>
        <translation>No hay bastante espacio libre para exportar en {folder}.</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Not saved: {why}</source>
        <translation>No se guardó: {why}</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>Nothing for: {questions}.</source>
        <translation>Nada para: {questions}.</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>Nothing was found. Try another word, a lower score or another ground resolution.</source>
        <translation>No se encontró nada. Pruebe otra palabra, una puntuación menor u otra resolución del terreno.</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Number of results</source>
        <translation>Número de resultados</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Number of samples</source>
        <translation>Número de muestras</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>On Debian and Ubuntu: sudo apt install python3-venv. Else install Python from python.org.</source>
        <translation>En Debian y Ubuntu: sudo apt install python3-venv. Si no, instale Python desde python.org.</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Only inside the selected polygons</source>
        <translation>Solo dentro de los polígonos seleccionados</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Only inside these polygons</source>
        <translation>Solo dentro de estos polígonos</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Open results that were kept before</source>
        <translation>Abrir resultados conservados antes</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Open settings…</source>
        <translation>Abrir ajustes…</translation>
    </message>
    <message>
        <location filename="../ask_options.py"/>
        <source>Options</source>
        <translation>Opciones</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Order</source>
        <translation>Orden</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Other layers of the file stay as they are.</source>
        <translation>Las demás capas del archivo quedan como están.</translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>Outlines can be simplified in the tab Review, without asking again</source>
        <translation>Los contornos se pueden simplificar en la pestaña Revisar, sin preguntar de nuevo</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Output folder</source>
        <translation>Carpeta de salida</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Package index</source>
        <translation>Índice de paquetes</translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>Part</source>
        <translation>Parte</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Pick</source>
        <translation>Elegir</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Polygons</source>
        <translation>Polígonos</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Python 3.11 or later</source>
        <translation>Python 3.11 o posterior</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Python or geoground</source>
        <translation>Python o geoground</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Questions asked before</source>
        <translation>Preguntas hechas antes</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Raster</source>
        <translation>Ráster</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Rasters</source>
        <translation>Rásteres</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Rasters on the server</source>
        <translation>Rásteres en el servidor</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Rasters on the server…</source>
        <translation>Rásteres en el servidor…</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Rasters that failed</source>
        <translation>Rásteres que fallaron</translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>Ready</source>
        <translation>Listo</translation>
    </message>
    <message>
        <location filename="../train_controller.py"/>
        <source>Ready. The model is in the list of the tab Ask, and chosen.</source>
        <translation>Listo. El modelo está en la lista de la pestaña Preguntar, y elegido.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Reasoning: select a result on the map, or press Next.</source>
        <translation>Razonamiento: seleccione un resultado en el mapa, o pulse Siguiente.</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Remove</source>
        <translation>Quitar</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Removed.</source>
        <translation>Quitado.</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Rename</source>
        <translation>Renombrar</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Rename…</source>
        <translation>Renombrar…</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Reopen</source>
        <translation>Reabrir</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Replace that layer</source>
        <translation>Reemplazar esa capa</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Results</source>
        <translation>Resultados</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Results that score lower are hidden, not deleted</source>
        <translation>Los resultados con menor puntuación se ocultan, no se eliminan</translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>Results that score lower are left out; automatic: what suits the model</source>
        <translation>Los resultados con menor puntuación se omiten; automático: la que convenga al modelo</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Review</source>
        <translation>Revisar</translation>
    </message>
    <message>
        <location filename="../verdicts.py"/>
        <source>Review of {n} results</source>
        <translation>Revisión de {n} resultados</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Reward</source>
        <translation>Recompensa</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Run</source>
        <translation>Ejecutar</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Run sends the raster to the server first ({mb} MB).</source>
        <translation>Ejecutar envía primero el ráster al servidor ({mb} MB).</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Runs that ended early</source>
        <translation>Ejecuciones que terminaron antes de tiempo</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Save</source>
        <translation>Guardar</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Save as</source>
        <translation>Guardar como</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Save edits</source>
        <translation>Guardar ediciones</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Save results</source>
        <translation>Guardar resultados</translation>
    </message>
    <message>
        <location filename="../shaping.py"/>
        <source>Save the edits first: shapes that are being edited are not drawn again.</source>
        <translation>Guarde antes las ediciones: las formas en edición no se vuelven a dibujar.</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>Save the layer as a GeoTIFF (Export ▸ Save As), and ask about that one.</source>
        <translation>Guarde la capa como GeoTIFF (Exportar ▸ Guardar como) y pregunte sobre esa.</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Saved: {path}</source>
        <translation>Guardado: {path}</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>Saving results</source>
        <translation>Guardando resultados</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Say what the examples are, such as: greenhouse</source>
        <translation>Diga qué son los ejemplos, por ejemplo: greenhouse</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Scores on the map</source>
        <translation>Puntuaciones en el mapa</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Search</source>
        <translation>Buscar</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Search for it</source>
        <translation>Buscarlo</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Searching…</source>
        <translation>Buscando…</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Seed</source>
        <translation>Semilla</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Select polygons of “{name}” first.</source>
        <translation>Seleccione antes polígonos de «{name}».</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Select results to delete.</source>
        <translation>Seleccione resultados para eliminar.</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>Select the examples of one word, and enter it.</source>
        <translation>Seleccione los ejemplos de una palabra e introdúzcala.</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Select two or more results to merge.</source>
        <translation>Seleccione dos o más resultados para unir.</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Selected</source>
        <translation>Seleccionados</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Sending the raster to the server… %p%</source>
        <translation>Enviando el ráster al servidor… %p%</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Set up</source>
        <translation>Preparar</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Set up the engine…</source>
        <translation>Preparar el motor…</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Settings of geogrounding</source>
        <translation>Ajustes de geogrounding</translation>
    </message>
    <message>
        <location filename="../plugin.py"/>
        <source>Settings…</source>
        <translation>Ajustes…</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Shapefile (texts are cut at 254 characters)…</source>
        <translation>Shapefile (los textos se cortan a 254 caracteres)…</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Share of images without a target</source>
        <translation>Proporción de imágenes sin objetivo</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Show</source>
        <translation>Mostrar</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Simplify</source>
        <translation>Simplificar</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Simplify outlines, metres (empty: what suits the pixels)</source>
        <translation>Simplificar contornos, metros (vacío: lo que convenga a los píxeles)</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Size</source>
        <translation>Tamaño</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Split</source>
        <translation>Dividir</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Starting…</source>
        <translation>Iniciando…</translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>Starts the engine of the settings and reports its version, device and models, or what is missing. READY and TEXT can be used in a model before other algorithms of this group.</source>
        <translation>Inicia el motor de los ajustes e informa de su versión, dispositivo y modelos, o de lo que falta. READY y TEXT se pueden usar en un modelo antes de otros algoritmos de este grupo.</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Step {step} of {steps}</source>
        <translation>Paso {step} de {steps}</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Steps</source>
        <translation>Pasos</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Stop when idle for</source>
        <translation>Detener tras inactividad de</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Table</source>
        <translation>Tabla</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Take the last verdict back, and go back to its result (key U)</source>
        <translation>Retirar el último veredicto y volver a su resultado (tecla U)</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Teach</source>
        <translation>Enseñar</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Test</source>
        <translation>Probar</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Test checks version, device, models and coordinate systems.</source>
        <translation>La prueba comprueba versión, dispositivo, modelos y sistemas de coordenadas.</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Testing: the first start takes a few seconds…</source>
        <translation>Probando: el primer inicio tarda unos segundos…</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The Python that geogrounding is installed in</source>
        <translation>El Python en que está instalado geogrounding</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>The area lies beside every raster that is chosen.</source>
        <translation>El área queda fuera de todos los rásteres elegidos.</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>The checkout of geogrounding, or a folder with its wheel</source>
        <translation>El código fuente de geogrounding, o una carpeta con su wheel</translation>
    </message>
    <message>
        <location filename="../loss_plot.py"/>
        <source>The curve appears while training runs.</source>
        <translation>La curva aparece durante el entrenamiento.</translation>
    </message>
    <message>
        <location filename="../demo.py"/>
        <source>The demo raster is not part of this installation.</source>
        <translation>El ráster de demostración no forma parte de esta instalación.</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The engine does not work.</source>
        <translation>El motor no funciona.</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>The engine is set up.</source>
        <translation>El motor está preparado.</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The engine works.</source>
        <translation>El motor funciona.</translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>The examples could not be written: {why}</source>
        <translation>No se pudieron escribir los ejemplos: {why}</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>The examples have no valid coordinate system. Set it in Layer Properties.</source>
        <translation>Los ejemplos no tienen un sistema de coordenadas válido. Indíquelo en las propiedades de la capa.</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>The extent cannot be expressed in the coordinate system of the layer.</source>
        <translation>La extensión no se puede expresar en el sistema de coordenadas de la capa.</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The extent lies beside the layer “{name}”.</source>
        <translation>La extensión queda fuera de la capa «{name}».</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>The job was cancelled on the server.</source>
        <translation>El trabajo se canceló en el servidor.</translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>The layer holds no geometry that can be used.</source>
        <translation>La capa no contiene ninguna geometría utilizable.</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>The layer is being saved; try again in a moment.</source>
        <translation>La capa se está guardando; vuelva a intentarlo en un momento.</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>The layer of the results was removed while the run went on.</source>
        <translation>La capa de resultados se quitó durante la ejecución.</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>The layer on the map is still a temporary one.</source>
        <translation>La capa del mapa sigue siendo temporal.</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>The layer “{name}” cannot be changed.</source>
        <translation>La capa «{name}» no se puede cambiar.</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The layer “{name}” cannot be exported.</source>
        <translation>La capa «{name}» no se puede exportar.</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The layer “{name}” could not be exported ({reason}).</source>
        <translation>La capa «{name}» no se pudo exportar ({reason}).</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>The layer “{name}” has no valid coordinate system. Set it in Layer Properties ▸ Source.</source>
        <translation>La capa «{name}» no tiene un sistema de coordenadas válido. Indíquelo en Propiedades de la capa ▸ Fuente.</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>The layer “{name}” holds no polygon.</source>
        <translation>La capa «{name}» no contiene ningún polígono.</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>The layer “{name}” of this project lives there. Choose another name.</source>
        <translation>La capa «{name}» de este proyecto está ahí. Elija otro nombre.</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>The layer “{name}” of {file} has not the attributes of results, so nothing can be added to it.</source>
        <translation>La capa «{name}» de {file} no tiene los atributos de los resultados, así que no se le puede añadir nada.</translation>
    </message>
    <message>
        <location filename="../manual.py"/>
        <source>The manual is docs/qgis.md of geogrounding.</source>
        <translation>El manual es docs/qgis.md de geogrounding.</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The map server of “{name}” sent nothing for this area. Check that the map shows it.</source>
        <translation>El servidor de mapas de «{name}» no envió nada para esta zona. Compruebe que el mapa la muestra.</translation>
    </message>
    <message>
        <location filename="../train_controller.py"/>
        <source>The model is trained: {name}</source>
        <translation>El modelo está entrenado: {name}</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The model stays loaded between questions; after so long without one, memory is freed</source>
        <translation>El modelo queda cargado entre preguntas; tras tanto tiempo sin una, se libera la memoria</translation>
    </message>
    <message>
        <location filename="../engine_link.py"/>
        <source>The plugin is being unloaded.</source>
        <translation>El complemento se está descargando.</translation>
    </message>
    <message>
        <location filename="../server_layers.py"/>
        <source>The raster of the server cannot be shown.</source>
        <translation>El ráster del servidor no se puede mostrar.</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>The results are temporary: nothing can be written to {folder} ({why}). Save them under another name, and choose another folder in the settings.</source>
        <translation>Los resultados son temporales: no se puede escribir en {folder} ({why}). Guárdelos con otro nombre y elija otra carpeta en los ajustes.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>The selected results, or else the accepted ones, become examples; rejected ones are not meant</source>
        <translation>Los resultados seleccionados, o si no los aceptados, pasan a ser ejemplos; los rechazados no se buscan</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>The server has no raster.</source>
        <translation>El servidor no tiene ningún ráster.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Then go to the next open one</source>
        <translation>Ir después al siguiente abierto</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>There is no geogrounding in {path}.</source>
        <translation>No hay geogrounding en {path}.</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>There is no layer “{name}” in {file}.</source>
        <translation>No hay ninguna capa «{name}» en {file}.</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>These outlines were drawn by another server.</source>
        <translation>Estos contornos los dibujó otro servidor.</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>These outlines were not drawn by the server.</source>
        <translation>Estos contornos no los dibujó el servidor.</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>These results do not touch, so that they cannot become one polygon.</source>
        <translation>Estos resultados no se tocan, así que no pueden ser un solo polígono.</translation>
    </message>
    <message>
        <location filename="../background.py"/>
        <source>This is a defect of the plugin; please report it.</source>
        <translation>Es un defecto del complemento; comuníquelo, por favor.</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Ticked: what is not drawn there is something else. Else: what looks like them may be one of them.</source>
        <translation>Marcado: lo que no está dibujado ahí es otra cosa. Si no: lo que se les parece puede ser uno de ellos.</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Token of the server</source>
        <translation>Token del servidor</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Train</source>
        <translation>Entrenar</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Trained models</source>
        <translation>Modelos entrenados</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Training set</source>
        <translation>Datos de entrenamiento</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Type what to look for, such as: airplane</source>
        <translation>Escriba qué buscar, por ejemplo: airplane</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Undo</source>
        <translation>Deshacer</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Until then Ctrl+Z takes corrections back</source>
        <translation>Hasta entonces Ctrl+Z deshace las correcciones</translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>Value</source>
        <translation>Valor</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>View</source>
        <translation>Vista</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Waiting; jobs before this one: {n}</source>
        <translation>En espera; trabajos anteriores: {n}</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Welcome: three steps to the first question</source>
        <translation>Bienvenida: tres pasos hasta la primera pregunta</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>What is not hidden</source>
        <translation>Lo que no está oculto</translation>
    </message>
    <message>
        <location filename="../like_choice.py"/>
        <source>What looks like these examples is found, and the question is only its name. Of results the accepted ones are examples, and the rejected ones are not meant.</source>
        <translation>Se encuentra lo que se parece a estos ejemplos, y la pregunta es solo su nombre. De los resultados, los aceptados son ejemplos y los rechazados no se buscan.</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>What the map shows when you press Run; it is then kept as a drawn rectangle</source>
        <translation>Lo que muestra el mapa al pulsar Ejecutar; después queda como rectángulo dibujado</translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>What there is, or what is missing</source>
        <translation>Lo que hay, o lo que falta</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>What to look for</source>
        <translation>Qué buscar</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>What to look for (one question a line)</source>
        <translation>Qué buscar (una pregunta por línea)</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>What “geoground serve” prints, or GEOGROUND_TOKEN of the server</source>
        <translation>Lo que muestra «geoground serve», o GEOGROUND_TOKEN del servidor</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Where</source>
        <translation>Dónde</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Without a network: only wheels of this folder</source>
        <translation>Sin red: solo los wheels de esta carpeta</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Your team has a server? Skip step 1, and paste its link in the settings.</source>
        <translation>¿Su equipo tiene un servidor? Omita el paso 1 y pegue su enlace en la configuración.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Zoom</source>
        <translation>Zoom</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>a first look</source>
        <translation>un primer vistazo</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>a path, or the address of a server: http://host:8000</source>
        <translation>una ruta, o la dirección de un servidor: http://host:8000</translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>accepted</source>
        <translation>aceptado</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>airplane
the largest storage tank
(one question a line)</source>
        <translation>airplane
the largest storage tank
(una pregunta por línea)</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>any</source>
        <translation>cualquiera</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>as pip is configured</source>
        <translation>como esté configurado pip</translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>automatic</source>
        <translation>automático</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>beside the project</source>
        <translation>junto al proyecto</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>boxes</source>
        <translation>rectángulos</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>built-in</source>
        <translation>integrado</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>builtin, the folder of a model, or with a server the name it gives the model</source>
        <translation>builtin, la carpeta de un modelo, o con un servidor el nombre que este da al modelo</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>by example (SFT)</source>
        <translation>por ejemplo (SFT)</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>by reward (GRPO)</source>
        <translation>por recompensa (GRPO)</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>by score</source>
        <translation>por puntuación</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>by verdict</source>
        <translation>por veredicto</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>cancelled</source>
        <translation>cancelado</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>coordinate systems are found: {id} {name}</source>
        <translation>se encuentran los sistemas de coordenadas: {id} {name}</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>detect,object,find,search,ground,expression,AI,deep learning,segment,count,vision</source>
        <translation>detectar,objeto,encontrar,buscar,localizar,expresión,IA,aprendizaje profundo,segmentar,contar,visión</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>device: {device} ({name})</source>
        <translation>dispositivo: {device} ({name})</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>error {n}</source>
        <translation>error {n}</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>everything that fits</source>
        <translation>todo lo que encaje</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>geogrounding: 1 question</source>
        <translation>geogrounding: 1 pregunta</translation>
    </message>
    <message>
        <location filename="../manual.py"/>
        <source>geogrounding: help</source>
        <translation>geogrounding: ayuda</translation>
    </message>
    <message>
        <location filename="../train_controller.py"/>
        <source>geogrounding: training</source>
        <translation>geogrounding: entrenamiento</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>geogrounding: {n} questions</source>
        <translation>geogrounding: {n} preguntas</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>greenhouse</source>
        <translation>greenhouse</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>least sure first</source>
        <translation>menos seguros primero</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>missing</source>
        <translation>falta</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>models: </source>
        <translation>modelos: </translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>my-greenhouses</source>
        <translation>mis-invernaderos</translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>no label</source>
        <translation>sin etiqueta</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>no other raster</source>
        <translation>ningún otro ráster</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>none</source>
        <translation>ninguno</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>none yet</source>
        <translation>aún ninguno</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>not started</source>
        <translation>no iniciado</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>or by field</source>
        <translation>o por campo</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>or in a terminal (without a network: see the manual, ? below):</source>
        <translation>o en una terminal (sin red: véase el manual, ? abajo):</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>outlines</source>
        <translation>contornos</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>outlines with right angles</source>
        <translation>contornos con ángulos rectos</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>packages: </source>
        <translation>paquetes: </translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>part of the name</source>
        <translation>parte del nombre</translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>rejected</source>
        <translation>rechazado</translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>score {s}</source>
        <translation>puntuación {s}</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>step {n}: {metrics}</source>
        <translation>paso {n}: {metrics}</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>surest first</source>
        <translation>más seguros primero</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>the model of the server</source>
        <translation>el modelo del servidor</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>the one object described</source>
        <translation>el único objeto descrito</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>thorough</source>
        <translation>a fondo</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>train.jsonl</source>
        <translation>train.jsonl</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>turned boxes</source>
        <translation>rectángulos girados</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>unknown error</source>
        <translation>error desconocido</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>usual</source>
        <translation>habitual</translation>
    </message>
    <message>
        <location filename="../appearance.py"/>
        <source>values {limits}</source>
        <translation>valores {limits}</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>{c} × {r} pixels are exported first; that may take long.</source>
        <translation>Antes se exportan {c} × {r} píxeles; puede tardar.</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>{c} × {r} pixels would have to be exported. Choose a smaller extent or a coarser resolution.</source>
        <translation>Habría que exportar {c} × {r} píxeles. Elija una extensión menor o una resolución más gruesa.</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>{done} of {total} chips, {found} found before merging</source>
        <translation>{done} de {total} teselas, {found} encontrados antes de unir</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>{file} could not be written.</source>
        <translation>{file} no se pudo escribir.</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>{file} exists and is no GeoPackage ({why}). Choose another name.</source>
        <translation>{file} existe y no es un GeoPackage ({why}). Elija otro nombre.</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>{found}.</source>
        <translation>{found}.</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>{found}; {n} of {all} chips could not be answered, see the log.</source>
        <translation>{found}; {n} de {all} teselas quedaron sin respuesta, véase el registro.</translation>
    </message>
    <message>
        <location filename="../messages.py"/>
        <source>{h} h {m} min</source>
        <translation>{h} h {m} min</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>{label} ({n} steps)</source>
        <translation>{label} ({n} pasos)</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>{layer} (unfinished)</source>
        <translation>{layer} (sin terminar)</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>{mb} MB are free again.</source>
        <translation>{mb} MB vuelven a estar libres.</translation>
    </message>
    <message>
        <location filename="../messages.py"/>
        <source>{m} min {s} s</source>
        <translation>{m} min {s} s</translation>
    </message>
    <message>
        <location filename="../loss_plot.py"/>
        <source>{name}: {value} at step {step}</source>
        <translation>{name}: {value} en el paso {step}</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>{n} chips</source>
        <translation>{n} teselas</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>{n} examples</source>
        <translation>{n} ejemplos</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>{n} examples are too few; draw at least {least}, better {good}.</source>
        <translation>{n} ejemplos son muy pocos; dibuje al menos {least}, mejor {good}.</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>{n} of {all} chips could not be answered:</source>
        <translation>{n} de {all} teselas quedaron sin respuesta:</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>{n} of {all} rows are in the file.</source>
        <translation>{n} de {all} filas están en el archivo.</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>{n} rasters</source>
        <translation>{n} rásteres</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>{n} rasters: {text}</source>
        <translation>{n} rásteres: {text}</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>{n} results</source>
        <translation>{n} resultados</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>{n} results had no usable polygon and were left out.</source>
        <translation>{n} resultados no tenían un polígono utilizable y se omitieron.</translation>
    </message>
    <message>
        <location filename="../messages.py"/>
        <source>{n} s</source>
        <translation>{n} s</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>{n} samples in {path}</source>
        <translation>{n} muestras en {path}</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>{n} verdicts written…</source>
        <translation>{n} veredictos escritos…</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>{path} cannot be deleted: {why}</source>
        <translation>{path} no se puede eliminar: {why}</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>{path} cannot be renamed: {why}</source>
        <translation>{path} no se puede renombrar: {why}</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{path} cannot make environments.</source>
        <translation>{path} no puede crear entornos.</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{path} is there, and is not from here.</source>
        <translation>{path} ya existe y no es de aquí.</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{path} is too old: Python 3.11 or later is needed.</source>
        <translation>{path} es demasiado antiguo: hace falta Python 3.11 o posterior.</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{program} failed.</source>
        <translation>{program} falló.</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>{results}: {a} accepted, {r} rejected, {o} open</source>
        <translation>{results}: {a} aceptados, {r} rechazados, {o} abiertos</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>{share} % of the area came empty from the map server.</source>
        <translation>El {share} % de la zona llegó vacío del servidor de mapas.</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>{text} Tick “{box}”, or choose a smaller extent.</source>
        <translation>{text} Marque «{box}», o elija una extensión menor.</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>“{file}” has a layer of this name already.</source>
        <translation>«{file}» ya tiene una capa con ese nombre.</translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>“{text}” does not fit here.</source>
        <translation>«{text}» no encaja aquí.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>◀ Previous</source>
        <translation>◀ Anterior</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>✔ Accept</source>
        <translation>✔ Aceptar</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>✘ Reject</source>
        <translation>✘ Rechazar</translation>
    </message>
</context>
</TS>
