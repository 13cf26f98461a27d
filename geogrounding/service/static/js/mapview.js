// The map: pixels of a scene, provisional and final polygons, what is selected.

import * as maplibre from "../vendor/maplibre-gl.mjs";
import { BASE } from "./api.js";

maplibre.setWorkerUrl(new URL("../vendor/maplibre-gl-worker.mjs", import.meta.url).href);

export const COLOURS = ["#ffb000", "#19c8ff", "#ff5fa2", "#7dff5c", "#c79bff", "#ff8a3c", "#2ff5cc", "#fff04d"];
const ABOVE = 120; // pixels of the map that the questions cover
const NOTHING = { type: "FeatureCollection", features: [] };
const REVIEW = ["coalesce", ["feature-state", "review"], ["get", "review"], "open"];
const SELECTED = ["boolean", ["feature-state", "selected"], false];
const DELETED = ["boolean", ["feature-state", "deleted"], false];

export class MapView {
  constructor(container, onPick) {
    this.map = new maplibre.Map({
      container,
      style: { version: 8, sources: {}, layers: [{ id: "ground", type: "background", paint: { "background-color": "#2a3138" } }] },
      center: [0, 20],
      zoom: 1,
      maxZoom: 26,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new maplibre.NavigationControl({ showCompass: false }), "bottom-right");
    this.map.addControl(new maplibre.ScaleControl({}), "bottom-left");
    this.ready = new Promise((resolve) => this.map.once("load", resolve)).then(() => this.#addDrawn());
    this.picking = true;
    this.map.on("click", (event) => this.picking && onPick(this.#at(event.point), this.#around(event.point)));
    this.map.on("mousemove", (event) => {
      if (!this.picking) return;
      this.map.getCanvas().style.cursor = this.#at(event.point) === null ? "" : "pointer";
    });
    this.tiled = false;
    this.whole = null;
    this.moved = false;
    this.fitting = false;
    for (const name of ["dragstart", "zoomstart"]) this.map.on(name, () => (this.moved ||= !this.fitting));
  }

  // What the next question is about, as it was drawn: over the scene, below results.
  #addDrawn() {
    this.map.addSource("drawn", { type: "geojson", data: NOTHING });
    this.map.addLayer({
      id: "drawn-line", type: "line", source: "drawn",
      paint: { "line-color": "#ffffff", "line-width": 2, "line-dasharray": [3, 2] },
    });
  }

  // The area that is looked at, and examples.
  async showDrawn(area, examples) {
    await this.ready;
    const shapes = area ? [area, ...examples] : examples;
    const features = shapes.map((geometry) => ({ type: "Feature", geometry, properties: {} }));
    this.map.getSource("drawn").setData({ type: "FeatureCollection", features });
  }

  // Pixels of a scene; its results are taken away. The same scene again stays where the user looks.
  async showScene(scene) {
    await this.ready;
    this.clear();
    if (this.scene === scene.id) {
      this.fit();
      return;
    }
    this.scene = scene.id;
    if (this.map.getLayer("scene")) {
      this.map.removeLayer("scene");
      this.map.removeSource("scene");
    }
    const [west, south, east, north] = scene.bbox;
    const right = east < west ? east + 360 : east;
    this.map.addSource("scene", {
      type: "raster",
      tiles: [`${BASE}/scenes/${scene.id}/tiles/WebMercatorQuad/{z}/{x}/{y}`],
      tileSize: 256,
      maxzoom: scene.maxzoom,
      ...(east < west ? {} : { bounds: scene.bbox }),
    });
    this.map.addLayer(
      { id: "scene", type: "raster", source: "scene", paint: { "raster-fade-duration": 0, "raster-resampling": "nearest" } },
      "drawn-line",
    );
    this.whole = [[west, south], [right, north]];
    this.moved = false;
    this.fit();
  }

  // The whole scene, unless the user looks at a part of it.
  fit() {
    if (!this.whole || this.moved) return;
    this.fitting = true;
    this.map.resize();
    this.map.fitBounds(this.whole, { padding: { top: 130, bottom: 40, left: 40, right: 40 }, duration: 0, maxZoom: 25 });
    this.fitting = false;
  }

  clear() {
    for (const id of ["live-fill", "live-line", "image", "result-fill", "result-line", "selected"]) if (this.map.getLayer(id)) this.map.removeLayer(id);
    for (const id of ["live", "image", "result", "selected"]) if (this.map.getSource(id)) this.map.removeSource(id);
  }

  // Colours of the queries, for every layer that follows.
  setQueries(queries) {
    const pairs = queries.slice(0, 60).flatMap((query, i) => [query, COLOURS[i % COLOURS.length]]);
    this.colour = pairs.length ? ["match", ["get", "query"], ...pairs, "#ffffff"] : "#ffffff";
  }

  addLive(features) {
    if (!this.map.getSource("live")) {
      this.map.addSource("live", { type: "geojson", data: NOTHING });
      this.map.addLayer({ id: "live-fill", type: "fill", source: "live", paint: { "fill-color": this.colour, "fill-opacity": 0.12 } });
      this.map.addLayer({
        id: "live-line", type: "line", source: "live",
        paint: { "line-color": this.colour, "line-width": 1.5, "line-dasharray": [2, 1.5] },
      });
    }
    this.map.getSource("live").updateData({ add: features });
  }

  // Final features: as GeoJSON; where there are too many, as images (crowded tiles) and vectors (other tiles) of a job.
  showResults(features, tiles = null, images = null) {
    this.clear();
    this.tiled = tiles !== null;
    if (this.tiled) {
      this.map.addSource("image", { type: "raster", tiles: [`${BASE}${images}`], tileSize: 512, maxzoom: 22 });
      this.map.addLayer({ id: "image", type: "raster", source: "image", paint: { "raster-fade-duration": 0 } });
      this.map.addSource("result", { type: "vector", tiles: [`${BASE}${tiles}`], maxzoom: 22 });
    } else {
      this.map.addSource("result", { type: "geojson", data: { type: "FeatureCollection", features }, tolerance: 0 });
    }
    const layer = this.tiled ? { "source-layer": "features" } : {};
    const shown = (opacity, rejected) => ["case", DELETED, 0, SELECTED, opacity * 1.6, ["==", REVIEW, "rejected"], rejected, ["==", REVIEW, "accepted"], opacity * 1.4, opacity];
    this.map.addLayer({
      id: "result-fill", type: "fill", source: "result", ...layer,
      paint: {
        "fill-antialias": false, // it draws every outline once more, which the lines below do anyway
        "fill-color": ["case", ["==", REVIEW, "rejected"], "#9aa4ae", this.colour],
        "fill-opacity": ["case", DELETED, 0, SELECTED, 0.08, ["==", REVIEW, "accepted"], 0.25, ["==", REVIEW, "rejected"], 0.04, 0.1],
      },
    });
    this.map.addLayer({
      id: "result-line", type: "line", source: "result", ...layer,
      layout: { "line-join": this.tiled ? "miter" : "round" }, // round ones are several times the triangles
      paint: {
        "line-color": ["case", SELECTED, "#ffffff", ["==", REVIEW, "rejected"], "#9aa4ae", this.colour],
        "line-width": ["case", SELECTED, 4, ["==", REVIEW, "accepted"], 3, ["==", REVIEW, "rejected"], 1, 2],
        "line-opacity": shown(0.62, 0.5),
      },
    });
    this.map.addSource("selected", { type: "geojson", data: NOTHING });
    this.map.addLayer({ id: "selected", type: "line", source: "selected", paint: { "line-color": "#ffffff", "line-width": 4 } });
  }

  // The selected feature of tiles: an image cannot show it otherwise.
  showSelected(feature) {
    const features = this.tiled && feature ? [{ type: "Feature", geometry: feature.geometry, properties: {} }] : [];
    this.map.getSource("selected")?.setData({ type: "FeatureCollection", features });
  }

  setData(features) {
    this.map.getSource("result")?.setData({ type: "FeatureCollection", features });
  }

  refreshTiles(tiles) {
    this.map.getSource("result")?.setTiles([`${BASE}${tiles}`]);
  }

  // Other images, where the address of these says that they differ from those that are shown.
  refreshImages(images) {
    const source = this.map.getSource("image");
    if (source && source.tiles[0] !== `${BASE}${images}`) source.setTiles([`${BASE}${images}`]);
  }

  // Which features are drawn: a score from, an area from and to, queries.
  setFilter({ score, areaFrom, areaTo, hidden }) {
    const conditions = ["all", [">=", ["coalesce", ["get", "score"], 1], score]];
    if (areaFrom !== null) conditions.push([">=", ["coalesce", ["get", "area_m2"], 0], areaFrom]);
    if (areaTo !== null) conditions.push(["<=", ["coalesce", ["get", "area_m2"], 0], areaTo]);
    if (hidden.length) conditions.push(["!", ["in", ["get", "query"], ["literal", hidden]]]);
    for (const id of ["result-fill", "result-line"]) if (this.map.getLayer(id)) this.map.setFilter(id, conditions);
  }

  setState(id, state) {
    if (!this.map.getSource("result")) return;
    this.map.setFeatureState({ source: "result", id, ...(this.tiled ? { sourceLayer: "features" } : {}) }, state);
  }

  // Bring a geometry into view, clear of the questions above and of so many pixels below.
  lookAt(geometry, below = 0) {
    const bounds = new maplibre.LngLatBounds();
    for (const ring of geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat()) {
      for (const position of ring) bounds.extend(position);
    }
    if (geometry.type === "Point") bounds.extend(geometry.coordinates);
    const corner = this.map.project(bounds.getNorthEast());
    const other = this.map.project(bounds.getSouthWest());
    const size = Math.max(corner.x - other.x, other.y - corner.y);
    const { clientWidth: width, clientHeight: height } = this.map.getCanvas();
    const hidden = other.x < 0 || corner.x > width || corner.y < ABOVE || other.y > height - below;
    if (hidden) this.map.easeTo({ center: bounds.getCenter(), duration: 250 });
    if (size < 24 || size > height) {
      this.map.fitBounds(bounds, { padding: 180, duration: 250, maxZoom: 24 });
    }
  }

  // West, south, east and north of a few pixels around a point.
  #around({ x, y }) {
    const { lng: west, lat: south } = this.map.unproject([x - 3, y + 3]);
    const { lng: east, lat: north } = this.map.unproject([x + 3, y - 3]);
    return [west, south, east, north];
  }

  #at(point) {
    if (!this.map.getLayer("result-fill")) return null;
    const around = [[point.x - 3, point.y - 3], [point.x + 3, point.y + 3]];
    const found = this.map.queryRenderedFeatures(around, { layers: ["result-fill", "result-line"] });
    const usable = found.filter((feature) => !feature.state?.deleted);
    const size = (feature) => feature.properties.area_m2 ?? Infinity;
    usable.sort((a, b) => size(a) - size(b));
    return usable.length ? usable[0].id : null;
  }
}
