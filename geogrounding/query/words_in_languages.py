"""Names of classes in German, French, Spanish, Portuguese, Chinese and Japanese, for queries that are no more than such a name.

"Gebäude", "les bateaux", "todos los árboles", "飞机" are read as "buildings", "boats" ... Nothing longer is translated: every
other word of a query must be English. Words without their accents are known as well, and German ones with ae, oe, ue, ss.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache

from geogrounding.query.lexicon import SYNONYMS

_WORDS: dict[str, str] = {
    "airplane": "Flugzeug Flugzeuge | avion avions aéronef aéronefs | avión aviones | avião aviões aeronave aeronaves | 飞机 | 飛行機 航空機",
    "ship": "Schiff Schiffe Boot Boote | bateau bateaux navire navires | barco barcos buque buques | navio navios embarcação embarcações | 船 船只 船舶 | ボート",
    "storage tank": "Lagertank Lagertanks Öltank Öltanks Tanklager | réservoir réservoirs citerne citernes | tanque_de_almacenamiento tanques_de_almacenamiento | tanque tanques tanque_de_armazenamento tanques_de_armazenamento | 储罐 油罐 | 貯蔵タンク 石油タンク タンク",
    "baseball diamond": "Baseballfeld Baseballfelder | terrain_de_baseball terrains_de_baseball | campo_de_béisbol campos_de_béisbol | campo_de_beisebol campos_de_beisebol | 棒球场 | 野球場",
    "tennis court": "Tennisplatz Tennisplätze | court_de_tennis courts_de_tennis terrain_de_tennis terrains_de_tennis | cancha_de_tenis canchas_de_tenis pista_de_tenis pistas_de_tenis | quadra_de_tênis quadras_de_tênis campo_de_ténis campos_de_ténis | 网球场 | テニスコート",
    "basketball court": "Basketballplatz Basketballplätze Basketballfeld Basketballfelder | terrain_de_basket terrains_de_basket | cancha_de_baloncesto canchas_de_baloncesto cancha_de_básquetbol | quadra_de_basquete quadras_de_basquete | 篮球场 | バスケットコート バスケットボールコート",
    "ground track field": "Leichtathletikstadion Leichtathletikstadien Laufbahn Laufbahnen | piste_d'athlétisme pistes_d'athlétisme | pista_de_atletismo pistas_de_atletismo | 田径场 | 陸上競技場",
    "harbor": "Hafen Häfen Bootssteg Bootsstege | jetée jetées | puerto puertos muelle muelles | porto portos cais | 港口 码头 | 港 桟橋",
    "bridge": "Brücke Brücken | pont ponts | puente puentes | ponte pontes | 桥 桥梁 | 橋",
    "vehicle": "Fahrzeug Fahrzeuge Auto Autos Lastwagen LKW LKWs PKW PKWs | voiture voitures véhicule véhicules camion camions | vehículo vehículos coche coches camión camiones | veículo veículos carro carros caminhão caminhões | 车 车辆 汽车 卡车 | 車 車両 自動車 トラック",
    "building": "Gebäude Haus Häuser Wohnhaus Wohnhäuser Dach Dächer | bâtiment bâtiments maison maisons toit toits | edificio edificios casa casas tejado tejados | edifício edifícios prédio prédios telhado telhados | 建筑 建筑物 房屋 房子 屋顶 | 建物 家 家屋 住宅 屋根",
    "tree": "Baum Bäume Baumkrone Baumkronen | arbre arbres | árbol árboles | árvore árvores | 树 树木 树冠 | 木 樹木 樹冠",
    "swimming pool": "Schwimmbad Schwimmbäder Schwimmbecken | piscine piscines | piscina piscinas | 游泳池 泳池 | プール",
    "solar panel": "Solarmodul Solarmodule Solaranlage Solaranlagen Photovoltaikanlage Photovoltaikanlagen | panneau_solaire panneaux_solaires | panel_solar paneles_solares placa_solar placas_solares | painel_solar painéis_solares | 太阳能板 太阳能电池板 光伏板 | ソーラーパネル 太陽光パネル 太陽電池パネル",
    "wind turbine": "Windrad Windräder Windkraftanlage Windkraftanlagen | éolienne éoliennes | aerogenerador aerogeneradores turbina_eólica turbinas_eólicas | aerogerador aerogeradores | 风力发电机 风机 风车 | 風車 風力発電機",
    "overpass": "Überführung Überführungen Viadukt Viadukte | viaduc viaducs | paso_elevado pasos_elevados viaducto viaductos | viaduto viadutos | 立交桥 高架桥 | 高架橋 陸橋",
    "helicopter": "Hubschrauber Helikopter | hélicoptère hélicoptères | helicóptero helicópteros | 直升机 | ヘリコプター",
    "soccer field": "Fußballplatz Fußballplätze Fußballfeld Fußballfelder | terrain_de_football terrains_de_football terrain_de_foot terrains_de_foot | campo_de_fútbol campos_de_fútbol cancha_de_fútbol canchas_de_fútbol | campo_de_futebol campos_de_futebol | 足球场 | サッカー場",
    "golf course": "Golfplatz Golfplätze | terrain_de_golf terrains_de_golf | campo_de_golf campos_de_golf | campo_de_golfe campos_de_golfe | 高尔夫球场 | ゴルフ場",
    "roundabout": "Kreisverkehr Kreisverkehre | rond-point ronds-points | rotonda rotondas glorieta glorietas | rotatória rotatórias rotunda rotundas | 环岛 | ロータリー ラウンドアバウト",
    "parking lot": "Parkplatz Parkplätze | parking parkings | aparcamiento aparcamientos estacionamiento estacionamientos | estacionamento estacionamentos | 停车场 | 駐車場",
    "chimney": "Schornstein Schornsteine | cheminée cheminées | chimenea chimeneas | chaminé chaminés | 烟囱 | 煙突",
    "container": "conteneur conteneurs | contenedor contenedores | contêiner contêineres contentor contentores | 集装箱 | コンテナ",
    "crane": "Kran Kräne Krane | grue grues | grúa grúas | guindaste guindastes | 起重机 吊车 | クレーン",
    "dam": "Staudamm Staudämme Staumauer Staumauern | barrage barrages | presa presas | barragem barragens represa represas | 水坝 大坝 | ダム",
    "train station": "Bahnhof Bahnhöfe | gare gares | estación_de_tren estaciones_de_tren | estação_de_trem estações_de_trem | 火车站 | 駅",
    "airport": "Flughafen Flughäfen | aéroport aéroports | aeropuerto aeropuertos | aeroporto aeroportos | 机场 | 空港",
    "greenhouse": "Gewächshaus Gewächshäuser | serre serres | invernadero invernaderos | estufa estufas | 温室 大棚 | ビニールハウス",
    "lake": "lac lacs | lago lagos | 湖 湖泊",
    "pond": "Teich Teiche | étang étangs | estanque estanques | lagoa lagoas | 池塘 | 池",
}  # fmt: skip
"""Class to its names: German, French, Spanish, Portuguese, Chinese and Japanese between bars, where a language has words of its
own; a line between words of one name. Words that mean something else in English ("port", "See", "tank") are left out."""

_BEFORE = re.compile(
    r"^(?:(?:alle|jedes|jede|jeder|die|der|das|ein|eine|tous les|toutes les|chaque|les|la|le|des|un|une|todos los|todas las|todos os|"
    r"todas as|los|las|el|os|as|uma|um|unos|unas|cada) |l'|所有的?|全部的?|すべての|全ての|全部の)"
)


def in_english(text: str, names: Iterable[str] = ()) -> str:
    """The English name of a class where a query is its name in another language, else the query as it is.

    Articles and words for "all" before it are passed over: all are meant, unless the task is to choose one.

    Args:
        text: a query.
        names: nouns that have a meaning already, such as taught classes and layers: they win.
    """
    words = _folded(text.strip(" .!?。！？　"))
    bare = _BEFORE.sub("", words, count=1)
    found = _known().get(words) or _known().get(bare)
    return text if found is None or {words, bare} & {_folded(name) for name in names} else found


def words_of(category: str) -> tuple[str, ...]:
    """The names of a class in other languages, as they are written."""
    return tuple(word.replace("_", " ") for word in _WORDS[category].replace("|", " ").split())


@cache
def _known() -> dict[str, str]:
    known: dict[str, str] = {}
    for category in _WORDS:
        for word in words_of(category):
            for form in _forms(word):
                known[form] = SYNONYMS[category][0][1]
    return known


def _forms(word: str) -> Iterator[str]:
    yield _folded(word)
    yield _folded(word.casefold().translate({ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue"}))


def _folded(text: str) -> str:
    """Lower case, single spaces, Latin letters without their accents."""
    composed = (
        unicodedata.normalize("NFKC", " ".join(text[:200].split())).casefold().replace("’", "'").replace("-", " ")
    )
    return "".join(
        unicodedata.normalize("NFD", letter)[0] if "LATIN" in unicodedata.name(letter, "") else letter
        for letter in composed
    )
