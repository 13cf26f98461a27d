// Questions about geometries in degrees.

// Of the features that a box of a few pixels reaches, the one whose middle is nearest.
export function nearest(features, bbox) {
  const [x, y] = middle(bbox);
  const narrow = Math.cos((y * Math.PI) / 180);
  const distance = ({ geometry }) => {
    const [lon, lat] = middle(bounds(geometry.coordinates.flat(Infinity)));
    return Math.hypot((lon - x) * narrow, lat - y);
  };
  const found = features.filter(({ geometry }) => reaches(geometry, bbox)).map((feature) => [distance(feature), feature]);
  return found.sort(([a], [b]) => a - b)[0]?.[1];
}

const middle = ([west, south, east, north]) => [(west + east) / 2, (south + north) / 2];

// Of longitudes and latitudes in turn.
function bounds(numbers) {
  const lons = numbers.filter((_, i) => i % 2 === 0);
  const lats = numbers.filter((_, i) => i % 2 === 1);
  const least = (values) => values.reduce((a, b) => Math.min(a, b));
  const most = (values) => values.reduce((a, b) => Math.max(a, b));
  return [least(lons), least(lats), most(lons), most(lats)];
}

// Whether a polygon covers the middle of a box or has a vertex in it.
function reaches(geometry, [west, south, east, north]) {
  const [x, y] = middle([west, south, east, north]);
  const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.type === "MultiPolygon" ? geometry.coordinates : [];
  if (!polygons.length) return true; // a point, whose box was asked for
  const near = ([lon, lat]) => lon >= west && lon <= east && lat >= south && lat <= north;
  const inside = (ring) =>
    ring.reduce((odd, [lon, lat], i) => {
      const [other, below] = ring[(i || ring.length) - 1];
      return lat > y !== below > y && x < ((other - lon) * (y - lat)) / (below - lat) + lon ? !odd : odd;
    }, false);
  return polygons.some((rings) => rings.flat().some(near) || rings.filter(inside).length % 2 === 1);
}
