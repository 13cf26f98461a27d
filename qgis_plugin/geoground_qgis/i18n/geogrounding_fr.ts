<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" sourcelanguage="en" language="fr">
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
        <translation>(aucun : selon les mots)</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>, about {time}</source>
        <translation>, environ {time}</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>, about {time} left</source>
        <translation>, encore environ {time}</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>, layer “{name}”</source>
        <translation>, couche « {name} »</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>, {h} hidden</source>
        <translation>, {h} masqués</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>1 chip</source>
        <translation>1 tuile</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>1 result</source>
        <translation>1 résultat</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>1. geogrounding needs a Python environment of its own (Python 3.11 or later), outside QGIS; nothing is installed into QGIS. Set it up here:</source>
        <translation>1. geogrounding a besoin de son propre environnement Python (Python 3.11 ou plus), hors de QGIS ; rien n'est installé dans QGIS. L'installer ici :</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>2. After a terminal: choose its Python in the settings, and press Test there.</source>
        <translation>2. Après un terminal : choisissez son Python dans les paramètres et appuyez sur Tester.</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>3. Load an aerial or satellite image, type “tree” or “airplane”, and press Run.</source>
        <translation>3. Chargez une image aérienne ou satellite, tapez « tree » ou « airplane », et appuyez sur Lancer.</translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>; not meant: {n}</source>
        <translation> ; non visés : {n}</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>A model named “{name}” is there already; choose another name.</source>
        <translation>Un modèle nommé « {name} » existe déjà ; choisissez un autre nom.</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>A question may have at most {n} characters.</source>
        <translation>Une question a au plus {n} caractères.</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>A server does not do this ({method}).</source>
        <translation>Un serveur ne fait pas cela ({method}).</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>A server does not take files such as {name}.</source>
        <translation>Un serveur n’accepte pas de fichiers tels que {name}.</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>A server teaches one word at a time, and the field holds {n}.</source>
        <translation>Un serveur apprend un mot à la fois, et le champ en contient {n}.</translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>Accept results in the tab Review first, or select some and tick “Selected”: those are examples.</source>
        <translation>Acceptez d'abord des résultats dans l'onglet Vérifier, ou sélectionnez-en et cochez « Sélection » : ce sont les exemples.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Accepted ones</source>
        <translation>Ceux acceptés</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Add</source>
        <translation>Ajouter</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Add a new layer</source>
        <translation>Ajouter une nouvelle couche</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Add to that layer</source>
        <translation>Ajouter à cette couche</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Add to the map</source>
        <translation>Ajouter à la carte</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>All of the raster</source>
        <translation>Tout le raster</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>All results</source>
        <translation>Tous les résultats</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>All results are hidden.</source>
        <translation>Tous les résultats sont masqués.</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>An OpenAI-compatible server. Its key is read from the environment variable GEOGROUND_API_KEY.</source>
        <translation>Un serveur compatible OpenAI. Sa clé est lue dans la variable d'environnement GEOGROUND_API_KEY.</translation>
    </message>
    <message>
        <location filename="../remote_places.py"/>
        <source>An area or an example has no place in longitude and latitude.</source>
        <translation>Une zone ou un exemple n’a pas de position en longitude et latitude.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Area that was asked about</source>
        <translation>Zone de la question</translation>
    </message>
    <message>
        <location filename="../appearance.py"/>
        <source>As it is drawn on the map.</source>
        <translation>Tel qu'il est dessiné sur la carte.</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Ask</source>
        <translation>Demander</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Ask about more rasters in the same run</source>
        <translation>Interroger d'autres rasters dans le même traitement</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Ask the map</source>
        <translation>Interroger la carte</translation>
    </message>
    <message>
        <location filename="../plugin.py"/>
        <source>Ask the map a question</source>
        <translation>Poser une question à la carte</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Asking the server…</source>
        <translation>Interrogation du serveur…</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Asks the same questions of many rasters. Each gets a GeoPackage in the output folder, in its own coordinate system; summary.csv lists raster, layer, status, number of results and message.

A raster that cannot be used does not stop the others.</source>
        <translation>Pose les mêmes questions à de nombreux rasters. Chacun reçoit un GeoPackage dans le dossier de sortie, dans son propre système de coordonnées ; summary.csv donne raster, couche, état, nombre de résultats et message.

Un raster inutilisable n'arrête pas les autres.</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>At most {n} questions fit one run.</source>
        <translation>Au plus {n} questions par traitement.</translation>
    </message>
    <message>
        <location filename="../appearance.py"/>
        <source>Bands {bands}</source>
        <translation>Bandes {bands}</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Build training set from layer</source>
        <translation>Créer un jeu d'entraînement depuis une couche</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>By reward: sharpens what the model finds already. By example: teaches what it does not find at all.</source>
        <translation>Par récompense : affine ce que le modèle trouve déjà. Par l'exemple : apprend ce qu'il ne trouve pas du tout.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>CSV (shapes as WKT)…</source>
        <translation>CSV (formes en WKT)…</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Cancel</source>
        <translation>Annuler</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Cancelled.</source>
        <translation>Annulé.</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>Cancelled; {found} so far.</source>
        <translation>Annulé ; {found} jusqu'ici.</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Cancelling…</source>
        <translation>Annulation…</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Change numbers and words of the plan before the run</source>
        <translation>Modifier les nombres et les mots du plan avant le traitement</translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>Check that searching by words is ready</source>
        <translation>Vérifier que la recherche par mots est prête</translation>
    </message>
    <message>
        <location filename="../remote_places.py"/>
        <source>Check the coordinate system of its layer.</source>
        <translation>Vérifiez le système de coordonnées de sa couche.</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Choose a polygon layer for the area.</source>
        <translation>Choisissez une couche de polygones comme zone.</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Choose a polygon layer with examples.</source>
        <translation>Choisissez une couche de polygones avec des exemples.</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>Choose a raster layer.</source>
        <translation>Choisissez une couche raster.</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>Choose another Python.</source>
        <translation>Choisissez un autre Python.</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>Choose the folder of its checkout, or a folder with its wheel.</source>
        <translation>Choisissez le dossier de ses sources, ou un dossier avec son wheel.</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Choose the raster that the examples were drawn on.</source>
        <translation>Choisissez le raster sur lequel les exemples ont été dessinés.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Click a result on the map to review it</source>
        <translation>Cliquer un résultat sur la carte pour le vérifier</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Colours</source>
        <translation>Couleurs</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Continue: {run}</source>
        <translation>Continuer : {run}</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Copied. It names versions, settings and the last messages of the engine.</source>
        <translation>Copié. Versions, paramètres et derniers messages du moteur y figurent.</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Copy commands</source>
        <translation>Copier les commandes</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Copy diagnostics</source>
        <translation>Copier le diagnostic</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Corners</source>
        <translation>Sommets</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Correct</source>
        <translation>Corriger</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Counting chips…</source>
        <translation>Comptage des tuiles…</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Ctrl+Enter</source>
        <translation>Ctrl+Entrée</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Cuts a training set from the layer and fine-tunes a model on it. The folder of the result is the name of the new model: give it as “Model” to “Find objects by words”. In the folder of trained models (Settings ▸ Options ▸ geogrounding) it is also listed in the panel.</source>
        <translation>Découpe un jeu d'entraînement depuis la couche et affine un modèle avec lui. Le dossier du résultat est le nom du nouveau modèle : donnez-le comme « Modèle » à « Trouver des objets par des mots ». Dans le dossier des modèles entraînés (Préférences ▸ Options ▸ geogrounding), il figure aussi dans le panneau.</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Cuts the raster into the chips that a model sees and writes the polygons of a layer as their labels: images and train.jsonl in the form of Geo-R1, for “geoground train” on this or another machine.

“Label” names all polygons at once; “or by field” takes the name of each from an attribute.</source>
        <translation>Découpe le raster en tuiles telles que le modèle les voit et écrit les polygones d'une couche comme leurs étiquettes : images et train.jsonl au format de Geo-R1, pour « geoground train » sur cette machine ou une autre.

« Étiquette » nomme tous les polygones à la fois ; « ou par champ » prend le nom de chacun dans un attribut.</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Cutting the training set…</source>
        <translation>Découpe du jeu d'entraînement…</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Defaults of a question</source>
        <translation>Valeurs par défaut d'une question</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Delete</source>
        <translation>Supprimer</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Delete the model “{name}”? This cannot be undone.</source>
        <translation>Supprimer le modèle « {name} » ? C'est irréversible.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Delete the selected results</source>
        <translation>Supprimer les résultats sélectionnés</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Delete…</source>
        <translation>Supprimer…</translation>
    </message>
    <message>
        <location filename="../demo.py"/>
        <source>Demo: forest</source>
        <translation>Démo : forêt</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Device</source>
        <translation>Processeur</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Draw</source>
        <translation>Dessiner</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Draw a line through results</source>
        <translation>Tracer une ligne à travers des résultats</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Draw a polygon on the map; a click with the right button ends it</source>
        <translation>Dessiner un polygone sur la carte ; un clic droit le termine</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Draw a rectangle on the map</source>
        <translation>Dessiner un rectangle sur la carte</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Draw a rectangle or a polygon on the map first.</source>
        <translation>Dessinez d'abord un rectangle ou un polygone sur la carte.</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Draw about ten examples of one kind of thing in a polygon layer, or accept results in the tab Review, and train. The new model is then listed under Model in the tab Ask.</source>
        <translation>Dessinez une dizaine d'exemples d'une sorte d'objet dans une couche de polygones, ou acceptez des résultats dans l'onglet Vérifier, et entraînez. Le nouveau modèle figure ensuite sous Modèle dans l'onglet Demander.</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Draw examples…</source>
        <translation>Dessiner des exemples…</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Draw one that was missed; it counts as accepted</source>
        <translation>En dessiner un qui manquait ; il compte comme accepté</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Drawn</source>
        <translation>Dessiné</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Earlier</source>
        <translation>Antérieurs</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Edit…</source>
        <translation>Modifier…</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Empty it</source>
        <translation>Vider</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Engine</source>
        <translation>Moteur</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Engine: {path}</source>
        <translation>Moteur : {path}</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Examples</source>
        <translation>Exemples</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Examples of what is not meant</source>
        <translation>Exemples de ce qui n'est pas voulu</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Examples: find what looks like them</source>
        <translation>Exemples : trouver ce qui leur ressemble</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Export</source>
        <translation>Exporter</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Export anyway</source>
        <translation>Exporter quand même</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Exported rasters</source>
        <translation>Rasters exportés</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Exporting the raster…</source>
        <translation>Export du raster…</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Exporting the raster… %p%</source>
        <translation>Export du raster… %p%</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Export…</source>
        <translation>Exporter…</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Extent</source>
        <translation>Emprise</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Find</source>
        <translation>Trouver</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Find all like this</source>
        <translation>Trouver tous les semblables</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Find objects by words</source>
        <translation>Trouver des objets par des mots</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Find objects by words (batch)</source>
        <translation>Trouver des objets par des mots (par lot)</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Finds what each line of “What to look for” describes in the raster, as polygons with label, score and the reasoning of the model, in the coordinate system of the raster.

Rasters that are no plain file (WMS, XYZ tiles, virtual rasters) are first exported for the extent. “The one object described” keeps the best answer to each question.</source>
        <translation>Trouve dans le raster ce que décrit chaque ligne de « Que chercher », en polygones avec étiquette, score et raisonnement du modèle, dans le système de coordonnées du raster.

Les rasters qui ne sont pas de simples fichiers (WMS, tuiles XYZ, rasters virtuels) sont d'abord exportés pour l'emprise. « Le seul objet décrit » garde la meilleure réponse à chaque question.</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Fine-tune from layer</source>
        <translation>Affiner depuis une couche</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Folder</source>
        <translation>Dossier</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Folders</source>
        <translation>Dossiers</translation>
    </message>
    <message>
        <location filename="../shaping.py"/>
        <source>For results that were asked for as outlines</source>
        <translation>Pour les résultats demandés en contours</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Forget them</source>
        <translation>Les oublier</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Found</source>
        <translation>Trouvé</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Found. Press Test.</source>
        <translation>Trouvé. Appuyez sur Tester.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>From 1:1500</source>
        <translation>À partir de 1:1500</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>Give the new model a short name of letters, digits, “-” and “_”.</source>
        <translation>Donnez au nouveau modèle un nom court de lettres, chiffres, « - » et « _ ».</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Go on</source>
        <translation>Continuer</translation>
    </message>
    <message>
        <location filename="../ask_options.py"/>
        <source>Ground resolution</source>
        <translation>Résolution au sol</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Ground resolution in metres (empty: what suits the model)</source>
        <translation>Résolution au sol en mètres (vide : ce qui convient au modèle)</translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>Ground size of a pixel that the model sees; automatic: what suits the model</source>
        <translation>Taille au sol d'un pixel que voit le modèle ; automatique : ce qui convient au modèle</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Help</source>
        <translation>Aide</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Hide below</source>
        <translation>Masquer sous</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>History</source>
        <translation>Historique</translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>How the questions are understood</source>
        <translation>Comment les questions sont comprises</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>I drew every one in this area</source>
        <translation>Je les ai tous dessinés dans cette zone</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Inside the polygons of a layer</source>
        <translation>Dans les polygones d'une couche</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>It needs an engine on this computer: see the settings.</source>
        <translation>Il faut un moteur sur cet ordinateur : voir les paramètres.</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Keep results in a GeoPackage</source>
        <translation>Garder les résultats dans un GeoPackage</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>Key {key}, while this tab is open</source>
        <translation>Touche {key}, quand cet onglet est ouvert</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Label</source>
        <translation>Étiquette</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Layer</source>
        <translation>Couche</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Layers</source>
        <translation>Couches</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Layers that the questions speak of by their names</source>
        <translation>Couches que les questions désignent par leur nom</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Length</source>
        <translation>Durée</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Load a demo raster</source>
        <translation>Charger un raster de démonstration</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Loading the model…</source>
        <translation>Chargement du modèle…</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Loss</source>
        <translation>Perte</translation>
    </message>
    <message>
        <location filename="../ask_options.py"/>
        <source>Lowest score</source>
        <translation>Score minimal</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Lowest score (empty: what suits the model)</source>
        <translation>Score minimal (vide : ce qui convient au modèle)</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Make the selected results one, with the attributes of the surest</source>
        <translation>Réunir les résultats sélectionnés, avec les attributs du plus sûr</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Makes a Python environment in {path} and installs geogrounding there. Nothing is installed into QGIS. It needs about 2 GB of disk space; an interrupted set-up goes on where it stopped.</source>
        <translation>Crée un environnement Python dans {path} et y installe geogrounding. Rien n'est installé dans QGIS. Il faut environ 2 Go d'espace disque ; une installation interrompue reprend où elle s'est arrêtée.</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Makes a layer for examples of this raster, and starts to draw in it</source>
        <translation>Crée une couche pour les exemples de ce raster et commence à y dessiner</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>Making an environment…</source>
        <translation>Création d'un environnement…</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Merge</source>
        <translation>Fusionner</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Method</source>
        <translation>Méthode</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Model</source>
        <translation>Modèle</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Model server</source>
        <translation>Serveur de modèles</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Model to start from</source>
        <translation>Modèle de départ</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Move, add and delete corners</source>
        <translation>Déplacer, ajouter et supprimer des sommets</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Name</source>
        <translation>Nom</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Name of the new model</source>
        <translation>Nom du nouveau modèle</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Neither accepted nor rejected</source>
        <translation>Ni accepté ni rejeté</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>New model</source>
        <translation>Nouveau modèle</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Next ▶</source>
        <translation>Suivant ▶</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>No engine is set up: Settings ▸ Options ▸ geogrounding, or the variable GEOGROUND_ENGINE.</source>
        <translation>Aucun moteur n'est configuré : Préférences ▸ Options ▸ geogrounding, ou la variable GEOGROUND_ENGINE.</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>No engine yet.</source>
        <translation>Pas encore de moteur.</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>No geoground is on the search path. Open the settings and choose its Python.</source>
        <translation>geoground n'est pas dans le chemin de recherche. Ouvrez les paramètres et choisissez son Python.</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>No result is accepted yet.</source>
        <translation>Aucun résultat n'est encore accepté.</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Not a plain file: {c} × {r} pixels are first exported (up to {mb} MB).</source>
        <translation>Pas un simple fichier : {c} × {r} pixels sont d'abord exportés (jusqu'à {mb} Mo).</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>Not enough free disk space for the export in {folder}.</source>
        <translation>Pas assez d'espace disque pour l'export dans {folder}.</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Not saved: {why}</source>
        <translation>Non enregistré : {why}</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>Nothing for: {questions}.</source>
        <translation>Rien pour : {questions}.</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>Nothing was found. Try another word, a lower score or another ground resolution.</source>
        <translation>Rien n'a été trouvé. Essayez un autre mot, un score plus bas ou une autre résolution au sol.</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Number of results</source>
        <translation>Nombre de résultats</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Number of samples</source>
        <translation>Nombre d'échantillons</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>On Debian and Ubuntu: sudo apt install python3-venv. Else install Python from python.org.</source>
        <translation>Sous Debian et Ubuntu : sudo apt install python3-venv. Sinon, installez Python depuis python.org.</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Only inside the selected polygons</source>
        <translation>Seulement dans les polygones sélectionnés</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Only inside these polygons</source>
        <translation>Seulement dans ces polygones</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Open results that were kept before</source>
        <translation>Ouvrir des résultats gardés auparavant</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Open settings…</source>
        <translation>Ouvrir les paramètres…</translation>
    </message>
    <message>
        <location filename="../ask_options.py"/>
        <source>Options</source>
        <translation>Options</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Order</source>
        <translation>Ordre</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Other layers of the file stay as they are.</source>
        <translation>Les autres couches du fichier restent telles quelles.</translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>Outlines can be simplified in the tab Review, without asking again</source>
        <translation>Les contours se simplifient dans l'onglet Vérifier, sans redemander</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Output folder</source>
        <translation>Dossier de sortie</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Package index</source>
        <translation>Index de paquets</translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>Part</source>
        <translation>Partie</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Pick</source>
        <translation>Choisir</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Polygons</source>
        <translation>Polygones</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Python 3.11 or later</source>
        <translation>Python 3.11 ou plus</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Python or geoground</source>
        <translation>Python ou geoground</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Questions asked before</source>
        <translation>Questions déjà posées</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Raster</source>
        <translation>Raster</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Rasters</source>
        <translation>Rasters</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Rasters on the server</source>
        <translation>Rasters sur le serveur</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Rasters on the server…</source>
        <translation>Rasters sur le serveur…</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Rasters that failed</source>
        <translation>Rasters en échec</translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>Ready</source>
        <translation>Prêt</translation>
    </message>
    <message>
        <location filename="../train_controller.py"/>
        <source>Ready. The model is in the list of the tab Ask, and chosen.</source>
        <translation>Prêt. Le modèle est dans la liste de l'onglet Demander, et choisi.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Reasoning: select a result on the map, or press Next.</source>
        <translation>Raisonnement : sélectionnez un résultat sur la carte, ou appuyez sur Suivant.</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Remove</source>
        <translation>Retirer</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Removed.</source>
        <translation>Retiré.</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Rename</source>
        <translation>Renommer</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Rename…</source>
        <translation>Renommer…</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Reopen</source>
        <translation>Rouvrir</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Replace that layer</source>
        <translation>Remplacer cette couche</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Results</source>
        <translation>Résultats</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Results that score lower are hidden, not deleted</source>
        <translation>Les résultats de score inférieur sont masqués, pas supprimés</translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>Results that score lower are left out; automatic: what suits the model</source>
        <translation>Les résultats de score inférieur sont omis ; automatique : ce qui convient au modèle</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Review</source>
        <translation>Vérifier</translation>
    </message>
    <message>
        <location filename="../verdicts.py"/>
        <source>Review of {n} results</source>
        <translation>Vérification de {n} résultats</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Reward</source>
        <translation>Récompense</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Run</source>
        <translation>Lancer</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Run sends the raster to the server first ({mb} MB).</source>
        <translation>Le lancement envoie d’abord le raster au serveur ({mb} Mo).</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Runs that ended early</source>
        <translation>Traitements terminés trop tôt</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Save</source>
        <translation>Enregistrer</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Save as</source>
        <translation>Enregistrer sous</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Save edits</source>
        <translation>Enregistrer les modifications</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Save results</source>
        <translation>Enregistrer les résultats</translation>
    </message>
    <message>
        <location filename="../shaping.py"/>
        <source>Save the edits first: shapes that are being edited are not drawn again.</source>
        <translation>Enregistrez d'abord les modifications : les formes en cours d'édition ne sont pas redessinées.</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>Save the layer as a GeoTIFF (Export ▸ Save As), and ask about that one.</source>
        <translation>Enregistrez la couche en GeoTIFF (Exporter ▸ Enregistrer sous) et interrogez celle-ci.</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Saved: {path}</source>
        <translation>Enregistré : {path}</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>Saving results</source>
        <translation>Enregistrement des résultats</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Say what the examples are, such as: greenhouse</source>
        <translation>Dites ce que sont les exemples, par exemple : greenhouse</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Scores on the map</source>
        <translation>Scores sur la carte</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Search</source>
        <translation>Chercher</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Search for it</source>
        <translation>Le chercher</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Searching…</source>
        <translation>Recherche…</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Seed</source>
        <translation>Graine</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Select polygons of “{name}” first.</source>
        <translation>Sélectionnez d'abord des polygones de « {name} ».</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Select results to delete.</source>
        <translation>Sélectionnez des résultats à supprimer.</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>Select the examples of one word, and enter it.</source>
        <translation>Sélectionnez les exemples d’un mot et saisissez-le.</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Select two or more results to merge.</source>
        <translation>Sélectionnez deux résultats ou plus à fusionner.</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Selected</source>
        <translation>Sélection</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Sending the raster to the server… %p%</source>
        <translation>Envoi du raster au serveur… %p%</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Set up</source>
        <translation>Installer</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Set up the engine…</source>
        <translation>Installer le moteur…</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Settings of geogrounding</source>
        <translation>Paramètres de geogrounding</translation>
    </message>
    <message>
        <location filename="../plugin.py"/>
        <source>Settings…</source>
        <translation>Paramètres…</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Shapefile (texts are cut at 254 characters)…</source>
        <translation>Shapefile (textes coupés à 254 caractères)…</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Share of images without a target</source>
        <translation>Part d'images sans cible</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Show</source>
        <translation>Afficher</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Simplify</source>
        <translation>Simplifier</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Simplify outlines, metres (empty: what suits the pixels)</source>
        <translation>Simplifier les contours, mètres (vide : ce qui convient aux pixels)</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Size</source>
        <translation>Taille</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Split</source>
        <translation>Scinder</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Starting…</source>
        <translation>Démarrage…</translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>Starts the engine of the settings and reports its version, device and models, or what is missing. READY and TEXT can be used in a model before other algorithms of this group.</source>
        <translation>Démarre le moteur des paramètres et indique version, processeur et modèles, ou ce qui manque. READY et TEXT peuvent servir dans un modèle avant d'autres algorithmes de ce groupe.</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Step {step} of {steps}</source>
        <translation>Pas {step} sur {steps}</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Steps</source>
        <translation>Pas</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Stop when idle for</source>
        <translation>Arrêter après inactivité de</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Table</source>
        <translation>Tableau</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Take the last verdict back, and go back to its result (key U)</source>
        <translation>Reprendre le dernier verdict et revenir à son résultat (touche U)</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Teach</source>
        <translation>Enseigner</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Test</source>
        <translation>Tester</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Test checks version, device, models and coordinate systems.</source>
        <translation>Le test vérifie version, processeur, modèles et systèmes de coordonnées.</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Testing: the first start takes a few seconds…</source>
        <translation>Test en cours : le premier démarrage prend quelques secondes…</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The Python that geogrounding is installed in</source>
        <translation>Le Python où geogrounding est installé</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>The area lies beside every raster that is chosen.</source>
        <translation>La zone est à côté de tous les rasters choisis.</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>The checkout of geogrounding, or a folder with its wheel</source>
        <translation>Les sources de geogrounding, ou un dossier avec son wheel</translation>
    </message>
    <message>
        <location filename="../loss_plot.py"/>
        <source>The curve appears while training runs.</source>
        <translation>La courbe apparaît pendant l'entraînement.</translation>
    </message>
    <message>
        <location filename="../demo.py"/>
        <source>The demo raster is not part of this installation.</source>
        <translation>Le raster de démonstration ne fait pas partie de cette installation.</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The engine does not work.</source>
        <translation>Le moteur ne fonctionne pas.</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>The engine is set up.</source>
        <translation>Le moteur est installé.</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The engine works.</source>
        <translation>Le moteur fonctionne.</translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>The examples could not be written: {why}</source>
        <translation>Les exemples n'ont pas pu être écrits : {why}</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>The examples have no valid coordinate system. Set it in Layer Properties.</source>
        <translation>Les exemples n'ont pas de système de coordonnées valide. Définissez-le dans les propriétés de la couche.</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>The extent cannot be expressed in the coordinate system of the layer.</source>
        <translation>L'emprise ne peut s'exprimer dans le système de coordonnées de la couche.</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The extent lies beside the layer “{name}”.</source>
        <translation>L'emprise est à côté de la couche « {name} ».</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>The job was cancelled on the server.</source>
        <translation>La tâche a été annulée sur le serveur.</translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>The layer holds no geometry that can be used.</source>
        <translation>La couche ne contient aucune géométrie utilisable.</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>The layer is being saved; try again in a moment.</source>
        <translation>La couche est en cours d'enregistrement ; réessayez dans un instant.</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>The layer of the results was removed while the run went on.</source>
        <translation>La couche des résultats a été retirée pendant le traitement.</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>The layer on the map is still a temporary one.</source>
        <translation>La couche sur la carte est encore temporaire.</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>The layer “{name}” cannot be changed.</source>
        <translation>La couche « {name} » ne peut être modifiée.</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The layer “{name}” cannot be exported.</source>
        <translation>La couche « {name} » ne peut être exportée.</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The layer “{name}” could not be exported ({reason}).</source>
        <translation>La couche « {name} » n'a pas pu être exportée ({reason}).</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>The layer “{name}” has no valid coordinate system. Set it in Layer Properties ▸ Source.</source>
        <translation>La couche « {name} » n'a pas de système de coordonnées valide. Définissez-le dans Propriétés de la couche ▸ Source.</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>The layer “{name}” holds no polygon.</source>
        <translation>La couche « {name} » ne contient aucun polygone.</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>The layer “{name}” of this project lives there. Choose another name.</source>
        <translation>La couche « {name} » de ce projet se trouve là. Choisissez un autre nom.</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>The layer “{name}” of {file} has not the attributes of results, so nothing can be added to it.</source>
        <translation>La couche « {name} » de {file} n'a pas les attributs de résultats : rien ne peut y être ajouté.</translation>
    </message>
    <message>
        <location filename="../manual.py"/>
        <source>The manual is docs/qgis.md of geogrounding.</source>
        <translation>Le manuel est docs/qgis.md de geogrounding.</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The map server of “{name}” sent nothing for this area. Check that the map shows it.</source>
        <translation>Le serveur de cartes de « {name} » n’a rien envoyé pour cette zone. Vérifiez que la carte l’affiche.</translation>
    </message>
    <message>
        <location filename="../train_controller.py"/>
        <source>The model is trained: {name}</source>
        <translation>Le modèle est entraîné : {name}</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The model stays loaded between questions; after so long without one, memory is freed</source>
        <translation>Le modèle reste chargé entre les questions ; après ce temps sans question, la mémoire est libérée</translation>
    </message>
    <message>
        <location filename="../engine_link.py"/>
        <source>The plugin is being unloaded.</source>
        <translation>L'extension est en cours de déchargement.</translation>
    </message>
    <message>
        <location filename="../server_layers.py"/>
        <source>The raster of the server cannot be shown.</source>
        <translation>Le raster du serveur ne peut pas être affiché.</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>The results are temporary: nothing can be written to {folder} ({why}). Save them under another name, and choose another folder in the settings.</source>
        <translation>Les résultats sont temporaires : impossible d’écrire dans {folder} ({why}). Enregistrez-les sous un autre nom et choisissez un autre dossier dans les paramètres.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>The selected results, or else the accepted ones, become examples; rejected ones are not meant</source>
        <translation>Les résultats sélectionnés, sinon ceux acceptés, deviennent des exemples ; ceux rejetés ne sont pas voulus</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>The server has no raster.</source>
        <translation>Le serveur n’a aucun raster.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Then go to the next open one</source>
        <translation>Puis aller au prochain ouvert</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>There is no geogrounding in {path}.</source>
        <translation>Il n'y a pas de geogrounding dans {path}.</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>There is no layer “{name}” in {file}.</source>
        <translation>Il n'y a pas de couche « {name} » dans {file}.</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>These outlines were drawn by another server.</source>
        <translation>Ces contours ont été tracés par un autre serveur.</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>These outlines were not drawn by the server.</source>
        <translation>Ces contours n'ont pas été tracés par le serveur.</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>These results do not touch, so that they cannot become one polygon.</source>
        <translation>Ces résultats ne se touchent pas et ne peuvent devenir un seul polygone.</translation>
    </message>
    <message>
        <location filename="../background.py"/>
        <source>This is a defect of the plugin; please report it.</source>
        <translation>C'est un défaut de l'extension ; merci de le signaler.</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Ticked: what is not drawn there is something else. Else: what looks like them may be one of them.</source>
        <translation>Coché : ce qui n'y est pas dessiné est autre chose. Sinon : ce qui leur ressemble peut en être un.</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Token of the server</source>
        <translation>Jeton du serveur</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Train</source>
        <translation>Entraîner</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Trained models</source>
        <translation>Modèles entraînés</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Training set</source>
        <translation>Jeu d'entraînement</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Type what to look for, such as: airplane</source>
        <translation>Tapez que chercher, par exemple : airplane</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Undo</source>
        <translation>Annuler</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Until then Ctrl+Z takes corrections back</source>
        <translation>Jusque-là, Ctrl+Z annule les corrections</translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>Value</source>
        <translation>Valeur</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>View</source>
        <translation>Vue</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Waiting; jobs before this one: {n}</source>
        <translation>En attente ; tâches avant celle-ci : {n}</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Welcome: three steps to the first question</source>
        <translation>Bienvenue : trois étapes jusqu'à la première question</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>What is not hidden</source>
        <translation>Ce qui n'est pas masqué</translation>
    </message>
    <message>
        <location filename="../like_choice.py"/>
        <source>What looks like these examples is found, and the question is only its name. Of results the accepted ones are examples, and the rejected ones are not meant.</source>
        <translation>Ce qui ressemble à ces exemples est trouvé, et la question n'en est que le nom. Parmi les résultats, ceux acceptés sont des exemples, et ceux rejetés ne sont pas voulus.</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>What the map shows when you press Run; it is then kept as a drawn rectangle</source>
        <translation>Ce que montre la carte quand vous appuyez sur Lancer ; gardé ensuite comme rectangle dessiné</translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>What there is, or what is missing</source>
        <translation>Ce qu'il y a, ou ce qui manque</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>What to look for</source>
        <translation>Que chercher</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>What to look for (one question a line)</source>
        <translation>Que chercher (une question par ligne)</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>What “geoground serve” prints, or GEOGROUND_TOKEN of the server</source>
        <translation>Ce qu’affiche « geoground serve », ou GEOGROUND_TOKEN du serveur</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Where</source>
        <translation>Où</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Without a network: only wheels of this folder</source>
        <translation>Sans réseau : seulement les wheels de ce dossier</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Your team has a server? Skip step 1, and paste its link in the settings.</source>
        <translation>Votre équipe a un serveur ? Passez l’étape 1 et collez son lien dans les paramètres.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Zoom</source>
        <translation>Zoom</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>a first look</source>
        <translation>un premier aperçu</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>a path, or the address of a server: http://host:8000</source>
        <translation>un chemin, ou l’adresse d’un serveur : http://host:8000</translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>accepted</source>
        <translation>accepté</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>airplane
the largest storage tank
(one question a line)</source>
        <translation>airplane
the largest storage tank
(une question par ligne)</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>any</source>
        <translation>toute</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>as pip is configured</source>
        <translation>comme pip est configuré</translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>automatic</source>
        <translation>automatique</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>beside the project</source>
        <translation>à côté du projet</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>boxes</source>
        <translation>rectangles</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>built-in</source>
        <translation>intégré</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>builtin, the folder of a model, or with a server the name it gives the model</source>
        <translation>builtin, le dossier d'un modèle, ou avec un serveur le nom qu'il donne au modèle</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>by example (SFT)</source>
        <translation>par l'exemple (SFT)</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>by reward (GRPO)</source>
        <translation>par récompense (GRPO)</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>by score</source>
        <translation>selon le score</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>by verdict</source>
        <translation>selon le verdict</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>cancelled</source>
        <translation>annulé</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>coordinate systems are found: {id} {name}</source>
        <translation>systèmes de coordonnées trouvés : {id} {name}</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>detect,object,find,search,ground,expression,AI,deep learning,segment,count,vision</source>
        <translation>détecter,objet,trouver,chercher,localiser,expression,IA,apprentissage profond,segmenter,compter,vision</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>device: {device} ({name})</source>
        <translation>processeur : {device} ({name})</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>error {n}</source>
        <translation>erreur {n}</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>everything that fits</source>
        <translation>tout ce qui convient</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>geogrounding: 1 question</source>
        <translation>geogrounding : 1 question</translation>
    </message>
    <message>
        <location filename="../manual.py"/>
        <source>geogrounding: help</source>
        <translation>geogrounding : aide</translation>
    </message>
    <message>
        <location filename="../train_controller.py"/>
        <source>geogrounding: training</source>
        <translation>geogrounding : entraînement</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>geogrounding: {n} questions</source>
        <translation>geogrounding : {n} questions</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>greenhouse</source>
        <translation>greenhouse</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>least sure first</source>
        <translation>moins sûrs d'abord</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>missing</source>
        <translation>manque</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>models: </source>
        <translation>modèles : </translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>my-greenhouses</source>
        <translation>mes-serres</translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>no label</source>
        <translation>sans étiquette</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>no other raster</source>
        <translation>pas d'autre raster</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>none</source>
        <translation>aucun</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>none yet</source>
        <translation>aucun pour l'instant</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>not started</source>
        <translation>pas démarré</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>or by field</source>
        <translation>ou par champ</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>or in a terminal (without a network: see the manual, ? below):</source>
        <translation>ou dans un terminal (sans réseau : voir le manuel, ? ci-dessous) :</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>outlines</source>
        <translation>contours</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>outlines with right angles</source>
        <translation>contours à angles droits</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>packages: </source>
        <translation>paquets : </translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>part of the name</source>
        <translation>partie du nom</translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>rejected</source>
        <translation>rejeté</translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>score {s}</source>
        <translation>score {s}</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>step {n}: {metrics}</source>
        <translation>pas {n} : {metrics}</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>surest first</source>
        <translation>plus sûrs d'abord</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>the model of the server</source>
        <translation>le modèle du serveur</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>the one object described</source>
        <translation>le seul objet décrit</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>thorough</source>
        <translation>approfondi</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>train.jsonl</source>
        <translation>train.jsonl</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>turned boxes</source>
        <translation>rectangles orientés</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>unknown error</source>
        <translation>erreur inconnue</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>usual</source>
        <translation>habituel</translation>
    </message>
    <message>
        <location filename="../appearance.py"/>
        <source>values {limits}</source>
        <translation>valeurs {limits}</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>{c} × {r} pixels are exported first; that may take long.</source>
        <translation>{c} × {r} pixels sont d'abord exportés ; cela peut être long.</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>{c} × {r} pixels would have to be exported. Choose a smaller extent or a coarser resolution.</source>
        <translation>{c} × {r} pixels devraient être exportés. Choisissez une emprise plus petite ou une résolution plus grossière.</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>{done} of {total} chips, {found} found before merging</source>
        <translation>{done} tuiles sur {total}, {found} trouvés avant fusion</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>{file} could not be written.</source>
        <translation>{file} n'a pas pu être écrit.</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>{file} exists and is no GeoPackage ({why}). Choose another name.</source>
        <translation>{file} existe et n'est pas un GeoPackage ({why}). Choisissez un autre nom.</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>{found}.</source>
        <translation>{found}.</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>{found}; {n} of {all} chips could not be answered, see the log.</source>
        <translation>{found} ; {n} tuiles sur {all} sont restées sans réponse, voir le journal.</translation>
    </message>
    <message>
        <location filename="../messages.py"/>
        <source>{h} h {m} min</source>
        <translation>{h} h {m} min</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>{label} ({n} steps)</source>
        <translation>{label} ({n} pas)</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>{layer} (unfinished)</source>
        <translation>{layer} (inachevé)</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>{mb} MB are free again.</source>
        <translation>{mb} Mo sont de nouveau libres.</translation>
    </message>
    <message>
        <location filename="../messages.py"/>
        <source>{m} min {s} s</source>
        <translation>{m} min {s} s</translation>
    </message>
    <message>
        <location filename="../loss_plot.py"/>
        <source>{name}: {value} at step {step}</source>
        <translation>{name} : {value} au pas {step}</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>{n} chips</source>
        <translation>{n} tuiles</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>{n} examples</source>
        <translation>{n} exemples</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>{n} examples are too few; draw at least {least}, better {good}.</source>
        <translation>{n} exemples ne suffisent pas ; dessinez-en au moins {least}, mieux {good}.</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>{n} of {all} chips could not be answered:</source>
        <translation>{n} tuiles sur {all} sont restées sans réponse :</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>{n} of {all} rows are in the file.</source>
        <translation>{n} lignes sur {all} sont dans le fichier.</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>{n} rasters</source>
        <translation>{n} rasters</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>{n} rasters: {text}</source>
        <translation>{n} rasters : {text}</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>{n} results</source>
        <translation>{n} résultats</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>{n} results had no usable polygon and were left out.</source>
        <translation>{n} résultats sans polygone utilisable ont été omis.</translation>
    </message>
    <message>
        <location filename="../messages.py"/>
        <source>{n} s</source>
        <translation>{n} s</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>{n} samples in {path}</source>
        <translation>{n} échantillons dans {path}</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>{n} verdicts written…</source>
        <translation>{n} verdicts écrits…</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>{path} cannot be deleted: {why}</source>
        <translation>{path} ne peut être supprimé : {why}</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>{path} cannot be renamed: {why}</source>
        <translation>{path} ne peut être renommé : {why}</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{path} cannot make environments.</source>
        <translation>{path} ne peut pas créer d'environnements.</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{path} is there, and is not from here.</source>
        <translation>{path} existe et ne vient pas d'ici.</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{path} is too old: Python 3.11 or later is needed.</source>
        <translation>{path} est trop ancien : il faut Python 3.11 ou plus.</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{program} failed.</source>
        <translation>{program} a échoué.</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>{results}: {a} accepted, {r} rejected, {o} open</source>
        <translation>{results} : {a} acceptés, {r} rejetés, {o} ouverts</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>{share} % of the area came empty from the map server.</source>
        <translation>{share} % de la zone sont arrivés vides du serveur de cartes.</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>{text} Tick “{box}”, or choose a smaller extent.</source>
        <translation>{text} Cochez « {box} », ou choisissez une emprise plus petite.</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>“{file}” has a layer of this name already.</source>
        <translation>« {file} » a déjà une couche de ce nom.</translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>“{text}” does not fit here.</source>
        <translation>« {text} » ne convient pas ici.</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>◀ Previous</source>
        <translation>◀ Précédent</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>✔ Accept</source>
        <translation>✔ Accepter</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>✘ Reject</source>
        <translation>✘ Rejeter</translation>
    </message>
</context>
</TS>
