"""Every storage does what Optuna asks of one: its own suite, over ours."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import closing

import pytest
from optuna.storages import BaseStorage
from optuna.testing.pytest_storages import StorageTestCase

from hpsearch.study.storage import Storage
from tests.postgres import PostgresServer


@pytest.fixture(scope="module", params=["sqlite", "journal", "postgresql"])
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Storage]:
    """A storage of each kind."""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.url(server.new_database())
    else:
        url = f"{request.param}:///{tmp_path_factory.mktemp('storage') / 'studies'}"
    with closing(Storage(url)) as storage:
        yield storage


class TestStorages(StorageTestCase):
    @pytest.fixture
    def storage(self, opened: Storage) -> Iterator[BaseStorage]:
        yield opened.optuna
        for study in opened.optuna.get_all_studies():
            opened.optuna.delete_study(study._study_id)

    def test_pickle_storage(self, storage: BaseStorage) -> None:
        """Nothing of ours goes from process to process that way."""
        with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
            pickle.dumps(storage)
