"""Darwin Core Archive: sampling events (a trap over its nights) with the occurrences that were counted in each.

Terms: https://dwc.tdwg.org/terms/ · archive: https://dwc.tdwg.org/text/ · EML 2.2.0: https://eml.ecoinformatics.org/
Sampling events with effort, and absences beside presences: GBIF, Best practices in publishing sampling-event data.
"""

from typing import BinaryIO
from xml.etree import ElementTree as ET

from server.exchange.archive import open_archive
from server.exchange.sharing import GENERALISED, WITHHELD, Outing, Shared, rank, scientific_name, utc

DWC = "http://rs.tdwg.org/dwc/terms/"
TEXT = "http://rs.tdwg.org/dwc/text/"
EML = "https://eml.ecoinformatics.org/eml-2.2.0"
EVENT = (
    "eventID", "parentEventID", "eventType", "eventDate", "samplingProtocol", "sampleSizeValue", "sampleSizeUnit",
    "habitat", "countryCode", "stateProvince", "county", "municipality", "locationID", "decimalLatitude",
    "decimalLongitude", "geodeticDatum", "dataGeneralizations", "informationWithheld",
)  # fmt: skip
OCCURRENCE = (
    "eventID", "occurrenceID", "basisOfRecord", "scientificName", "kingdom", "taxonRank", "individualCount",
    "organismQuantity", "organismQuantityType", "occurrenceStatus", "identifiedBy",
)  # fmt: skip


def write_darwin_core(outing: Outing, out: BinaryIO) -> int:
    """Writes the archive. Photos that the gate rejected and nobody recounted are left out: their counts say nothing."""
    events = 0
    with open_archive(out) as parts:
        event, occurrence = parts.table("event.csv", EVENT), parts.table("occurrence.csv", OCCURRENCE)
        for one in outing.observations():
            if one.is_usable:
                events += 1
                event.writerow(_event(outing, one))
                for species, insects in sorted(one.counts.items()):
                    occurrence.writerow(_occurrence(outing, one, species, insects))
        parts.add("meta.xml", _meta())
        parts.add("eml.xml", _eml(outing))
    return events


def _event(outing: Outing, one: Shared) -> tuple[object, ...]:
    state, district = outing.state, outing.district
    is_span = one.begin < one.taken_at
    return (
        f"urn:uuid:{one.id}",
        f"urn:uuid:{one.trap}",
        "Sampling",
        f"{utc(one.begin)}/{utc(one.taken_at)}" if is_span else utc(one.taken_at),
        f"{one.trap_type} trap for {scientific_name(one.pest)}",
        one.nights,
        "trap-night" if one.nights else "",
        one.crop,
        "IN",
        state.name if state else "",
        district.name if district else outing.name,
        one.taluka.name if one.taluka else "",
        f"LGD:{one.taluka.lgd_code}" if one.taluka else outing.region,
        district.latitude if district else "",
        district.longitude if district else "",
        "EPSG:4326" if district else "",
        GENERALISED,
        WITHHELD,
    )


def _occurrence(outing: Outing, one: Shared, species: str, insects: int) -> tuple[object, ...]:
    return (
        f"urn:uuid:{one.id}",
        f"urn:uuid:{outing.made_up('occurrence', one.id, species)}",
        "HumanObservation" if one.model is None else "MachineObservation",
        scientific_name(species),
        "Animalia",
        rank(species),
        insects,
        insects,
        "individuals",
        "present" if insects else "absent",
        one.model or one.counted_by,
    )


def _meta() -> bytes:
    archive = ET.Element("archive", {"xmlns": TEXT, "metadata": "eml.xml"})
    for kind, row, file, columns, key in (
        ("core", "Event", "event.csv", EVENT, "id"),
        ("extension", "Occurrence", "occurrence.csv", OCCURRENCE, "coreid"),
    ):
        described = {
            "encoding": "UTF-8",
            "fieldsTerminatedBy": ",",
            "linesTerminatedBy": "\\r\\n",
            "fieldsEnclosedBy": '"',
            "ignoreHeaderLines": "1",
            "rowType": DWC + row,
        }
        table = ET.SubElement(archive, kind, described)
        ET.SubElement(ET.SubElement(table, "files"), "location").text = file
        ET.SubElement(table, key, {"index": "0"})
        for index, term in enumerate(columns):
            if key == "id" or index:  # an extension's first column is its coreid
                ET.SubElement(table, "field", {"index": str(index), "term": DWC + term})
    return _written(archive)


def _eml(outing: Outing) -> bytes:
    package = outing.made_up("archive", outing.region, str(outing.first), str(outing.last))
    root = ET.Element("eml:eml", {"xmlns:eml": EML, "packageId": package, "system": "pestwatch", "scope": "system"})
    dataset = ET.SubElement(root, "dataset")
    _add(dataset, f"Trap catches of {outing.name}, {outing.first} to {outing.last}", "title")
    _add(dataset, outing.publisher, "creator", "organizationName")
    _add(dataset, outing.publisher, "metadataProvider", "organizationName")
    _add(dataset, outing.now.date().isoformat(), "pubDate")
    _add(dataset, "eng", "language")
    _add(dataset, f"Insects counted in traps of farmers. {GENERALISED} Withheld: {WITHHELD}", "abstract", "para")
    coverage = ET.SubElement(dataset, "coverage")
    if outing.district is not None:
        place = ET.SubElement(coverage, "geographicCoverage")
        _add(place, f"{outing.name}, India", "geographicDescription")
        box = ET.SubElement(place, "boundingCoordinates")
        for side in ("west", "east", "north", "south"):
            degrees = outing.district.longitude if side in {"west", "east"} else outing.district.latitude
            _add(box, str(degrees), f"{side}BoundingCoordinate")
    days = ET.SubElement(ET.SubElement(coverage, "temporalCoverage"), "rangeOfDates")
    _add(days, outing.first.isoformat(), "beginDate", "calendarDate")
    _add(days, outing.last.isoformat(), "endDate", "calendarDate")
    _add(dataset, outing.publisher, "contact", "organizationName")
    return _written(root)


def _add(parent: ET.Element, text: str, *path: str) -> None:
    for name in path:
        parent = ET.SubElement(parent, name)
    parent.text = text


def _written(root: ET.Element) -> bytes:
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"
