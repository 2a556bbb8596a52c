"""Camtrap DP 1.0.2: traps as deployments, photos as media, counts as observations of media.

Only observations whose photo was agreed to be sent and lies here; the photos themselves stay. A trap photo shows what was
caught since the trap was emptied, so the nearest of the standard's capture methods is `timeLapse`, one frame a visit.
Source: https://camtrap-dp.tdwg.org/ (metadata and data, version 1.0.2).
"""

from datetime import datetime
from typing import Any, BinaryIO

import msgspec

from pestwatch import __version__
from pestwatch.domain.places import District
from pestwatch.errors import Problem
from server.exchange.archive import Parts, open_archive
from server.exchange.sharing import GENERALISED, WITHHELD, Outing, Shared, rank, scientific_name, utc
from server.exchange.spreadsheet import Table

STANDARD = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2"
DEPLOYMENTS = (
    "deploymentID", "locationID", "locationName", "latitude", "longitude", "coordinateUncertainty", "deploymentStart",
    "deploymentEnd", "setupBy", "cameraID", "cameraModel", "cameraDelay", "cameraHeight", "cameraDepth", "cameraTilt",
    "cameraHeading", "detectionDistance", "timestampIssues", "baitUse", "featureType", "habitat", "deploymentGroups",
    "deploymentTags", "deploymentComments",
)  # fmt: skip
MEDIA = (
    "mediaID", "deploymentID", "captureMethod", "timestamp", "filePath", "filePublic", "fileName", "fileMediatype",
    "exifData", "favorite", "mediaComments",
)  # fmt: skip
OBSERVATIONS = (
    "observationID", "deploymentID", "mediaID", "eventID", "eventStart", "eventEnd", "observationLevel",
    "observationType", "cameraSetupType", "scientificName", "count", "lifeStage", "sex", "behavior", "individualID",
    "individualPositionRadius", "individualPositionAngle", "individualSpeed", "bboxX", "bboxY", "bboxWidth",
    "bboxHeight", "classificationMethod", "classifiedBy", "classificationTimestamp", "classificationProbability",
    "observationTags", "observationComments",
)  # fmt: skip
TABLES = {"deployments": DEPLOYMENTS, "media": MEDIA, "observations": OBSERVATIONS}


def write_camtrap(outing: Outing, out: BinaryIO) -> int:
    """Writes the package.

    Raises:
      Problem 422.43: the region has no point on the map, and the standard asks for one.
    """
    if outing.district is None:
        raise Problem("422.43", region=outing.region)
    exposures: dict[str, tuple[datetime, Shared]] = {}
    found: set[str] = set()
    photos = 0
    with open_archive(out) as parts:
        media, observations = (parts.table(f"{name}.csv", TABLES[name]) for name in ("media", "observations"))
        for one in outing.observations():
            if one.photo is None or not one.is_usable:
                continue
            photos += 1
            begin, _ = exposures.get(one.trap, (one.begin, one))
            exposures[one.trap] = (min(begin, one.begin), one)
            media.writerow(_row(MEDIA, _medium(one, *one.photo)))
            found |= _write_observations(outing, one, observations)
        _write_deployments(parts, exposures, outing.district)
        parts.add("datapackage.json", msgspec.json.format(msgspec.json.encode(_package(outing, found))))
    return photos


def _medium(one: Shared, sha256: str, media_type: str) -> dict[str, Any]:
    suffix = media_type.partition("/")[2].replace("jpeg", "jpg")
    return {
        "mediaID": one.id,
        "deploymentID": one.trap,
        "captureMethod": "timeLapse",
        "timestamp": utc(one.taken_at),
        "filePath": f"media/{sha256}.{suffix}",
        "filePublic": "false",
        "fileMediatype": media_type,
        "mediaComments": "Kept by the publisher under its SHA-256, not part of this package.",
    }


def _write_observations(outing: Outing, one: Shared, table: Table) -> set[str]:
    """One row for each species that was there; a photo without any is blank. Says which species there were."""
    there = {species: insects for species, insects in sorted(one.counts.items()) if insects}
    shared = {
        "deploymentID": one.trap,
        "mediaID": one.id,
        "eventStart": utc(one.taken_at),
        "eventEnd": utc(one.taken_at),
        "observationLevel": "media",
        "classificationMethod": "human" if one.model is None else "machine",
        "classifiedBy": one.model or one.counted_by,
    }
    if not there:
        blank = {"observationID": outing.made_up("blank", one.id), "observationType": "blank"}
        table.writerow(_row(OBSERVATIONS, shared | blank))
    for species, insects in there.items():
        animal = {
            "observationID": outing.made_up("occurrence", one.id, species),
            "observationType": "animal",
            "scientificName": scientific_name(species),
            "count": insects,
            "observationTags": f"eppo:{species}",
        }
        table.writerow(_row(OBSERVATIONS, shared | animal))
    return set(there)


def _write_deployments(parts: Parts, exposures: dict[str, tuple[datetime, Shared]], district: District) -> None:
    table = parts.table("deployments.csv", DEPLOYMENTS)
    for trap, (begin, last) in exposures.items():
        deployment = {
            "deploymentID": trap,
            "locationID": f"LGD:{last.taluka.lgd_code}" if last.taluka else district.key,
            "locationName": last.taluka.name if last.taluka else district.name,
            "latitude": district.latitude,
            "longitude": district.longitude,
            "deploymentStart": utc(begin),
            "deploymentEnd": utc(last.taken_at),
            "baitUse": "true",
            "habitat": last.crop,
            "deploymentTags": f"trap:{last.trap_type} | lure:{last.pest}",
            "deploymentComments": GENERALISED,
        }
        table.writerow(_row(DEPLOYMENTS, deployment))


def _row(columns: tuple[str, ...], said: dict[str, Any]) -> list[Any]:
    return [said.get(column, "") for column in columns]


def _package(outing: Outing, found: set[str]) -> dict[str, Any]:
    assert outing.district is not None
    title = f"Trap catches of {outing.name}"
    return {
        "profile": f"{STANDARD}/camtrap-dp-profile.json",
        "name": f"pestwatch-{outing.region.lower()}-{outing.first}-{outing.last}",
        "id": outing.made_up("package", outing.region, str(outing.first), str(outing.last)),
        "created": utc(outing.now),
        "title": f"{title}, {outing.first} to {outing.last}",
        "contributors": [{"title": outing.publisher, "role": "publisher"}],
        "description": f"{GENERALISED} Withheld: {WITHHELD}",
        "sources": [{"title": "pestwatch", "version": __version__}],
        "project": {
            "title": title,
            "samplingDesign": "targeted",
            "captureMethod": ["timeLapse"],
            "individualAnimals": False,
            "observationLevel": ["media"],
        },
        "spatial": {"type": "Point", "coordinates": [outing.district.longitude, outing.district.latitude]},
        "temporal": {"start": outing.first, "end": outing.last},
        "taxonomic": [
            {"scientificName": scientific_name(species), "taxonRank": rank(species)} for species in sorted(found)
        ],
        "resources": [
            {
                "name": name,
                "path": f"{name}.csv",
                "profile": "tabular-data-resource",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": f"{STANDARD}/{name}-table-schema.json",
            }
            for name in TABLES
        ],
    }
