"""The shifted datums of Chinese map services: WGS 84 <-> GCJ-02 (AMap, Tencent) <-> BD-09 (Baidu).

A point handed to a map app without this conversion is some 500 m off at Bijie: another grid. Outside China there is
nothing to convert, and doing it anyway would be as wrong, so such points are refused.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gridmap.domain.crs import CHINA_BOX

Degrees = npt.NDArray[np.float64]
AXIS_M = 6378245.0  # semi-major axis of the Krasovsky 1940 ellipsoid, which the published formula uses
ECCENTRICITY_2 = 0.00669342162296594323  # its squared eccentricity, as published
ORIGIN = (105.0, 35.0)  # lon, lat the polynomial is taken about
BAIDU_SHIFT = (0.0065, 0.006)  # degrees lon, lat
BAIDU_WAVE = np.pi * 3000.0 / 180.0
TOLERANCE_DEG = 1e-12  # far below the 1e-9 that is promised; 5 rounds reach it
MOST_ROUNDS = 30


class OutsideChina(ValueError):
    """A point lies where the shifted datums are not used; converting it would move it."""


def _checked(lonlat: npt.ArrayLike) -> Degrees:
    """Return points as an (n, 2) array, or (2,) for one point.

    Raises
    ------
    OutsideChina
        When one is not finite or not within China's box.
    """
    points = np.asarray(lonlat, dtype=np.float64)
    if points.shape[-1:] != (2,) or points.ndim > 2:
        raise ValueError(f"longitude and latitude expected, not shape {points.shape}")
    west, south, east, north = CHINA_BOX
    lon, lat = points[..., 0], points[..., 1]
    if not np.all((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)):  # NaN fails as well
        raise OutsideChina("a point outside China has no GCJ-02 or BD-09")
    return points


def _waves(x: Degrees, *terms: tuple[float, float]) -> Degrees:
    """Return two thirds of a sum of sines; each term is (amplitude, period as a share of pi)."""
    return np.sum([a * np.sin(x * np.pi * f) for a, f in terms], axis=0) * 2.0 / 3.0  # type: ignore[no-any-return]


def _shift(points: Degrees) -> Degrees:
    """Return what GCJ-02 adds to WGS 84, in degrees."""
    x, y = points[..., 0] - ORIGIN[0], points[..., 1] - ORIGIN[1]
    root = np.sqrt(np.abs(x))
    shared = _waves(x, (20.0, 6.0), (20.0, 2.0))
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + shared
    north_m += _waves(y, (20.0, 1.0), (40.0, 1 / 3)) + _waves(y, (160.0, 1 / 12), (320.0, 1 / 30))
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + shared
    east_m += _waves(x, (20.0, 1.0), (40.0, 1 / 3)) + _waves(x, (150.0, 1 / 12), (300.0, 1 / 30))
    lat = np.radians(points[..., 1])
    bend = 1.0 - ECCENTRICITY_2 * np.sin(lat) ** 2
    meridian_m = AXIS_M * (1.0 - ECCENTRICITY_2) / (bend * np.sqrt(bend))
    parallel_m = AXIS_M / np.sqrt(bend) * np.cos(lat)
    return np.stack([np.degrees(east_m / parallel_m), np.degrees(north_m / meridian_m)], axis=-1)


def _to_gcj(points: Degrees) -> Degrees:
    return points + _shift(points)


def _to_baidu(points: Degrees) -> Degrees:
    x, y = points[..., 0], points[..., 1]
    radius = np.hypot(x, y) + 0.00002 * np.sin(y * BAIDU_WAVE)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * BAIDU_WAVE)
    return np.stack([radius * np.cos(angle) + BAIDU_SHIFT[0], radius * np.sin(angle) + BAIDU_SHIFT[1]], axis=-1)


def _solved(forward: Callable[[Degrees], Degrees], wanted: Degrees) -> Degrees:
    """Return the points that ``forward`` takes to ``wanted``: it moves by little and smoothly, so a fixed point.

    Raises
    ------
    ArithmeticError
        When it does not settle, which no point of China makes happen.
    """
    found = wanted
    for _ in range(MOST_ROUNDS):
        rest = wanted - forward(found)
        found = found + rest
        if np.max(np.abs(rest), initial=0.0) < TOLERANCE_DEG:
            return found
    raise ArithmeticError("the inverse of a datum did not settle")


def gcj02_from_wgs84(lonlat: npt.ArrayLike) -> Degrees:
    """Return points in GCJ-02, the datum of AMap and Tencent.

    Parameters
    ----------
    lonlat : (n, 2) or (2,) degrees, WGS 84 (or CGCS2000, which equals it at our scale), longitude first.

    Raises
    ------
    OutsideChina
        When a point is not within China's box.

    References
    ----------
    The forward formula in general use (published 2010, "eviltransform"); three independent libraries agree with it
    to 1e-11 degrees.
    """
    return _to_gcj(_checked(lonlat))


def wgs84_from_gcj02(lonlat: npt.ArrayLike) -> Degrees:
    """Return points in WGS 84, exact to 1e-9 degrees (0.1 mm); parameters and errors as ``gcj02_from_wgs84``."""
    return _solved(_to_gcj, _checked(lonlat))


def bd09_from_gcj02(lonlat: npt.ArrayLike) -> Degrees:
    """Return points in BD-09, Baidu's own shift on top of GCJ-02."""
    return _to_baidu(_checked(lonlat))


def gcj02_from_bd09(lonlat: npt.ArrayLike) -> Degrees:
    """Return points in GCJ-02, exact to 1e-9 degrees."""
    return _solved(_to_baidu, _checked(lonlat))


def bd09_from_wgs84(lonlat: npt.ArrayLike) -> Degrees:
    """Return points in BD-09."""
    return _to_baidu(gcj02_from_wgs84(lonlat))


def wgs84_from_bd09(lonlat: npt.ArrayLike) -> Degrees:
    """Return points in WGS 84, exact to 1e-9 degrees."""
    return wgs84_from_gcj02(gcj02_from_bd09(lonlat))
