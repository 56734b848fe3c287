"""The description is complete, and of the version of OpenAPI that it names."""

import jsonschema_rs
import pytest

from tests.admin.office import Office

META = "https://json-schema.org/draft/2020-12/schema"


def operations(office: Office) -> list[tuple[str, str, dict]]:
    """Every path and method, and what is described of it."""
    paths = office.description["paths"]
    return [(path, method, paths[path][method]) for path in paths for method in paths[path]]


def test_its_schemas_are_json_schemas(office: Office) -> None:
    assert office.description["openapi"] == "3.1.0"
    for schema in office.description["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema | {"$schema": META})


def test_everything_has_a_name_of_its_own_and_a_summary(office: Office) -> None:
    names = [operation["operationId"] for _, _, operation in operations(office)]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)
    assert all(operation["summary"] for _, _, operation in operations(office))


def test_every_name_in_a_path_is_a_parameter(office: Office) -> None:
    for path, _, operation in operations(office):
        names = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        assert names == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_all_but_healthz_is_said_to_need_the_token(office: Office) -> None:
    assert office.description["security"] == [{"token": []}]
    open_ones = [path for path, _, operation in operations(office) if operation.get("security") == []]
    assert open_ones == ["/healthz"]
    assert all(
        "401" in operation["responses"] for path, _, operation in operations(office) if path != "/healthz"
    )


@pytest.mark.parametrize("status", ["400", "401", "404", "409", "413", "415", "422", "503"])
def test_an_error_is_described_as_error_and_message(office: Office, status: str) -> None:
    found = [
        operation["responses"][status]["content"]["application/json"]["schema"]
        for path, _, operation in operations(office)
        if status in operation["responses"] and path != "/readyz"
    ]
    assert found and all(schema == {"$ref": "#/components/schemas/Error"} for schema in found)
