"""The configuration file: what is refused, and that the shipped one is complete and at defaults."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from node import config
from node.config import Config
from node.errors import ConfigError
from node.settings import Destination, Rule, Source

SHIPPED = Path(__file__).parents[3] / "config.yaml"
MINIMAL = "filter_sets: {default: [{attribute: Modality, operator: equals, value: MR}]}\n"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(text: str) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def sections(model: BaseModel) -> dict[str, Any]:
    """Give every setting but rules and destinations, which have no defaults."""
    return model.model_dump(mode="json", exclude={"filter_sets", "destinations"})


def commented(section: str) -> str:
    """Give the commented example of a section of the shipped file."""
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    below = lines[lines.index(f"# {section}:") :]
    return "\n".join(line[2:] for line in itertools.takewhile(lambda line: line[:1] == "#", below))


def test_shipped_file_names_every_setting_at_its_default() -> None:
    written = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    defaults = Config(filter_sets={"default": (Rule(attribute="Rows", operator="present"),)})
    assert {key: written[key] for key in sections(defaults)} == sections(defaults)
    assert set(written) == set(Config.model_fields)
    assert written["destinations"] == []


def test_shipped_example_of_a_destination_is_complete_and_valid() -> None:
    example = commented("destinations")
    (destination,) = yaml.safe_load(example)["destinations"]
    assert set(destination) == set(Destination.model_fields)
    assert Destination(**destination).port == 4242


def test_shipped_example_of_a_source_is_complete_and_valid() -> None:
    example = commented("sources")
    (source,) = yaml.safe_load(example)["sources"]
    assert set(source) == set(Source.model_fields)
    known = Source(**source)
    assert [known.sends(title) for title in ("MR1", "PACS", "")] == [True, False, False]
    own = Source(ae_title="MR1", host="h", port=104)
    assert [own.sends(title) for title in ("MR1", "MR2")] == [True, False]


def test_shipped_file_loads() -> None:
    loaded = config.load(SHIPPED)
    assert loaded.filter_set == "default"
    assert set(loaded.filter_sets) == {"default", "thesis"}
    assert loaded.storage.folder == SHIPPED.parent / "var"


def test_defaults_fill_what_is_not_written(write: Any, tmp_path: Path) -> None:
    loaded = config.load(write(MINIMAL))
    assert loaded.node.port == 11112
    assert loaded.assembler.stable_age_s == 60
    assert loaded.storage.url == f"sqlite:///{tmp_path / 'var' / 'foramina.sqlite'}"


def test_environment_wins_over_the_file(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORAMINA_NODE__PORT", "104")
    monkeypatch.setenv("FORAMINA_FILTER_SET", "other")
    text = MINIMAL + "node: {port: 11113, ae_title: MINE}\n"
    text = text.replace("default:", "other:")
    loaded = config.load(write(text))
    assert (loaded.node.port, loaded.node.ae_title) == (104, "MINE")
    assert loaded.filter_set == "other"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nodes: {}", "nodes: Extra inputs are not permitted"),
        ("node: {prot: 104}", "node.prot: Extra inputs are not permitted"),
        ("node: {port: 70000}", "node.port: Input should be less than or equal to 65535"),
        ("node: {ae_title: A_VERY_LONG_AE_TITLE}", "expected 1 to 16 ASCII characters"),
        ("node: {ae_title: 'A\\B'}", "no backslash"),
        ("worker: {lease_s: 10, heartbeat_s: 9}", "must be at most half of lease_s"),
        ("assembler: {stable_age_s: 0}", "assembler.stable_age_s"),
        ("filter_set: nonsense", "'nonsense' is not among filter_sets (default)"),
        (
            "destinations: [{name: a, ae_title: A, host: h, port: 1},"
            " {name: a, ae_title: B, host: h, port: 2}]",
            "names must differ",
        ),
        ("destinations: [{name: 'a b', ae_title: A, host: h, port: 1}]", "destinations.0.name"),
        ("filter_sets: {x: [{attribute: Rows, operator: near}]}", "filter_sets.x.0.operator"),
        (
            "filter_sets: {x: [{attribute: Rows, operator: present, value: 3}]}",
            "rule on Rows: operator present takes no value",
        ),
        (
            "filter_sets: {x: [{attribute: Rows, operator: equals}]}",
            "rule on Rows: operator equals takes a value",
        ),
        ("[1, 2]", "expected a mapping of sections, got list"),
        ("a: [", "is not YAML"),
        ("a: 2026-13-01", "is not YAML: month must be in 1..12"),
        ("[" * 5000, "expected four levels"),
        ("[]", "expected a mapping of sections, got list"),
        ("12: {}", "12 is no name of a section"),
        ("_env_prefix: X_", "'_env_prefix' is no name of a section"),
        ("assembler: {poll_s: .inf}", "assembler.poll_s: Input should be a finite number"),
        ("delivery: {timeout_s: .nan}", "delivery.timeout_s: Input should be a finite number"),
        ("node: {accept_private_sop_classes: [1.2.x]}", "accept_private_sop_classes: UID '1.2.x'"),
        ("node: {accept_private_sop_classes: ['12']}", "accept_private_sop_classes: UID '12'"),
        ("node: {accept_private_sop_classes: ['1.2.']}", "UID '1.2.'"),
        (f"node: {{accept_private_sop_classes: [1.2.{'3' * 61}]}}", "(65 characters)"),
        ("node: {port: 104}\nlog: {}\nnode: {}", "'node' in line 4 is already written in line 2"),
        ("crops: {size_mm: [20, 40]}", "crops.size_mm"),
        ("crops: {size_mm: [20, 40, 0]}", "crops.size_mm.2: Input should be greater than 0"),
        ("crops: {formats: []}", "crops.formats"),
        ("crops: {formats: [png]}", "crops.formats.0"),
        ("crops: {folder: ../elsewhere}", "crops.folder"),
        ("crops: {folder: reports}", "'reports' holds other files of the node"),
        ("sources: [{ae_title: PACS, host: h}]", "sources.0.port: Field required"),
        ("sources: [{ae_title: PACS, host: h, port: 0}]", "sources.0.port"),
        ("assembler: {limit_s: 0}", "assembler.limit_s"),
        ("tls: {enabled: true}", "tls: Value error, enabled needs certificate_file"),
        ("tls: {key_file: a}", "key_file needs certificate_file"),
        ("tls: {profile: basic}", "tls.profile"),
        ("tls: {key_password: Eisenzahn}", "tls.key_password: a password does not belong"),
        (
            "sources: [{ae_title: P, host: h, port: 1, tls: {key_password: Eisenzahn}}]",
            "sources.0.tls.key_password: a password does not belong",
        ),
        (
            "sources: [{ae_title: P, host: h, port: 1, tls: {check_hostname: false}}]",
            "check_hostname: false needs ca_file",
        ),
        ("node: {allow: [{hosts: [10.0.0.1/8]}]}", "node.allow.0.hosts.0"),
        ("node: {maximum_instance_bytes: 1}", "node.maximum_instance_bytes"),
        ("storage: {minimum_free_share: 1}", "storage.minimum_free_share"),
        ("node:\n  port: 1\n  'port': 2", "'port' in line 4 is already written in line 3"),
    ],
)
def test_what_is_wrong_is_named(write: Any, text: str, message: str) -> None:
    whole = text.startswith(("filter_sets", "[", "a:"))
    path = write(text if whole else MINIMAL + text)
    with pytest.raises(ConfigError) as error:
        config.load(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert "Eisenzahn" not in str(error.value)


def test_files_of_certificates_count_from_the_folder_of_the_file(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORAMINA_TLS__KEY_PASSWORD", "Eisenzahn")
    peer = "ae_title: P, host: h, port: 1"
    own = "certificate_file: own.pem, key_file: own.key"
    loaded = config.load(
        write(
            MINIMAL + f"tls: {{{own}}}\n"
            f"sources: [{{{peer}, tls: {{ca_file: /etc/ca.pem}}}}, {{{peer}}}]\n"
            f"destinations: [{{name: d, {peer}, "
            "tls: {ca_file: ca.pem, certificate_file: d.pem}}]"
        )
    )
    source, plain = loaded.sources
    assert plain.tls is None
    assert source.tls is not None
    assert source.tls.ca_file == Path("/etc/ca.pem")
    assert source.tls.certificate_file == loaded.tls.certificate_file == tmp_path / "own.pem"
    assert source.tls.key_password.get_secret_value() == "Eisenzahn"
    assert "Eisenzahn" not in repr(loaded)
    [destination] = loaded.destinations
    assert destination.tls is not None
    assert destination.tls.ca_file == tmp_path / "ca.pem"
    assert destination.tls.certificate_file == tmp_path / "d.pem"
    assert destination.tls.key_file is None
    assert destination.tls.key_password.get_secret_value() == ""


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name another with --config"):
        config.load(tmp_path / "none.yaml")


def test_configuration_is_frozen() -> None:
    loaded = config.load(SHIPPED)
    with pytest.raises(ValueError, match="frozen"):
        loaded.node.port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    "url",
    [
        "mysql://x/y", "rubbish", "sqlite://", "sqlite:///", "sqlite:///:memory:",
        "sqlite://folder/name", "postgresql://", "postgresql://host", "postgresql+pg8000://h/n",
        "postgresql://host:port/name",
    ],
)  # fmt: skip
def test_a_database_that_cannot_be_is_refused(write: Any, url: str) -> None:
    with pytest.raises(ConfigError) as error:
        config.load(write(MINIMAL + f"storage: {{database_url: '{url}'}}"))
    assert "storage.database_url" in str(error.value)
    assert f"{url!r}: expected sqlite:///folder/name.sqlite or postgresql+psyc" in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///var/x.sqlite", "sqlite:////srv/x.sqlite", "postgresql://host/name",
        "postgresql+psycopg://user@host/name", "postgresql+psycopg://u:p/w?#@[::1]:5432/name",
        "postgresql+psycopg:///name?host=/run/postgresql",
    ],
)  # fmt: skip
def test_a_database_that_can_be_is_taken(write: Any, url: str) -> None:
    loaded = config.load(write(MINIMAL + f"storage: {{database_url: '{url}'}}"))
    assert loaded.storage.url == url
    from storage.database import Database

    if not url.startswith("sqlite"):
        Database(url).close()


@pytest.mark.parametrize(
    "url", ["mysql://u:secret@h/n", "u:secret@h/n", "mysql://h/n?password=secret"]
)
def test_a_refused_database_url_hides_its_password(write: Any, url: str) -> None:
    with pytest.raises(ConfigError) as error:
        config.load(write(MINIMAL + f"storage: {{database_url: '{url}'}}"))
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("folder", ["taken", "taken/below/it"])
def test_a_storage_folder_that_is_a_file_is_refused(
    write: Any, tmp_path: Path, folder: str
) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"storage\.folder: .*taken is a file: expected a folder"):
        config.load(write(MINIMAL + f"storage: {{folder: {folder}}}"))


@pytest.mark.parametrize(
    ("listening", "host"),
    [("10.0.0.1", "10.0.0.1"), ("127.0.0.1", "localhost"), ("0.0.0.0", "127.0.0.1")],  # noqa: S104
)
def test_a_destination_that_is_the_node_is_refused(write: Any, listening: str, host: str) -> None:
    text = MINIMAL + f"node: {{ae_title: SELF, host: {listening}, port: 104}}\n"
    with pytest.raises(ConfigError, match="destinations: me is this node itself"):
        config.load(
            write(text + f"destinations: [{{name: me, ae_title: SELF, host: {host}, port: 104}}]")
        )


@pytest.mark.parametrize("part", ["query", "commitment_peer"])
def test_a_part_of_a_destination_that_is_the_node_is_refused(write: Any, part: str) -> None:
    text = MINIMAL + "node: {ae_title: SELF, host: 127.0.0.1, port: 104}\n"
    itself = "{ae_title: SELF, host: localhost, port: 104}"
    pacs = f"name: pacs, ae_title: PACS, host: h, port: 104, {part}: {itself}"
    with pytest.raises(ConfigError, match=f"destinations: pacs.{part} is this node itself"):
        config.load(write(text + f"destinations: [{{{pacs}}}]"))


@pytest.mark.parametrize(
    "other",
    ["ae_title: PACS, host: h, port: 104", "ae_title: SELF, host: h, port: 105",
     "ae_title: SELF, host: g, port: 104"],
)  # fmt: skip
def test_a_destination_that_differs_from_the_node_is_taken(write: Any, other: str) -> None:
    text = MINIMAL + "node: {ae_title: SELF, host: h, port: 104}\n"
    loaded = config.load(write(text + f"destinations: [{{name: pacs, {other}}}]"))
    assert len(loaded.destinations) == 1


def test_a_merge_key_may_override_what_it_merges(write: Any) -> None:
    text = MINIMAL + "assembler: &timing {poll_s: 2}\ndelivery: {<<: *timing, poll_s: 3}\n"
    assert config.load(write(text)).delivery.poll_s == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FORAMINA_DESTINATIONS", "foo"),
        ("FORAMINA_DESTINATIONS", ""),
        ("FORAMINA_NODE", "foo"),
        ("FORAMINA_STORAGE", '{"database_url": "postgresql://u:secret@h/n"'),
        ("FORAMINA_NODE__ACCEPT_PRIVATE_SOP_CLASSES", "foo"),
    ],
)
def test_a_malformed_variable_is_named(
    write: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("FORAMINA_NODE__HOST", "localhost")
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as error:
        config.load(write(MINIMAL))
    assert f"environment: {name} cannot be read: expected JSON" in str(error.value)
    assert "secret" not in str(error.value)


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes("# Gerät\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"config\.yaml is not UTF-8: byte 0xe4 at offset 5"):
        config.load(path)


def test_everything_but_filter_sets_may_be_deleted(write: Any, tmp_path: Path) -> None:
    shipped = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    loaded = config.load(write(yaml.safe_dump({"filter_sets": shipped["filter_sets"]})))
    assert sections(loaded) == {
        **sections(config.load(SHIPPED)),
        "storage": {**sections(loaded)["storage"], "folder": str(tmp_path / "var")},
    }


@pytest.mark.parametrize("text", ["", "# nothing\n", "log: {level: debug}"])
def test_a_file_without_filter_sets_says_what_to_do(write: Any, text: str) -> None:
    with pytest.raises(ConfigError, match=r"copy filter_sets from the shipped config\.yaml"):
        config.load(write(text))
