"""
The host's side: a clock that runs, ids that sort by time, and secrets that cannot be found from what is stored.
"""

from __future__ import annotations

import os
import re
import threading
import time
import uuid

import pytest

from figuard.host import (
    HASHES_KEPT,
    PEPPER_BYTES,
    SECRET_KEPT_LENGTH_MAX,
    PepperHasher,
    RandomIds,
    SystemClock,
    new_pepper,
    random_uuid,
)

NOW = 1_900_000_000_000_000
MILLISECOND = 1000


def test_the_system_clock_counts_microseconds_since_1970():
    before = time.time_ns() // 1000
    now = SystemClock().now()

    assert before <= now <= time.time_ns() // 1000


def test_an_id_is_a_uuid_of_version_7_in_lower_case():
    made = RandomIds().id(NOW)

    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", made)
    assert (7, uuid.RFC_4122) == (uuid.UUID(made).version, uuid.UUID(made).variant)


def test_an_id_begins_with_its_millisecond():
    assert NOW // MILLISECOND == uuid.UUID(RandomIds().id(NOW)).int >> 80


def test_ids_sort_by_time_and_then_as_they_were_made():
    ids = RandomIds()
    made = [ids.id(NOW + step * MILLISECOND) for step in range(3) for _ in range(100)]

    assert sorted(made) == made


def test_more_ids_than_a_millisecond_can_count_go_on_in_the_next():
    ids = RandomIds()
    made = [ids.id(NOW) for _ in range(5000)]

    assert sorted(set(made)) == made


def test_ids_never_run_backwards_with_the_clock():
    ids = RandomIds()
    first = ids.id(NOW)

    assert first < ids.id(NOW - 10**9)


def test_ids_of_many_threads_are_all_different():
    ids, made = RandomIds(), list[str]()
    threads = [threading.Thread(target=lambda: made.extend(ids.id(NOW) for _ in range(500))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 4000 == len(set(made))


def test_ids_of_many_threads_sort_as_each_thread_made_them():
    ids, made = RandomIds(), list[list[str]]()

    def work() -> None:
        # A few ids to a millisecond, so that threads meet where one ends.
        made.append([ids.id(NOW + step * MILLISECOND // 3) for step in range(2000)])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(sorted(run) == run for run in made)
    assert 16_000 == len({one for run in made for one in run})


def test_ids_of_two_processes_are_different():
    assert RandomIds().id(NOW) != RandomIds().id(NOW)


def test_the_last_62_bits_of_an_id_are_chance():
    tails = [uuid.UUID(RandomIds().id(NOW)).int & (1 << 62) - 1 for _ in range(2000)]
    always, ever = (1 << 62) - 1, 0
    for tail in tails:
        always &= tail
        ever |= tail

    assert 2000 == len(set(tails))
    assert (0, (1 << 62) - 1) == (always, ever)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system knows no fork")
def test_a_fork_does_not_give_out_what_its_parent_will():
    ids = RandomIds()
    ids.id(NOW)
    here, there = os.pipe()
    random_uuid()
    child = os.fork()
    if not child:
        os.write(there, "\n".join([ids.id(NOW) for _ in range(40)] + [random_uuid() for _ in range(40)]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(here, 4096).decode().split("\n")
    ours = [ids.id(NOW) for _ in range(40)] + [random_uuid() for _ in range(40)]
    os.close(here)
    os.close(there)

    assert 80 == len(set(theirs))
    assert not {one[-17:] for one in theirs} & {one[-17:] for one in ours}


def test_a_random_uuid_is_of_version_4_and_chance_but_for_that():
    made = [random_uuid() for _ in range(2000)]
    always, ever = (1 << 128) - 1, 0
    for one in made:
        always &= uuid.UUID(one).int
        ever |= uuid.UUID(one).int

    assert 2000 == len(set(made))
    assert all(str(uuid.UUID(one)) == one for one in made)
    assert ("00000000-0000-4000-8000-000000000000", "ffffffff-ffff-4fff-bfff-ffffffffffff") == (
        str(uuid.UUID(int=always)),
        str(uuid.UUID(int=ever)),
    )


def test_a_secret_is_256_bits_of_chance():
    secrets = {RandomIds().secret() for _ in range(100)}

    assert 100 == len(secrets)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", secret) for secret in secrets)


OLD, NEW = b"an old pepper", b"a new pepper"


def test_the_hash_of_a_secret_does_not_contain_it_and_names_its_pepper():
    hashed = PepperHasher([NEW]).hash("st_secret")

    assert re.fullmatch(r"[0-9a-f]{8}:[0-9a-f]{64}", hashed)
    assert "st_secret" not in hashed


def test_the_same_secret_has_the_same_hash_and_another_one_another():
    hasher = PepperHasher([NEW])

    assert hasher.hash("a") == hasher.hash("a") != hasher.hash("b")


def test_without_the_pepper_a_guess_cannot_be_tested():
    assert PepperHasher([NEW]).hash("a") != PepperHasher([OLD]).hash("a")


def test_what_was_hashed_under_an_older_pepper_is_found_while_that_is_listed():
    stored = PepperHasher([OLD]).hash("a")

    assert stored in PepperHasher([NEW, OLD]).candidates("a")
    assert stored not in PepperHasher([NEW]).candidates("a")


def test_the_newest_pepper_hashes_and_is_tried_first():
    hasher = PepperHasher([NEW, OLD])

    assert hasher.hash("a") == next(iter(hasher.candidates("a"))) == PepperHasher([NEW]).hash("a")


def test_the_hash_of_a_repeated_secret_comes_from_memory():
    hasher = PepperHasher([NEW])

    assert hasher.hash("a") == hasher.hash("a") == next(iter(hasher.candidates("a")))
    assert (1, 1) == hasher.remembered.cache_info()[:2]


def test_no_more_hashes_are_remembered_than_so_many():
    hasher = PepperHasher([NEW])
    hashed = [hasher.hash(f"secret {number}") for number in range(HASHES_KEPT + 1)]

    assert HASHES_KEPT == hasher.remembered.cache_info().currsize
    assert hashed[0] == hasher.hash("secret 0")


def test_what_is_too_long_for_a_token_is_hashed_like_any_other_secret_and_not_kept():
    hasher = PepperHasher([NEW])
    most, more = "x" * SECRET_KEPT_LENGTH_MAX, "x" * (SECRET_KEPT_LENGTH_MAX + 1)

    assert next(iter(hasher.candidates(most))) == hasher.hash(most)
    assert next(iter(hasher.candidates(more))) == hasher.hash(more)
    assert 1 == hasher.remembered.cache_info().currsize


def test_two_hashers_share_no_memory():
    one, other = PepperHasher([OLD]), PepperHasher([NEW])

    assert one.hash("a") != other.hash("a")
    assert one.hash("a") == PepperHasher([OLD]).hash("a")


def test_a_hasher_without_a_pepper_is_refused():
    with pytest.raises(ValueError, match="at least one pepper"):
        PepperHasher([])


def test_a_new_pepper_is_256_bits_of_chance():
    assert (32, 43) == (PEPPER_BYTES, len(new_pepper()))
    assert new_pepper() != new_pepper()
