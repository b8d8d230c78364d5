// Distance and bearing on the WGS-84 ellipsoid (Vincenty's inverse formula).

const A = 6378137;
const F = 1 / 298.257223563;
const B = A * (1 - F);
const RADIANS = Math.PI / 180;

/** Metres and degrees clockwise from north, from one [lon, lat] to another. */
export function line([lon1, lat1], [lon2, lat2]) {
  const l = (lon2 - lon1) * RADIANS;
  const u1 = Math.atan((1 - F) * Math.tan(lat1 * RADIANS));
  const u2 = Math.atan((1 - F) * Math.tan(lat2 * RADIANS));
  const [s1, c1, s2, c2] = [Math.sin(u1), Math.cos(u1), Math.sin(u2), Math.cos(u2)];
  let lambda = l;
  let sinSigma, cosSigma, sigma, cosSqAlpha, cos2m;
  for (let i = 0; i < 200; i++) {
    const [sl, cl] = [Math.sin(lambda), Math.cos(lambda)];
    sinSigma = Math.hypot(c2 * sl, c1 * s2 - s1 * c2 * cl);
    if (sinSigma === 0) return { metres: 0, bearing: 0 };
    cosSigma = s1 * s2 + c1 * c2 * cl;
    sigma = Math.atan2(sinSigma, cosSigma);
    const sinAlpha = (c1 * c2 * sl) / sinSigma;
    cosSqAlpha = 1 - sinAlpha * sinAlpha;
    cos2m = cosSqAlpha ? cosSigma - (2 * s1 * s2) / cosSqAlpha : 0;
    const c = (F / 16) * cosSqAlpha * (4 + F * (4 - 3 * cosSqAlpha));
    const before = lambda;
    lambda = l + (1 - c) * F * sinAlpha * (sigma + c * sinSigma * (cos2m + c * cosSigma * (2 * cos2m * cos2m - 1)));
    if (Math.abs(lambda - before) < 1e-12) break;
  }
  const uSq = (cosSqAlpha * (A * A - B * B)) / (B * B);
  const big = 1 + (uSq / 16384) * (4096 + uSq * (uSq * (320 - 175 * uSq) - 768));
  const small = (uSq / 1024) * (256 + uSq * (uSq * (74 - 47 * uSq) - 128));
  const square = cos2m * cos2m;
  const turn = small * sinSigma * (cos2m + (small / 4) * (cosSigma * (2 * square - 1) - (small / 6) * cos2m * (4 * sinSigma * sinSigma - 3) * (4 * square - 3)));
  const bearing = Math.atan2(c2 * Math.sin(lambda), c1 * s2 - s1 * c2 * Math.cos(lambda)) / RADIANS;
  return { metres: B * big * (sigma - turn), bearing: (bearing + 360) % 360 };
}
