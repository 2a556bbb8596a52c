"""Places are codes; names are labels."""

from pestwatch.domain import places


def test_places_have_codes_names_and_neighbours() -> None:
    nagpur = places.districts()["IN-MH-484"]
    assert (nagpur.name, nagpur.state) == ("Nagpur", "IN-MH")
    assert places.state_of("IN-MH-484") == "IN-MH"
    assert places.state_of("IN-XX-1") is None
    assert all(n in places.districts() for d in places.districts().values() for n in d.neighbours)
    assert {d.state for d in places.districts().values()} <= set(places.states())
    assert [s.name for s in places.subdistricts()["IN-MH-484"]] == sorted(
        s.name for s in places.subdistricts()["IN-MH-484"]
    )
