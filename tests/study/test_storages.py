"""Every storage does what Optuna asks of one: its own suite, over ours."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from optuna.storages import BaseStorage
from optuna.testing.pytest_storages import StorageTestCase

from hpsearch.study.storage import Storage
from tests.postgres import PostgresServer


@pytest.fixture(scope="module", params=["sqlite", "remembering", "journal", "postgresql"])
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Storage]:
    """A storage of each kind, and one that remembers its trials."""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.url(server.new_database())
    else:
        kind = "journal" if request.param == "journal" else "sqlite"
        url = f"{kind}:///{tmp_path_factory.mktemp('storage') / 'studies'}"
    with closing(Storage(url)) as storage, ExitStack() as stack:
        if request.param == "remembering":  # as a search does
            stack.enter_context(storage.remembering())
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
