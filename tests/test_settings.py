"""Settings: where they come from, which wins, and what is said when one cannot be used."""

import os
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from preservation.errors import SettingsWrong
from preservation.model.policy import Policy, SiteConfig, SiteKind
from preservation.settings import CONFIGS, Settings, credentials, load_settings

ROOT = Path(__file__).resolve().parents[1]
SECRET = "hunter2"
A_SITE = '[[site]]\nname = "alpha"\nkind = "directory"\npath = "sites/alpha"\n'


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("KEEPSAKE_"):
            monkeypatch.delenv(name)


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "sites.toml").write_text(A_SITE)
    return folder


# -- where they come from ---------------------------------------------------------------------------------------------


def test_missing_files_mean_the_defaults(configs: Path) -> None:
    settings = load_settings(configs=configs)
    assert settings.policy() == Policy()
    assert settings.server_port == 4200
    assert settings.database_url() == f"sqlite:///{settings.home.resolve()}/catalogue.sqlite"


def test_the_command_line_wins_over_the_environment_and_that_over_the_profile(
    configs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (configs / "local.toml").write_text('home = "/from/profile"\nserver_port = 1001\ncatalogue_url = "sqlite:///profile"\n')
    monkeypatch.setenv("KEEPSAKE_HOME", "/from/environment")
    monkeypatch.setenv("KEEPSAKE_SERVER_PORT", "1002")
    settings = load_settings(configs=configs, server_port=1003)
    assert (settings.home, settings.server_port, settings.catalogue_url) == (Path("/from/environment"), 1003, "sqlite:///profile")


def test_a_profile_names_its_own_sites_and_policy(configs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (configs / "museum.toml").write_text('sites_file = "far.toml"\npolicy_file = "strict.toml"\n')
    (configs / "far.toml").write_text(A_SITE.replace("alpha", "far"))
    (configs / "strict.toml").write_text("[copies]\nrequired_sites = 5\n")
    monkeypatch.setenv("KEEPSAKE_PROFILE", "museum")
    settings = load_settings(configs=configs)
    assert [site.name for site in settings.sites()] == ["far"]
    assert settings.policy().copies.required_sites == 5


@pytest.mark.parametrize("profile", ["local", "production"])
def test_the_profiles_that_come_with_it_can_be_read(profile: str) -> None:
    settings = load_settings(profile=profile)
    assert settings.policy() == Policy(), "configs/policy.toml says the defaults, so that it can be read beside the page"
    assert len(settings.sites()) >= settings.policy().copies.required_sites
    places = {(site.endpoint, site.region) for site in settings.sites()}
    assert profile == "local" or len(places) == len(settings.sites()), "the sites of production fail apart"


def test_what_is_written_out_in_policy_toml_is_every_key_of_the_policy() -> None:
    written = set(re.findall(r"^(\w+) = ", (CONFIGS / "policy.toml").read_text(), re.MULTILINE))
    assert written == {name for part in Policy.model_fields for name in _model(Policy, part).model_fields}


def test_paths_of_sites_are_below_the_data_directory_unless_absolute(configs: Path, tmp_path: Path) -> None:
    (configs / "sites.toml").write_text(A_SITE + f'[[site]]\nname = "nas"\nkind = "directory"\npath = "{tmp_path}/nas"\n')
    near, far = load_settings(configs=configs, home=tmp_path / "home").sites()
    assert (near.path, far.path) == (tmp_path / "home" / "sites" / "alpha", tmp_path / "nas")


def test_a_tilde_is_the_users_own_folder(configs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KEEPSAKE_HOME", "~/archive")
    assert load_settings(configs=configs).home == tmp_path / "archive"


def test_a_power_has_its_own_credential_or_the_sites(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"OSLO_ACCESS_KEY_ID": "all", "OSLO_SECRET_ACCESS_KEY": "a", "OSLO_ERASE_ACCESS_KEY_ID": "eraser"}.items():
        monkeypatch.setenv(name, value)
    assert credentials("OSLO", "erase") == ("all", "a"), "half a credential is none"
    monkeypatch.setenv("OSLO_ERASE_SECRET_ACCESS_KEY", "e")
    assert (credentials("OSLO", "erase"), credentials("OSLO", "read")) == (("eraser", "e"), ("all", "a"))
    assert credentials("LISBON", "read") is None


# -- what cannot be used ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "content", "code", "named"),
    [
        ("sites.toml", f'[[site]]\nname = "{SECRET}\n', "config-syntax", "line 2"),
        ("sites.toml", f'[[site]]\nname = "Alpha {SECRET}"\nkind = "directory"\n', "config-value", "site.0.name"),
        ("sites.toml", f'[[site]]\nname = "alpha"\nkind = "{SECRET}"\n', "config-value", "site.0.kind"),
        ("sites.toml", f'{A_SITE}secret_key = "{SECRET}"\n', "config-value", "site.0.secret_key"),
        ("sites.toml", A_SITE.replace("[[site]]", "[[sites]]"), "config-value", "sites"),
        ("sites.toml", f'site = "{SECRET}"', "config-value", "site"),
        ("sites.toml", "", "sites", "names no sites"),
        ("sites.toml", A_SITE + A_SITE.replace("sites/", "other/"), "sites", "the same name"),
        ("sites.toml", A_SITE + A_SITE.replace('"alpha"', '"beta"'), "sites", "the same place"),
        (
            "sites.toml",
            A_SITE + A_SITE.replace('"alpha"', '"beta"').replace("sites/", "sites/../sites/"),
            "sites",
            "the same place",
        ),
        ("policy.toml", f'[copies]\nrequired_sites = "{SECRET}"\n', "config-value", "copies.required_sites"),
        ("policy.toml", "[copies]\nrequired_sites = 0\n", "config-value", "copies.required_sites"),
        ("policy.toml", "[copies]\nrequired_site = 3\n", "config-value", "copies.required_site"),
        ("policy.toml", "copies = 3\n", "config-value", "copies"),
        ("policy.toml", "[intake]\nmax_total = [\n", "config-syntax", "policy.toml"),
        ("local.toml", f'server_port = "{SECRET}"\n', "config-value", "server_port"),
        ("local.toml", "server_port = 70000\n", "config-value", "server_port"),
        ("local.toml", f'password = "{SECRET}"\n', "config-value", "password"),
        ("local.toml", f'profile = "{SECRET}"\n', "config-value", "profile"),
    ],
)
def test_a_wrong_value_names_file_and_field_and_is_not_quoted(
    configs: Path, file: str, content: str, code: str, named: str
) -> None:
    (configs / file).write_text(content)
    with pytest.raises(SettingsWrong, match=code) as refusal:
        settings = load_settings(configs=configs)
        settings.sites()
        settings.policy()
    assert str(configs / file) in refusal.value.message
    assert named in refusal.value.message
    assert SECRET not in refusal.value.message + refusal.value.remedy
    assert refusal.value.remedy


def test_a_wrong_value_of_the_environment_is_named_and_not_quoted(configs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPSAKE_SERVER_PORT", SECRET)
    with pytest.raises(SettingsWrong, match=r"KEEPSAKE_.*server_port.*config-value") as refusal:
        load_settings(configs=configs)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(("setting", "value"), [("profile", "prodction"), ("policy_file", "strict.toml")])
def test_a_file_that_was_asked_for_by_name_must_be_there(configs: Path, setting: str, value: str) -> None:
    with pytest.raises(SettingsWrong, match="config-missing"):
        load_settings(configs=configs, **{setting: value}).policy()


def test_a_file_that_cannot_be_read_is_said_to_be_so(configs: Path) -> None:
    (configs / "policy.toml").mkdir()
    with pytest.raises(SettingsWrong, match="config-unreadable"):
        load_settings(configs=configs).policy()


def test_a_file_that_is_not_text_is_said_to_be_so(configs: Path) -> None:
    (configs / "policy.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsWrong, match="config-syntax"):
        load_settings(configs=configs).policy()


@pytest.mark.parametrize(("bucket", "alike"), [("one", True), ("two", False)])
def test_two_names_for_one_bucket_are_no_two_sites(configs: Path, bucket: str, alike: bool) -> None:
    table = '[[site]]\nname = "{}"\nkind = "s3"\nendpoint = "https://s3.example"\nbucket = "{}"\n'
    (configs / "sites.toml").write_text(table.format("alpha", "one") + table.format("beta", bucket))
    if not alike:
        assert {site.kind for site in load_settings(configs=configs).sites()} == {SiteKind.s3}
        return
    with pytest.raises(SettingsWrong, match="the same place"):
        load_settings(configs=configs).sites()


# -- the page ---------------------------------------------------------------------------------------------------------


def _model(model: type[BaseModel], field: str) -> type[BaseModel]:
    found = model.model_fields[field].annotation
    assert isinstance(found, type)
    assert issubclass(found, BaseModel)
    return found


def _settings() -> set[str]:
    own = {f"KEEPSAKE_{name.upper()}" for name in Settings.model_fields}
    policy = {f"{part}.{name}" for part in Policy.model_fields for name in _model(Policy, part).model_fields}
    return own | policy | {f"site.{name}" for name in SiteConfig.model_fields}


def test_every_setting_has_a_row_in_the_page_and_every_row_a_setting() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    rows = set(re.findall(r"^\| `(KEEPSAKE_[A-Z_]+|[a-z]+\.[a-z_]+)` \|", page, re.MULTILINE))
    assert rows - {"KEEPSAKE_KILL_AT"} == _settings()


def test_every_variable_the_code_reads_is_on_the_page() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    sources = [path.read_text("utf-8") for folder in ("preservation", "flows") for path in (ROOT / folder).rglob("*.py")]
    read = {name for source in sources for name in re.findall(r"\bKEEPSAKE_[A-Z_]+\b", source)}
    assert {name for name in read if name not in page} == set()
