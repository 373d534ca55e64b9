"""The PostgreSQL of the load and chaos tests."""

from pathlib import Path

import psycopg2
import pytest

from demo import guard
from demo.postgres import NOBODY, postgres
from demo.processes import ProcessFailedError

pytestmark = pytest.mark.system


def test_a_database_starts_for_every_user_and_leaves_nothing_behind(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with postgres(tmp_path / "postgres") as url:
        socket = Path(url.partition("host=")[2])
        with psycopg2.connect(host=socket, user="airflow", dbname="postgres") as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)
        connection.close()
        assert socket.stat().st_mode & 0o777 == 0o700
    assert not socket.exists()
    assert guard.marked(str(tmp_path / "postgres")) == []


def test_a_folder_for_temporary_files_that_nobody_can_enter_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tmp_path.stat().st_uid != 0:
        pytest.skip("only root runs PostgreSQL as another user")
    tmp_path.chmod(0o700)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with (
        pytest.raises(ProcessFailedError, match=f"the user {NOBODY} cannot run it in {tmp_path}"),
        postgres(tmp_path / "postgres"),
    ):
        pass
